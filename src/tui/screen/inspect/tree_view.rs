//! The config of the image with the cursor as JSON that folds and can be searched.

use ratatui::layout::Rect;

use super::state::{chosen, columns, cursor};
use super::view::{view_architectures, view_cursor};
use crate::tui::model::Model;
use crate::tui::spot::Spot;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Canvas, TreeRow, below, beside_scrollbar, right_of, row, scrollbar, window};

/// The visible lines.
pub fn rows(model: &Model) -> Vec<TreeRow> {
    let columns = columns(model);
    let column = columns.get(chosen(model, &columns));
    let Some(inspection) = column.and_then(|c| c.inspection) else { return Vec::new() };
    // A config that was read can be written; should it not, there is nothing to show.
    let value = serde_json::to_value(&inspection.config).unwrap_or_default();
    model.inspect.tree.rows(&value)
}

/// The value the cursor is on, with everything in it, as JSON.
pub fn value(model: &Model) -> Option<String> {
    let rows = rows(model);
    let pointer = &rows.get(cursor(model).min(rows.len().saturating_sub(1)))?.pointer;
    let columns = columns(model);
    let inspection = columns.get(chosen(model, &columns))?.inspection?;
    serde_json::to_string_pretty(serde_json::to_value(&inspection.config).ok()?.pointer(pointer)?).ok()
}

/// Folds or unfolds what the cursor is on.
pub fn toggle(model: &mut Model) {
    let rows = rows(model);
    if let Some(row) = rows.get(cursor(model).min(rows.len().saturating_sub(1))).filter(|r| r.open.is_some()) {
        model.inspect.tree.toggle(&row.pointer);
    }
}

/// Puts the cursor on the next line that has what is searched, around the end.
pub fn next_match(model: &mut Model, forward: bool) {
    let needle = model.inspect.search.value().to_lowercase();
    let rows = rows(model);
    if needle.is_empty() || rows.is_empty() {
        return;
    }
    let at = cursor(model).min(rows.len() - 1);
    let has = |i: &usize| rows[*i].key.to_lowercase().contains(&needle) || rows[*i].value.to_lowercase().contains(&needle);
    let n = rows.len();
    let found = if forward { (1..=n).map(|d| (at + d) % n).find(has) } else { (1..=n).map(|d| (at + n - d) % n).find(has) };
    if let Some(found) = found {
        model.inspect.cursor[model.inspect.tab as usize] = found;
    }
}

/// ```text
///   x86_64  aarch64
///   architecture  "amd64"
/// ▌ ▾ config
///       ▸ Env  [ 2 ]
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let columns = columns(model);
    view_architectures(model, canvas, row(area, 0), &columns);
    let rows = rows(model);
    let list = below(area, 1);
    if rows.is_empty() {
        canvas.text(right_of(row(list, 1), 2), "not read yet", Meaning::Muted);
        return;
    }
    let at = cursor(model).min(rows.len() - 1);
    let visible = window(at, rows.len(), usize::from(list.height));
    let needle = model.inspect.search.value().to_lowercase();
    for (line, index) in visible.clone().enumerate() {
        let item = &rows[index];
        canvas.spot(row(list, line), Spot::Row(index));
        let fold = match item.open {
            Some(true) => canvas.glyph(Glyph::Open),
            Some(false) => canvas.glyph(Glyph::Closed),
            None => " ",
        };
        let hit = !needle.is_empty() && (item.key.to_lowercase().contains(&needle) || item.value.to_lowercase().contains(&needle));
        let indent = "  ".repeat(item.depth);
        let (muted, key, value) =
            (canvas.style(Meaning::Muted), canvas.style(if hit { Meaning::Match } else { Meaning::Accent }), canvas.style(Meaning::Text));
        let (name, shown) = (text::printable(&item.key), text::printable(&item.value));
        canvas.spans(
            right_of(row(beside_scrollbar(list, rows.len()), line), 2),
            &[(&indent, muted), (fold, muted), (" ", muted), (&name, key), ("  ", muted), (&shown, value)],
        );
        if index == at {
            view_cursor(canvas, row(list, line));
        }
    }
    scrollbar(canvas, list, &visible, rows.len());
}
