//! References to a registry: `HOST/REPOSITORY[:TAG][@DIGEST]`.
//!
//! A parser of our own: the grammar is a few lines, and the usual one (oci-spec's, through oci-client) is a regular expression
//! with `\w{0,127}` over all of Unicode that takes 40 ms to compile, more than the rest of a push with nothing to send. The tests
//! hold this one against it.

use std::fmt;
use std::str::FromStr;

use crate::image::Digest;
use crate::{Error, Result};

/// The longest repository (as distribution has it).
const MAX_REPOSITORY: usize = 255;
/// The longest tag (distribution-spec, "Pulling manifests").
const MAX_TAG: usize = 128;
/// Where names without a host are.
const DOCKER_HUB: &str = "docker.io";
const DOCKER_HUB_LEGACY: &str = "index.docker.io";

/// A repository of a registry, and what in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegistryReference {
    /// `host[:port]`.
    pub host: String,
    /// `path/of/repository`.
    pub repository: String,
    /// The tag; `latest` when neither tag nor digest was given.
    pub tag: Option<String>,
    /// The digest.
    pub digest: Option<Digest>,
}

impl fmt::Display for RegistryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl FromStr for RegistryReference {
    type Err = Error;

    /// Follows the grammar of distribution's references; Docker Hub's short names get their host.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: String| {
            Error::usage(format!("`{text}` is not an image reference: {why}")).hint("write HOST/REPOSITORY:TAG or HOST/REPOSITORY@sha256:…")
        };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>().map_err(|error| wrong(error.to_string()))?)),
            None => (text, None),
        };
        // A colon before the last slash is a port's.
        let after_host = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[after_host..].split_once(':') {
            Some((last, tag)) => (&rest[..after_host + last.len()], Some(tag)),
            None => (rest, None),
        };
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(wrong(format!("`{tag}` is not a tag (letters, digits, `_`, `.` and `-`; at most {MAX_TAG})")));
        }
        let (host, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
            _ => (DOCKER_HUB, name),
        };
        let host = if host == DOCKER_HUB_LEGACY { DOCKER_HUB } else { host };
        if !is_host(host) {
            return Err(wrong(format!("`{host}` is not a host")));
        }
        if let Some(part) = path.split('/').find(|part| !is_component(part)) {
            return Err(wrong(match part {
                "" => "a part of the repository's name is empty".to_owned(),
                _ if part.contains(char::is_uppercase) => format!("`{part}` has upper-case letters, which no repository may have"),
                _ => format!(
                    "`{part}` cannot be a part of a repository (lower-case letters, digits, and `.`, `_`, `__` or `-` between them)"
                ),
            }));
        }
        let repository = if host == DOCKER_HUB && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        if repository.len() > MAX_REPOSITORY {
            return Err(wrong(format!("a repository's name has at most {MAX_REPOSITORY} characters, this one has {}", repository.len())));
        }
        let tag = tag.or(if digest.is_none() { Some("latest") } else { None });
        Ok(RegistryReference { host: host.to_owned(), repository, tag: tag.map(str::to_owned), digest })
    }
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`
fn is_tag(tag: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    (1..=MAX_TAG).contains(&tag.len()) && tag.bytes().all(inside) && !tag.starts_with(['.', '-'])
}

/// Labels between dots, each of letters, digits and inner hyphens; a port may follow.
fn is_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').unwrap_or((host, "0"));
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.split('.').all(is_label) && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(part: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends_well = |end: Option<&u8>| end.is_some_and(|b| is_word(*b));
    ends_well(part.as_bytes().first())
        && ends_well(part.as_bytes().last())
        && part
            .as_bytes()
            .split(|b| is_word(*b))
            .all(|between| matches!(between, b"" | b"." | b"_" | b"__") || between.iter().all(|b| *b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As oci-client understands it, but for what it takes and no registry does: tags with letters beyond ASCII, upper case in the
    /// first part of a repository at Docker Hub, `_` in a host; and digests other than SHA-256, which nothing here can check.
    fn judged(text: &str) -> Option<RegistryReference> {
        let parsed: oci_client::Reference = text.parse().ok()?;
        let tag = parsed.tag().map(str::to_owned);
        let foreign = tag.as_deref().is_some_and(|t| !t.is_ascii()) || parsed.repository().contains(char::is_uppercase);
        if foreign || parsed.registry().contains('_') {
            return None;
        }
        let digest = parsed.digest().map(str::parse::<Digest>).transpose().ok()?;
        Some(RegistryReference { host: parsed.registry().to_owned(), repository: parsed.repository().to_owned(), tag, digest })
    }

    #[track_caller]
    fn agrees(text: &str) {
        assert_eq!(text.parse::<RegistryReference>().ok(), judged(text), "{text:?}");
    }

    #[test]
    fn the_usual_forms_are_what_the_usual_grammar_says() {
        let (digest, long) = (format!("sha256:{}", "a1".repeat(32)), "a".repeat(255));
        for good in [
            "debian",
            "debian:trixie",
            "acme/fd",
            "docker.io/debian",
            "index.docker.io/acme/fd:1",
            "ghcr.io/acme/fd:1.2_x-y",
            "localhost/a",
            "localhost:5000/a/b:c",
            "a.b/c__d/e--f:_",
            "127.0.0.1:5000/a",
            "x-y.z/a.b_c-d",
            &format!("a/b@{digest}"),
            &format!("a.b/{long}"),
            &format!("a.b/c:1@{digest}"),
            &format!("a/b:{}", "t".repeat(128)),
        ] {
            assert!(good.parse::<RegistryReference>().is_ok(), "{good}");
            agrees(good);
        }
        for (bad, why) in [
            ("", "empty"),
            ("a.b/", "empty"),
            ("/a", "empty"),
            ("a.b//c", "empty"),
            ("ghcr.io/Acme/fd", "upper-case"),
            ("a/b:", "not a tag"),
            ("a/b:.x", "not a tag"),
            ("a/b:ä", "not a tag"),
            (&format!("a/b:{}", "t".repeat(129)), "not a tag"),
            ("a/b@sha256:12", "digest"),
            ("-a.b/c", "not a host"),
            ("a.b:/c", "not a host"),
            ("a..b/c", "not a host"),
            ("0_a.a/a", "not a host"),
            ("a.b/c._d", "cannot be a part"),
            ("a.b/c___d", "cannot be a part"),
            ("a.b/_c", "cannot be a part"),
            ("a.b/c d", "cannot be a part"),
            (&format!("a.b/{long}a"), "at most 255"),
        ] {
            let error = bad.parse::<RegistryReference>().unwrap_err();
            assert!(error.message().contains(why) && error.advice().is_some(), "{bad}: {error}");
            agrees(bad);
        }
    }

    proptest! {
        #[test]
        fn anything_is_what_the_usual_grammar_says(text in r"([a-zA-Z0-9._:-]{1,8}/)?[a-z0-9A._/-]{0,12}(:[a-z._-]{0,4})?(@sha256:[a-f0-9]{64}|@x)?") {
            agrees(&text);
        }

        #[test]
        fn any_text_ends_in_an_answer(text in ".{0,200}") {
            agrees(&text);
        }
    }
}
