//! The packages of every architecture, joined by name, so that a version that differs is seen at once.

use std::collections::{BTreeMap, BTreeSet};

use ratatui::layout::Rect;

use super::state::{columns, cursor};
use super::view::{Grid, view_cursor};
use crate::tui::model::Model;
use crate::tui::msg::Request;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Align, Canvas, below, right_of, row, scrollbar, window};

/// One package and its version per architecture; empty where it is missing.
pub struct PackageRow<'a> {
    /// Its name.
    pub name: &'a str,
    /// A version per column.
    pub versions: Vec<&'a str>,
}

/// The packages, as search and the differences switch leave them.
pub fn rows(model: &Model) -> Vec<PackageRow<'_>> {
    let columns = columns(model);
    let mut rows: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (i, column) in columns.iter().enumerate() {
        for package in column.inspection.iter().flat_map(|i| &i.packages) {
            rows.entry(&package.name).or_insert_with(|| vec![""; columns.len()])[i] = &package.version;
        }
    }
    let needle = model.inspect.search.value().to_lowercase();
    let rows = rows.into_iter().map(|(name, versions)| PackageRow { name, versions });
    let wanted = |r: &PackageRow<'_>| (needle.is_empty() || r.name.contains(&needle)) && (!model.inspect.only_differences || r.differs());
    rows.filter(wanted).collect()
}

/// Why there is no package to show.
fn why_empty(model: &Model) -> String {
    let columns = columns(model);
    let names: BTreeSet<&str> = columns.iter().filter_map(|c| c.inspection).flat_map(|i| &i.packages).map(|p| p.name.as_str()).collect();
    let unread = columns.iter().any(|c| c.inspection.is_none());
    if unread && model.awaits(|r| matches!(r, Request::Inspect(_))) {
        format!("{} reading the image", model.theme.turning(model.now))
    } else if !model.inspect.search.value().is_empty() {
        "No package is like that.".into()
    } else if !names.is_empty() && columns.len() < 2 {
        "There is one image: nothing to compare it with. D shows its packages.".into()
    } else if !names.is_empty() {
        format!("No differences: all {} are the same.", text::count(names.len(), "package"))
    } else if unread {
        "Not read yet.".into()
    } else {
        "The image names no packages.".into()
    }
}

impl PackageRow<'_> {
    fn differs(&self) -> bool {
        self.versions.windows(2).any(|w| w[0] != w[1])
    }
}

/// ```text
///   PACKAGE        x86_64        aarch64
/// ▌ bash           5.2.37-2      =
///   curl           8.14.1-2      ≠ 8.14.1-1
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let rows = rows(model);
    let grid = Grid::new(area, 26, columns(model).len());
    grid.head(model, canvas, "PACKAGE");
    // The number stands behind the last heading, or not at all.
    let all = columns(model);
    let taken = all.last().map_or(0, |c| grid.cell(all.len() - 1, 0).x - area.x + text::width(&c.label) as u16 + 2);
    let rest = right_of(row(area, 0), taken);
    let rest = Rect { width: rest.width.saturating_sub(2), ..rest };
    let number = text::count(rows.len(), "package");
    if text::width(&number) <= usize::from(rest.width) {
        canvas.aligned(rest, &number, Meaning::Muted, Align::Right);
    }
    let list = below(area, 1);
    if rows.is_empty() {
        canvas.text(right_of(row(list, 1), 2), &why_empty(model), Meaning::Muted);
        return;
    }
    let at = cursor(model).min(rows.len() - 1);
    let visible = window(at, rows.len(), usize::from(list.height));
    for (line, index) in visible.clone().enumerate() {
        let package = &rows[index];
        grid.spots(canvas, line + 1, index);
        grid.label(canvas, line + 1, &text::printable(package.name), Meaning::Text);
        for (i, version) in package.versions.iter().enumerate() {
            let cell = grid.cell(i, line + 1);
            let first = package.versions[0];
            let (said, meaning) = match *version {
                "" => (format!("{} missing", canvas.glyph(Glyph::Fail)), Meaning::Removed),
                _ if i == 0 => ((*version).to_owned(), Meaning::Text),
                v if v == first => (canvas.glyph(Glyph::Same).to_owned(), Meaning::Muted),
                v => (format!("{} {v}", canvas.glyph(Glyph::Differs)), Meaning::Changed),
            };
            canvas.text(cell, &said, meaning);
        }
        if index == at {
            view_cursor(canvas, grid.line(line + 1));
        }
    }
    scrollbar(canvas, list, &visible, rows.len());
}
