//! `usr-merge`: in an image whose `/bin` is a link to `usr/bin`, no layer puts a folder, or files, over such a link.
//!
//! The link and what is behind it come from different layers, and a layer's tar that names `bin/` as a folder makes engines
//! replace the link by an empty one: the loader and the shell are gone (Debian bug 989602, rules_oci#857). A file that is
//! named `bin/x`, without the folder, lands behind the link with engines, and elsewhere with tools that do not follow links.
//! Images that are not merged are skipped.

use super::Subject;
use super::tally::{Tally, count, skip};
use crate::image::{Digest, EntryKind, KindRef};
use crate::verify::report::{Check, CheckResult, Verdict};

/// What merging replaces by links (Debian's usrmerge; multilib folders included).
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
const ADVICE: &str = "write the files to usr/… in that layer, and leave the folder out";

/// What stands at one of the names while layers are put on each other.
#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    #[default]
    Absent,
    /// A folder, and whether there is something in it.
    Folder {
        filled: bool,
    },
    Link,
}

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    let mut tally = Tally::default();
    let mut states = [State::Absent; MERGED.len()];
    let mut links: Vec<&str> = Vec::new();
    for layer in &subject.facts.layers {
        let digest = layer.descriptor.digest;
        // Whiteouts act on the layers below, wherever in the tar they stand.
        let whiteouts = layer.entries.iter().filter(|entry| entry.kind == EntryKind::Whiteout);
        for entry in whiteouts {
            let Some(at) = MERGED.iter().position(|name| entry.folder == 0 && *name == entry.name) else { continue };
            let replaced = layer.entries.iter().any(|e| e.folder == 0 && e.name == entry.name && is_merging(&e.kind, e.name));
            if states[at] == State::Link && !replaced {
                removed(&mut tally, entry.name, digest);
            }
            states[at] = State::Absent;
        }
        for entry in layer.entries.iter() {
            let below = entry.folder != 0;
            let top = if below { layer.entries.top(entry.folder) } else { entry.name };
            let Some(at) = MERGED.iter().position(|name| *name == top) else { continue };
            match (&entry.kind, below, states[at]) {
                (EntryKind::Whiteout | EntryKind::Opaque, _, _) => {}
                (kind, false, state) if is_merging(kind, top) => {
                    if state == (State::Folder { filled: true }) {
                        let advice =
                            "engines throw the folder away with all that is in it: move the files to usr/… in the layer that has them";
                        let expected = format!("a link to usr/{top} from the first layer on");
                        tally.path(Verdict::Fail, entry.name, digest, expected, "a folder with files below the link", advice);
                    }
                    if !links.contains(&top) {
                        links.push(MERGED[at]);
                    }
                    states[at] = State::Link;
                }
                (EntryKind::Directory, false, State::Link) => {
                    replaced(&mut tally, entry.name, digest, "a folder, which replaces it");
                    states[at] = State::Folder { filled: false };
                }
                (EntryKind::Directory, false, State::Absent) => states[at] = State::Folder { filled: false },
                (EntryKind::Directory, false, _) => {}
                (_, false, State::Link) => {
                    replaced(&mut tally, entry.name, digest, "something else, which replaces it");
                    states[at] = State::Absent;
                }
                (_, false, _) => states[at] = State::Absent,
                // The folder a file needs is made where the link is not.
                (_, true, State::Absent | State::Folder { .. }) => states[at] = State::Folder { filled: true },
                (_, true, State::Link) => {
                    let path = entry.path();
                    let found = format!("a path over the link /{top}: only what follows links unpacks it to usr/{path}");
                    tally.path(Verdict::Warn, &path, digest, format!("usr/{path}"), found, ADVICE);
                }
            }
        }
    }
    if links.is_empty() {
        let folder = states.iter().any(|state| matches!(state, State::Folder { .. }));
        return skip(
            Check::UsrMerge,
            if folder { "the image is not merged: its /bin or /lib is a folder" } else { "the image has no /bin" },
        );
    }
    let shown: Vec<String> = links.iter().map(|name| format!("/{name}")).collect();
    let looked_at = format!("{} {} into /usr", shown.join(", "), if links.len() == 1 { "leads" } else { "lead" });
    let layers = count(subject.facts.layers.len(), "layer");
    tally.result(Check::UsrMerge, format!("{looked_at}, in {layers}"), "path")
}

/// Whether it is the link that merging makes at `name`.
fn is_merging(kind: &KindRef<'_>, name: &str) -> bool {
    let EntryKind::Symlink { target } = kind else { return false };
    let target = target.trim_start_matches("./").trim_start_matches('/').trim_end_matches('/');
    target.strip_prefix("usr/") == Some(name)
}

fn replaced(tally: &mut Tally, path: &str, layer: Digest, found: &str) {
    tally.path(Verdict::Fail, path, layer, format!("the link to usr/{path} of a layer below"), found, ADVICE);
}

fn removed(tally: &mut Tally, path: &str, layer: Digest) {
    let advice = "leave the whiteout out: programs are looked for at their paths in it";
    tally.path(Verdict::Fail, path, layer, format!("the link to usr/{path} of a layer below"), "it is removed", advice);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::samples::{Layer, Sample, findings, result};

    fn base() -> Layer {
        Layer::new().symlink("bin", "usr/bin").symlink("lib", "/usr/lib").folder("usr/bin").file("usr/bin/sh", 0o755, b"")
    }

    fn found(upper: Layer) -> Vec<String> {
        findings(&Sample::new("amd64").layer(base()).layer(upper).report(), Check::UsrMerge)
    }

    #[test]
    fn whatever_stands_over_a_link_is_found() {
        assert_eq!(found(Layer::new().file("usr/bin/x", 0o755, b"")), [""; 0]);
        assert_eq!(found(Layer::new().folder("bin").file("bin/x", 0o755, b"")), ["fail bin"]);
        assert_eq!(found(Layer::new().file("lib/x.so", 0o755, b"")), ["warn lib/x.so"]);
        assert_eq!(found(Layer::new().file("lib", 0o755, b"")), ["fail lib"]);
        assert_eq!(found(Layer::new().file(".wh.lib", 0o755, b"")), ["fail lib"]);
        assert_eq!(found(Layer::new().symlink("lib", "usr/lib").file(".wh.lib", 0, b"")), [""; 0]);
        // What removes a file behind the link is named where the file is.
        assert_eq!(found(Layer::new().file("usr/bin/.wh.sh", 0, b"")), [""; 0]);
    }

    #[test]
    fn a_link_over_a_folder_that_has_files_loses_them() {
        let old = || Layer::new().folder("bin").file("bin/sh", 0o755, b"");
        let report = Sample::new("amd64").layer(old()).layer(base()).report();
        assert_eq!(findings(&report, Check::UsrMerge), ["fail bin"]);
        let report = Sample::new("amd64").layer(Layer::new().folder("bin")).layer(base()).report();
        assert_eq!(findings(&report, Check::UsrMerge), [""; 0]);
    }

    #[test]
    fn what_is_not_merged_is_skipped() {
        let report = Sample::new("amd64").layer(Layer::new().folder("bin").file("bin/sh", 0o755, b"")).report();
        assert_eq!(result(&report, Check::UsrMerge).verdict, Verdict::Skip);
        assert!(result(&report, Check::UsrMerge).summary.starts_with("the image is not merged"));
        let report = Sample::new("amd64").layer(Layer::new().file("app", 0o755, b"")).report();
        assert_eq!(result(&report, Check::UsrMerge).summary, "the image has no /bin");
    }
}
