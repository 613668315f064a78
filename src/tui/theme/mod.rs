//! Themes: what a thing means decides how it looks. [`Meaning`] → style, [`Glyph`] → symbol.
//!
//! Themes are TOML files in `themes/`, embedded in the program; a user's folder adds to them and overrides them.

mod depth;
#[cfg(test)]
mod document;
mod file;
mod glyph;
mod meaning;

pub use depth::Depth;
pub(crate) use file::suggest;
pub use file::{BUILT_IN, Library};
pub use glyph::{Glyph, GlyphSet};
pub use meaning::Meaning;

use ratatui::style::{Color, Modifier, Style};

/// A resolved theme: every meaning has a style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Its name, as `--theme` takes it.
    pub name: String,
    /// Symbols to draw with.
    pub glyphs: GlyphSet,
    /// Whether running things turn.
    pub spinner: bool,
    styles: [Style; Meaning::ALL.len()],
    depth: Depth,
}

/// What a user wants of every theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Symbols in plain ASCII.
    pub ascii: bool,
    /// Nothing turns.
    pub still: bool,
}

impl Theme {
    fn new(name: String, glyphs: GlyphSet, spinner: bool, styles: [Style; Meaning::ALL.len()]) -> Self {
        Theme { name, glyphs, spinner, styles, depth: Depth::True }
    }

    /// How `meaning` looks.
    pub fn style(&self, meaning: Meaning) -> Style {
        self.styles[meaning as usize]
    }

    /// The symbol of `glyph`.
    pub fn glyph(&self, glyph: Glyph) -> &'static str {
        glyph.symbol(self.glyphs)
    }

    /// The symbol of something at work at `now` (milliseconds): turning when the theme moves.
    pub fn turning(&self, now: u64) -> &'static str {
        if self.spinner { Glyph::spinner(self.glyphs, now) } else { self.glyph(Glyph::Running) }
    }

    /// Whether the selection swaps foreground and background, so that what it covers has to be drawn in one colour.
    pub fn selection_is_reversed(&self) -> bool {
        self.style(Meaning::Selection).add_modifier.contains(Modifier::REVERSED)
    }

    /// The same theme for a terminal that shows fewer colours.
    #[must_use]
    pub fn at_depth(mut self, depth: Depth) -> Self {
        self.depth = depth;
        for style in &mut self.styles {
            style.fg = style.fg.map(|c| depth.nearest(c));
            style.bg = style.bg.map(|c| depth.nearest(c));
        }
        self
    }

    /// The same theme as `wishes` want it.
    #[must_use]
    pub fn as_wished(mut self, wishes: Wishes) -> Self {
        if wishes.ascii {
            self.glyphs = GlyphSet::Ascii;
        }
        self.spinner &= !wishes.still;
        self
    }

    /// How something looks here that another program has given `style`: in the colours that the terminal has, and in none where the theme
    /// has none.
    pub fn foreign(&self, style: Style) -> Style {
        let has_colours = self.styles.iter().flat_map(|s| [s.fg, s.bg]).flatten().any(|colour| colour != Color::Reset);
        let shown = |colour: Option<Color>| colour.filter(|_| has_colours).map(|colour| self.depth.nearest(colour));
        Style { fg: shown(style.fg), bg: shown(style.bg), ..style }
    }

    /// The background the theme paints, [`Color::Reset`] when it leaves the terminal's own.
    pub fn background(&self) -> Color {
        let style = self.style(Meaning::Background);
        style.bg.unwrap_or(Color::Reset)
    }
}
