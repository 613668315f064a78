//! Draws the matrix.

use ratatui::layout::Rect;

use super::state::{Row, Sort, columns, rows};
use super::{beside, detail};
use crate::catalog::Architecture;
use crate::session::Failure;
use crate::tui::action::Action;
use crate::tui::hint::{centered, hints, key};
use crate::tui::model::Model;
use crate::tui::msg::Request;
use crate::tui::spot::Spot;
use crate::tui::status;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Align, Canvas, below, draw_input, panel, right_of, row, scrollbar, window};
use crate::verify::Check;

/// Columns and lines of the table's part of a screen on which there is room for a third column: 200x50 with tabs and footer.
const LARGE: (u16, u16) = (200, 44);
/// Lines that what the cursor is on is worth, beside the table.
const DETAIL: u16 = 20;

/// Where things are.
pub struct Areas {
    /// Head line and rows.
    pub table: Rect,
    /// The names.
    pub name: Rect,
    /// One per visible architecture.
    pub columns: Vec<Rect>,
    /// The first visible architecture: the cursor's is always among them.
    pub first_column: usize,
    /// What was published last; empty when nothing was.
    pub published: Rect,
    /// What is in it; empty when there is no room.
    pub packages: Rect,
    /// What the cursor is on; empty when there is no room.
    pub detail: Rect,
    /// Its checks; empty when there is no room.
    pub checks: Rect,
    /// What has happened lately; empty when there is no room.
    pub lately: Rect,
    /// The line of the filter; empty when there is none.
    pub filter: Rect,
    /// Why the catalog could not be read again; empty when it could.
    pub problem: Rect,
}

/// Divides `body`: in three columns on a large screen; detail beside the table when wide, below it when high enough; columns drop from the
/// right.
pub fn areas(model: &Model, body: Rect) -> Areas {
    let filtering = model.images.filtering || !model.images.filter.value().is_empty();
    let filter = Rect { height: u16::from(filtering).min(body.height), ..body };
    let rest = below(body, filter.height);
    // Half of the screen at most: what was read before is still there to be worked with.
    let problem = match &model.catalog_failure {
        Some(failure) => (problem_lines(failure, rest.width).len() as u16 + 2).min(rest.height / 2),
        None => 0,
    };
    let problem = below(rest, rest.height - problem);
    let rest = Rect { height: rest.height - problem.height, ..rest };
    let nothing = Rect { height: 0, ..rest };
    let (mut checks, mut lately) = (nothing, nothing);
    let (table, detail) = if rest.width >= 140 {
        let large = rest.width >= LARGE.0 && rest.height >= LARGE.1;
        let third = if large { (rest.width / 4).clamp(50, 80) + 1 } else { 0 };
        lately = Rect { height: if large { rest.height } else { 0 }, ..right_of(rest, rest.width - third + u16::from(large)) };
        let rest = Rect { width: rest.width - third, ..rest };
        let side = (rest.width / 3).clamp(50, 72);
        let side_column = right_of(rest, rest.width - side);
        let detail = Rect { height: rest.height.min(DETAIL), ..side_column };
        if large {
            let most = Check::ALL.len() as u16 + 2;
            checks = below(side_column, detail.height);
            checks.height = checks.height.min(most);
        }
        (Rect { width: rest.width - side - 1, ..rest }, detail)
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
    let published = Rect { x: (x + 1).min(table.right()), width: table.right().saturating_sub(x + 2).min(16), ..table };
    let published = if model.state.published.is_empty() || published.width < 12 { Rect { width: 0, ..published } } else { published };
    x += published.width + u16::from(published.width > 0);
    let packages = Rect { x: (x + 1).min(table.right()), width: table.right().saturating_sub(x + 2), ..table };
    let packages = if packages.width < 16 { Rect { width: 0, ..packages } } else { packages };
    let first_column = model.images.column.saturating_sub(cells.len()).min(usize::from(architectures).saturating_sub(cells.len()));
    Areas { table, name, columns: cells, first_column, published, packages, detail, checks, lately, filter, problem }
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
    if let Some(failure) = &model.catalog_failure {
        view_problem(model, canvas, areas.problem, failure);
    }
    view_head(model, canvas, &areas);
    if rows.is_empty() {
        let said = format!("No container is like “{}”.", model.images.filter.value());
        canvas.text(right_of(row(areas.table, 2), 2), &said, Meaning::Muted);
        hints(model, canvas, right_of(row(areas.table, 3), 2), &[(Action::Back, "clears the filter")]);
        return;
    }
    let cursor = model.images.row.min(rows.len() - 1);
    let visible = window(cursor, rows.len(), usize::from(areas.table.height.saturating_sub(1)));
    for (line, index) in visible.clone().enumerate() {
        view_row(model, canvas, &areas, &rows[index], line + 1, index == cursor);
        canvas.spot(row(areas.table, line + 1), Spot::Cell(index, 0));
        for (i, column) in areas.columns.iter().enumerate() {
            canvas.spot(row(*column, line + 1), Spot::Cell(index, areas.first_column + i + 1));
        }
    }
    scrollbar(canvas, below(areas.table, 1), &visible, rows.len());
    if !areas.detail.is_empty() {
        detail::view(model, canvas, areas.detail);
    }
    if !areas.checks.is_empty() {
        beside::view_checks(model, canvas, areas.checks);
    }
    if !areas.lately.is_empty() {
        beside::view_lately(model, canvas, areas.lately);
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
    let head = match (marked, model.images.sort) {
        (0, Sort::File) => "CONTAINER".to_owned(),
        (0, sort) => sort.word().to_owned(),
        (marked, _) => format!("{marked} marked"),
    };
    canvas.text(right_of(row(areas.name, 0), 2), &head, if marked > 0 { Meaning::Accent } else { Meaning::Muted });
    for (area, architecture) in areas.columns.iter().zip(columns(model).into_iter().skip(areas.first_column)) {
        canvas.text(right_of(row(*area, 0), 1), architecture.name(), Meaning::Muted);
    }
    canvas.text(row(areas.published, 0), "PUBLISHED", Meaning::Muted);
    canvas.text(row(areas.packages, 0), "PACKAGES", Meaning::Muted);
    let before = areas.first_column;
    let after = columns(model).len().saturating_sub(before + areas.columns.len());
    if before + after > 0 {
        let parts = [(before, format!("-{before}")), (after, format!("+{after}"))];
        let said = parts.into_iter().filter(|(n, _)| *n > 0).map(|(_, said)| said).collect::<Vec<_>>().join(" ");
        canvas.aligned(row(areas.table, 0), &said, Meaning::Muted, Align::Right);
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
    for (i, architecture) in columns(model).into_iter().enumerate().skip(areas.first_column).take(areas.columns.len()) {
        let area = row(areas.columns[i - areas.first_column], line);
        view_cell(model, canvas, area, item, architecture, here && model.images.column == i + 1);
    }
    if let Some(last) = model.state.published.get(item.container) {
        let place = row(areas.published, line);
        let age = text::age(last.age);
        let room = Rect { width: place.width.saturating_sub(text::width(&age) as u16 + 2), ..place };
        canvas.text(room, &text::printable(&last.version), Meaning::Text);
        canvas.aligned(Rect { width: place.width.saturating_sub(1), ..place }, &age, Meaning::Muted, Align::Right);
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
    let both = format!("{} {}", status.detail, status.left);
    // What is left goes before how far it is, when both have no room.
    let mut numbers = [both.trim(), status.left.as_str(), status.detail.as_str()].into_iter();
    if let Some(number) = numbers.find(|n| !n.is_empty() && taken + 1 + text::width(n) <= usize::from(inside.width)) {
        canvas.aligned(inside, number, Meaning::Muted, Align::Right);
    }
    if here {
        canvas.select(Rect { width: area.width.saturating_sub(1), ..area });
    }
    if model.images.marked.contains(&summary.target) {
        canvas.text(Rect { width: 1, ..area }, canvas.glyph(Glyph::Marked), Meaning::Accent);
    }
}

const CATALOG_PROBLEM: &str = "containers.toml cannot be used";

/// What is wrong with the catalog and what to do, as lines for a panel of `width` columns.
fn problem_lines(failure: &Failure, width: u16) -> Vec<(String, Meaning)> {
    let width = usize::from(width.saturating_sub(5)).max(2);
    let wrapped = |value: &str, meaning| -> Vec<_> {
        let lines = value.lines().map(|l| text::printable(l).into_owned());
        lines.flat_map(|l| text::wrap(&l, width).into_iter().map(|p| (p.to_owned(), meaning)).collect::<Vec<_>>()).collect()
    };
    let mut lines = wrapped(&failure.message, Meaning::Failure);
    lines.extend(wrapped(failure.hint.as_deref().unwrap_or("mend it and press R"), Meaning::Text));
    lines
}

/// How far what is wrong with the catalog can be scrolled when there is nothing else to see.
pub fn problem_scroll(model: &Model) -> usize {
    let body = model.body();
    let lines = model.catalog_failure.as_ref().map_or(0, |f| problem_lines(f, body.width.saturating_sub(4).min(100)).len());
    lines.saturating_sub(usize::from(body.height.saturating_sub(4)))
}

fn view_lines(canvas: &mut Canvas<'_>, area: Rect, lines: &[(String, Meaning)], scroll: usize) {
    let height = usize::from(area.height);
    let first = scroll.min(lines.len().saturating_sub(height));
    let text = Rect { width: area.width.saturating_sub(1), ..area };
    for (i, (line, meaning)) in lines.iter().skip(first).take(height).enumerate() {
        canvas.text(row(text, i), line, *meaning);
    }
    scrollbar(canvas, area, &(first..(first + height).min(lines.len())), lines.len());
}

/// The catalog was changed and cannot be read any more: it stands here until it can.
fn view_problem(model: &Model, canvas: &mut Canvas<'_>, area: Rect, failure: &Failure) {
    let note = format!("shown: as it was read before   {} reads it again", key(model, Action::Reload));
    let inside = panel(canvas, area, CATALOG_PROBLEM, &note, false);
    let inside = Rect { width: inside.width.saturating_sub(2), ..right_of(inside, 1) };
    view_lines(canvas, inside, &problem_lines(failure, area.width), 0);
}

/// Nothing to show yet: why, and what to do.
fn view_nothing(model: &Model, canvas: &mut Canvas<'_>, body: Rect) {
    if let Some(failure) = &model.catalog_failure {
        let width = body.width.saturating_sub(4).min(100);
        let lines = problem_lines(failure, width);
        // Tabs and footer stay in sight.
        let height = (lines.len() as u16).saturating_add(4).min(body.height);
        let place = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 3, width, height };
        let title = if model.begin.is_some() { "no containers.toml here" } else { CATALOG_PROBLEM };
        let inside = panel(canvas, place, title, "", true);
        let inside = Rect { width: inside.width.saturating_sub(2), ..right_of(inside, 1) };
        let text = Rect { height: inside.height.saturating_sub(2), ..inside };
        view_lines(canvas, text, &lines, model.images.scroll);
        let foot = row(inside, usize::from(inside.height.saturating_sub(1)));
        let (begin, again) = ([(Action::Open, "begins one here"), (Action::Reload, "looks again")], [(Action::Reload, "reads it again")]);
        let words = if model.begin.is_some() { &begin[..] } else { &again[..] };
        hints(model, canvas, foot, &[words, &[(Action::Quit, "quits")]].concat());
        return;
    }
    let middle = below(body, body.height / 3);
    if model.state.catalog.is_some() {
        canvas.aligned(row(middle, 0), "No container is defined yet.", Meaning::Title, Align::Center);
        canvas.aligned(
            row(middle, 1),
            "`catamaran add NAME` defines one, or a [containers.NAME] table with packages",
            Meaning::Muted,
            Align::Center,
        );
        centered(model, canvas, row(middle, 2), &[(Action::Edit, "opens the file"), (Action::Reload, "reads it again")]);
    } else if model.awaits(|r| *r == Request::Catalog) || model.is_running() {
        let said = format!("{} reading containers.toml", model.theme.turning(model.now));
        canvas.aligned(row(middle, 0), &said, Meaning::Muted, Align::Center);
    } else {
        canvas.aligned(row(middle, 0), "No containers.toml was read.", Meaning::Muted, Align::Center);
        centered(model, canvas, row(middle, 1), &[(Action::Reload, "reads it")]);
    }
}
