//! `/etc/passwd` and `/etc/group` from `base-passwd`'s master copies (R6): the same ids on every architecture.

use super::{Rootfs, Union};

/// The two files its preinst writes. Passwords are `*`: nobody can log in.
pub(super) fn generate(union: &Union<'_>, out: &mut Rootfs) {
    for (master, path) in [("group.master", "etc/group"), ("passwd.master", "etc/passwd")] {
        if let Some((bytes, package)) = union.content(&format!("usr/share/base-passwd/{master}")) {
            out.file(union, path, bytes, package.newest);
        }
    }
}
