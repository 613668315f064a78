//! `/bin`, `/sbin`, `/lib*` as links into `/usr` (R1–R4). `base-files` ships them from trixie on; before, they were made at
//! installation.

use super::super::segment::canonical::MERGED;
use super::{Rootfs, Union};

/// A link for each merged directory that exists; `bin`, `sbin` and `lib` always, as every script relies on them.
pub(super) fn generate(union: &Union<'_>, out: &mut Rootfs) {
    let mtime = union.package("base-files").map_or(0, |p| p.newest);
    for name in MERGED {
        let target = format!("usr/{name}");
        if matches!(name, "bin" | "sbin" | "lib") || union.has_directory(&target) {
            out.link(union, name, &*target, mtime);
            if !union.has_directory(&target) {
                out.directory(union, &target, 0o755, 0, mtime);
            }
        }
    }
}
