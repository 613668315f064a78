//! `nsswitch.conf`, as `libc-bin` sets it up (R9).

use super::Root;
use super::generated::Additions;

/// `/etc/nsswitch.conf`; packages of name services change it later.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    if let Some((bytes, package)) = root.content("usr/share/libc-bin/nsswitch.conf") {
        out.default_file("etc/nsswitch.conf", bytes, package.newest);
    }
}
