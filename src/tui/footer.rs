//! The last line: the keys that do something here and now, then the three that always help.

use ratatui::layout::Rect;

use super::action::{ACTIONS, Action, Scope};
use super::hint::{hints, width};
use super::model::{Model, Screen};
use super::screen::inspect::Tab;
use super::screen::release::{self, Step};
use super::screen::{builds, images};
use super::widget::{Canvas, right_of};

/// At most so many keys of the screen: more are not read.
const MOST: usize = 6;

/// Draws it.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let mut always = always(model);
    if width(model, &always) + 14 > area.width {
        always.remove(0);
    }
    let right = width(model, &always) + 1;
    hints(model, canvas, right_of(area, area.width.saturating_sub(right)), &always);
    let left = Rect { width: area.width.saturating_sub(right + 3), ..right_of(area, 1) };
    hints(model, canvas, left, &here(model));
}

/// What always helps: filter or search, where there is something to be searched; commands; help.
fn always(model: &Model) -> Vec<(Action, &'static str)> {
    let filter = match model.screen {
        Screen::Images if is_broken(model) => None,
        Screen::Images => Some((Action::Filter, "filter")),
        Screen::Builds | Screen::Inspect => Some((Action::Filter, "search")),
        Screen::Release => None,
    };
    filter.into_iter().chain([(Action::Palette, "commands"), (Action::Help, "help")]).collect()
}

/// Nothing can be done but mend the catalog.
fn is_broken(model: &Model) -> bool {
    model.screen == Screen::Images && model.state.targets.is_empty() && model.catalog_failure.is_some()
}

/// What can be done here and now, as the table has it.
fn here(model: &Model) -> Vec<(Action, &'static str)> {
    let can = |action: Action| (action.entry().enabled)(model).is_ok();
    if is_broken(model) {
        let begin = if model.begin.is_some() { "begin one" } else { "" };
        let words = [(Action::Open, begin), (Action::Reload, "read again"), (Action::Edit, "edit"), (Action::Quit, "quit")];
        return words.into_iter().filter(|(action, word)| !word.is_empty() && can(*action)).collect();
    }
    let scope = model.screen.scope();
    let reachable = ACTIONS.iter().filter(|e| !e.hint.is_empty() && (e.scopes.contains(&scope) || e.scopes.contains(&Scope::Global)));
    let words = reachable.filter(|e| can(e.action)).map(|entry| (entry.action, word(model, entry.action, entry.hint)));
    words.filter(|(_, word)| !word.is_empty()).take(MOST).collect()
}

/// What `action` does here and now, in a word; `usual` elsewhere. Empty when it does nothing worth a place.
fn word(model: &Model, action: Action, usual: &'static str) -> &'static str {
    let step = (model.screen == Screen::Release).then_some(model.release.step);
    let typing = model.is_typing() && model.screen != Screen::Release;
    match action {
        Action::Open if typing => "done",
        Action::Back if typing => "clear",
        Action::Open => open_word(model),
        // Nothing can be marked there; what folds is folded with enter.
        Action::Mark if model.screen == Screen::Inspect => "",
        Action::Mark if model.screen == Screen::Images && images::is_empty(model) => "",
        // The other views show one architecture, or differences alone.
        Action::Differences if !matches!(model.inspect.tab, Tab::Overview | Tab::Packages | Tab::Checks) => "",
        Action::Mark if model.screen == Screen::Release => mark_word(model),
        Action::FocusNext if step != Some(Step::Tags) => "",
        Action::Back if model.screen == Screen::Images => "",
        // What is awaited has its key beside it.
        Action::Cancel
            if model.screen != Screen::Builds && !builds::is_chosen_open(model) && (step.is_none() || !release::is_sending(model)) =>
        {
            ""
        }
        _ => usual,
    }
}

/// What space does in the wizard, in a word.
fn mark_word(model: &Model) -> &'static str {
    match (model.release.step, model.release.field) {
        (Step::Select, _) => "choose",
        (Step::Tags, 2) => "latest",
        (Step::Tags, 3) => "force",
        _ => "",
    }
}

/// What enter does here, in a word.
fn open_word(model: &Model) -> &'static str {
    match (model.screen, model.release.step) {
        (Screen::Release, Step::Preview) => "send",
        (Screen::Release, Step::Result) => "new release",
        (Screen::Release, _) => "next",
        (Screen::Inspect, _) if model.inspect.tab == Tab::Config => "fold",
        (Screen::Inspect, _) if matches!(model.inspect.tab, Tab::Overview | Tab::Checks) => "checks",
        (Screen::Inspect, _) => "",
        (Screen::Images, _) if images::is_empty(model) => "",
        (Screen::Builds, _) if model.builds.order.is_empty() => "",
        _ => "open",
    }
}
