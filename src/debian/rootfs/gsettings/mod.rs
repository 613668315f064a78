//! `/usr/share/glib-2.0/schemas/gschemas.compiled`: what `glib-compile-schemas` of GLib makes of all schemas, and of the overrides of
//! their defaults. Programs that ask for a setting end when its schema is not in there.

mod gvdb;
mod parse;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod text;
mod variant;
mod words;

use super::Root;
use super::generated::Additions;
use read::Schemas;

/// Where schemas are.
const FOLDER: &str = "usr/share/glib-2.0/schemas";
const COMPILED: &str = "usr/share/glib-2.0/schemas/gschemas.compiled";

/// The compiled schemas, for images that have the program and something for it.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    let has_program =
        root.names("usr/lib").iter().any(|folder| root.nodes().contains_key(&format!("usr/lib/{folder}/glib-2.0/glib-compile-schemas")));
    let files = root.files_in(FOLDER, &[".enums.xml", ".gschema.xml", ".gschema.override"]);
    if !has_program || files.is_empty() {
        return;
    }
    let mut mtime = 0;
    let mut schemas = Schemas::default();
    for suffix in [".enums.xml", ".gschema.xml", ".gschema.override"] {
        for (path, node) in files.iter().filter(|(path, _)| path.ends_with(suffix)) {
            mtime = mtime.max(root.age(node));
            let Some(text) = root.bytes(node).and_then(|bytes| std::str::from_utf8(bytes).ok()) else {
                out.remarks.push(format!("/{path} cannot be read; its settings are not in /{COMPILED}"));
                continue;
            };
            let wrong = if suffix == ".gschema.override" {
                schemas.override_defaults(text)
            } else {
                schemas.read(text).err().into_iter().collect()
            };
            out.remarks.extend(wrong.into_iter().map(|wrong| format!("/{path}: {wrong}; /{COMPILED} is without it")));
        }
    }
    out.file(COMPILED, schema::compiled(&schemas.schemas), mtime);
}
