//! Text for cells: widths, eliding, cleaning, and numbers as people read them.

mod output;

pub use crate::progress::{bytes, count};
pub use output::{output, printable};
use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many cells `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `max` cells, ending in `mark` when something was left out.
pub fn elide<'a>(text: &'a str, max: usize, mark: &str) -> Cow<'a, str> {
    if text.width() <= max {
        return Cow::Borrowed(text);
    }
    let room = max.saturating_sub(mark.width());
    if room == 0 {
        return Cow::Owned(if max >= mark.width() { mark.to_owned() } else { String::new() });
    }
    Cow::Owned(format!("{}{mark}", &text[..prefix(text, room)]))
}

/// `text` in at most `max` cells with `mark` in its middle, for digests and paths: both ends tell something.
pub fn elide_middle<'a>(text: &'a str, max: usize, mark: &str) -> Cow<'a, str> {
    if text.width() <= max {
        return Cow::Borrowed(text);
    }
    let room = max.saturating_sub(mark.width());
    if room < 4 {
        return elide(text, max, mark);
    }
    let head = prefix(text, room.div_ceil(2));
    let (mut tail, mut used) = (text.len(), 0);
    for (at, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > room / 2 || at < head {
            break;
        }
        tail = at;
    }
    Cow::Owned(format!("{}{mark}{}", &text[..head], &text[tail..]))
}

/// The length in bytes of the longest prefix of `text` that fits `max` cells.
pub fn prefix(text: &str, max: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > max {
            return at;
        }
    }
    text.len()
}

/// `text` up to `most` bytes, cut between characters.
pub fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// `text` with its typographic signs as ASCII has them, cell for cell; what ASCII has no sign for stays.
pub fn in_ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let plain = |c| match c {
        '·' | '│' => '|',
        '…' => '~',
        '“' | '”' => '"',
        '↑' => '^',
        '↓' => 'v',
        '←' => '<',
        '→' => '>',
        '\u{202f}' => ' ',
        other => other,
    };
    Cow::Owned(text.chars().map(plain).collect())
}

/// As much of a line as can ever be seen of it: a line of megabytes is not gone through for every frame.
pub fn head(line: &str) -> &str {
    cut(line, 16 * 1024)
}

/// `text` cut into pieces of at most `max` cells, at blanks where there are some.
pub fn wrap(text: &str, max: usize) -> Vec<&str> {
    let max = max.max(2);
    let mut out = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        while rest.width() > max {
            let mut cut = prefix(rest, max);
            if let Some(blank) = rest[..cut].rfind(' ').filter(|b| *b > cut / 2) {
                cut = blank;
            }
            if cut == 0 {
                cut = rest.chars().next().map_or(rest.len(), char::len_utf8);
            }
            out.push(&rest[..cut]);
            rest = rest[cut..].trim_start();
        }
        out.push(rest);
    }
    out
}

/// `0:41`, `1:02:03`.
pub fn clock(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

/// How long something of so many seconds was ago, in its largest unit: `3d`, `5h`, `12m`, `now`.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..60 => "now".into(),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `12 034`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([bytes(0), bytes(1023), bytes(1024), bytes(50_541_363)], ["0 B", "1023 B", "1.0 KiB", "48.2 MiB"]);
        assert_eq!(bytes(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!([age(59), age(60), age(7_200), age(259_200)], ["now", "1m", "2h", "3d"]);
        assert_eq!([clock(999), clock(41_000), clock(3_723_000)], ["0:00", "0:41", "1:02:03"]);
    }

    #[test]
    fn eliding_keeps_both_ends_of_a_digest() {
        assert_eq!(elide("container", 6, "…"), "conta…");
        assert_eq!(elide_middle("sha256:0123456789abcdef", 13, "…"), "sha256…abcdef");
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_asked(text in "\\PC{0,40}|[\u{4e00}-\u{4e20}\u{300}-\u{310}a]{0,40}", max in 0usize..30) {
            prop_assert!(width(&elide(&text, max, "…")) <= max);
            prop_assert!(width(&elide_middle(&text, max, "…")) <= max);
            for line in wrap(&text, max) {
                prop_assert!(width(line) <= max.max(2));
            }
        }
    }
}
