//! What the mouse means: a click goes to what is seen there, two are enter, the wheel scrolls what is under it, and dragging selects lines
//! of a log or moves the line beside it.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::action::Action;
use super::model::{Model, Screen};
use super::overlay;
use super::screen::{builds, images, inspect, release};
use super::spot::Spot;
use super::update::{act, show};
use super::view;
use crate::session::Command;

/// Two clicks in the same place within so many milliseconds are a double click.
const DOUBLE: u64 = 400;
/// Lines of text that one step of the wheel is; a cursor moves by one.
const WHEEL: i64 = 3;

/// Takes in what the mouse did.
pub(super) fn on_mouse(model: &mut Model, mouse: MouseEvent) -> Vec<Command> {
    let at = Position::new(mouse.column, mouse.row);
    if model.streaming {
        return Vec::new();
    }
    match mouse.kind {
        MouseEventKind::ScrollUp => wheel(model, at, true),
        MouseEventKind::ScrollDown => wheel(model, at, false),
        MouseEventKind::Down(MouseButton::Left) => press(model, at),
        MouseEventKind::Drag(MouseButton::Left) if model.overlays.is_empty() && model.screen == Screen::Builds => {
            builds::drag(model, at);
            Vec::new()
        }
        MouseEventKind::Up(MouseButton::Left) if model.screen == Screen::Builds => {
            builds::release(model);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn wheel(model: &mut Model, at: Position, up: bool) -> Vec<Command> {
    let action = if up { Action::Up } else { Action::Down };
    if !model.overlays.is_empty() {
        return overlay::wheel(model, action);
    }
    if !model.body().contains(at) || (model.screen == Screen::Images && !images::is_over_list(model, at)) {
        return Vec::new();
    }
    if model.screen == Screen::Builds && builds::wheel(model, at, if up { -WHEEL } else { WHEEL }) {
        return Vec::new();
    }
    act(model, action)
}

fn press(model: &mut Model, at: Position) -> Vec<Command> {
    let twice = is_second(model, at);
    let spot = view::spot_at(model, at);
    if !model.overlays.is_empty() {
        return spot.map(|spot| overlay::click(model, spot, twice)).unwrap_or_default();
    }
    let mut commands = match (spot, model.screen) {
        (Some(Spot::Screen(screen)), _) => return show(model, screen),
        (Some(Spot::Do(action)), _) => return act(model, action),
        (Some(spot), Screen::Images) => images::click(model, spot),
        (Some(spot), Screen::Builds) => builds::click(model, spot),
        (Some(spot), Screen::Inspect) => inspect::click(model, spot),
        (Some(spot), Screen::Release) => return release::click(model, spot, twice),
        (None, Screen::Builds) => {
            builds::press(model, at);
            return Vec::new();
        }
        (None, _) => return Vec::new(),
    };
    if twice && matches!(spot, Some(Spot::Row(_) | Spot::Cell(..))) {
        commands.extend(act(model, Action::Open));
    }
    commands
}

/// Whether this click is the second of two; the third is a first one again.
fn is_second(model: &mut Model, at: Position) -> bool {
    let twice = model.clicked.is_some_and(|(before, when)| before == at && model.now.saturating_sub(when) <= DOUBLE);
    model.clicked = (!twice).then_some((at, model.now));
    twice
}
