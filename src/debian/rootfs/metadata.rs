//! Package metadata that scanners read (R14) and the licences (R15).
//!
//! `/var/lib/dpkg/status.d/NAME` as distroless images have it, and no `/var/lib/dpkg/status` beside it: syft and trivy
//! would count packages twice.

use super::Root;
use super::generated::Additions;

/// The stanza of each package, verbatim, and the checksums of its files.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    for package in root.packages() {
        let path = format!("var/lib/dpkg/status.d/{}", package.package);
        out.file(&path, package.control.as_bytes(), package.newest);
        if !package.md5sums.is_empty() {
            out.file(&format!("{path}.md5sums"), package.md5sums.as_bytes(), package.newest);
        }
        // Policy 12.5: the folder may be a link to another package's, which the image must then have.
        if root.resolve(&format!("usr/share/doc/{}/copyright", package.package)).is_none() {
            out.remarks.push(format!("{} has no readable /usr/share/doc/{}/copyright", package.package, package.package));
        }
    }
}
