//! Reading a log: scrolling, searching, narrowing, copying; in memory, and in its file where memory has dropped lines.

use std::path::PathBuf;

use ratatui::layout::Position;

use super::selecting;
use super::state::{Task, log, log_file, rows};
use super::view;
use crate::session::Log;
use crate::tui::action::Action;
use crate::tui::log_file::{Page, Wanted};
use crate::tui::model::Model;
use crate::tui::msg::{Effect, Level};
use crate::tui::text;
use crate::tui::widget::{LogView, Needle, visible};

/// A part of a log file that is looked at.
#[derive(Clone, Debug)]
pub struct Spool {
    /// Whose.
    pub task: Task,
    /// The lines; their numbers are those of the file.
    pub log: Log,
    /// How many lines the file has.
    pub total: u64,
    path: PathBuf,
}

/// Does what `action` means for the log that is looked at; whether it was for the log.
pub fn act(model: &mut Model, action: Action) -> bool {
    if selecting::selects(model) && selecting::extend(model, action) {
        return true;
    }
    let page = view::log_size(model).1 as i64;
    match action {
        Action::PageUp => scroll(model, -page),
        Action::PageDown => scroll(model, page),
        Action::Top if look_into_file(model, Wanted::Around(0)) => {}
        Action::Top => scroll(model, i64::MIN / 2),
        Action::Bottom => follow(model),
        Action::Follow if current(model).is_none_or(|v| v.top.is_none()) => scroll(model, -1),
        Action::Follow => follow(model),
        Action::Wrap => with_view(model, |view| view.wrap = !view.wrap),
        Action::Times => with_view(model, |view| view.times = !view.times),
        Action::SelectLines => selecting::select(model),
        Action::Filter => (model.builds.searching, model.builds.narrowing) = (true, false),
        Action::Narrow => (model.builds.searching, model.builds.narrowing) = (false, true),
        Action::Open if model.builds.searching => {
            model.builds.searching = false;
            search(model, true);
        }
        Action::Open if model.builds.narrowing => model.builds.narrowing = false,
        Action::NextMatch => search(model, true),
        Action::PreviousMatch => search(model, false),
        Action::NextProblem => go_on(model, Needle::Problem, true),
        Action::Copy => copy_visible(model),
        Action::CopyAll => copy_all(model),
        Action::Back => return back(model),
        _ => return false,
    }
    true
}

/// Takes back the last thing that was done to the view; false when there is nothing to take back.
fn back(model: &mut Model) -> bool {
    let builds = &mut model.builds;
    if builds.searching || !builds.search.value().is_empty() {
        builds.searching = false;
        builds.search.reset();
        search_changed(model);
    } else if builds.narrowing || !builds.only.value().is_empty() {
        builds.narrowing = false;
        builds.only.reset();
    } else if builds.spool.is_some() {
        follow(model);
    } else {
        return false;
    }
    true
}

/// Another log is looked at from now on.
pub fn left(model: &mut Model) {
    if model.builds.spool.is_some() {
        follow(model);
    }
    with_view(model, |view| view.selection = None);
    model.builds.only.reset();
    model.builds.narrowing = false;
}

/// How the log that is looked at is seen, when that was ever changed.
pub(super) fn current(model: &Model) -> Option<&LogView> {
    model.builds.selected.as_ref().and_then(|t| model.builds.views.get(t))
}

/// Changes how the log that is looked at is seen.
pub(super) fn with_view(model: &mut Model, change: impl FnOnce(&mut LogView)) {
    if let Some(task) = model.builds.selected.clone() {
        change(model.builds.views.entry(task).or_default());
    }
}

/// Goes to the end of the lines in memory and stays there.
fn follow(model: &mut Model) {
    model.builds.spool = None;
    with_view(model, |view| (view.top, view.found, view.selection) = (None, None, None));
}

/// Moves the view of the log that is looked at by `delta` rows. Beyond what is at hand, the file has more.
fn scroll(model: &mut Model, delta: i64) {
    let Some(task) = model.builds.selected.clone() else { return };
    let height = view::log_size(model).1;
    let mut view = model.builds.view(&task);
    let before = view.top;
    let edge = {
        let rows = rows(model, &task);
        view.scroll(delta, &rows, height);
        let first = view.top.is_some_and(|top| rows.index(top) == 0);
        // It stood at the first row already, or it has come to the last.
        (first && delta < 0 && before == view.top, view.top.is_none())
    };
    model.builds.views.insert(task.clone(), view);
    let (dropped, kept) = (log(model, &task).dropped(), log(model, &task).len() as u64);
    match model.builds.spool.as_ref().map(|spool| (spool.path.clone(), spool.total)) {
        Some((path, _)) if edge.0 && dropped > 0 => drop(ask(model, path, Wanted::Around(dropped))),
        Some((path, total)) if edge.1 && dropped + kept < total => {
            ask(model, path, Wanted::Around((dropped + kept).saturating_sub(height as u64)));
        }
        Some(_) if edge.1 => follow(model),
        None if edge.0 && dropped > 0 => drop(look_into_file(model, Wanted::BeforeLast(kept))),
        _ => {}
    }
}

/// Asks for a part of the log file when memory does not have all of the log; whether it does not.
fn look_into_file(model: &mut Model, wanted: Wanted) -> bool {
    let Some(task) = &model.builds.selected else { return false };
    if log(model, task).dropped() == 0 && model.builds.spool.is_none() {
        return false;
    }
    match log_file(model) {
        Some(path) => ask(model, path, wanted),
        None => false,
    }
}

fn ask(model: &mut Model, path: PathBuf, wanted: Wanted) -> bool {
    model.effects.push(Effect::ReadLog(path, wanted));
    true
}

/// A part of a log file has been read.
pub fn arrived(model: &mut Model, page: Result<Page, String>) {
    let page = match page {
        Ok(page) => page,
        Err(why) => return model.say(Level::Error, format!("the log file cannot be read: {why}")),
    };
    // Somebody may look at another log by now.
    let Some(task) = model.builds.selected.clone().filter(|_| log_file(model).as_ref() == Some(&page.path)) else { return };
    let Some(at) = page.at else {
        model.builds.found = (0, 0);
        return model.say(Level::Info, "nowhere in this log");
    };
    let spool = Spool { task: task.clone(), log: Log::part(page.first, page.lines), total: page.total, path: page.path };
    model.builds.spool = Some(spool);
    let height = view::log_size(model).1;
    let mut view = model.builds.view(&task);
    if page.found.1 > 0 {
        view.show(at, &rows(model, &task), height);
        view.found = Some(at);
        model.builds.found = page.found;
    } else {
        view.top = Some(at);
    }
    model.builds.views.insert(task, view);
}

/// What is searched has changed: counts again and shows the last match of what is at hand.
pub fn search_changed(model: &mut Model) {
    model.builds.found = (0, 0);
    if model.builds.search.value().is_empty() {
        with_view(model, |view| view.found = None);
    } else {
        show_match(model, &Needle::text(model.builds.search.value()), false);
    }
}

fn search(model: &mut Model, forward: bool) {
    if !model.builds.search.value().is_empty() {
        go_on(model, Needle::text(model.builds.search.value()), forward);
    }
}

/// Goes on to the next `needle`: through the whole file when memory does not have all of the log.
fn go_on(model: &mut Model, needle: Needle, forward: bool) {
    // Numbers of lines in memory are not those of the file: from there, the search begins anew.
    let from = model.builds.spool.as_ref().and(current(model)).and_then(|view| view.found);
    if !look_into_file(model, Wanted::Match { needle: needle.clone(), from, forward }) {
        show_match(model, &needle, forward);
        if needle == Needle::Problem && model.builds.found.1 == 0 {
            model.say(Level::Info, "no line of this log begins like an error or a warning");
        }
    }
}

/// Shows the next match of what is at hand, around its end; from nowhere, the first or the last.
fn show_match(model: &mut Model, needle: &Needle, forward: bool) {
    let Some(task) = model.builds.selected.clone() else { return };
    let matches = needle.find(log(model, &task));
    let height = view::log_size(model).1;
    let mut view = model.builds.view(&task);
    let found = if forward {
        matches.iter().position(|m| view.found.is_none_or(|f| *m > f)).unwrap_or(0)
    } else {
        matches.iter().rposition(|m| view.found.is_none_or(|f| *m < f)).unwrap_or(matches.len().saturating_sub(1))
    };
    view.found = matches.get(found).copied();
    model.builds.found = (0, 0);
    if let Some(line) = view.found {
        view.show(line, &rows(model, &task), height);
        model.builds.found = (found + 1, matches.len());
    }
    model.builds.views.insert(task, view);
}

/// The wheel turned at `at`; whether a log was under it.
pub fn wheel(model: &mut Model, at: Position, delta: i64) -> bool {
    let under = view::panes(model, model.body()).into_iter().find(|(_, area)| area.contains(at));
    let Some((task, area)) = under else { return false };
    if model.builds.selected.as_ref() == Some(&task) {
        scroll(model, delta);
        return true;
    }
    let height = usize::from(view::log_area(model, area, &task).height);
    let mut view = model.builds.view(&task);
    view.scroll(delta, &rows(model, &task), height);
    model.builds.views.insert(task, view);
    true
}

fn copy_visible(model: &mut Model) {
    let Some(task) = model.builds.selected.clone() else { return };
    let (width, height) = view::log_size(model);
    let rows = rows(model, &task);
    let seen = visible(&rows, &model.builds.view(&task), width, height);
    let taken = seen.map(|(first, last)| rows.texts(first, last)).unwrap_or_default();
    put(model, taken);
}

/// Copies the whole log: from its file when memory does not have all of it.
fn copy_all(model: &mut Model) {
    let Some(task) = model.builds.selected.clone() else { return };
    if (log(model, &task).dropped() > 0 || model.builds.spool.is_some())
        && let Some(path) = log_file(model)
    {
        model.effects.push(Effect::CopyFile(path));
        return;
    }
    let taken = rows(model, &task).texts(0, u64::MAX - 1);
    put(model, taken);
}

/// Puts lines on the clipboard.
pub(super) fn put(model: &mut Model, taken: Vec<String>) {
    if taken.is_empty() {
        return model.say(Level::Info, "this log is empty");
    }
    model.effects.push(Effect::Copy { what: text::count(taken.len(), "line"), text: taken.join("\n") });
}
