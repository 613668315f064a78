//! Which tasks there are, which one is looked at, and where in its log.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ratatui::layout::Position;
use tui_input::Input;

use super::reading::{self, Spool};
use super::selecting;
use super::view;
use crate::catalog::Target;
use crate::session::{Command, Event, EventKind, Log, Outcome, Phase, Run, RunEnd, RunId};
use crate::tui::action::Action;
use crate::tui::model::{Model, Screen};
use crate::tui::msg::{Effect, Level};
use crate::tui::spot::Spot;
use crate::tui::update::{build, show, test};
use crate::tui::widget::{LogView, Rows};

/// Something with a log: a target's build, or a run's own work (lock, plan).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// Work of a run that belongs to no target.
    Run(RunId),
    /// A target's build.
    Target(Target),
    /// A target's test.
    Test(Target),
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
    /// Nine.
    Nine,
}

impl Layout {
    /// How many logs.
    pub const fn panes(self) -> usize {
        match self {
            Layout::Focus => 1,
            Layout::Two => 2,
            Layout::Four => 4,
            Layout::Nine => 9,
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
    /// What lines must contain to be seen.
    pub only: Input,
    /// Whether that is being typed.
    pub narrowing: bool,
    /// A part of a log file that is looked at in place of the lines in memory.
    pub spool: Option<Spool>,
    /// How many targets are in the list.
    targets: usize,
    /// How many tests.
    tests: usize,
    /// Columns of the list beside the logs, and lines of it above them, as the user has drawn them.
    pub list_size: Option<(u16, u16)>,
    /// The line between list and logs is being moved.
    moving: bool,
    /// The log line on which the mouse was pressed.
    pub pressed: Option<(Task, u64)>,
    /// Failures that have been brought to the front once.
    shown_failures: BTreeSet<(Target, RunId)>,
}

impl Builds {
    /// How the log of `task` is seen: from its end, until that is changed.
    pub fn view(&self, task: &Task) -> LogView {
        self.views.get(task).cloned().unwrap_or_default()
    }
}

static NO_LINES: Log = Log::new();

/// The lines of a task: of its file while that is looked into, else the last ones, which are in memory.
pub fn log<'a>(model: &'a Model, task: &Task) -> &'a Log {
    if let Some(spool) = model.builds.spool.as_ref().filter(|spool| spool.task == *task) {
        return &spool.log;
    }
    match task {
        Task::Run(run) => model.state.runs.get(run).map_or(&NO_LINES, |r| &r.lines),
        Task::Target(target) => model.state.builds.get(target).map_or(&NO_LINES, |b| &b.lines),
        Task::Test(target) => model.state.tests.get(target).map_or(&NO_LINES, |trial| &trial.lines),
    }
}

/// The lines of a task that are to be seen.
pub fn rows<'a>(model: &'a Model, task: &Task) -> Rows<'a> {
    let narrowed = model.builds.selected.as_ref() == Some(task);
    Rows::only(log(model, task), if narrowed { model.builds.only.value() } else { "" })
}

/// Whether `event`, which the state has taken in, may have changed what is in the list, or its order: lines and counters, of which there
/// are very many, do not.
pub fn moves(model: &Model, event: &Event) -> bool {
    match &event.kind {
        EventKind::OutputReceived { .. } | EventKind::Progressed { .. } => model.state.builds.len() != model.builds.targets,
        // The first line of a run brings it into the list.
        EventKind::RunOutput { lines } => model.state.runs.get(&event.run).is_none_or(|run| run.lines.end() == lines.len() as u64),
        EventKind::TestOutput { .. } => model.state.tests.len() != model.builds.tests,
        EventKind::RunProgressed { .. }
        | EventKind::LoadProgressed { .. }
        | EventKind::BlobProgressed { .. }
        | EventKind::CheckFinished { .. } => false,
        _ => true,
    }
}

/// Takes new tasks into the list; sorts it (failed, running, queued, done) only while nobody looks.
pub fn arrange(model: &mut Model) {
    let runs = model.state.runs.iter().filter(|(_, run)| !run.lines.is_empty() || (run.phase.is_some() && run.is_running()));
    let runs: Vec<Task> = runs.map(|(id, _)| Task::Run(*id)).collect();
    let targets: Vec<Task> = model.state.builds.keys().cloned().map(Task::Target).collect();
    let tests: Vec<Task> = model.state.tests.keys().cloned().map(Task::Test).collect();
    // What was only asked on the way (checks, plans, reading) leaves no trace when it ended well.
    let state = &model.state;
    let ended_well = |run: &Run| match run.end {
        Some(RunEnd::Finished { failed }) => run.lines.is_empty() || (failed == 0 && run.command != "build"),
        _ => false,
    };
    let gone = |task: &Task| match task {
        Task::Run(run) => state.runs.get(run).is_none_or(ended_well),
        Task::Target(_) | Task::Test(_) => false,
    };
    let runs: Vec<Task> = runs.into_iter().filter(|task| !gone(task)).collect();
    let before = position(model);
    model.builds.order.retain(|task| !gone(task));
    if model.builds.selected.as_ref().is_some_and(gone) {
        let order = &model.builds.order;
        model.builds.selected = order.get(before.min(order.len().saturating_sub(1))).cloned();
    }
    (model.builds.targets, model.builds.tests) = (targets.len(), tests.len());
    let known: BTreeSet<&Task> = model.builds.order.iter().collect();
    let fresh: Vec<Task> = runs.into_iter().chain(targets).chain(tests).filter(|task| !known.contains(task)).collect();
    model.builds.order.extend(fresh);
    if model.screen != Screen::Builds {
        sort(model);
    }
    if model.builds.selected.is_none() {
        model.builds.selected = model.builds.order.first().cloned();
    }
}

fn sort(model: &mut Model) {
    let mut order = std::mem::take(&mut model.builds.order);
    order.sort_by_cached_key(|task| (rank(model, task), task.clone()));
    model.builds.order = order;
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
        Task::Test(target) => match model.state.tests.get(target) {
            Some(trial) if trial.outcome.is_none() => 1,
            Some(trial) if trial.failure().is_some() => 0,
            _ => 3,
        },
    }
}

/// Whether a target's build, or its test, is at work.
pub fn is_at_work(model: &Model, task: &Task) -> bool {
    !matches!(task, Task::Run(_)) && rank(model, task) == 1
}

/// A build failed: it comes to the front, once, unless something is being typed or selected.
pub fn failed(model: &mut Model, target: &Target) {
    let Some(build) = model.state.builds.get(target) else { return };
    let first_time = model.builds.shown_failures.insert((target.clone(), build.run));
    let busy = model.builds.searching || model.builds.narrowing || selecting::selects(model);
    if first_time && !busy {
        select(model, target);
    }
}

/// A test began: whoever looks at its run, at a build of it that went well, or at the test before it, wants to see what it says.
pub fn test_started(model: &mut Model, run: RunId, target: &Target) {
    let follows = match &model.builds.selected {
        Some(Task::Run(looked_at)) => *looked_at == run,
        Some(Task::Test(before)) => model.state.tests.get(before).is_some_and(|trial| trial.run == run && trial.failure().is_none()),
        Some(Task::Target(built)) => model.state.builds.get(built).is_some_and(|build| build.run == run && build.image().is_some()),
        None => true,
    };
    if follows && !selecting::selects(model) {
        model.builds.selected = Some(Task::Test(target.clone()));
    }
}

/// A test failed: it comes to the front, unless something is being typed or selected.
pub fn test_failed(model: &mut Model, target: &Target) {
    let busy = model.builds.searching || model.builds.narrowing || selecting::selects(model);
    if !busy {
        model.builds.selected = Some(Task::Test(target.clone()));
        arrange(model);
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
        Some(Task::Target(target) | Task::Test(target)) => vec![target.clone()],
        _ => Vec::new(),
    }
}

/// Whether the task looked at can be stopped.
pub fn selected_is_open(model: &Model) -> bool {
    match &model.builds.selected {
        Some(Task::Target(target)) => model.state.builds.get(target).is_some_and(|b| b.is_open()),
        Some(Task::Test(target)) => model.state.tests.get(target).is_some_and(|trial| trial.outcome.is_none()),
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
        Some(Task::Test(target)) => {
            let run = model.state.tests.get(target).map(|trial| trial.run);
            vec![Command::Cancel { run, target: None }]
        }
        Some(Task::Run(run)) => vec![Command::Cancel { run: Some(*run), target: None }],
        None => Vec::new(),
    }
}

/// Stops the builds and tests of what is marked among the images, or of what the cursor is on there.
pub fn cancel_chosen(model: &Model) -> Vec<Command> {
    let chosen = model.selection();
    // A test is a run's own work: the run is stopped, once.
    let tests = chosen.iter().filter_map(|target| model.state.tests.get(target)).filter(|trial| trial.outcome.is_none());
    let tests: BTreeSet<RunId> = tests.map(|trial| trial.run).collect();
    let build = |target: Target| {
        let run = model.state.builds.get(&target).filter(|build| build.is_open() && !tests.contains(&build.run))?.run;
        Some(Command::Cancel { run: Some(run), target: Some(target) })
    };
    let mut commands: Vec<Command> = chosen.into_iter().filter_map(build).collect();
    commands.extend(tests.iter().map(|run| Command::Cancel { run: Some(*run), target: None }));
    commands
}

/// Whether [`cancel_chosen`] has something to stop.
pub fn is_chosen_open(model: &Model) -> bool {
    model.screen == Screen::Images && !cancel_chosen(model).is_empty()
}

/// The whole log of the task looked at.
pub fn log_file(model: &Model) -> Option<PathBuf> {
    log_file_of(model, model.builds.selected.as_ref()?).cloned()
}

/// The whole log of `task`.
pub fn log_file_of<'a>(model: &'a Model, task: &Task) -> Option<&'a PathBuf> {
    match task {
        Task::Target(target) => model.state.builds.get(target)?.log.as_ref(),
        Task::Test(target) => model.state.tests.get(target)?.log.as_ref(),
        Task::Run(_) => None,
    }
}

/// Does what `action` means here.
pub fn act(model: &mut Model, action: Action) -> Vec<Command> {
    let last = model.builds.order.len().saturating_sub(1);
    let at = position(model);
    if reading::act(model, action) {
        return Vec::new();
    }
    match action {
        Action::Up => go_to(model, at.saturating_sub(1)),
        Action::Down => go_to(model, (at + 1).min(last)),
        Action::Left | Action::FocusPrevious => go_to(model, at.saturating_sub(1)),
        Action::Right | Action::FocusNext => go_to(model, if at == last { 0 } else { at + 1 }),
        Action::Resort => sort(model),
        Action::Zoom => model.builds.zoom = !model.builds.zoom,
        Action::Layout => {
            model.builds.layout = match model.builds.layout {
                Layout::Focus => Layout::Two,
                Layout::Two => Layout::Four,
                Layout::Four => Layout::Nine,
                Layout::Nine => Layout::Focus,
            };
            let said = match model.builds.layout.panes() {
                1 => "one log".to_owned(),
                n => format!("up to {n} logs, as there are tasks and room"),
            };
            model.say(Level::Info, said);
        }
        Action::Open if selected_is_open(model) || !matches!(model.builds.selected, Some(Task::Target(_))) => {
            model.builds.zoom = !model.builds.zoom
        }
        Action::Open => {
            let target = selection(model).swap_remove(0);
            if model.state.builds.get(&target).is_some_and(|b| b.image().is_some()) {
                super::super::inspect::look_at(model, target.container);
                return show(model, Screen::Inspect);
            }
            model.builds.zoom = !model.builds.zoom;
        }
        Action::Back if model.builds.zoom => model.builds.zoom = false,
        Action::Back => return show(model, Screen::Images),
        Action::Retry => return retry(model),
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
    let next = model.builds.order.get(index).cloned();
    if next != model.builds.selected {
        reading::left(model);
        model.builds.selected = next;
        reading::search_changed(model);
    }
}

fn retry(model: &mut Model) -> Vec<Command> {
    if let Some(Task::Test(target)) = model.builds.selected.clone() {
        return test(model, vec![target]);
    }
    let again = |t: &Target| {
        let phase = model.state.builds.get(t).map(|b| &b.phase);
        matches!(phase, Some(Phase::Ended(Outcome::Failed(_) | Outcome::Cancelled)))
    };
    let one: Vec<Target> = selection(model).into_iter().filter(|t| again(t)).collect();
    let all = || model.state.builds.keys().filter(|t| again(t)).cloned().collect();
    let targets = if one.is_empty() { all() } else { one };
    build(model, targets)
}

/// The mouse was clicked on `spot`: a task is looked at, or the line beside its log is about to be moved.
pub fn click(model: &mut Model, spot: Spot) -> Vec<Command> {
    match spot {
        Spot::Row(index) => go_to(model, index),
        Spot::Divider => model.builds.moving = true,
        _ => {}
    }
    Vec::new()
}

/// The mouse was pressed in a pane at `at`: its log is looked at, and lines may be selected from there.
pub fn press(model: &mut Model, at: Position) {
    let Some((task, _)) = view::panes(model, model.body()).into_iter().find(|(_, area)| area.contains(at)) else { return };
    if let Some(index) = model.builds.order.iter().position(|t| *t == task) {
        go_to(model, index);
    }
    selecting::press(model, at);
}

/// The mouse was dragged to `at`: the line between list and logs moves, or lines are selected.
pub fn drag(model: &mut Model, at: Position) {
    if model.builds.moving {
        let body = model.body();
        model.builds.list_size = Some((at.x.saturating_sub(body.x), at.y.saturating_sub(body.y)));
    } else {
        selecting::drag(model, at);
    }
}

/// The mouse was let go.
pub fn release(model: &mut Model) {
    model.builds.moving = false;
    selecting::release(model);
}
