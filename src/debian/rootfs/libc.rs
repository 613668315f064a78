//! What the C library needs at run time (R9): `nsswitch.conf`, and a word about the library cache.

use super::{Rootfs, Union};
use std::collections::BTreeSet;

/// Directories the dynamic linker of every Debian architecture searches without a cache (after `/lib` → `/usr/lib`),
/// or that are empty in an image.
const STANDARD: [&str; 4] = ["/lib", "/usr/lib", "/usr/local/lib", "/usr/lib64"];

/// `/etc/nsswitch.conf`. No `ld.so.cache` is written: the standard directories need none. Libraries elsewhere do, so a
/// directory that a package registers is remarked on.
pub(super) fn generate(union: &Union<'_>, out: &mut Rootfs) {
    if let Some((bytes, package)) = union.content("usr/share/libc-bin/nsswitch.conf") {
        out.file(union, "etc/nsswitch.conf", bytes, package.newest);
    }
    let mut unusual = BTreeSet::new();
    for bytes in union.contents("etc/ld.so.conf").values() {
        for line in String::from_utf8_lossy(bytes).lines() {
            let folder = line.split('#').next().unwrap_or_default().trim().trim_end_matches('/');
            if folder.starts_with('/')
                && !is_standard(folder)
                && union.has_directory(&super::super::segment::canonical::canonical(&folder[1..]))
            {
                unusual.insert(folder.to_owned());
            }
        }
    }
    for folder in unusual {
        out.remarks.push(format!("libraries in {folder} need an ld.so.cache, which is not written: set LD_LIBRARY_PATH={folder}"));
    }
}

/// `/usr/lib`, `/usr/lib/TRIPLET` and the like.
fn is_standard(folder: &str) -> bool {
    let base = match folder.rsplit_once('/') {
        Some((base, last)) if last.contains("-linux-") => base,
        _ => folder,
    };
    STANDARD.contains(&base)
}
