//! Lines of somebody else's output: the text in them, and the colours that control sequences give it (ECMA-48, SGR). Everything else that
//! sequences can do is dropped.

use std::borrow::Cow;

use anstyle_parse::{Params, Parser, Perform};
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthChar;

/// A line changes its colours at most so often; then they stay.
const MOST_RUNS: usize = 512;

/// A line as it is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its text.
    pub text: Cow<'a, str>,
    /// From which byte of the text on it looks how; before the first, and where there is none, as usual.
    pub runs: Vec<(usize, Style)>,
}

/// The text of a line: control sequences are dropped, what follows the last carriage return wins, tabs become blanks, and characters that
/// reorder or hide text are dropped.
pub fn printable(line: &str) -> Cow<'_, str> {
    output(line).text
}

/// A line as it is seen, with its colours.
pub fn output(line: &str) -> Line<'_> {
    if line.chars().all(is_plain) {
        return Line { text: Cow::Borrowed(line), runs: Vec::new() };
    }
    let mut reader = Reader { text: String::with_capacity(line.len()), column: 0, style: Style::new(), runs: Vec::new() };
    let mut parser = Parser::<anstyle_parse::DefaultCharAccumulator>::new();
    let mut bytes = [0; 4];
    for c in line.trim_end_matches(['\r', '\n']).chars() {
        // One character that says the same as two (C1).
        let piece = if c == '\u{9b}' { "\u{1b}[" } else { &*c.encode_utf8(&mut bytes) };
        piece.bytes().for_each(|byte| parser.advance(&mut reader, byte));
    }
    Line { text: Cow::Owned(reader.text), runs: reader.runs }
}

fn is_plain(c: char) -> bool {
    !c.is_control() && !is_reordering(c)
}

/// Characters that make text read differently from what it is (Unicode TR 36, "Bidirectional Text Spoofing").
fn is_reordering(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Takes down what a terminal would show of one line.
struct Reader {
    text: String,
    column: usize,
    style: Style,
    runs: Vec<(usize, Style)>,
}

impl Reader {
    /// From here on it looks as `style` says.
    fn turn(&mut self, style: Style) {
        self.style = style;
        let at = self.text.len();
        if self.runs.last().is_some_and(|(from, _)| *from == at) {
            self.runs.pop();
        }
        let before = self.runs.last().map_or(Style::new(), |(_, style)| *style);
        if style != before && self.runs.len() < MOST_RUNS {
            self.runs.push((at, style));
        }
    }
}

impl Perform for Reader {
    fn print(&mut self, c: char) {
        if is_plain(c) {
            self.text.push(c);
            self.column += c.width().unwrap_or(0);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\t' => {
                let blanks = 8 - self.column % 8;
                self.text.extend(std::iter::repeat_n(' ', blanks));
                self.column += blanks;
            }
            b'\r' => {
                self.text.clear();
                self.runs.clear();
                self.column = 0;
                self.turn(self.style);
            }
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: u8) {
        if action == b'm' && intermediates.is_empty() && !ignore {
            self.turn(styled(self.style, params));
        }
    }
}

/// `style` after one SGR sequence. Blinking, hiding and reversing are not for us: what is hidden would be copied unseen, and reversed is
/// where the cursor is.
fn styled(mut style: Style, params: &Params) -> Style {
    if params.is_empty() {
        return Style::new();
    }
    let mut params = params.iter();
    while let Some(param) = params.next() {
        let Some(&code) = param.first() else { continue };
        style = match code {
            0 => Style::new(),
            1 => style.add_modifier(Modifier::BOLD),
            2 => style.add_modifier(Modifier::DIM),
            3 => style.add_modifier(Modifier::ITALIC),
            // `4:0` is none, other numbers are kinds of lines.
            4 if param.get(1) == Some(&0) => without(style, Modifier::UNDERLINED),
            4 | 21 => style.add_modifier(Modifier::UNDERLINED),
            22 => without(style, Modifier::BOLD | Modifier::DIM),
            23 => without(style, Modifier::ITALIC),
            24 => without(style, Modifier::UNDERLINED),
            30..=37 | 90..=97 => style.fg(ansi(code % 10 + if code >= 90 { 8 } else { 0 })),
            39 => Style { fg: None, ..style },
            40..=47 | 100..=107 => style.bg(ansi(code % 10 + if code >= 100 { 8 } else { 0 })),
            49 => Style { bg: None, ..style },
            38 | 48 => match (colour(param, &mut params), code) {
                (Some(colour), 38) => style.fg(colour),
                (Some(colour), _) => style.bg(colour),
                // What follows belongs to it, and nobody knows how much.
                (None, _) => return style,
            },
            _ => style,
        };
    }
    style
}

fn without(mut style: Style, modifier: Modifier) -> Style {
    style.add_modifier -= modifier;
    style
}

/// The colour after 38 or 48: `;5;N`, `;2;R;G;B`, or the same with colons, where an empty colour space may stand before the red.
fn colour<'p>(param: &[u16], rest: &mut impl Iterator<Item = &'p [u16]>) -> Option<Color> {
    let byte = |n: &u16| u8::try_from(*n).ok();
    if let [_, kind, values @ ..] = param {
        return match (kind, values) {
            (5, [n, ..]) => Some(indexed(byte(n)?)),
            (2, [r, g, b] | [_, r, g, b, ..]) => Some(Color::Rgb(byte(r)?, byte(g)?, byte(b)?)),
            _ => None,
        };
    }
    let mut next = || rest.next().and_then(<[u16]>::first);
    match next()? {
        5 => Some(indexed(byte(next()?)?)),
        2 => {
            let (r, g, b) = (next()?, next()?, next()?);
            Some(Color::Rgb(byte(r)?, byte(g)?, byte(b)?))
        }
        _ => None,
    }
}

/// The first 16 of the palette are those that themes of terminals name.
fn indexed(n: u8) -> Color {
    if n < 16 { ansi(u16::from(n)) } else { Color::Indexed(n) }
}

/// The 16 colours of ANSI and aixterm, by their number in the palette.
fn ansi(n: u16) -> Color {
    const NAMED: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    NAMED[usize::from(n) % NAMED.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn runs(line: &str) -> Vec<(usize, Style)> {
        output(line).runs
    }

    #[test]
    fn control_sequences_and_spoofing_are_gone() {
        assert_eq!(printable("\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}x"), "red x");
        assert_eq!(printable("\u{9b}1mbold\u{1b}Pq#0\u{1b}\\ \u{1b}(Bx"), "bold x");
        assert_eq!(printable("10%\r20%\r"), "20%");
        assert_eq!(printable("a\tb"), "a       b");
        assert_eq!(printable("safe\u{202e}txt.exe"), "safetxt.exe");
        assert_eq!(printable("plain"), "plain");
    }

    #[test]
    fn colours_are_kept_in_all_their_forms() {
        let fg = |colour| Style::new().fg(colour);
        for (sequence, style) in [
            ("31", fg(Color::Red)),
            ("92", fg(Color::LightGreen)),
            ("1;4", Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED)),
            ("38;5;9", fg(Color::LightRed)),
            ("38;5;208", fg(Color::Indexed(208))),
            ("38:5:208", fg(Color::Indexed(208))),
            ("38;2;1;2;3", fg(Color::Rgb(1, 2, 3))),
            ("38:2::1:2:3", fg(Color::Rgb(1, 2, 3))),
            ("38:2:1:2:3", fg(Color::Rgb(1, 2, 3))),
            ("48;5;16;1", Style::new().bg(Color::Indexed(16)).add_modifier(Modifier::BOLD)),
            ("44;97", Style::new().bg(Color::Blue).fg(Color::White)),
        ] {
            assert_eq!(runs(&format!("a\u{1b}[{sequence}mb")), [(1, style)], "{sequence}");
        }
        assert_eq!(runs("\u{1b}[1;31mx\u{1b}[39my\u{1b}[mz").iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(runs("\u{1b}[1mx\u{1b}[22my"), [(0, Style::new().add_modifier(Modifier::BOLD)), (1, Style::new())]);
        // What a carriage return overwrites had its own colours; what was set stays set.
        assert_eq!(runs("\u{1b}[32m10%\u{1b}[31m\r20%"), [(0, fg(Color::Red))]);
        // Nothing that is not understood, and nothing that hides or reverses.
        for sequence in ["38;5", "38;5;999", "38;9;1", "7", "8", "5", "?1", "1 ", ">4"] {
            let found = runs(&format!("\u{1b}[{sequence}mx"));
            assert_eq!(found, [], "{sequence}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_plain_cells_with_colours_between_characters(
            text in "([\u{0}-\u{9f}\u{202e}a-z日\\[\\];:m0-9]|\u{1b}\\[[0-9;:]{0,12}m){0,80}",
        ) {
            let line = output(&text);
            prop_assert!(!line.text.chars().any(char::is_control));
            prop_assert!(line.runs.len() <= MOST_RUNS);
            prop_assert!(line.runs.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 != w[1].1));
            prop_assert!(line.runs.iter().all(|(at, _)| line.text.is_char_boundary(*at)));
            prop_assert_eq!(printable(&line.text), line.text.clone());
        }
    }

    #[test]
    fn a_line_of_nothing_but_colours_is_bounded() {
        let line: String = (0..10_000).map(|i| format!("\u{1b}[3{}mx", i % 8)).collect();
        assert_eq!((output(&line).text.len(), runs(&line).len()), (10_000, MOST_RUNS));
    }
}
