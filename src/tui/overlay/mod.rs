//! What lies above a screen: help, palette, themes, messages, a finding, the question before quitting.

mod help;
mod messages;
mod palette;
mod quit;
mod themes;
mod toast;

use crossterm::event::KeyEvent;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::action::Action;
use super::model::Model;
use super::msg::Level;
use super::screen::inspect;
use super::theme::Library;
use super::update::act;
use super::widget::{Canvas, edit, modal_inside, modal_place, window};
use crate::session::Command;
use crate::verify::Check;

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
    let limit = limit(model);
    let Some(top) = model.overlays.last_mut() else { return Vec::new() };
    let mut step = |by: isize| {
        if let Some(position) = top.scroll() {
            *position = position.saturating_add_signed(by).min(limit);
        }
    };
    match meant {
        Some(Action::Up) => step(-1),
        Some(Action::Down) => step(1),
        Some(Action::PageUp) => step(-10),
        Some(Action::PageDown) => step(10),
        Some(Action::Top) => step(isize::MIN),
        Some(Action::Bottom) => step(isize::MAX),
        Some(Action::Back) => close(model),
        Some(Action::Open) => return open(model),
        Some(Action::Help) if matches!(top, Overlay::Help { .. }) => close(model),
        Some(Action::Messages) if matches!(top, Overlay::Messages { .. }) => close(model),
        Some(Action::Quit) => {
            if matches!(top, Overlay::Quit) {
                return super::update::stop_and_quit(model);
            }
            close(model);
        }
        Some(Action::Suspend | Action::Redraw) => return act(model, meant.unwrap_or(Action::Redraw)),
        _ => {}
    }
    themes::preview(model);
    Vec::new()
}

/// The mouse was clicked at `at`: a row is chosen, and beside the overlay it closes.
pub fn click(model: &mut Model, at: Position) -> Vec<Command> {
    let all = Rect::new(0, 0, model.width, model.height);
    let (size, cursor, len) = match model.overlays.last() {
        Some(Overlay::Palette { typed, cursor }) => (palette::SIZE, *cursor, palette::choices(model, typed.value()).len()),
        Some(Overlay::Themes { cursor, .. }) => (themes::size(model.library.names().len()), *cursor, model.library.names().len()),
        _ => return Vec::new(),
    };
    let place = modal_place(all, size.0, size.1);
    if !place.contains(at) {
        close(model);
        return Vec::new();
    }
    let is_palette = matches!(model.overlays.last(), Some(Overlay::Palette { .. }));
    let list = if is_palette { palette::list_area(modal_inside(place)) } else { themes::list_area(modal_inside(place)) };
    if !list.contains(at) || len == 0 {
        return Vec::new();
    }
    let row = window(cursor.min(len - 1), len, usize::from(list.height)).start + usize::from(at.y - list.y);
    if row >= len {
        return Vec::new();
    }
    if let Some(position) = model.overlays.last_mut().and_then(Overlay::scroll) {
        *position = row;
    }
    if is_palette {
        return open(model);
    }
    themes::preview(model);
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
            let name = model.theme.name.clone();
            model.say(Level::Info, format!("theme = \"{name}\" in config.toml keeps it for the next time"));
            Vec::new()
        }
        // Everything else just closes.
        _ => Vec::new(),
    }
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
