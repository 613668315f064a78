//! The files of the image with the cursor, and what the ELF header of one of them says.

use ratatui::layout::Rect;

use super::state::{Column, chosen, columns, cursor};
use super::view::{view_architectures, view_cursor};
use crate::image::{Digest, EntryKind};
use crate::session::Listing;
use crate::tui::model::Model;
use crate::tui::msg::Request;
use crate::tui::spot::Spot;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Align, Canvas, below, beside_scrollbar, right_of, row, scrollbar, window};
use crate::verify::ListedFile;

/// The files of one image, as the search leaves them.
pub struct Files<'a> {
    /// All of them.
    listing: &'a Listing,
    /// Positions of those that match; `None` when nothing is searched.
    matches: Option<Vec<usize>>,
}

impl<'a> Files<'a> {
    /// How many there are to show.
    pub fn len(&self) -> usize {
        self.matches.as_ref().map_or(self.listing.files.len(), Vec::len)
    }

    /// The one at `index` of those that are shown.
    pub fn get(&self, index: usize) -> Option<&'a ListedFile> {
        let index = match &self.matches {
            Some(matches) => *matches.get(index)?,
            None => index,
        };
        self.listing.files.get(index)
    }
}

/// The files of the image with the cursor, once they were listed.
pub fn files(model: &Model) -> Option<Files<'_>> {
    let columns = columns(model);
    let column = columns.get(chosen(model, &columns))?;
    let listing = listing(model, digest(column)?)?;
    let needle = model.inspect.search.value();
    let matches = (!needle.is_empty()).then(|| {
        let all = listing.files.iter().enumerate();
        all.filter(|(_, file)| file.entry.path.contains(needle)).map(|(index, _)| index).collect()
    });
    Some(Files { listing, matches })
}

/// What was listed of the image with this digest.
pub fn listing(model: &Model, digest: Digest) -> Option<&Listing> {
    model.state.listings.values().map(|listing| &**listing).find(|listing| listing.digest == digest)
}

/// The image that a column shows.
pub fn digest(column: &Column<'_>) -> Option<Digest> {
    column.inspection.map(|i| i.digest).or_else(|| column.report.map(|r| r.digest))
}

/// The file at `path` in the image of `column`.
pub fn find<'a>(model: &'a Model, column: &Column<'_>, path: &str) -> Option<(usize, &'a ListedFile)> {
    let files = &listing(model, digest(column)?)?.files;
    let at = files.binary_search_by(|file| file.entry.path.as_str().cmp(path)).ok()?;
    Some((at, files.get(at)?))
}

/// ```text
///   x86_64  aarch64                                                  2 104 paths
/// ▌ -rwxr-xr-x  0:0     1.2 MiB  2  /usr/bin/fdfind           x86-64
///   lrwxrwxrwx  0:0              1  /usr/bin/sh -> dash
///
///   machine      x86-64 (62)
///   interpreter  /lib64/ld-linux-x86-64.so.2
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let columns = columns(model);
    let x = view_architectures(model, canvas, row(area, 0), &columns);
    let Some(files) = files(model) else {
        let said = if model.awaits(|r| matches!(r, Request::ListFiles(_))) {
            format!("{} listing the files", model.theme.turning(model.now))
        } else {
            "Not listed yet.".into()
        };
        canvas.text(right_of(row(area, 2), 2), &said, Meaning::Muted);
        return;
    };
    let head = right_of(row(area, 0), x);
    let number = match files.len() {
        1 => "1 path".into(),
        n => format!("{} paths", text::thousands(n as u64)),
    };
    canvas.aligned(Rect { width: head.width.saturating_sub(2), ..head }, &number, Meaning::Muted, Align::Right);
    let list = below(area, 1);
    if files.len() == 0 {
        let said = if files.matches.is_some() { "No path is like that." } else { "The image has no files." };
        canvas.text(right_of(row(list, 1), 2), said, Meaning::Muted);
        return;
    }
    let at = cursor(model).min(files.len() - 1);
    let list = match files.get(at) {
        Some(file) if list.height >= 14 => view_header(canvas, list, file),
        _ => list,
    };
    let visible = window(at, files.len(), usize::from(list.height));
    let lines = if visible.len() < files.len() { beside_scrollbar(list, usize::MAX) } else { list };
    for (line, index) in visible.clone().enumerate() {
        canvas.spot(row(lines, line), Spot::Row(index));
        if let Some(file) = files.get(index) {
            view_file(canvas, row(lines, line), file);
        }
        if index == at {
            view_cursor(canvas, row(lines, line));
        }
    }
    scrollbar(canvas, list, &visible, files.len());
}

fn view_file(canvas: &mut Canvas<'_>, line: Rect, file: &ListedFile) {
    let (mut x, wide) = (2, line.width >= 70);
    if wide {
        x += canvas.text(right_of(line, x), &file.mode_string(), Meaning::Muted) + 2;
        let owner = format!("{}:{}", file.entry.uid, file.entry.gid);
        canvas.text(Rect { width: 10, ..right_of(line, x) }.intersection(line), &owner, Meaning::Muted);
        x += 11;
        if let EntryKind::File { size, .. } = &file.entry.kind {
            let cell = Rect { width: 10, ..right_of(line, x) }.intersection(line);
            canvas.aligned(cell, &text::bytes(*size), Meaning::Text, Align::Right);
        }
        x += 12;
        x += canvas.text(right_of(line, x), &format!("{}", file.layer + 1), Meaning::Muted) + 2;
    }
    let path = format!("/{}", file.entry.path);
    let about = match &file.entry.kind {
        EntryKind::Symlink { target } => format!(" -> {target}"),
        EntryKind::Directory => "/".into(),
        EntryKind::Special => "  device or pipe".into(),
        _ => format!("  {}", file.about()),
    };
    let clean = text::printable(&path);
    // The path matters more than what it leads to.
    let rest = usize::from(line.width.saturating_sub(x));
    let room = rest - text::width(&about).min(rest / 3);
    let shown = text::elide_middle(&clean, room, canvas.glyph(Glyph::Ellipsis)).into_owned();
    x += canvas.text(right_of(line, x), &shown, Meaning::Text);
    canvas.text(right_of(line, x), &text::printable(&about), Meaning::Muted);
}

/// Draws what the file's attributes and ELF header say at the bottom of `area`; gives back what is left above.
fn view_header(canvas: &mut Canvas<'_>, area: Rect, file: &ListedFile) -> Rect {
    let header = file.details();
    if header.is_empty() {
        return area;
    }
    let height = (header.len() as u16).min(area.height / 2);
    let list = Rect { height: area.height - height - 1, ..area };
    let bottom = below(area, list.height + 1);
    for (i, (label, value)) in header.iter().enumerate() {
        let line = row(bottom, i);
        canvas.text(right_of(line, 2), label, Meaning::Muted);
        canvas.text(right_of(line, 15), &text::printable(value), Meaning::Text);
    }
    list
}

#[cfg(test)]
mod tests {
    use crate::catalog::Architecture;
    use crate::session::Command;
    use crate::tui::fixture::{inspection, listing, model, report, screen, target};

    #[test]
    fn from_a_failing_check_to_the_file_and_its_header() {
        let mut m = model();
        m.keys("jj<enter>").unwrap();
        let both = [Architecture::X86_64, Architecture::Aarch64].map(|a| target("jq", a));
        for t in &both {
            m.feed(&inspection(t));
            m.feed(&report(t, t.architecture == Architecture::Aarch64));
        }
        let asked = m.keys("<enter><enter>").unwrap();
        assert_eq!(asked.iter().filter(|c| matches!(c, Command::ListFiles(_))).count(), 2, "{asked:?}");
        both.iter().for_each(|t| m.feed(&listing(t, true)));
        let shown = screen(&mut m, 120, 40);
        for needle in ["enter shows the file", "machine      x86-64 (62)", "shared object (3)"] {
            assert!(shown.contains(needle), "{needle}\n{shown}");
        }
        let asked = m.keys("<enter>").unwrap();
        assert!(asked.is_empty(), "listed twice: {asked:?}");
        let shown = screen(&mut m, 120, 40);
        for needle in ["[Files]", "▌ -rwxr-xr-x  0:0          50.9 KiB  2  /usr/lib/libfoo.so.1  x86-64 (62)", "class        64-bit"] {
            assert!(shown.contains(needle), "{needle}\n{shown}");
        }
        m.keys("/fdf").unwrap();
        let shown = screen(&mut m, 120, 40);
        assert!(shown.contains("1 path") && !shown.contains("libfoo"), "{shown}");
        m.keys("zzz<enter>y").unwrap();
        assert!(screen(&mut m, 120, 40).contains("No path is like that."));
    }

    #[test]
    fn a_small_screen_shows_paths_and_no_more() {
        let mut m = model();
        m.keys("jj<enter>").unwrap();
        let t = target("jq", Architecture::X86_64);
        m.feed(&inspection(&t));
        m.feed(&listing(&t, false));
        m.keys("]]]]").unwrap();
        let shown = screen(&mut m, 50, 12);
        assert!(shown.contains("▌ /usr/bin/fdfind") && !shown.contains("class"), "{shown}");
    }
}
