//! `/bin`, `/sbin`, `/lib*` as links into `/usr` (R1–R4). `base-files` ships them from trixie on; before, they were made at
//! installation.

use super::super::segment::canonical::MERGED;
use super::Root;
use super::generated::Additions;

/// A link for each merged directory that exists; `bin`, `sbin` and `lib` always, as every script relies on them.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    let mtime = root.package("base-files").map_or(0, |p| p.newest);
    for name in MERGED {
        let target = format!("usr/{name}");
        if matches!(name, "bin" | "sbin" | "lib") || root.has_directory(&target) {
            out.default_link(name, &*target, mtime);
            if !root.has_directory(&target) {
                out.directory(&target, 0o755, 0, mtime);
            }
        }
    }
}
