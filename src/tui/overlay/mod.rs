//! What lies above a screen: help, palette, themes, messages, a finding, the question before quitting.

mod help;
mod messages;
mod palette;
mod quit;
mod themes;
mod toast;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use tui_input::Input;

use super::action::Action;
use super::hint;
use super::model::Model;
use super::msg::{Effect, Level};
use super::screen::inspect;
use super::spot::Spot;
use super::text;
use super::theme::{Library, Meaning};
use super::update::act;
use super::widget::{Canvas, edit, modal};
use crate::session::Command;
use crate::verify::Check;

pub use messages::view_newest;
pub use toast::view as view_toasts;

/// Something above the screen.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// The keys.
    Help {
        /// What is searched.
        search: Input,
        /// First visible line.
        scroll: usize,
    },
    /// Every command by name.
    Palette {
        /// What is typed.
        typed: Input,
        /// The row with the cursor.
        cursor: usize,
    },
    /// Everything that was said.
    Messages {
        /// Lines from the end.
        scroll: usize,
    },
    /// Choosing a theme.
    Themes {
        /// The row with the cursor.
        cursor: usize,
        /// The theme to go back to.
        before: String,
    },
    /// What a check found.
    Finding {
        /// Which check.
        check: Check,
        /// First visible line.
        scroll: usize,
    },
    /// Something runs: really quit?
    Quit,
}

impl PartialEq for Overlay {
    /// The same kind of overlay: there is never a reason to have two of one.
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Overlay {
    /// The keys, unfiltered.
    pub fn help() -> Self {
        Overlay::Help { search: Input::default(), scroll: 0 }
    }

    /// The palette, empty.
    pub fn palette() -> Self {
        Overlay::Palette { typed: Input::default(), cursor: 0 }
    }

    /// The last messages.
    pub fn messages() -> Self {
        Overlay::Messages { scroll: 0 }
    }

    /// The themes, on the present one.
    pub fn themes(present: &str, library: &Library) -> Self {
        let cursor = library.names().iter().position(|n| *n == present).unwrap_or(0);
        Overlay::Themes { cursor, before: present.to_owned() }
    }

    /// The line being typed in it.
    pub fn input(&mut self) -> Option<&mut Input> {
        match self {
            Overlay::Help { search, .. } => Some(search),
            Overlay::Palette { typed, .. } => Some(typed),
            _ => None,
        }
    }

    /// Whether a line is typed in it.
    pub fn is_typed(&self) -> bool {
        matches!(self, Overlay::Help { .. } | Overlay::Palette { .. })
    }

    fn scroll(&mut self) -> Option<&mut usize> {
        match self {
            Overlay::Help { scroll, .. } | Overlay::Messages { scroll } | Overlay::Finding { scroll, .. } => Some(scroll),
            Overlay::Palette { cursor, .. } | Overlay::Themes { cursor, .. } => Some(cursor),
            Overlay::Quit => None,
        }
    }
}

/// Gives a key to the topmost overlay; `meant` is what it means on the screen below.
pub fn on_key(model: &mut Model, event: KeyEvent, meant: Option<Action>) -> Vec<Command> {
    let Some(top) = model.overlays.last_mut() else { return Vec::new() };
    // A letter is typed where something is typed; elsewhere it is a key.
    if top.input().is_some_and(|input| edit(input, event)) {
        if let Some(position) = top.scroll() {
            *position = 0;
        }
        return Vec::new();
    }
    meant.map(|action| on_action(model, action)).unwrap_or_default()
}

/// Does what `action` means for the topmost overlay.
fn on_action(model: &mut Model, action: Action) -> Vec<Command> {
    let limit = limit(model);
    let Some(top) = model.overlays.last_mut() else { return Vec::new() };
    let mut step = |by: isize| {
        if let Some(position) = top.scroll() {
            *position = position.saturating_add_signed(by).min(limit);
        }
    };
    match action {
        Action::Up => step(-1),
        Action::Down => step(1),
        Action::PageUp => step(-10),
        Action::PageDown => step(10),
        Action::Top => step(isize::MIN),
        Action::Bottom => step(isize::MAX),
        Action::Back => close(model),
        Action::Open => return open(model),
        Action::Help if matches!(top, Overlay::Help { .. }) => close(model),
        Action::Messages if matches!(top, Overlay::Messages { .. }) => close(model),
        Action::Quit => {
            if matches!(top, Overlay::Quit) {
                return super::update::stop_and_quit(model);
            }
            close(model);
        }
        Action::Suspend | Action::Redraw => return act(model, action),
        _ => {}
    }
    themes::preview(model);
    Vec::new()
}

/// The wheel turned.
pub fn wheel(model: &mut Model, action: Action) -> Vec<Command> {
    // Text goes by three lines, a cursor by one.
    let steps = if matches!(model.overlays.last(), Some(Overlay::Palette { .. } | Overlay::Themes { .. })) { 1 } else { 3 };
    (0..steps).flat_map(|_| on_action(model, action)).collect()
}

/// The mouse was clicked on `spot`, `twice` when this was the second time. Beside the overlay it closes.
pub fn click(model: &mut Model, spot: Spot, twice: bool) -> Vec<Command> {
    let row = match spot {
        Spot::Beside => {
            close(model);
            return Vec::new();
        }
        Spot::Do(action) => return on_action(model, action),
        Spot::Row(row) => row,
        _ => return Vec::new(),
    };
    match model.overlays.last_mut() {
        Some(Overlay::Palette { cursor, .. }) => {
            *cursor = row;
            return open(model);
        }
        Some(Overlay::Themes { cursor, .. }) => {
            *cursor = row;
            themes::preview(model);
            if twice {
                return open(model);
            }
        }
        Some(Overlay::Finding { check, .. }) if twice => {
            let check = *check;
            model.overlays.pop();
            return inspect::show_file(model, check, row);
        }
        Some(Overlay::Help { search, .. }) if twice => {
            let search = search.value().to_owned();
            if let Some(action) = help::action(model, &search, row) {
                model.overlays.pop();
                return act(model, action);
            }
        }
        _ => {}
    }
    Vec::new()
}

/// How far the topmost overlay can be scrolled or its cursor moved.
fn limit(model: &Model) -> usize {
    match model.overlays.last() {
        Some(Overlay::Help { search, .. }) => help::lines(model, search.value()).len().saturating_sub(1),
        Some(Overlay::Palette { typed, .. }) => palette::choices(model, typed.value()).len().saturating_sub(1),
        Some(Overlay::Messages { .. }) => model.notices.len().saturating_sub(1),
        Some(Overlay::Themes { .. }) => model.library.names().len().saturating_sub(1),
        Some(Overlay::Finding { .. }) => 2_000,
        Some(Overlay::Quit) | None => 0,
    }
}

fn close(model: &mut Model) {
    if let Some(Overlay::Themes { before, .. }) = model.overlays.pop() {
        themes::choose(model, &before);
    }
}

fn open(model: &mut Model) -> Vec<Command> {
    match model.overlays.pop() {
        Some(Overlay::Palette { typed, cursor }) => palette::run(model, typed.value(), cursor),
        Some(Overlay::Quit) => super::update::stop_and_quit(model),
        Some(Overlay::Finding { check, scroll }) => inspect::show_file(model, check, scroll),
        Some(Overlay::Themes { before, .. }) if model.theme.name != before => {
            let theme = model.theme.name.clone();
            match model.config.clone() {
                Some(config) => model.effects.push(Effect::KeepTheme { config, theme }),
                None => model.say(Level::Info, format!("there is no config.toml here to keep {theme} in: it is for this session")),
            }
            Vec::new()
        }
        // Everything else just closes.
        _ => Vec::new(),
    }
}

/// A frame in the middle of everything, with keys at its upper right; returns the inside with a margin.
pub fn frame(model: &Model, canvas: &mut Canvas<'_>, (width, height): (u16, u16), title: &str, words: &[(Action, &str)]) -> Rect {
    let inside = modal(canvas, width, height, title, "");
    if inside.y > 0 {
        let line = Rect { y: inside.y - 1, height: 1, ..inside };
        let (taken, free) = (hint::width(model, words) + 2, line.width.saturating_sub(text::width(title) as u16 + 3));
        if taken > 2 && taken <= free {
            let place = Rect { x: line.right() - taken, width: taken, ..line };
            canvas.text(place, &" ".repeat(usize::from(taken)), Meaning::Border);
            hint::hints(model, canvas, Rect { x: place.x + 1, width: taken - 2, ..place }, words);
        }
    }
    inside
}

/// Draws the overlays, topmost last.
pub fn view(model: &Model, canvas: &mut Canvas<'_>) {
    for overlay in &model.overlays {
        // What is being typed below an overlay has no cursor.
        canvas.cursor = None;
        match overlay {
            Overlay::Help { search, scroll } => help::view(model, canvas, search, *scroll),
            Overlay::Palette { typed, cursor } => palette::view(model, canvas, typed, *cursor),
            Overlay::Messages { scroll } => messages::view(model, canvas, *scroll),
            Overlay::Themes { cursor, .. } => themes::view(model, canvas, *cursor),
            Overlay::Finding { check, scroll } => inspect::view_finding(model, canvas, *check, *scroll),
            Overlay::Quit => quit::view(model, canvas),
        }
    }
}
