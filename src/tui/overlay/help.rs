//! The keys: this screen's first, then everybody's; searchable.

use tui_input::Input;

use super::frame;
use crate::tui::action::{ACTIONS, Action, Entry, Scope};
use crate::tui::model::Model;
use crate::tui::spot::Spot;
use crate::tui::theme::Meaning;
use crate::tui::widget::{Canvas, below, beside_scrollbar, draw_input, right_of, row, scrollbar};

/// A line: a heading, or an action with its keys.
pub enum Line {
    /// A scope's name.
    Heading(&'static str),
    /// Keys and the action.
    Action(String, &'static Entry),
}

/// The lines that `search` leaves.
pub fn lines(model: &Model, search: &str) -> Vec<Line> {
    let needle = search.to_lowercase();
    let mut lines = Vec::new();
    for scope in [model.screen.scope(), Scope::Global] {
        let mut found = Vec::new();
        for entry in ACTIONS.iter().filter(|e| e.scopes.contains(&scope)) {
            let keys = model.keymap.keys(scope, entry.action).join(" ");
            if needle.is_empty() || entry.help.to_lowercase().contains(&needle) || entry.name.contains(&needle) || keys.contains(search) {
                found.push(Line::Action(keys, entry));
            }
        }
        if !found.is_empty() {
            lines.push(Line::Heading(if scope == Scope::Global { "everywhere" } else { model.screen.title() }));
            lines.extend(found);
        }
    }
    lines
}

/// What the line at `index` of those that `search` leaves does.
pub fn action(model: &Model, search: &str, index: usize) -> Option<Action> {
    match lines(model, search).into_iter().nth(index)? {
        Line::Heading(_) => None,
        Line::Action(_, entry) => Some(entry.action),
    }
}

/// Draws it.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, search: &Input, scroll: usize) {
    let lines = lines(model, search.value());
    let inside = frame(model, canvas, (84, (lines.len() as u16 + 4).max(10)), "Keys", &[(Action::Back, "closes")]);
    let used = canvas.text(row(inside, 0), "search ", Meaning::Accent);
    draw_input(canvas, right_of(row(inside, 0), used), search, "type what you want to do", true);
    let list = below(inside, 2);
    let height = usize::from(list.height);
    let first = scroll.min(lines.len().saturating_sub(height));
    if lines.is_empty() {
        canvas.text(row(list, 0), "No key does that.", Meaning::Muted);
    }
    for (i, line) in lines.iter().skip(first).take(height).enumerate() {
        let area = row(beside_scrollbar(list, lines.len()), i);
        canvas.spot(area, Spot::Row(first + i));
        match line {
            Line::Heading(title) => drop(canvas.text(area, title, Meaning::Title)),
            Line::Action(keys, entry) => {
                canvas.text(
                    ratatui::layout::Rect { width: area.width.min(18), ..right_of(area, 1) }.intersection(area),
                    keys,
                    Meaning::Accent,
                );
                let meaning = if (entry.enabled)(model).is_ok() { Meaning::Text } else { Meaning::Muted };
                canvas.text(right_of(area, 20), entry.help, meaning);
            }
        }
    }
    scrollbar(canvas, list, &(first..(first + height).min(lines.len())), lines.len());
}
