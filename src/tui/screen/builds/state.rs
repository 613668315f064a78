//! Which tasks there are, which one is looked at, and where in its log.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use ratatui::layout::Position;
use tui_input::Input;

use super::view;
use crate::catalog::Target;
use crate::session::{Command, Outcome, Phase, Run, RunEnd, RunId};
use crate::tui::action::Action;
use crate::tui::model::{Model, Screen};
use crate::tui::msg::{Effect, Level};
use crate::tui::text;
use crate::tui::update::{build, show};
use crate::tui::widget::{LogView, find_in_log, window};

/// Something with a log: a target's build, or a run's own work (lock, plan).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// Work of a run that belongs to no target.
    Run(RunId),
    /// A target's build.
    Target(Target),
}

/// How many logs are visible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// One.
    #[default]
    Focus,
    /// Two.
    Two,
    /// Four.
    Four,
}

impl Layout {
    /// How many logs.
    pub const fn panes(self) -> usize {
        match self {
            Layout::Focus => 1,
            Layout::Two => 2,
            Layout::Four => 4,
        }
    }
}

/// The Builds screen's own state.
#[derive(Clone, Debug, Default)]
pub struct Builds {
    /// The tasks as they are listed: rows never move while they are looked at.
    pub order: Vec<Task>,
    /// The one looked at.
    pub selected: Option<Task>,
    /// How many logs are visible.
    pub layout: Layout,
    /// The log has the whole screen.
    pub zoom: bool,
    /// Where in each log.
    pub views: BTreeMap<Task, LogView>,
    /// What is searched.
    pub search: Input,
    /// Whether the search is being typed.
    pub searching: bool,
    /// Which match of how many, from 1.
    pub found: (usize, usize),
    /// Failures that have been brought to the front once.
    shown_failures: BTreeSet<(Target, RunId)>,
}

static NO_LINES: VecDeque<String> = VecDeque::new();

/// The kept lines of a task, and how many came before them.
pub fn log<'a>(model: &'a Model, task: &Task) -> (&'a VecDeque<String>, u64) {
    match task {
        Task::Run(run) => (model.state.runs.get(run).map_or(&NO_LINES, |r| &r.lines), 0),
        Task::Target(target) => model.state.builds.get(target).map_or((&NO_LINES, 0), |b| (&b.lines, b.dropped_lines)),
    }
}

/// Takes new tasks into the list; sorts it (failed, running, queued, done) only while nobody looks.
pub fn arrange(model: &mut Model) {
    let runs = model.state.runs.iter().filter(|(_, run)| !run.lines.is_empty() || (run.phase.is_some() && run.is_running()));
    let runs: Vec<Task> = runs.map(|(id, _)| Task::Run(*id)).collect();
    let targets: Vec<Task> = model.state.builds.keys().cloned().map(Task::Target).collect();
    // What was only asked on the way (checks, plans, reading) leaves no trace when it ended well.
    let state = &model.state;
    let ended_well = |run: &Run| match run.end {
        Some(RunEnd::Finished { failed }) => run.lines.is_empty() || (failed == 0 && run.command != "build"),
        _ => false,
    };
    let gone = |task: &Task| match task {
        Task::Run(run) => state.runs.get(run).is_none_or(ended_well),
        Task::Target(_) => false,
    };
    let runs: Vec<Task> = runs.into_iter().filter(|task| !gone(task)).collect();
    let before = position(model);
    model.builds.order.retain(|task| !gone(task));
    if model.builds.selected.as_ref().is_some_and(gone) {
        let order = &model.builds.order;
        model.builds.selected = order.get(before.min(order.len().saturating_sub(1))).cloned();
    }
    let order = &mut model.builds.order;
    for task in runs.into_iter().chain(targets) {
        if !order.contains(&task) {
            order.push(task);
        }
    }
    if model.screen != Screen::Builds {
        let mut order = std::mem::take(&mut model.builds.order);
        order.sort_by_cached_key(|task| (rank(model, task), task.clone()));
        model.builds.order = order;
    }
    if model.builds.selected.is_none() {
        model.builds.selected = model.builds.order.first().cloned();
    }
}

fn rank(model: &Model, task: &Task) -> u8 {
    match task {
        Task::Run(run) => {
            if model.state.runs.get(run).is_some_and(|r| r.is_running()) {
                1
            } else {
                4
            }
        }
        Task::Target(target) => match model.state.builds.get(target).map(|b| &b.phase) {
            Some(Phase::Ended(Outcome::Failed(_))) => 0,
            Some(Phase::Running(_)) => 1,
            Some(Phase::Queued) => 2,
            _ => 3,
        },
    }
}

/// Whether a target's build is at work.
pub fn is_at_work(model: &Model, task: &Task) -> bool {
    matches!(task, Task::Target(_)) && rank(model, task) == 1
}

/// A build failed: it comes to the front, once, unless a search is being typed.
pub fn failed(model: &mut Model, target: &Target) {
    let Some(build) = model.state.builds.get(target) else { return };
    let first_time = model.builds.shown_failures.insert((target.clone(), build.run));
    if first_time && !model.builds.searching {
        select(model, target);
    }
}

/// Looks at the log of `target`.
pub fn select(model: &mut Model, target: &Target) {
    model.builds.selected = Some(Task::Target(target.clone()));
    arrange(model);
}

fn position(model: &Model) -> usize {
    model.builds.order.iter().position(|t| Some(t) == model.builds.selected.as_ref()).unwrap_or(0)
}

/// What retry, inspect and verify would be about.
pub fn selection(model: &Model) -> Vec<Target> {
    match &model.builds.selected {
        Some(Task::Target(target)) => vec![target.clone()],
        _ => Vec::new(),
    }
}

/// Whether the task looked at can be stopped.
pub fn selected_is_open(model: &Model) -> bool {
    match &model.builds.selected {
        Some(Task::Target(target)) => model.state.builds.get(target).is_some_and(|b| b.is_open()),
        Some(Task::Run(run)) => model.state.runs.get(run).is_some_and(|r| r.is_running()),
        None => false,
    }
}

/// Stops the task looked at.
pub fn cancel(model: &Model) -> Vec<Command> {
    match &model.builds.selected {
        Some(Task::Target(target)) => {
            let run = model.state.builds.get(target).map(|b| b.run);
            vec![Command::Cancel { run, target: Some(target.clone()) }]
        }
        Some(Task::Run(run)) => vec![Command::Cancel { run: Some(*run), target: None }],
        None => Vec::new(),
    }
}

/// The whole log of the task looked at.
pub fn log_file(model: &Model) -> Option<PathBuf> {
    match &model.builds.selected {
        Some(Task::Target(target)) => model.state.builds.get(target)?.log.clone(),
        _ => None,
    }
}

/// Does what `action` means here.
pub fn act(model: &mut Model, action: Action) -> Vec<Command> {
    let last = model.builds.order.len().saturating_sub(1);
    let at = position(model);
    let page = view::log_height(model) as i64;
    match action {
        Action::Up => go_to(model, at.saturating_sub(1)),
        Action::Down => go_to(model, (at + 1).min(last)),
        Action::Left | Action::FocusPrevious => go_to(model, at.saturating_sub(1)),
        Action::Right | Action::FocusNext => go_to(model, if at == last { 0 } else { at + 1 }),
        Action::PageUp => scroll(model, -page),
        Action::PageDown => scroll(model, page),
        Action::Top => scroll(model, i64::MIN / 2),
        Action::Bottom => scroll(model, i64::MAX / 2),
        Action::Follow => {
            let following = current_view(model).is_none_or(|v| v.top.is_none());
            scroll(model, if following { -1 } else { i64::MAX / 2 });
        }
        Action::Wrap => with_view(model, |view| view.wrap = !view.wrap),
        Action::Zoom => model.builds.zoom = !model.builds.zoom,
        Action::Layout => {
            model.builds.layout = match model.builds.layout {
                Layout::Focus => Layout::Two,
                Layout::Two => Layout::Four,
                Layout::Four => Layout::Focus,
            }
        }
        Action::Filter => model.builds.searching = true,
        Action::Open if model.builds.searching => {
            model.builds.searching = false;
            next_match(model, true);
        }
        Action::Open if selected_is_open(model) || selection(model).is_empty() => model.builds.zoom = !model.builds.zoom,
        Action::Open => {
            let target = selection(model).swap_remove(0);
            if model.state.builds.get(&target).is_some_and(|b| b.image().is_some()) {
                super::super::inspect::look_at(model, target.container);
                return show(model, Screen::Inspect);
            }
            model.builds.zoom = !model.builds.zoom;
        }
        Action::NextMatch => next_match(model, true),
        Action::PreviousMatch => next_match(model, false),
        Action::Back => {
            if model.builds.searching || !model.builds.search.value().is_empty() {
                model.builds.searching = false;
                model.builds.search.reset();
                search_changed(model);
            } else if model.builds.zoom {
                model.builds.zoom = false;
            } else {
                return show(model, Screen::Images);
            }
        }
        Action::Retry => return retry(model),
        Action::Copy => copy(model, false),
        Action::CopyAll => copy(model, true),
        Action::OpenOutside => model.effects.extend(log_file(model).map(Effect::Page)),
        Action::Stream => {
            model.streaming = true;
            model.effects.push(Effect::Stream(true));
        }
        _ => {}
    }
    Vec::new()
}

fn go_to(model: &mut Model, index: usize) {
    model.builds.selected = model.builds.order.get(index).cloned();
    search_changed(model);
}

fn retry(model: &mut Model) -> Vec<Command> {
    let again = |t: &Target| {
        let phase = model.state.builds.get(t).map(|b| &b.phase);
        matches!(phase, Some(Phase::Ended(Outcome::Failed(_) | Outcome::Cancelled)))
    };
    let one: Vec<Target> = selection(model).into_iter().filter(|t| again(t)).collect();
    let all = || model.state.builds.keys().filter(|t| again(t)).cloned().collect();
    let targets = if one.is_empty() { all() } else { one };
    build(model, targets)
}

fn current_view(model: &Model) -> Option<&LogView> {
    model.builds.selected.as_ref().and_then(|t| model.builds.views.get(t))
}

fn with_view(model: &mut Model, change: impl FnOnce(&mut LogView)) {
    if let Some(task) = model.builds.selected.clone() {
        change(model.builds.views.entry(task).or_default());
    }
}

fn scroll(model: &mut Model, delta: i64) {
    let height = view::log_height(model);
    let Some(task) = model.builds.selected.clone() else { return };
    let (len, dropped) = (log(model, &task).0.len(), log(model, &task).1);
    model.builds.views.entry(task).or_default().scroll(delta, dropped, len, height);
}

/// What is searched has changed: counts again and shows the last match.
pub fn search_changed(model: &mut Model) {
    model.builds.found = (0, 0);
    if !model.builds.search.value().is_empty() {
        next_match(model, false);
    }
}

fn next_match(model: &mut Model, forward: bool) {
    let Some(task) = model.builds.selected.clone() else { return };
    let (lines, dropped) = log(model, &task);
    let matches = find_in_log(lines, dropped, model.builds.search.value());
    let height = view::log_height(model);
    let view = model.builds.views.entry(task).or_default();
    let found = if forward {
        // On from where one stands, around the end; from nowhere, the first.
        matches.iter().position(|m| view.found.is_none_or(|f| *m > f)).unwrap_or(0)
    } else {
        matches.iter().rposition(|m| view.found.is_none_or(|f| *m < f)).unwrap_or(matches.len().saturating_sub(1))
    };
    match matches.get(found) {
        Some(line) => {
            view.show(*line, dropped, height);
            model.builds.found = (found + 1, matches.len());
        }
        None => {
            view.found = None;
            model.builds.found = (0, 0);
        }
    }
}

fn copy(model: &mut Model, all: bool) {
    let Some(task) = model.builds.selected.clone() else { return };
    let (lines, dropped) = log(model, &task);
    let height = view::log_height(model);
    let first = if all {
        0
    } else {
        let top = current_view(model).and_then(|v| v.top);
        top.map_or(lines.len().saturating_sub(height), |t| t.saturating_sub(dropped) as usize).min(lines.len())
    };
    let wanted = if all { lines.len() } else { height };
    let taken: Vec<String> = lines.range(first..).take(wanted).map(|l| text::printable(l).into_owned()).collect();
    if taken.is_empty() {
        model.say(Level::Info, "this log is empty");
        return;
    }
    model.effects.push(Effect::Copy { what: text::count(taken.len(), "line"), text: taken.join("\n") });
}

/// The wheel turned at `at`; whether a log was under it.
pub fn wheel(model: &mut Model, at: Position, delta: i64) -> bool {
    let under = view::panes(model, model.body()).into_iter().find(|(_, area)| area.contains(at));
    let Some((task, area)) = under else { return false };
    let (len, dropped) = (log(model, &task).0.len(), log(model, &task).1);
    let height = usize::from(area.height.saturating_sub(2));
    model.builds.views.entry(task).or_default().scroll(delta, dropped, len, height);
    true
}

/// Looks at what was clicked.
pub fn click(model: &mut Model, at: Position) {
    let body = model.body();
    let list = view::list_area(model, body);
    if list.contains(at) {
        let visible = window(position(model), model.builds.order.len(), usize::from(list.height));
        let index = visible.start + usize::from(at.y - list.y);
        if visible.contains(&index) {
            go_to(model, index);
        }
    } else if let Some((task, _)) = view::panes(model, body).into_iter().find(|(_, area)| area.contains(at)) {
        model.builds.selected = Some(task);
    }
}
