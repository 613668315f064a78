//! Everything that was said.

use crate::tui::model::Model;
use crate::tui::msg::Level;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Canvas, modal, row};

/// How a level looks.
pub fn look(level: Level) -> (Glyph, Meaning) {
    match level {
        Level::Info => (Glyph::Bullet, Meaning::Muted),
        Level::Success => (Glyph::Pass, Meaning::Success),
        Level::Error => (Glyph::Fail, Meaning::Failure),
    }
}

/// Draws the messages, newest last; `scroll` counts from the end.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, scroll: usize) {
    let height = canvas.area().height.saturating_sub(6).max(4);
    let inside = modal(canvas, 110, height, "Messages", "esc closes");
    if model.notices.is_empty() {
        canvas.text(row(inside, 0), "Nothing was said yet.", Meaning::Muted);
        return;
    }
    let room = usize::from(inside.width.saturating_sub(9));
    let mut lines = Vec::new();
    let end = model.notices.len().saturating_sub(scroll);
    for notice in model.notices[..end].iter().rev() {
        let clean = text::printable(&notice.text.replace('\n', " ")).into_owned();
        let pieces: Vec<String> = text::wrap(&clean, room).into_iter().map(str::to_owned).collect();
        for (i, piece) in pieces.into_iter().enumerate().rev() {
            lines.push((if i == 0 { Some(notice) } else { None }, piece, notice.level));
        }
        if lines.len() >= usize::from(inside.height) {
            break;
        }
    }
    lines.truncate(usize::from(inside.height));
    for (i, (notice, piece, level)) in lines.iter().rev().enumerate() {
        let (glyph, meaning) = look(*level);
        let head = match notice {
            Some(notice) => format!("{:>6} {} ", text::clock(notice.at), canvas.glyph(glyph)),
            None => " ".repeat(9),
        };
        let (muted, style) = (canvas.style(Meaning::Muted), canvas.style(meaning));
        canvas.spans(row(inside, i), &[(&head, muted), (piece, style)]);
    }
}
