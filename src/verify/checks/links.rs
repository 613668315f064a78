//! `links`: no symbolic link dangles, no hard link points at nothing.
//!
//! Distributions ship links that dangle on purpose, so not every one fails:
//!
//! - Into `/proc`, `/sys`, `/dev` and `/run` a link is fine: the engine mounts or fills them when the container starts.
//! - A command (a link in a `bin` folder) or a shared library with a version (`lib*.so.6`) that leads nowhere fails:
//!   whoever starts or loads it gets "no such file".
//! - Links in a circle fail: nothing can ever be behind them.
//! - A hard link to nothing fails: engines refuse to unpack the layer.
//! - All others (documentation, alternatives of removed packages, `lib*.so` of compilers) are worth a look.

use super::Subject;
use super::tally::{Tally, count, skip_if_damaged};
use crate::image::EntryKind;
use crate::verify::report::{Check, CheckResult, Verdict};
use crate::verify::rootfs::Lookup;

/// Folders that are filled when the container starts; `var/run` where it is no link to `run`.
const FILLED_LATER: [&str; 5] = ["proc", "sys", "dev", "run", "var/run"];

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    if let Some(skipped) = skip_if_damaged(Check::Links, subject.facts) {
        return skipped;
    }
    let mut tally = Tally::default();
    let (mut links, mut later) = (0, 0);
    let layer_of = |index: usize| subject.facts.layers[index].descriptor.digest;
    for broken in subject.root.broken() {
        let advice = "engines refuse to unpack it: put the file into the same layer, before the link";
        let expected = format!("/{}, which the hard link shares", broken.target);
        tally.path(Verdict::Fail, &broken.path, layer_of(broken.layer), expected, "no such file at that point of the layers", advice);
    }
    if subject.root.is_crowded() {
        let advice = "the image is made to fill a file system: look at the links of folders that are not there";
        tally.image(
            Verdict::Fail,
            None,
            "links to folders that some layer has",
            "too many folders that none has: not every file was judged",
            advice,
        );
    }
    for (path, node, entry) in subject.root.iter() {
        let EntryKind::Symlink { target } = entry.kind else { continue };
        let path = path.text();
        links += 1;
        let (verdict, found, advice) = match subject.root.follow(&path, target) {
            Lookup::Found(..) => continue,
            Lookup::Missing(at) if FILLED_LATER.iter().any(|folder| is_below(&at, folder)) => {
                later += 1;
                continue;
            }
            Lookup::Missing(at) => {
                (importance(&path), format!("/{at} does not exist"), "add the package that has the target, or leave the link out")
            }
            Lookup::NotAFolder(at) => (importance(&path), format!("/{at} is no folder"), "correct the link's target"),
            Lookup::Loop => (Verdict::Fail, "symbolic links that lead to each other".to_owned(), "correct one of the links"),
        };
        tally.path(verdict, &path, layer_of(node.layer), format!("the link's target {target}"), found, advice);
    }
    let later = if later > 0 { format!(", {later} into /proc, /sys, /dev or /run") } else { String::new() };
    tally.result(Check::Links, format!("{}{later}", count(links, "symbolic link")), "link")
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn importance(path: &str) -> Verdict {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let command = matches!(folder, "bin" | "sbin" | "usr/bin" | "usr/sbin" | "usr/local/bin" | "usr/local/sbin");
    let library =
        name.contains(".so.") && (folder.starts_with("lib") || folder.starts_with("usr/lib") || folder.starts_with("usr/local/lib"));
    if command || library { Verdict::Fail } else { Verdict::Warn }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::samples::{Layer, Sample, findings, result};

    #[test]
    fn where_a_dangling_link_is_decides_how_bad_it_is() {
        let layer = Layer::new()
            .symlink("etc/mtab", "/proc/self/mounts")
            .symlink("dev/stdout", "/proc/self/fd/1")
            .symlink("var/run", "../run")
            .symlink("var/run/x", "y")
            .symlink("usr/bin/awk", "/etc/alternatives/awk")
            .symlink("usr/lib/x86_64-linux-gnu/libm.so.6", "libm-2.so")
            .symlink("usr/lib/x86_64-linux-gnu/libm.so", "libm-2.so")
            .symlink("usr/share/doc/a", "b")
            .symlink("opt/one", "two")
            .symlink("opt/two", "one")
            .symlink("up", "../../../etc")
            .hard_link("opt/hard", "opt/nothing");
        let report = Sample::new("amd64").layer(layer).report();
        let expected = [
            "fail opt/hard",
            "fail opt/one",
            "fail opt/two",
            "fail usr/bin/awk",
            "fail usr/lib/x86_64-linux-gnu/libm.so.6",
            "warn usr/lib/x86_64-linux-gnu/libm.so",
            "warn usr/share/doc/a",
        ];
        assert_eq!(findings(&report, Check::Links), expected);
        assert!(result(&report, Check::Links).summary.contains("3 into /proc"), "{:?}", result(&report, Check::Links));
    }
}
