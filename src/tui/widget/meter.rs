//! A bar that fills.

use ratatui::layout::Rect;

use super::Canvas;
use crate::tui::theme::{Glyph, Meaning};

/// Draws `done` of `total` over the first line of `area`; nothing is claimed when `total` is 0. A bar is full only
/// when everything is done.
pub fn meter(canvas: &mut Canvas<'_>, area: Rect, done: u64, total: u64, meaning: Meaning) {
    let area = Rect { height: area.height.min(1), ..area };
    canvas.fill(area, Glyph::MeterEmpty, Meaning::Border);
    if total == 0 {
        return;
    }
    let mut full = (u128::from(done.min(total)) * u128::from(area.width) / u128::from(total)) as u16;
    if done < total {
        full = full.min(area.width.saturating_sub(1));
    }
    canvas.fill(Rect { width: full, ..area }, Glyph::MeterFull, meaning);
}
