//! Which nix2container has made a layer: the same document stood for other bytes before, and does not say which.

use super::super::document::{Content, Layer};

/// How a version of nix2container writes tars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generator {
    /// Of every entry: 1, and 0 before July 2024 (6f51fc5).
    pub mtime: i64,
    /// Whether a group that is given a name gets the owner's, as before November 2024 (de69713).
    pub group_has_the_owners_name: bool,
}

const TODAY: Generator = Generator { mtime: 1, group_has_the_owners_name: false };
const AUTUMN_2024: Generator = Generator { mtime: 1, group_has_the_owners_name: true };
const BEFORE: Generator = Generator { mtime: 0, group_has_the_owners_name: true };

impl Generator {
    /// Those that may have made `layer` and whose bytes differ, the likeliest first.
    ///
    /// A history that is not empty was written since August 2024, when today's time was in use; whoever made the JSON of an older layer
    /// anew has left the history empty. So of hardly any layer there is more than one.
    pub(super) fn candidates(layer: &Layer) -> Vec<Generator> {
        let mut candidates = match &layer.history {
            Some(history) if *history != Default::default() => vec![TODAY, AUTUMN_2024],
            Some(_) => vec![TODAY, AUTUMN_2024, BEFORE],
            None => vec![BEFORE, AUTUMN_2024, TODAY],
        };
        if !names_groups(layer) {
            let mut times = Vec::new();
            candidates.retain(|candidate| {
                let first = !times.contains(&candidate.mtime);
                times.push(candidate.mtime);
                first
            });
        }
        candidates
    }
}

/// Whether a group gets a name that is not its owner's.
fn names_groups(layer: &Layer) -> bool {
    let Content::Paths(paths) = &layer.content else { return false };
    paths.iter().flat_map(|path| &path.options.perms).any(|perm| !perm.gname.is_empty() && perm.gname != perm.uname)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Digest, History};
    use crate::nix::document::{Options, Perm, StorePath};

    #[test]
    fn only_what_may_be_is_tried() {
        let layer = |history: Option<History>, gname: &str| {
            let perm = Perm { regex: String::new(), mode: String::new(), uid: 0, gid: 0, uname: "a".into(), gname: gname.into() };
            let path = StorePath { path: "/x".into(), options: Options { rewrite: None, perms: vec![perm] } };
            let digest = Digest::of(b"");
            let (media_type, content) = (String::new(), Content::Paths([path].into()));
            Layer { digest, diff_id: digest, size: None, media_type, content, history }
        };
        let made = History { created_by: Some("nix2container".into()), ..History::default() };
        assert_eq!(Generator::candidates(&layer(Some(made.clone()), "a")), [TODAY]);
        assert_eq!(Generator::candidates(&layer(Some(made), "b")), [TODAY, AUTUMN_2024]);
        assert_eq!(Generator::candidates(&layer(Some(History::default()), "")), [TODAY, BEFORE]);
        assert_eq!(Generator::candidates(&layer(None, "a")), [BEFORE, AUTUMN_2024]);
        assert_eq!(Generator::candidates(&layer(None, "b")), [BEFORE, AUTUMN_2024, TODAY]);
    }
}
