//! Draws the heading, the views' tabs, and the grid they share: a label, then a column per architecture.

use ratatui::layout::Rect;

use super::state::{Column, Subject, Tab, chosen, columns};
use super::{checks, compare, facts, files, layers, packages, tree_view};
use crate::tui::action::Action;
use crate::tui::hint::{centered, key};
use crate::tui::model::Model;
use crate::tui::msg::Request;
use crate::tui::spot::Spot;
use crate::tui::status;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Align, Canvas, below, draw_input, right_of, row};

/// A label column and one column per architecture.
pub struct Grid {
    area: Rect,
    label: u16,
    columns: u16,
}

impl Grid {
    /// Divides `area`; the label takes at most a third.
    pub fn new(area: Rect, label: u16, columns: usize) -> Self {
        Grid { area, label: (label + 2).min(area.width / 3), columns: (columns as u16).max(1) }
    }

    /// Column `index` of line `line`.
    pub fn cell(&self, index: usize, line: usize) -> Rect {
        let rest = right_of(self.area, self.label);
        let width = rest.width / self.columns;
        let x = (width * index as u16).min(rest.width);
        let line = row(rest, line);
        Rect { x: line.x + x, width: width.saturating_sub(2).min(rest.width - x), ..line }
    }

    /// All of line `line`.
    pub fn line(&self, line: usize) -> Rect {
        row(self.area, line)
    }

    /// Draws a line's label.
    pub fn label(&self, canvas: &mut Canvas<'_>, line: usize, label: &str, meaning: Meaning) {
        let area = Rect { width: self.label.saturating_sub(1), ..row(self.area, line) };
        canvas.text(right_of(area, 2), label, meaning);
    }

    /// Draws the heads of the columns; the one with the cursor stands out.
    pub fn head(&self, model: &Model, canvas: &mut Canvas<'_>, label: &str) {
        self.label(canvas, 0, label, Meaning::Muted);
        for (i, column) in columns(model).iter().enumerate() {
            let here = i == model.inspect.column;
            canvas.text(self.cell(i, 0), &column.label, if here { Meaning::Accent } else { Meaning::Title });
            canvas.spot(self.cell(i, 0), Spot::Architecture(i));
        }
    }

    /// Notes for the mouse that line `line` is row `index` of the list, and which architecture is where in it.
    pub fn spots(&self, canvas: &mut Canvas<'_>, line: usize, index: usize) {
        canvas.spot(self.line(line), Spot::Row(index));
        for i in 0..self.columns {
            canvas.spot(self.cell(usize::from(i), line), Spot::Cell(index, usize::from(i)));
        }
    }
}

/// Names the architectures in one line, for views that show one of them at a time; says where the line is free again.
pub fn view_architectures(model: &Model, canvas: &mut Canvas<'_>, line: Rect, columns: &[Column<'_>]) -> u16 {
    let chosen = chosen(model, columns);
    let mut x = 2;
    for (i, column) in columns.iter().enumerate() {
        let place = right_of(line, x);
        let width = canvas.text(place, &column.label, if i == chosen { Meaning::Accent } else { Meaning::Muted });
        canvas.spot(Rect { width, ..place }, Spot::Architecture(i));
        x += width + 2;
    }
    x
}

/// Marks the line of the cursor; quietly, because the columns' colours are what there is to see.
pub fn view_cursor(canvas: &mut Canvas<'_>, line: Rect) {
    canvas.text(Rect { width: line.width.min(1), ..line }, canvas.glyph(Glyph::Gutter), Meaning::Accent);
    if !canvas.theme.selection_is_reversed() {
        canvas.select(line);
    }
}

/// ```text
///  fd    Overview  Config  Layers  Packages  Files  Checks  Compare             ✗ wrong arch on aarch64
/// ────────────────────────────────────────────────────────────────────────────────────
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, body: Rect) {
    let Some(subject) = &model.inspect.subject else {
        let middle = below(body, body.height / 3);
        canvas.aligned(row(middle, 0), "Nothing to look at yet.", Meaning::Title, Align::Center);
        centered(model, canvas, row(middle, 1), &[(Action::Palette, "then  inspect HOST/REPO:TAG  looks into any image")]);
        return;
    };
    view_heading(model, canvas, row(body, 0), subject);
    let area = below(body, if body.height >= 14 { 2 } else { 1 });
    if let Some(said) = nothing_to_see(model, subject) {
        let middle = below(area, area.height / 4);
        for (i, (line, meaning)) in said.iter().enumerate() {
            canvas.aligned(row(middle, i), line, *meaning, Align::Center);
        }
        return;
    }
    let searching = model.inspect.searching || !model.inspect.search.value().is_empty();
    let searchable = matches!(model.inspect.tab, Tab::Config | Tab::Packages | Tab::Files | Tab::Compare);
    let area = if searching && searchable && area.height > 3 {
        let line = row(area, usize::from(area.height) - 1);
        let label = canvas.text(right_of(line, 2), "/ ", Meaning::Accent);
        draw_input(canvas, right_of(line, 2 + label), &model.inspect.search, "search", model.inspect.searching);
        Rect { height: area.height - 1, ..area }
    } else {
        area
    };
    match model.inspect.tab {
        Tab::Overview => facts::view(model, canvas, area),
        Tab::Config => tree_view::view(model, canvas, area),
        Tab::Layers => layers::view(model, canvas, area),
        Tab::Packages => packages::view(model, canvas, area),
        Tab::Files => files::view(model, canvas, area),
        Tab::Checks => checks::view(model, canvas, area),
        Tab::Compare => compare::view(model, canvas, area),
    }
}

/// The heading's name, and where each view's title is on the line `area`: narrow terminals have the one in front only.
fn heading(model: &Model, area: Rect, subject: &Subject) -> (String, Vec<(Tab, Rect)>) {
    let name = match subject {
        Subject::Container(name) => name.to_string(),
        Subject::Reference(reference) => reference.clone(),
    };
    let tabs: usize = Tab::ALL.iter().map(|t| t.title().len() + 2).sum();
    let narrow = usize::from(area.width) < tabs + 14;
    let room = usize::from(area.width).saturating_sub(if narrow { 14 } else { tabs + 6 });
    let name = text::elide_middle(&name, room, model.theme.glyph(Glyph::Ellipsis)).into_owned();
    let mut x = 4 + text::width(&name) as u16;
    let mut places = Vec::new();
    for tab in Tab::ALL.into_iter().filter(|tab| !narrow || *tab == model.inspect.tab) {
        let place = Rect { width: tab.title().len() as u16 + 2, ..right_of(area, x) };
        x += place.width;
        places.push((tab, place.intersection(area)));
    }
    (name, places)
}

fn view_heading(model: &Model, canvas: &mut Canvas<'_>, area: Rect, subject: &Subject) {
    let (name, places) = heading(model, area, subject);
    canvas.text(right_of(area, 1), &name, Meaning::Title);
    let mut end = area.x;
    for (tab, place) in places {
        let here = tab == model.inspect.tab;
        let title = if here { format!("[{}]", tab.title()) } else { format!(" {} ", tab.title()) };
        canvas.text(place, &title, if here { Meaning::Accent } else { Meaning::Muted });
        canvas.spot(place, Spot::View(tab));
        end = place.right();
    }
    let note = if model.inspect.only_differences { "differences only" } else { "" };
    let rest = right_of(area, end.saturating_sub(area.x) + 1);
    let rest = Rect { width: rest.width.saturating_sub(1), ..rest };
    if text::width(note) < usize::from(rest.width) {
        canvas.aligned(rest, note, Meaning::Changed, Align::Right);
    }
}

/// When there is no image to show: why, and what to do.
fn nothing_to_see(model: &Model, subject: &Subject) -> Option<Vec<(String, Meaning)>> {
    let columns = columns(model);
    let built =
        columns.iter().any(|c| c.target.as_ref().and_then(|t| model.state.target(t)).is_some_and(|t| status::image(&t.state).is_some()));
    if columns.iter().any(|c| c.inspection.is_some() || c.report.is_some()) {
        return None;
    }
    let failure = match subject {
        Subject::Reference(name) => model.inspect.failures.get(name),
        Subject::Container(_) => columns.iter().find_map(|c| model.inspect.failures.get(&c.name)),
    };
    if let Some(failure) = failure {
        let hint = failure.hint.clone().unwrap_or_default();
        return Some(vec![(text::printable(&failure.message).into_owned(), Meaning::Failure), (hint, Meaning::Text)]);
    }
    if let Subject::Container(name) = subject
        && !built
    {
        return Some(vec![
            (format!("{name} is not built yet."), Meaning::Title),
            (format!("{} builds it for every architecture", key(model, Action::Build)), Meaning::Muted),
        ]);
    }
    let waiting = model.awaits(|r| matches!(r, Request::Inspect(_) | Request::Verify(_)));
    let word = if waiting { format!("{} reading the image", model.theme.turning(model.now)) } else { "not read yet".into() };
    Some(vec![(word, Meaning::Muted)])
}
