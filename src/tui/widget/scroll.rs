//! What of a long list is visible.

use std::ops::Range;

use ratatui::layout::Rect;

use super::Canvas;
use crate::tui::theme::{Glyph, Meaning};

/// The part of `len` rows to show in `height` lines so that `cursor` is among them, near the middle.
pub fn window(cursor: usize, len: usize, height: usize) -> Range<usize> {
    let first = cursor.saturating_sub(height / 2).min(len.saturating_sub(height));
    first..len.min(first + height)
}

/// The part of `area` that is for text when `len` lines are shown in it: all but the scrollbar's column, when there
/// is a scrollbar.
pub fn beside_scrollbar(area: Rect, len: usize) -> Rect {
    Rect { width: area.width.saturating_sub(u16::from(len > usize::from(area.height))), ..area }
}

/// A thumb on the last column of `area`, when not everything is visible.
pub fn scrollbar(canvas: &mut Canvas<'_>, area: Rect, visible: &Range<usize>, len: usize) {
    let height = usize::from(area.height);
    if len <= visible.len() || height == 0 || area.width == 0 {
        return;
    }
    let thumb = (height * visible.len() / len).clamp(1, height);
    let hidden = len - visible.len();
    let top = (height - thumb) * visible.start.min(hidden) / hidden;
    canvas.fill(Rect { x: area.right() - 1, y: area.y + top as u16, width: 1, height: thumb as u16 }, Glyph::ScrollThumb, Meaning::Border);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_always_visible() {
        for len in 0..30 {
            for height in 1..12 {
                for cursor in 0..len {
                    let seen = window(cursor, len, height);
                    assert!(seen.contains(&cursor) && seen.len() == height.min(len));
                }
            }
        }
    }
}
