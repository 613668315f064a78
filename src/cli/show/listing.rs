//! The files of an image, one line each, like `ls -l`.

use crate::cli::printer::{Ink, clean_line};
use crate::cli::quantity::count;
use crate::cli::table::{Cell, Table};
use crate::image::EntryKind;
use crate::session::Listing;

/// Mode, owner, size, layer, path and what it is.
pub(in crate::cli) fn listing(listing: &Listing, color: bool) -> String {
    let head = Ink::Bold.paint(&clean_line(&listing.subject), color);
    let mut out =
        format!("{head}  {}  {}, {}", clean_line(&listing.platform.to_string()), listing.digest, count(listing.files.len(), "path"));
    let mut table = Table::plain(2);
    for file in &listing.files {
        let (size, what) = match &file.entry.kind {
            EntryKind::File { size, .. } => (size.to_string(), Some(file.about())),
            EntryKind::Symlink { target } => (String::new(), Some(format!("-> {target}"))),
            _ => (String::new(), None),
        };
        table.row([
            file.mode_string().into(),
            format!("{}:{}", file.entry.uid, file.entry.gid).into(),
            Cell::number(size),
            Cell::ink(format!("layer {}", file.layer + 1), Ink::Dim),
            format!("/{}", file.entry.path).into(),
            Cell::ink(what.unwrap_or_default(), Ink::Dim),
        ]);
    }
    if !listing.files.is_empty() {
        out.push('\n');
        out.push_str(&table.render(color));
    }
    out
}
