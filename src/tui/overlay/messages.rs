//! Everything that was said.

use ratatui::layout::Rect;

use super::frame;
use crate::tui::action::Action;
use crate::tui::model::{Model, Notice};
use crate::tui::msg::Level;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Canvas, row};

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
    let inside = frame(model, canvas, (110, height), "Messages", &[(Action::Back, "closes")]);
    if model.notices.is_empty() {
        canvas.text(row(inside, 0), "Nothing was said yet.", Meaning::Muted);
        return;
    }
    let end = model.notices.len().saturating_sub(scroll);
    let mut lines: Vec<Line> = Vec::new();
    for notice in model.notices[..end].iter().rev() {
        lines.extend(lines_of(canvas, notice, inside.width).into_iter().rev());
        if lines.len() >= usize::from(inside.height) {
            break;
        }
    }
    lines.truncate(usize::from(inside.height));
    for (i, line) in lines.iter().rev().enumerate() {
        draw(canvas, row(inside, i), line);
    }
}

/// Draws the messages into `area`, newest first.
pub fn view_newest(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let mut y = 0;
    for notice in model.notices.iter().rev() {
        for line in lines_of(canvas, notice, area.width) {
            if y >= usize::from(area.height) {
                return;
            }
            draw(canvas, row(area, y), &line);
            y += 1;
        }
    }
}

/// One line of a message: when and how it was said, what, and how that looks.
type Line = (String, String, Meaning);

/// A message as lines of at most `width` cells.
fn lines_of(canvas: &Canvas<'_>, notice: &Notice, width: u16) -> Vec<Line> {
    let (glyph, meaning) = look(notice.level);
    let head = format!("{:>6} {} ", text::clock(notice.at), canvas.glyph(glyph));
    let indent = text::width(&head);
    let clean = text::printable(&notice.text.replace('\n', " ")).into_owned();
    let pieces = text::wrap(&clean, usize::from(width).saturating_sub(indent));
    let head = |i| if i == 0 { head.clone() } else { " ".repeat(indent) };
    pieces.into_iter().enumerate().map(|(i, piece)| (head(i), piece.to_owned(), meaning)).collect()
}

fn draw(canvas: &mut Canvas<'_>, line: Rect, (head, piece, meaning): &Line) {
    let (muted, style) = (canvas.style(Meaning::Muted), canvas.style(*meaning));
    canvas.spans(line, &[(head, muted), (piece, style)]);
}
