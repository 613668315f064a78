//! `/usr/share/mime`: what `update-mime-database` of shared-mime-info makes of the files in its folder `packages`. GLib, Qt and others
//! learn from it of which type a file is, and what the type is called.

mod cache;
mod database;
mod element;
mod magic;
#[cfg(test)]
mod tests;

use super::Root;
use super::generated::Additions;
use database::Database;

const FOLDER: &str = "usr/share/mime";
const PACKAGES: &str = "usr/share/mime/packages";
/// Comes after all others.
const LAST: &str = "usr/share/mime/packages/Override.xml";

/// The database, for images that have the program.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    let Some(package) = root.package("shared-mime-info") else { return };
    let mut mtime = package.newest;
    let mut files = root.files_in(PACKAGES, &[".xml"]);
    files.sort_by_key(|(path, _)| path == LAST);
    let mut database = Database::default();
    for (path, node) in files {
        let age = root.age(node);
        mtime = mtime.max(age);
        let wrong = match root.bytes(node).map(std::str::from_utf8) {
            Some(Ok(text)) => database.read(text, age),
            _ => vec!["it cannot be read".into()],
        };
        out.remarks.extend(wrong.into_iter().map(|wrong| format!("/{path}: {wrong}; /{FOLDER} is without it")));
    }
    database.sort();
    for file in database.files() {
        let age = file.age.unwrap_or(mtime);
        if let Some((folder, _)) = file.name.split_once('/') {
            out.directory(&format!("{FOLDER}/{folder}"), 0o755, 0, age);
        }
        out.file(&format!("{FOLDER}/{}", file.name), file.bytes, age);
    }
    out.file(&format!("{FOLDER}/mime.cache"), cache::cache(&database), mtime);
    // The version that the program says of itself is its package's, without Debian's part.
    let version = package.version.split_once(':').map_or(package.version.as_str(), |(_, version)| version);
    out.file(&format!("{FOLDER}/version"), format!("{}\n", version.rsplit_once('-').map_or(version, |(version, _)| version)), mtime);
}
