//! Keys with what they do, in a line: as the keymap has them now, and each can be clicked.

use ratatui::layout::Rect;

use super::action::Action;
use super::model::Model;
use super::spot::Spot;
use super::text;
use super::theme::Meaning;
use super::widget::{Canvas, right_of};

/// Cells between two of them.
const GAP: u16 = 2;

/// The first key of `action` that works here and now, as it is shown: while a line is typed, letters are none. Empty when there is none.
pub fn key(model: &Model, action: Action) -> String {
    let typing = model.is_typing();
    let is_letter = |key: &str| key == "space" || key.chars().count() == 1;
    // Arrows move in the line that is typed, too, but up and down do not.
    let works = |key: &String| !typing || !is_letter(key) || matches!(key.as_str(), "↑" | "↓");
    model.keymap.keys(model.screen.scope(), action).into_iter().find(works).unwrap_or_default()
}

/// The cells that `words` take, without those that have no key.
pub fn width(model: &Model, words: &[(Action, &str)]) -> u16 {
    let each = words.iter().map(|(action, word)| (text::width(&key(model, *action)), text::width(word))).filter(|(key, _)| *key > 0);
    let all: usize = each.map(|(key, word)| key + 1 + word + usize::from(GAP)).sum();
    (all as u16).saturating_sub(GAP)
}

/// Draws each of `words` after the key of its action, on the first line of `area`; what does not fit whole is left out. Returns the cells
/// that were taken.
pub fn hints(model: &Model, canvas: &mut Canvas<'_>, area: Rect, words: &[(Action, &str)]) -> u16 {
    let (key_style, word_style) = (canvas.style(Meaning::Accent), canvas.style(Meaning::Muted));
    let mut x = 0;
    for (action, word) in words {
        let key = key(model, *action);
        let width = (text::width(&key) + 1 + text::width(word)) as u16;
        if key.is_empty() || x + width > area.width {
            continue;
        }
        let place = Rect { width, height: area.height.min(1), ..right_of(area, x) };
        canvas.spans(place, &[(&key, key_style), (" ", word_style), (word, word_style)]);
        canvas.spot(place, Spot::Do(*action));
        x += width + GAP;
    }
    x.saturating_sub(GAP)
}

/// Draws them in the middle of `area`.
pub fn centered(model: &Model, canvas: &mut Canvas<'_>, area: Rect, words: &[(Action, &str)]) {
    let spare = area.width.saturating_sub(width(model, words));
    hints(model, canvas, right_of(area, spare / 2), words);
}
