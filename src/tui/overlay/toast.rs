//! The last thing that was said, for a moment, above the footer. Never takes the keys, never covers what is typed.

use std::ops::Range;

use ratatui::layout::{Position, Rect};

use super::messages::look;
use crate::tui::model::{Model, Screen};
use crate::tui::screen::release::Step;
use crate::tui::spot::Spot;
use crate::tui::text;
use crate::tui::theme::Meaning;
use crate::tui::widget::{Canvas, panel, right_of, row};

/// Draws the notices that are still fresh, at most three, newest lowest.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let fresh: Vec<_> = model.visible_notices().take(3).collect();
    let typed = canvas.cursor.map(|cursor| typed_lines(model, cursor));
    let most = usize::from(area.width.saturating_sub(4)).min(64);
    let mut bottom = area.bottom();
    for notice in fresh {
        let (glyph, meaning) = look(notice.level);
        let clean = text::printable(&notice.text.replace('\n', " ")).into_owned();
        let lines = text::wrap(&clean, most.saturating_sub(6));
        let shown = lines.len().min(3);
        let height = shown as u16 + 2;
        let widest = lines.iter().take(shown).map(|l| text::width(l)).max().unwrap_or(0);
        let width = (widest + 6).min(most) as u16;
        if let Some(lines) = typed.as_ref().filter(|lines| bottom > lines.start && bottom < lines.end + height) {
            bottom = lines.start;
        }
        if bottom < area.y + height || width < 8 {
            return;
        }
        let place = Rect::new(area.right().saturating_sub(width + 1), bottom - height, width, height);
        canvas.clear(place);
        canvas.spot(place, Spot::Frame);
        let inside = panel(canvas, place, "", "", false);
        canvas.text(right_of(row(inside, 0), 1), canvas.glyph(glyph), meaning);
        for (i, line) in lines.iter().take(shown).enumerate() {
            let cut = i + 1 == shown && lines.len() > shown;
            let said = if cut { format!("{line} {}", canvas.glyph(crate::tui::theme::Glyph::Ellipsis)) } else { (*line).to_owned() };
            canvas.text(right_of(row(inside, i), 3), &said, if i == 0 { Meaning::Text } else { Meaning::Muted });
        }
        bottom = place.y;
    }
}

/// The lines that belong to what is being typed at `cursor`: in the plan also the sum above it and the hint below.
fn typed_lines(model: &Model, cursor: Position) -> Range<u16> {
    match (model.screen, model.release.step) {
        (Screen::Release, Step::Preview) => cursor.y.saturating_sub(3)..cursor.y + 2,
        _ => cursor.y..cursor.y + 1,
    }
}
