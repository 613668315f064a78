//! Where the cursor is, what is marked, what the filter leaves.

use std::collections::BTreeSet;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::layout::Position;
use tui_input::Input;

use super::view;
use crate::catalog::{Architecture, ContainerName, Target};
use crate::session::{Command, TargetSummary};
use crate::tui::action::Action;
use crate::tui::model::{Model, Screen};
use crate::tui::msg::{Effect, Level};
use crate::tui::spot::Spot;
use crate::tui::status;
use crate::tui::theme::Glyph;
use crate::tui::update::show;

/// The order of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// As in the file.
    #[default]
    File,
    /// By name.
    Name,
    /// What needs somebody first: failed, wrong, at work, stale, not built.
    State,
    /// The largest first.
    Size,
}

impl Sort {
    /// The order after this one, and around.
    const fn next(self) -> Self {
        match self {
            Sort::File => Sort::Name,
            Sort::Name => Sort::State,
            Sort::State => Sort::Size,
            Sort::Size => Sort::File,
        }
    }

    /// Its name, as the head of the table and messages have it.
    pub const fn word(self) -> &'static str {
        match self {
            Sort::File => "as in the file",
            Sort::Name => "by name",
            Sort::State => "by state",
            Sort::Size => "by size",
        }
    }
}

/// The Images screen's own state.
#[derive(Clone, Debug, Default)]
pub struct Images {
    /// The row the cursor is on.
    pub row: usize,
    /// The column: 0 is the name (all architectures), then the architectures.
    pub column: usize,
    /// Marked targets.
    pub marked: BTreeSet<Target>,
    /// What the list is filtered by.
    pub filter: Input,
    /// Whether the filter is being typed.
    pub filtering: bool,
    /// In which order the rows are.
    pub sort: Sort,
    /// First visible line of what is wrong with the catalog, when there is nothing else to see.
    pub scroll: usize,
}

/// One row: a container and its targets.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// Which container.
    pub container: &'a ContainerName,
    /// Its targets, in file order.
    pub targets: Vec<&'a TargetSummary>,
}

impl<'a> Row<'a> {
    /// Its target for `architecture`.
    pub fn target(&self, architecture: Architecture) -> Option<&'a TargetSummary> {
        self.targets.iter().find(|t| t.target.architecture == architecture).copied()
    }
}

/// The rows the filter leaves: in file order, or by likeness while there is a filter.
pub fn rows(model: &Model) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for summary in &model.state.targets {
        match rows.iter_mut().find(|r| *r.container == summary.target.container) {
            Some(row) => row.targets.push(summary),
            None => rows.push(Row { container: &summary.target.container, targets: vec![summary] }),
        }
    }
    match model.images.sort {
        Sort::File => {}
        Sort::Name => rows.sort_by_key(|row| row.container.as_str()),
        Sort::State => rows.sort_by_cached_key(|row| row.targets.iter().map(|t| urgency(model, &t.target)).min()),
        Sort::Size => {
            let size = |row: &Row<'_>| row.targets.iter().filter_map(|t| status::image(&t.state)).map(|image| image.size).sum::<u64>();
            rows.sort_by_cached_key(|row| std::cmp::Reverse(size(row)));
        }
    }
    let filter = model.images.filter.value().trim();
    if filter.is_empty() {
        return rows;
    }
    let pattern = Pattern::parse(filter, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, Row<'_>)> = rows
        .into_iter()
        .filter_map(|row| {
            // A hit in the name counts twice: people type names first, packages second.
            let name = pattern.score(Utf32Str::new(row.container.as_str(), &mut buffer), &mut matcher).map(|s| s * 2);
            let packages = row.targets.first().map(|t| t.packages.join(" ")).unwrap_or_default();
            let package = pattern.score(Utf32Str::new(&packages, &mut buffer), &mut matcher);
            Some((name.max(package)?, row))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, row)| row).collect()
}

/// How soon somebody should look at `target`, soonest first.
fn urgency(model: &Model, target: &Target) -> u8 {
    match status::of(model, target).glyph {
        Glyph::Fail => 0,
        Glyph::Warn => 1,
        Glyph::Running | Glyph::Queued => 2,
        Glyph::Cancelled | Glyph::Stale => 3,
        Glyph::Never => 4,
        _ => 5,
    }
}

/// The architectures there are, in display order.
pub fn columns(model: &Model) -> Vec<Architecture> {
    let all: BTreeSet<Architecture> = model.state.targets.iter().map(|t| t.target.architecture).collect();
    all.into_iter().collect()
}

/// Brings the cursor back into the list.
pub fn clamp(model: &mut Model) {
    let (rows, columns) = (rows(model).len(), columns(model).len());
    model.images.row = model.images.row.min(rows.saturating_sub(1));
    model.images.column = model.images.column.min(columns);
}

/// What the cursor is on: a container's targets, or one of them.
pub fn under_cursor(model: &Model) -> Vec<Target> {
    let rows = rows(model);
    let Some(row) = rows.get(model.images.row.min(rows.len().saturating_sub(1))) else { return Vec::new() };
    match model.images.column.checked_sub(1).and_then(|c| columns(model).get(c).copied()) {
        Some(architecture) => row.target(architecture).map(|t| t.target.clone()).into_iter().collect(),
        None => row.targets.iter().map(|t| t.target.clone()).collect(),
    }
}

/// What is marked, else what the cursor is on; in file order.
pub fn selection(model: &Model) -> Vec<Target> {
    if model.images.marked.is_empty() {
        return under_cursor(model);
    }
    model.state.targets.iter().map(|t| &t.target).filter(|t| model.images.marked.contains(t)).cloned().collect()
}

/// Does what `action` means here.
pub fn act(model: &mut Model, action: Action) -> Vec<Command> {
    clamp(model);
    if model.state.targets.is_empty() {
        scroll(model, action);
    }
    let len = rows(model).len();
    let last = len.saturating_sub(1);
    let page = usize::from(model.body().height).saturating_sub(4).max(1);
    match action {
        Action::Up => model.images.row = model.images.row.saturating_sub(1),
        Action::Down => model.images.row = (model.images.row + 1).min(last),
        Action::PageUp => model.images.row = model.images.row.saturating_sub(page),
        Action::PageDown => model.images.row = (model.images.row + page).min(last),
        Action::Top => model.images.row = 0,
        Action::Bottom => model.images.row = last,
        Action::Left | Action::FocusPrevious => model.images.column = model.images.column.saturating_sub(1),
        Action::Right | Action::FocusNext => model.images.column = (model.images.column + 1).min(columns(model).len()),
        Action::Filter => model.images.filtering = true,
        Action::Sort => {
            // The cursor stays on its container, wherever that goes.
            let here = rows(model).get(model.images.row).map(|row| row.container.clone());
            model.images.sort = model.images.sort.next();
            let there = rows(model).iter().position(|row| Some(row.container) == here.as_ref());
            model.images.row = there.unwrap_or(0);
            model.say(Level::Info, format!("sorted {}", model.images.sort.word()));
        }
        Action::Back => {
            if model.images.filtering || !model.images.filter.value().is_empty() {
                model.images.filtering = false;
                model.images.filter.reset();
            } else {
                model.images.marked.clear();
            }
        }
        Action::Open if model.images.filtering => model.images.filtering = false,
        Action::Open if model.state.targets.is_empty() => model.effects.extend(model.begin.clone().map(Effect::Begin)),
        Action::Open => {
            if let Some(target) = under_cursor(model).into_iter().next() {
                // A failed or running build is best looked at where its log is.
                if model.state.builds.get(&target).is_some_and(|b| b.image().is_none()) {
                    super::super::builds::select(model, &target);
                    return show(model, Screen::Builds);
                }
                super::super::inspect::look_at(model, target.container);
                return show(model, Screen::Inspect);
            }
        }
        Action::Mark => {
            let here = under_cursor(model);
            let all = here.iter().all(|t| model.images.marked.contains(t));
            for target in here {
                if all {
                    model.images.marked.remove(&target);
                } else {
                    model.images.marked.insert(target);
                }
            }
            model.images.row = (model.images.row + 1).min(last);
        }
        Action::MarkAll => {
            let visible: BTreeSet<Target> = rows(model).iter().flat_map(|r| &r.targets).map(|t| t.target.clone()).collect();
            if visible.is_subset(&model.images.marked) {
                model.images.marked.clear();
            } else {
                model.images.marked.extend(visible);
            }
        }
        Action::Copy => {
            let what: Vec<String> = selection(model).iter().map(ToString::to_string).collect();
            if what.is_empty() {
                model.say(Level::Info, "nothing to copy here");
            } else {
                model.effects.push(Effect::Copy { what: what.join(", "), text: what.join("\n") });
            }
        }
        _ => {}
    }
    Vec::new()
}

/// Scrolls what is wrong with the catalog.
fn scroll(model: &mut Model, action: Action) {
    let (last, at) = (view::problem_scroll(model), model.images.scroll);
    model.images.scroll = match action {
        Action::Up => at.saturating_sub(1),
        Action::PageUp => at.saturating_sub(10),
        Action::Down => at + 1,
        Action::PageDown => at + 10,
        Action::Top => 0,
        Action::Bottom => last,
        _ => at,
    }
    .min(last);
}

/// The mouse was clicked on `spot`: the cursor goes there.
pub fn click(model: &mut Model, spot: Spot) -> Vec<Command> {
    if let Spot::Cell(row, column) = spot {
        model.images.filtering = false;
        (model.images.row, model.images.column) = (row, column);
    }
    Vec::new()
}

/// Whether there is no row that could have the cursor.
pub fn is_empty(model: &Model) -> bool {
    rows(model).is_empty()
}

/// Whether what can be scrolled is at `at`.
pub fn is_over_list(model: &Model, at: Position) -> bool {
    model.state.targets.is_empty() || view::areas(model, model.body()).table.contains(at)
}
