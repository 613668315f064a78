//! What an image must not carry, and what must be empty (R17).

use super::{Rootfs, Union};

/// Files that belong to one running machine; packages should not ship them.
const FOREIGN: [&str; 3] = ["etc/hostname", "etc/resolv.conf", "etc/machine-id"];

/// An empty machine id where something asks for one (machine-id(5): each container then makes its own), and a remark about
/// files that belong to a machine.
pub(super) fn generate(union: &Union<'_>, out: &mut Rootfs) {
    for path in FOREIGN {
        if union.entry(path).is_some() {
            out.remarks.push(format!("a package ships /{path}, which belongs to one machine"));
        }
    }
    if let Some(package) = union.package("systemd").or_else(|| union.package("dbus")) {
        out.file(union, "etc/machine-id", Vec::new(), package.newest);
    }
}
