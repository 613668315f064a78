//! Selecting lines of a log, with keys or the mouse.

use ratatui::layout::Position;

use super::reading::{current, put, with_view};
use super::state::{Task, rows};
use super::view;
use crate::tui::action::Action;
use crate::tui::model::Model;
use crate::tui::msg::Level;
use crate::tui::text;
use crate::tui::widget::{line_at, visible};

/// Whether lines of the log that is looked at are being selected.
pub fn selects(model: &Model) -> bool {
    current(model).is_some_and(|view| view.selection.is_some())
}

/// Begins to select lines: at the match, or at the last line that is visible.
pub fn select(model: &mut Model) {
    let Some(task) = model.builds.selected.clone() else { return };
    let (width, height) = view::log_size(model);
    let mut view = model.builds.view(&task);
    let Some((first, last)) = visible(&rows(model, &task), &view, width, height) else {
        return model.say(Level::Info, "this log is empty");
    };
    let at = view.found.filter(|found| (first..=last).contains(found)).unwrap_or(last);
    // What is selected must not move away below.
    (view.top, view.selection) = (Some(first), Some((at, at)));
    model.builds.views.insert(task, view);
    model.say(Level::Info, "up and down select more lines; y copies them, esc leaves");
}

/// Moves the other end of the selection, copies or drops it; whether `action` was for it.
pub fn extend(model: &mut Model, action: Action) -> bool {
    let Some(task) = model.builds.selected.clone() else { return false };
    let (width, height) = view::log_size(model);
    let mut view = model.builds.view(&task);
    let Some((anchor, head)) = view.selection else { return false };
    let page = height as i64;
    let delta = match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::Top => i64::MIN / 2,
        Action::Bottom => i64::MAX / 2,
        Action::Copy => {
            let (first, last) = (anchor.min(head), anchor.max(head));
            let taken = rows(model, &task).texts(first, last);
            put(model, taken);
            with_view(model, |view| view.selection = None);
            return true;
        }
        Action::Back | Action::SelectLines => {
            with_view(model, |view| view.selection = None);
            return true;
        }
        _ => return false,
    };
    let rows = rows(model, &task);
    let last = rows.len().saturating_sub(1) as i64;
    let moved = (rows.index(head) as i64).saturating_add(delta).clamp(0, last) as usize;
    view.selection = Some((anchor, rows.number(moved)));
    if let Some((first, last)) = visible(&rows, &view, width, height) {
        if rows.number(moved) < first {
            view.top = Some(rows.number(moved));
        } else if rows.number(moved) > last {
            view.top = Some(rows.number((moved + 1).saturating_sub(height)));
        }
    }
    model.builds.views.insert(task, view);
    true
}

/// The line that is drawn at `at`, and whose it is.
fn line_under(model: &Model, at: Position) -> Option<(Task, u64)> {
    let (task, area) = view::panes(model, model.body()).into_iter().find(|(_, area)| area.contains(at))?;
    let area = view::log_area(model, area, &task);
    if area.is_empty() {
        return None;
    }
    let log_view = model.builds.view(&task);
    let y = at.y.clamp(area.y, area.bottom() - 1) - area.y;
    let number = line_at(&rows(model, &task), &log_view, usize::from(area.width), usize::from(area.height), usize::from(y))?;
    Some((task, number))
}

/// The mouse was pressed in a log: a selection may begin there.
pub fn press(model: &mut Model, at: Position) {
    with_view(model, |view| view.selection = None);
    model.builds.pressed = line_under(model, at);
}

/// The mouse was dragged: lines between where it was pressed and here are selected.
pub fn drag(model: &mut Model, at: Position) {
    let Some((task, anchor)) = model.builds.pressed.clone() else { return };
    let Some((over, head)) = line_under(model, at) else { return };
    if over == task && model.builds.selected.as_ref() == Some(&task) {
        let (width, height) = view::log_size(model);
        let first = visible(&rows(model, &task), &model.builds.view(&task), width, height).map(|(first, _)| first);
        with_view(model, |view| (view.top, view.selection) = (view.top.or(first), Some((anchor, head))));
    }
}

/// The mouse was let go: what was selected can be copied.
pub fn release(model: &mut Model) {
    if model.builds.pressed.take().is_some()
        && let Some((a, b)) = current(model).and_then(|view| view.selection)
    {
        model.say(Level::Info, format!("{} selected; y copies", text::count(a.abs_diff(b) as usize + 1, "line")));
    }
}
