//! Where everything is drawn: a buffer that cannot be drawn outside of, and a theme.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

use crate::tui::spot::Spot;
use crate::tui::text;
use crate::tui::theme::{Glyph, GlyphSet, Meaning, Theme};

/// At which edge a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Right.
    Right,
    /// In the middle.
    Center,
}

/// Draws into a buffer, clipped to it; what does not fit ends in `…`.
pub struct Canvas<'a> {
    /// What is drawn into.
    pub buffer: &'a mut Buffer,
    /// How things look.
    pub theme: &'a Theme,
    /// Where the terminal's cursor belongs, when something is being typed.
    pub cursor: Option<Position>,
    /// What is where, for the mouse; what was drawn later lies above.
    spots: Vec<(Rect, Spot)>,
    /// Every text as it was drawn and where, unless it was covered since: tests hold the screen against it.
    #[cfg(test)]
    pub texts: Vec<(Position, String)>,
}

impl<'a> Canvas<'a> {
    /// A canvas over `buffer`, filled with the theme's background.
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        let ground = theme.style(Meaning::Background).patch(theme.style(Meaning::Text));
        buffer.set_style(buffer.area, ground);
        Canvas {
            buffer,
            theme,
            cursor: None,
            spots: Vec::new(),
            #[cfg(test)]
            texts: Vec::new(),
        }
    }

    /// Notes what `area` is.
    pub fn spot(&mut self, area: Rect, spot: Spot) {
        let area = area.intersection(self.buffer.area);
        if !area.is_empty() {
            self.spots.push((area, spot));
        }
    }

    /// What is where, topmost last.
    pub fn spots(&self) -> &[(Rect, Spot)] {
        &self.spots
    }

    /// All of it.
    pub fn area(&self) -> Rect {
        self.buffer.area
    }

    /// The style of `meaning`.
    pub fn style(&self, meaning: Meaning) -> Style {
        self.theme.style(meaning)
    }

    /// The symbol of `glyph`.
    pub fn glyph(&self, glyph: Glyph) -> &'static str {
        self.theme.glyph(glyph)
    }

    /// Draws pieces one after the other on the first line of `area`; returns the cells they took.
    pub fn spans(&mut self, area: Rect, pieces: &[(&str, Style)]) -> u16 {
        let area = area.intersection(self.buffer.area);
        if area.is_empty() {
            return 0;
        }
        let mark = self.glyph(Glyph::Ellipsis);
        let width = |piece: &str| if is_plain(piece) { piece.len() } else { text::width(piece) };
        let total: usize = pieces.iter().map(|(t, _)| width(t)).sum();
        let cut = total > usize::from(area.width);
        let mut left = usize::from(area.width) - if cut { text::width(mark).min(usize::from(area.width)) } else { 0 };
        let mut x = area.x;
        #[cfg(test)]
        let mut drawn = String::new();
        for (piece, style) in pieces {
            let piece = if self.theme.glyphs == GlyphSet::Ascii { text::in_ascii(piece) } else { Cow::Borrowed(*piece) };
            let plain = is_plain(&piece);
            let fits = &piece[..if plain { piece.len().min(left) } else { text::prefix(&piece, left) }];
            x = if plain { self.plain(x, area.y, fits, *style) } else { self.buffer.set_stringn(x, area.y, fits, left, *style).0 };
            left = left.saturating_sub(width(fits));
            #[cfg(test)]
            drawn.push_str(fits);
            if fits.len() < piece.len() {
                #[cfg(test)]
                drawn.push_str(mark);
                (x, _) = self.buffer.set_stringn(x, area.y, mark, usize::from(area.right() - x), *style);
                break;
            }
        }
        #[cfg(test)]
        self.texts.push((area.as_position(), drawn));
        x - area.x
    }

    /// Draws a text that [is plain](is_plain) and fits: a cell for every byte.
    fn plain(&mut self, x: u16, y: u16, value: &str, style: Style) -> u16 {
        let all = self.buffer.area;
        let start = usize::from(y - all.y) * usize::from(all.width) + usize::from(x - all.x);
        for (cell, c) in self.buffer.content.iter_mut().skip(start).zip(value.chars()) {
            cell.set_char(c).set_style(style);
        }
        x + value.len() as u16
    }

    /// Draws one text on the first line of `area`.
    pub fn text(&mut self, area: Rect, value: &str, meaning: Meaning) -> u16 {
        let style = self.style(meaning);
        self.spans(area, &[(value, style)])
    }

    /// Draws one text on the first line of `area`, at an edge.
    pub fn aligned(&mut self, area: Rect, value: &str, meaning: Meaning, align: Align) -> u16 {
        let spare = usize::from(area.width).saturating_sub(text::width(value)) as u16;
        let shift = match align {
            Align::Right => spare,
            Align::Center => spare / 2,
        };
        self.text(Rect { x: area.x + shift, width: area.width - shift, ..area }, value, meaning)
    }

    /// Draws a text over as many lines of `area` as it needs; returns how many.
    pub fn paragraph(&mut self, area: Rect, value: &str, meaning: Meaning) -> u16 {
        let lines = text::wrap(value, usize::from(area.width));
        let shown = lines.len().min(usize::from(area.height));
        for (i, line) in lines.iter().take(shown).enumerate() {
            let last_but_more = i + 1 == shown && lines.len() > shown;
            let line_area = row(area, i);
            if last_but_more {
                let full = format!("{line} {}", self.glyph(Glyph::Ellipsis));
                self.text(line_area, &full, meaning);
            } else {
                self.text(line_area, line, meaning);
            }
        }
        shown as u16
    }

    /// Marks `area` as where the cursor is. A reversed selection is drawn in one colour, because each span's own
    /// colour would become a block.
    pub fn select(&mut self, area: Rect) {
        let style = self.style(Meaning::Selection);
        let area = area.intersection(self.buffer.area);
        if style.add_modifier.contains(Modifier::REVERSED) {
            for position in area.positions() {
                if let Some(cell) = self.buffer.cell_mut(position) {
                    cell.set_fg(Color::Reset).set_bg(Color::Reset);
                    cell.modifier.remove(Modifier::DIM);
                }
            }
        }
        self.buffer.set_style(area, style);
    }

    /// Empties `area`, for what is drawn above something else.
    pub fn clear(&mut self, area: Rect) {
        let ground = self.style(Meaning::Background).patch(self.style(Meaning::Text));
        let area = area.intersection(self.buffer.area);
        #[cfg(test)]
        self.texts.retain(|(at, said)| Rect::new(at.x, at.y, text::width(said) as u16, 1).intersection(area).is_empty());
        for position in area.positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.reset();
            }
        }
        self.buffer.set_style(area, ground);
    }

    /// Fills one line with a symbol of one cell.
    pub fn fill(&mut self, area: Rect, glyph: Glyph, meaning: Meaning) {
        let (symbol, style) = (self.glyph(glyph), self.style(meaning));
        for position in area.intersection(self.buffer.area).positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.set_symbol(symbol).set_style(style);
            }
        }
    }
}

/// Whether every byte of `text` is a character of one cell. Most of what logs say is, and need not be divided into what people see as
/// characters, which takes most of a frame's time.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Line `index` of `area`; empty when there is none.
pub fn row(area: Rect, index: usize) -> Rect {
    match u16::try_from(index) {
        Ok(i) if i < area.height => Rect { y: area.y + i, height: 1, ..area },
        _ => Rect { height: 0, ..area },
    }
}

/// `area` without its first `n` columns.
pub fn right_of(area: Rect, n: u16) -> Rect {
    let n = n.min(area.width);
    Rect { x: area.x + n, width: area.width - n, ..area }
}

/// `area` without its first `n` lines.
pub fn below(area: Rect, n: u16) -> Rect {
    let n = n.min(area.height);
    Rect { y: area.y + n, height: area.height - n, ..area }
}

/// The first `n` columns of `area`.
pub fn columns(area: Rect, n: u16) -> Rect {
    Rect { width: area.width.min(n), ..area }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Library;

    proptest::proptest! {
        #[test]
        fn plain_text_looks_as_any_other_does(value in "[ -~]{0,40}", second in "[ -~…é漢]{0,8}", width in 1_u16..50) {
            let theme = Library::built_in().load("auto").unwrap();
            let line = Rect::new(0, 0, 50, 1);
            let (mut drawn, mut expected) = (Buffer::empty(line), Buffer::empty(line));
            let style = Style::new().add_modifier(Modifier::BOLD);
            let used = Canvas::new(&mut drawn, &theme).spans(Rect { width, ..line }, &[(&value, style), (&second, style)]);
            let whole = format!("{value}{second}");
            let shown = text::elide(&whole, usize::from(width), theme.glyph(Glyph::Ellipsis));
            Canvas::new(&mut expected, &theme);
            let (end, _) = expected.set_stringn(0, 0, &shown, usize::from(width), style);
            proptest::prop_assert_eq!(&drawn, &expected);
            proptest::prop_assert_eq!(used, end);
        }
    }
}
