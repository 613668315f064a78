//! The time zone (R8): UTC, as an unconfigured Debian has it.

use super::Root;
use super::generated::Additions;

/// `/etc/localtime`; without it `zoneinfo/localtime` would dangle.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    if let Some(package) = root.package("tzdata")
        && root.resolve("usr/share/zoneinfo/Etc/UTC").is_some()
    {
        out.default_link("etc/localtime", "/usr/share/zoneinfo/Etc/UTC", package.newest);
    }
}
