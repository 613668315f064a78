//! What a document changes of a path on its way from the store into a layer: its name, its mode, its owner.

use std::borrow::Cow;

use super::super::document::{Options, Perm, StorePath};
use crate::{Error, Result};

/// What an expression may take in memory once it is compiled, and as much again while it is used.
const EXPRESSION: usize = 256 << 10;
/// More permissions than anybody gives one store path.
const MAX_PERMS: usize = 100;
/// The largest mode that a tar header has room for.
const MAX_MODE: u32 = 0o7777777;

/// The owner of an entry. Until November 2024 nix2container gave a group the owner's name where it was given one at all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    pub uid: i64,
    pub gid: i64,
    pub uname: String,
    pub gname: String,
    /// The group's name as it was until then.
    pub gname_until_2024: String,
}

impl Owner {
    /// Who owns what nothing is said of.
    pub(super) fn root() -> Self {
        Owner { uid: 0, gid: 0, uname: "root".into(), gname: "root".into(), gname_until_2024: "root".into() }
    }
}

/// The options of one store path, ready to be applied.
pub(super) struct Applied<'a> {
    rewrite: Option<(regex::bytes::Regex, &'a str)>,
    perms: Vec<(regex::Regex, Option<u32>, &'a Perm)>,
}

impl<'a> Applied<'a> {
    /// Compiles the expressions of `path`.
    ///
    /// # Errors
    /// One is no regular expression, or wants more memory than any of use; a mode is no octal number.
    pub(super) fn new(path: &'a StorePath) -> Result<Self> {
        let Options { rewrite, perms } = &path.options;
        let wrong = |what: &str, regex: &str, error: regex::Error| {
            Error::failed(format!("the {what} `{regex}` of {} cannot be read as a regular expression", path.path)).source(error)
        };
        if perms.len() > MAX_PERMS {
            return Err(Error::failed(format!("{} has {} permissions, and at most {MAX_PERMS} are applied", path.path, perms.len())));
        }
        let rewrite = rewrite.as_ref().map(|rewrite| {
            let built = regex::bytes::RegexBuilder::new(&rewrite.regex).size_limit(EXPRESSION).dfa_size_limit(EXPRESSION).build();
            let regex = built.map_err(|error| wrong("rewrite", &rewrite.regex, error))?;
            Ok::<_, Error>((regex, rewrite.repl.as_str()))
        });
        let perms = perms.iter().map(|perm| {
            let built = regex::RegexBuilder::new(&perm.regex).size_limit(EXPRESSION).dfa_size_limit(EXPRESSION).build();
            let regex = built.map_err(|error| wrong("permission", &perm.regex, error))?;
            Ok((regex, mode(perm, path)?, perm))
        });
        Ok(Applied { rewrite: rewrite.transpose()?, perms: perms.collect::<Result<_>>()? })
    }

    /// Where `source` goes in the layer, not yet cleaned; empty when nowhere.
    pub(super) fn destination<'s>(&self, source: &'s [u8]) -> Cow<'s, [u8]> {
        match &self.rewrite {
            Some((regex, repl)) => regex.replace_all(source, repl.as_bytes()),
            None => Cow::Borrowed(source),
        }
    }

    /// Mode and owner of what lies at `source` in the store and has the mode `mode` there; no owner when it is root.
    pub(super) fn permissions(&self, source: &[u8], mode: u32) -> (u32, Option<Owner>) {
        if self.perms.is_empty() {
            return (mode, None);
        }
        let (mut mode, mut owner) = (mode, Owner::root());
        // As Go sees a name that is not UTF-8.
        let source = String::from_utf8_lossy(source);
        for (_, given, perm) in self.perms.iter().filter(|(regex, ..)| regex.is_match(&source)) {
            (owner.uid, owner.gid) = (perm.uid, perm.gid);
            if !perm.uname.is_empty() {
                owner.uname.clone_from(&perm.uname);
            }
            if !perm.gname.is_empty() {
                owner.gname.clone_from(&perm.gname);
                owner.gname_until_2024.clone_from(&perm.uname);
            }
            mode = given.unwrap_or(mode);
        }
        (mode, Some(owner))
    }
}

/// The mode a permission gives, as Go's `Sscanf` reads it with `%o`: octal digits, and whatever follows them.
fn mode(perm: &Perm, path: &StorePath) -> Result<Option<u32>> {
    if perm.mode.is_empty() {
        return Ok(None);
    }
    let text = perm.mode.trim_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let digits = &text[..text.find(|c: char| !matches!(c, '0'..='7')).unwrap_or(text.len())];
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= MAX_MODE => Ok(Some(mode)),
        _ => Err(Error::failed(format!("the mode `{}` of {} is no mode in octal digits", perm.mode, path.path))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nix::document::Rewrite;

    fn perm(regex: &str, mode: &str, uname: &str, gname: &str) -> Perm {
        Perm { regex: regex.into(), mode: mode.into(), uid: 1, gid: 2, uname: uname.into(), gname: gname.into() }
    }

    fn path(rewrite: Option<(&str, &str)>, perms: Vec<Perm>) -> StorePath {
        let rewrite = rewrite.map(|(regex, repl)| Rewrite { regex: regex.into(), repl: repl.into() });
        StorePath { path: "/nix/store/x".into(), options: Options { rewrite, perms } }
    }

    #[test]
    fn names_are_rewritten_with_groups_everywhere() {
        let to = |rewrite, source: &[u8]| Applied::new(&path(Some(rewrite), vec![])).unwrap().destination(source).into_owned();
        assert_eq!(to(("^/nix/store/x", ""), b"/nix/store/x"), b"");
        assert_eq!(to(("^/nix/store/x", ""), b"/nix/store/x/bad\xff"), b"/bad\xff");
        assert_eq!(to(("^/nix/store/gtk+-3", ""), b"/nix/store/gtk+-3/a"), b"/nix/store/gtk+-3/a");
        assert_eq!(to(("(a)/(?P<n>b)", "${n}-$1$$"), b"a/b/a/b"), b"b-a$/b-a$");
    }

    #[test]
    fn later_permissions_are_on_top_of_earlier_ones() {
        let path = path(None, vec![perm("bin", "4755", "u", ""), perm("sh$", "", "", "g"), perm("^bin", "0", "z", "z")]);
        let (mode, owner) = Applied::new(&path).unwrap().permissions(b"/x/bin/sh", 0o555);
        let expected = Owner { uid: 1, gid: 2, uname: "u".into(), gname: "g".into(), gname_until_2024: String::new() };
        assert_eq!((mode, owner), (0o4755, Some(expected)));
        assert_eq!(Applied::new(&path).unwrap().permissions(b"/x/lib", 0o444), (0o444, Some(Owner::root())));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let error = |path: StorePath| Applied::new(&path).err().unwrap().message();
        assert!(error(path(Some(("(", "")), vec![])).starts_with("the rewrite `(` of /nix/store/x"));
        assert!(error(path(None, vec![perm("(", "", "", "")])).contains("the permission `(`"));
        assert!(error(path(None, vec![perm("((a{99}){99}){99}", "", "", "")])).contains("cannot be read"));
        assert!(error(path(None, vec![perm("a", "", "", ""); 101])).contains("101 permissions"));
        for bad in ["rw", "8", "-1", "77777777", "99"] {
            assert!(error(path(None, vec![perm("", bad, "", "")])).contains(bad), "{bad}");
        }
        assert_eq!(Applied::new(&path(None, vec![perm("", " +0755x", "", "")])).unwrap().permissions(b"a", 0).0, 0o755);
    }
}
