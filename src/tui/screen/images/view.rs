//! Draws the matrix.

use ratatui::layout::Rect;

use super::detail;
use super::state::{Row, columns, rows};
use crate::catalog::Architecture;
use crate::tui::model::Model;
use crate::tui::msg::Request;
use crate::tui::status;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Align, Canvas, below, draw_input, modal, right_of, row, scrollbar, window};

/// Where things are.
pub struct Areas {
    /// Head line and rows.
    pub table: Rect,
    /// The names.
    pub name: Rect,
    /// One per architecture.
    pub columns: Vec<Rect>,
    /// What is in it; empty when there is no room.
    pub packages: Rect,
    /// What the cursor is on; empty when there is no room.
    pub detail: Rect,
    /// The line of the filter; empty when there is none.
    pub filter: Rect,
}

/// Divides `body`: detail beside the table when wide, below it when high enough; columns drop from the right.
pub fn areas(model: &Model, body: Rect) -> Areas {
    let filtering = model.images.filtering || !model.images.filter.value().is_empty();
    let filter = Rect { height: u16::from(filtering).min(body.height), ..body };
    let rest = below(body, filter.height);
    let (table, detail) = if rest.width >= 140 {
        let side = (rest.width / 3).clamp(50, 72);
        (Rect { width: rest.width - side - 1, ..rest }, Rect { height: rest.height.min(20), ..right_of(rest, rest.width - side) })
    } else if rest.height >= 18 {
        let strip = if rest.height >= 30 { 11 } else { 8 };
        (Rect { height: rest.height - strip, ..rest }, below(rest, rest.height - strip))
    } else {
        (rest, Rect { height: 0, ..rest })
    };
    let longest = model.state.targets.iter().map(|t| text::width(t.target.container.as_str())).max().unwrap_or(0);
    let architectures = columns(model).len() as u16;
    let name_width = (longest as u16 + 4).clamp(13, 30).min(table.width / 3);
    let cell = ((table.width - name_width) / architectures.max(1)).min(24);
    let cell = if cell < 12 { 12 } else { cell };
    let name = Rect { width: name_width, ..table };
    let mut x = table.x + name_width;
    let mut cells = Vec::new();
    for _ in 0..architectures {
        // Whole columns only: half a cell says nothing.
        if x + cell > table.right() && !cells.is_empty() {
            break;
        }
        cells.push(Rect { x, width: cell.min(table.right().saturating_sub(x)), ..table });
        x += cell;
    }
    let packages = Rect { x: (x + 1).min(table.right()), width: table.right().saturating_sub(x + 2), ..table };
    let packages = if packages.width < 16 { Rect { width: 0, ..packages } } else { packages };
    Areas { table, name, columns: cells, packages, detail, filter }
}

/// ```text
///   CONTAINER     x86_64                  aarch64                 PACKAGES
/// ▌ fd            ✓ verified   24.1 MiB   ⠙ segments      62 %    fd-find
///   jq            ✓ verified   25.0 MiB   ! wrong arch 25.1 MiB   jq
/// ╭─ fd · x86_64 ────────────────────────────────────────────────────────╮
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, body: Rect) {
    if model.state.targets.is_empty() {
        return view_nothing(model, canvas, body);
    }
    let areas = areas(model, body);
    let rows = rows(model);
    view_filter(model, canvas, areas.filter, rows.len());
    view_head(model, canvas, &areas);
    if rows.is_empty() {
        let said = format!("No container is like “{}”. esc clears the filter.", model.images.filter.value());
        canvas.text(right_of(row(areas.table, 2), 2), &said, Meaning::Muted);
        return;
    }
    let cursor = model.images.row.min(rows.len() - 1);
    let visible = window(cursor, rows.len(), usize::from(areas.table.height.saturating_sub(1)));
    for (line, index) in visible.clone().enumerate() {
        view_row(model, canvas, &areas, &rows[index], line + 1, index == cursor);
    }
    scrollbar(canvas, below(areas.table, 1), &visible, rows.len());
    if !areas.detail.is_empty() {
        detail::view(model, canvas, areas.detail);
    }
}

fn view_filter(model: &Model, canvas: &mut Canvas<'_>, area: Rect, found: usize) {
    if area.is_empty() {
        return;
    }
    let label = canvas.text(right_of(area, 2), "filter ", Meaning::Accent);
    draw_input(canvas, right_of(area, 2 + label), &model.images.filter, "a name or a package", model.images.filtering);
    canvas.aligned(Rect { width: area.width.saturating_sub(2), ..area }, &text::count(found, "container"), Meaning::Muted, Align::Right);
}

fn view_head(model: &Model, canvas: &mut Canvas<'_>, areas: &Areas) {
    let marked = model.images.marked.len();
    let head = if marked > 0 { format!("{marked} marked") } else { "CONTAINER".to_owned() };
    canvas.text(right_of(row(areas.name, 0), 2), &head, if marked > 0 { Meaning::Accent } else { Meaning::Muted });
    for (area, architecture) in areas.columns.iter().zip(columns(model)) {
        canvas.text(right_of(row(*area, 0), 1), architecture.name(), Meaning::Muted);
    }
    canvas.text(row(areas.packages, 0), "PACKAGES", Meaning::Muted);
    let hidden = columns(model).len().saturating_sub(areas.columns.len());
    if hidden > 0 {
        canvas.aligned(row(areas.table, 0), &format!("+{hidden}"), Meaning::Muted, Align::Right);
    }
}

fn view_row(model: &Model, canvas: &mut Canvas<'_>, areas: &Areas, item: &Row<'_>, line: usize, here: bool) {
    let name = row(areas.name, line);
    let whole = here && model.images.column == 0;
    if whole {
        canvas.select(Rect { width: name.width.saturating_sub(2), ..right_of(name, 1) });
    }
    if here {
        let gutter = canvas.glyph(Glyph::Gutter);
        canvas.text(name, gutter, Meaning::Accent);
    }
    let label = Rect { width: name.width.saturating_sub(4), ..right_of(name, 2) };
    canvas.text(label, item.container.as_str(), if here { Meaning::Title } else { Meaning::Text });
    for (i, (area, architecture)) in areas.columns.iter().zip(columns(model)).enumerate() {
        view_cell(model, canvas, row(*area, line), item, architecture, here && model.images.column == i + 1);
    }
    if let Some(first) = item.targets.first() {
        canvas.text(row(areas.packages, line), &first.packages.join(" "), Meaning::Muted);
    }
}

fn view_cell(model: &Model, canvas: &mut Canvas<'_>, area: Rect, item: &Row<'_>, architecture: Architecture, here: bool) {
    if area.is_empty() {
        return;
    }
    let inside = Rect { width: area.width.saturating_sub(3), ..right_of(area, 1) };
    let Some(summary) = item.target(architecture) else {
        canvas.text(inside, canvas.glyph(Glyph::Never), Meaning::Border);
        return;
    };
    let status = status::of(model, &summary.target);
    let style = canvas.style(status.meaning);
    let word = format!("{} {}", status.symbol(model), status.word);
    let taken = usize::from(canvas.spans(inside, &[(&word, style)]));
    if !status.detail.is_empty() && taken + 1 + text::width(&status.detail) <= usize::from(inside.width) {
        canvas.aligned(inside, &status.detail, Meaning::Muted, Align::Right);
    }
    if here {
        canvas.select(Rect { width: area.width.saturating_sub(1), ..area });
    }
    if model.images.marked.contains(&summary.target) {
        canvas.text(Rect { width: 1, ..area }, canvas.glyph(Glyph::Marked), Meaning::Accent);
    }
}

/// Nothing to show yet: why, and what to do.
fn view_nothing(model: &Model, canvas: &mut Canvas<'_>, body: Rect) {
    if let Some(failure) = &model.catalog_failure {
        let hint = failure.hint.as_deref().unwrap_or("mend it and press R");
        let width = body.width.saturating_sub(4).min(100);
        let text_width = usize::from(width.saturating_sub(4)).max(2);
        let lines = text::wrap(&failure.message, text_width).len() + text::wrap(hint, text_width).len();
        let inside = modal(canvas, width, lines as u16 + 6, "containers.toml cannot be used", "");
        let used = canvas.paragraph(below(inside, 1), &failure.message, Meaning::Failure);
        let used = used + 2 + canvas.paragraph(below(inside, used + 2), hint, Meaning::Text);
        canvas.text(row(inside, usize::from(used) + 1), "R reads it again   q quits", Meaning::Muted);
        return;
    }
    let middle = below(body, body.height / 3);
    if model.state.catalog.is_some() {
        canvas.aligned(row(middle, 0), "No container is defined yet.", Meaning::Title, Align::Center);
        canvas.aligned(row(middle, 1), "catamaran add rg ripgrep   defines one; then R", Meaning::Muted, Align::Center);
    } else if model.awaits(|r| *r == Request::Catalog) || model.is_running() {
        let said = format!("{} reading containers.toml", model.theme.turning(model.now));
        canvas.aligned(row(middle, 0), &said, Meaning::Muted, Align::Center);
    } else {
        canvas.aligned(row(middle, 0), "No containers.toml was read. R reads it.", Meaning::Muted, Align::Center);
    }
}
