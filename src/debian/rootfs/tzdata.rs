//! The time zone (R8): UTC, as an unconfigured Debian has it.

use super::{Rootfs, Union};

/// `/etc/localtime`; without it `zoneinfo/localtime` would dangle.
pub(super) fn generate(union: &Union<'_>, out: &mut Rootfs) {
    if let Some(package) = union.package("tzdata")
        && union.entry("usr/share/zoneinfo/Etc/UTC").is_some()
    {
        out.link(union, "etc/localtime", "/usr/share/zoneinfo/Etc/UTC", package.newest);
    }
}
