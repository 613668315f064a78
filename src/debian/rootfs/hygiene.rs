//! What an image must not carry, and what must be empty (R17).

use super::Root;
use super::generated::Additions;

/// Files that belong to one running machine; packages should not ship them.
const FOREIGN: [&str; 3] = ["etc/hostname", "etc/resolv.conf", "etc/machine-id"];

/// An empty machine id where something asks for one (machine-id(5): each container then makes its own), and a remark about
/// files that belong to a machine.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    for path in FOREIGN {
        if root.nodes().get(path).is_some_and(|node| node.is_packaged()) {
            out.remarks.push(format!("a package ships /{path}, which belongs to one machine"));
        }
    }
    if let Some(package) = root.package("systemd").or_else(|| root.package("dbus")) {
        out.default_file("etc/machine-id", Vec::new(), package.newest);
    }
}
