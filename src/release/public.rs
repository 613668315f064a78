//! What is public when a release is stopped while its tags are set, in words.

use crate::image::Digest;

/// A tag, as `host/path:tag`, and what it names or is to name.
pub type Named = (String, Digest);

/// Says what people can pull now and what a rerun does. `public` are tags the registry has set; `asked` those whose requests it
/// has not answered; `unset` how many nobody has asked for.
pub fn in_words(public: &[Named], asked: &[Named], unset: usize) -> String {
    let list = |tags: &[Named]| tags.iter().map(|(tag, digest)| format!("{tag} names {digest}")).collect::<Vec<_>>().join(", ");
    let mut parts = Vec::new();
    if public.is_empty() && asked.is_empty() {
        parts.push("no tag of this release was set".to_owned());
    }
    if !public.is_empty() {
        parts.push(format!("public: {}", list(public)));
    }
    if !asked.is_empty() {
        parts.push(format!("perhaps public, the registry has not answered: {}", list(asked)));
    }
    if unset > 0 {
        parts.push(format!("not set: {unset} of {} tags", public.len() + asked.len() + unset));
    }
    parts.push("every tag names a whole image; run it again to set what is missing and to have all of it read back".into());
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_public_what_may_be_and_what_is_not() {
        let digest = Digest::of(b"x");
        let tag = |tag: &str| (format!("r.example/fd:{tag}"), digest);
        let text = in_words(&[tag("1.0-amd64")], &[tag("1.0")], 2);
        let expected = format!(
            "public: r.example/fd:1.0-amd64 names {digest}; perhaps public, the registry has not answered: r.example/fd:1.0 names {digest}; \
             not set: 2 of 4 tags; every tag names"
        );
        assert!(text.starts_with(&expected), "{text}");
        assert!(in_words(&[], &[], 3).starts_with("no tag of this release was set; not set: 3 of 3 tags"));
    }
}
