//! Symbols, in a unicode and an ASCII set. All are one cell wide in the unicode set; none is an emoji.

/// Which symbols a theme draws with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GlyphSet {
    /// Box drawing and geometric shapes.
    #[default]
    Unicode,
    /// Plain ASCII.
    Ascii,
}

/// Something drawn as a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Glyph {
    Pass,
    Built,
    Running,
    Queued,
    Stale,
    Never,
    Fail,
    Cancelled,
    Warn,
    Pushed,
    Gutter,
    Marked,
    Ellipsis,
    Horizontal,
    Vertical,
    TopLeft,
    TopRight,
    BottomLeft,
    BottomRight,
    MeterFull,
    MeterEmpty,
    Same,
    Differs,
    Arrow,
    Bullet,
    Open,
    Closed,
    Separator,
    ScrollThumb,
    Caret,
}

impl Glyph {
    /// Its symbol in `set`.
    pub const fn symbol(self, set: GlyphSet) -> &'static str {
        let (unicode, ascii) = match self {
            Glyph::Pass => ("✓", "ok"),
            Glyph::Built => ("●", "*"),
            Glyph::Running => ("▶", ">>"),
            Glyph::Queued => ("◌", ".."),
            Glyph::Stale => ("○", "--"),
            Glyph::Never => ("·", "-"),
            Glyph::Fail => ("✗", "!!"),
            Glyph::Cancelled => ("⊘", "xx"),
            Glyph::Warn => ("!", "!"),
            Glyph::Pushed => ("↑", "^"),
            Glyph::Gutter => ("▌", ">"),
            Glyph::Marked => ("◆", "#"),
            Glyph::Ellipsis => ("…", "~"),
            Glyph::Horizontal => ("─", "-"),
            Glyph::Vertical => ("│", "|"),
            Glyph::TopLeft => ("╭", "+"),
            Glyph::TopRight => ("╮", "+"),
            Glyph::BottomLeft => ("╰", "+"),
            Glyph::BottomRight => ("╯", "+"),
            Glyph::MeterFull => ("━", "="),
            Glyph::MeterEmpty => ("─", "."),
            Glyph::Same => ("=", "="),
            Glyph::Differs => ("≠", "<>"),
            Glyph::Arrow => ("→", "->"),
            Glyph::Bullet => ("•", "*"),
            Glyph::Open => ("▾", "v"),
            Glyph::Closed => ("▸", ">"),
            Glyph::Separator => ("·", "|"),
            Glyph::ScrollThumb => ("┃", "|"),
            Glyph::Caret => ("❯", ">"),
        };
        match set {
            GlyphSet::Unicode => unicode,
            GlyphSet::Ascii => ascii,
        }
    }

    /// A turning symbol: eight steps a second.
    pub fn spinner(set: GlyphSet, now: u64) -> &'static str {
        const UNICODE: [&str; 8] = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠧", "⠇", "⠏"];
        const ASCII: [&str; 4] = ["|", "/", "-", "\\"];
        let step = (now / 125) as usize;
        match set {
            GlyphSet::Unicode => UNICODE[step % UNICODE.len()],
            GlyphSet::Ascii => ASCII[step % ASCII.len()],
        }
    }
}
