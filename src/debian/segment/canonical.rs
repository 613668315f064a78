//! Usr-merged paths (rules R1–R4 of the builder reference): where a packaged file is on a merged system.
//!
//! Older packages ship `./lib/…` and `./bin/…`; on a merged system these are links into `/usr`, and a tar entry that
//! made them directories again would break every image. Every entry therefore gets its physical path.

use super::super::deb::damaged;
use crate::Result;

/// Longest path we take (`PATH_MAX`).
const MAX_PATH: usize = 4096;
/// Longest name of one file (`NAME_MAX`): no file system that engines unpack to takes more.
const MAX_NAME: usize = 255;
/// What a name begins with that hides a file of the layers below (image-spec, "Whiteouts").
const WHITEOUT: &str = ".wh.";

/// Why nothing may be called `name` in an image, if so. A file called like a whiteout would not be there, and would delete another.
pub(in super::super) fn unfit_name(name: &str) -> Option<String> {
    if let Some(hidden) = name.strip_prefix(WHITEOUT) {
        let what = if hidden.starts_with(WHITEOUT) { "all that lies beside it" } else { hidden };
        return Some(format!("engines take `{name}` for a whiteout, and would delete {what} of the layers below"));
    }
    (name.len() > MAX_NAME).then(|| format!("a name of {} bytes, of {MAX_NAME} that a file can have", name.len()))
}

/// Root directories that are links into `/usr`. `bin` and `sbin` stay apart (Debian has not merged them).
pub(in super::super) const MERGED: [&str; 7] = ["bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin"];

/// Links of `base-files` under which nothing may be put either, and what they are links to.
const MOVED: [(&str, &str); 2] = [("var/lock", "run/lock"), ("var/run", "run")];

/// `./usr//bin/x/` → `usr/bin/x`; the root is the empty string. Paths that leave the root are refused.
pub(super) fn clean(raw: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(raw)
        .map_err(|_| damaged(format!("path `{}` is not UTF-8 (Debian Policy 10.10)", String::from_utf8_lossy(raw))))?;
    if text.len() > MAX_PATH || text.contains('\0') {
        return Err(damaged(format!("a path of {} bytes", text.len())));
    }
    let mut out = String::with_capacity(text.len());
    for part in text.split('/').filter(|p| !p.is_empty() && *p != ".") {
        if part == ".." {
            return Err(damaged(format!("path `{text}` leaves the root")));
        }
        if let Some(why) = unfit_name(part) {
            return Err(damaged(format!("path `{text}`: {why}")));
        }
        if !out.is_empty() {
            out.push('/');
        }
        out.push_str(part);
    }
    Ok(out)
}

/// The physical path of something below a merged directory (`bin/sh` → `usr/bin/sh`). Such a directory itself keeps its
/// path: `bin` is where the link is.
pub(in super::super) fn canonical(path: &str) -> String {
    for (from, to) in MOVED {
        if let Some(rest) = path.strip_prefix(from)
            && rest.starts_with('/')
        {
            return format!("{to}{rest}");
        }
    }
    match path.split_once('/') {
        Some((first, _)) if MERGED.contains(&first) => format!("usr/{path}"),
        _ => path.to_owned(),
    }
}

/// The physical path of a directory: a merged directory is the one in `/usr`.
pub(in super::super) fn canonical_directory(path: &str) -> String {
    if MERGED.contains(&path) {
        return format!("usr/{path}");
    }
    MOVED.iter().find(|(from, _)| *from == path).map_or_else(|| canonical(path), |(_, to)| (*to).to_owned())
}

/// The target to write for a symbolic link that was packaged at `original` and is now at `path`.
///
/// A target stays as written while it means the same file. A relative one that climbed out of a merged directory
/// (`bin/x -> ../usr/bin/y`) would miss after the move, so it is written anew from the link's new place.
pub(super) fn link_target(original: &str, path: &str, target: &str) -> String {
    if target.starts_with('/') || original == path {
        return target.to_owned();
    }
    let meant = canonical(&join(parent(original), target));
    if canonical(&join(parent(path), target)) == meant {
        return target.to_owned();
    }
    relative(parent(path), &meant)
}

/// `folder/target` with `.` and `..` taken out, as the kernel would without links in between.
pub(in super::super) fn join(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = if target.starts_with('/') { Vec::new() } else { folder.split('/').filter(|p| !p.is_empty()).collect() };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The folder of `path`; empty for what lies in the root.
pub(in super::super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The way from `folder` to `path`.
fn relative(folder: &str, path: &str) -> String {
    let from: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    let to: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut parts = vec![".."; from.len() - common];
    parts.extend(&to[common..]);
    if parts.is_empty() { ".".into() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_where_a_merged_system_has_them() {
        for (path, expected) in [
            ("bin/bash", "usr/bin/bash"),
            ("sbin/ldconfig", "usr/sbin/ldconfig"),
            ("lib/x86_64-linux-gnu/libc.so.6", "usr/lib/x86_64-linux-gnu/libc.so.6"),
            ("lib64/ld-linux-x86-64.so.2", "usr/lib64/ld-linux-x86-64.so.2"),
            ("bin", "bin"),
            ("binary/x", "binary/x"),
            ("var/run/x", "run/x"),
            ("var/lock/x", "run/lock/x"),
            ("var/runner/x", "var/runner/x"),
        ] {
            assert_eq!(canonical(path), expected);
        }
        assert_eq!(canonical_directory("lib"), "usr/lib");
        assert_eq!(canonical_directory("var/lock"), "run/lock");
        assert_eq!(clean(b"./usr//bin/./x/").unwrap(), "usr/bin/x");
        assert_eq!(clean(b"./").unwrap(), "");
        assert!(clean(b"./a/../../b").is_err() && clean(b"\xff").is_err());
    }

    #[test]
    fn links_mean_the_same_file_after_the_move() {
        for (original, target, expected) in [
            ("lib/x86_64-linux-gnu/liba.so.1", "liba.so.1.2", "liba.so.1.2"),
            ("bin/x", "../usr/bin/y", "y"),
            ("sbin/x", "../bin/y", "../bin/y"),
            ("bin/x", "../etc/alternatives/x", "../../etc/alternatives/x"),
            ("lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
            ("usr/lib/x", "../../lib/y", "../../lib/y"),
        ] {
            assert_eq!(link_target(original, &canonical(original), target), expected, "{original} -> {target}");
        }
    }

    proptest! {
        #[test]
        fn a_moved_link_still_points_at_the_same_physical_file(original in "(bin|lib|usr/lib|etc)(/[ab]){1,3}", target in "(\\.\\./){0,4}(bin|lib|usr|etc|a)(/[ab]){0,2}") {
            let path = canonical(&original);
            let written = link_target(&original, &path, &target);
            prop_assert_eq!(canonical(&join(parent(&path), &written)), canonical(&join(parent(&original), &target)));
        }
    }
}
