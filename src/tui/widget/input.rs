//! One line being typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Position, Rect};
use tui_input::{Input, InputRequest};

use super::{Canvas, columns};
use crate::tui::text;
use crate::tui::theme::Meaning;

/// More than this is no name, version or search.
const MAX_LENGTH: usize = 512;

/// Changes `input` as `key` says, readline's way; whether the key was for it.
pub fn edit(input: &mut Input, key: KeyEvent) -> bool {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let request = match key.code {
        KeyCode::Char(c) if ctrl => match c {
            'a' => InputRequest::GoToStart,
            'e' => InputRequest::GoToEnd,
            'u' => InputRequest::DeleteFromStart,
            'k' => InputRequest::DeleteTillEnd,
            'w' => InputRequest::DeletePrevWord,
            _ => return false,
        },
        KeyCode::Char(c) if !alt => {
            if !c.is_control() && input.value().len() < MAX_LENGTH {
                InputRequest::InsertChar(c)
            } else {
                return true;
            }
        }
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
        _ => return false,
    };
    input.handle(request);
    true
}

/// Draws `input` on the first line of `area`, `placeholder` while it is empty, with the cursor when `focused`.
pub fn draw_input(canvas: &mut Canvas<'_>, area: Rect, input: &Input, placeholder: &str, focused: bool) {
    let area = columns(area.intersection(canvas.area()), area.width);
    if area.is_empty() {
        return;
    }
    let room = usize::from(area.width.saturating_sub(1));
    let scroll = input.visual_scroll(room);
    if input.value().is_empty() {
        canvas.text(area, placeholder, Meaning::Muted);
    } else {
        let skip = text::prefix(input.value(), scroll);
        let style = canvas.style(if focused { Meaning::Title } else { Meaning::Text });
        let tail = &input.value()[skip..];
        let shown = &tail[..text::prefix(tail, room.max(1))];
        canvas.spans(area, &[(shown, style)]);
    }
    if focused {
        let column = input.visual_cursor().saturating_sub(scroll).min(room) as u16;
        canvas.cursor = Some(Position::new(area.x + column, area.y));
    }
}
