//! Quiet frames around things.

use ratatui::layout::Rect;

use super::{Canvas, row};
use crate::tui::spot::Spot;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};

/// Draws a frame around `area` with `title` at its upper left and `note` at its upper right; returns the inside.
pub fn panel(canvas: &mut Canvas<'_>, area: Rect, title: &str, note: &str, focused: bool) -> Rect {
    let area = area.intersection(canvas.area());
    if area.width < 4 || area.height < 2 {
        return Rect { width: 0, height: 0, ..area };
    }
    let line = if focused { Meaning::BorderFocused } else { Meaning::Border };
    let (right, bottom) = (area.right() - 1, area.bottom() - 1);
    canvas.fill(Rect { height: 1, ..area }, Glyph::Horizontal, line);
    canvas.fill(Rect { y: bottom, height: 1, ..area }, Glyph::Horizontal, line);
    canvas.fill(Rect { width: 1, ..area }, Glyph::Vertical, line);
    canvas.fill(Rect { x: right, width: 1, ..area }, Glyph::Vertical, line);
    for (x, y, corner) in [
        (area.x, area.y, Glyph::TopLeft),
        (right, area.y, Glyph::TopRight),
        (area.x, bottom, Glyph::BottomLeft),
        (right, bottom, Glyph::BottomRight),
    ] {
        canvas.fill(Rect::new(x, y, 1, 1), corner, line);
    }
    let room = area.width.saturating_sub(4);
    let top = Rect { x: area.x + 2, width: room, height: 1, ..area };
    if !title.is_empty() {
        canvas.text(top, &format!(" {title} "), if focused { Meaning::Accent } else { Meaning::Title });
    }
    let used = text::width(title) + 4;
    if !note.is_empty() && used + text::width(note) + 2 <= usize::from(room) {
        let note = format!(" {note} ");
        let width = text::width(&note) as u16;
        canvas.text(Rect { x: top.right() - width, width, ..top }, &note, Meaning::Muted);
    }
    Rect::new(area.x + 1, area.y + 1, area.width - 2, area.height - 2)
}

/// Where a frame in the middle of `all` is, at most `width` × `height`.
fn modal_place(all: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(all.width.saturating_sub(2)), height.min(all.height.saturating_sub(2)));
    Rect::new(all.x + (all.width - width) / 2, all.y + (all.height - height) / 3, width, height)
}

/// What is inside a frame at `place`, with a margin.
fn modal_inside(place: Rect) -> Rect {
    if place.width < 4 || place.height < 2 {
        return Rect { width: 0, height: 0, ..place };
    }
    Rect::new(place.x + 2, place.y + 1, place.width.saturating_sub(4), place.height - 2)
}

/// A frame in the middle of everything, emptied, at most `width` × `height`; returns the inside with a margin.
pub fn modal(canvas: &mut Canvas<'_>, width: u16, height: u16, title: &str, note: &str) -> Rect {
    let place = modal_place(canvas.area(), width, height);
    canvas.spot(canvas.area(), Spot::Beside);
    canvas.spot(place, Spot::Frame);
    canvas.clear(place);
    panel(canvas, place, title, note, true);
    modal_inside(place)
}

/// A line across the first line of `area`, with a title in it when there is one.
pub fn rule(canvas: &mut Canvas<'_>, area: Rect, title: &str) {
    let line = row(area, 0);
    canvas.fill(line, Glyph::Horizontal, Meaning::Border);
    if !title.is_empty() && line.width > 4 {
        canvas.text(Rect { x: line.x + 2, width: line.width - 2, ..line }, &format!(" {title} "), Meaning::Title);
    }
}
