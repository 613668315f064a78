//! Where in a log someone is looking, and at which of its lines.

use crate::session::Log;
use crate::tui::text;

/// Where in a log someone is looking. Line numbers are absolute, so new and dropped lines do not move the view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogView {
    /// The first visible line; `None` follows the end.
    pub top: Option<u64>,
    /// Long lines go on below instead of ending in `…`.
    pub wrap: bool,
    /// When each line was said stands before it.
    pub times: bool,
    /// The line a search stands on.
    pub found: Option<u64>,
    /// Lines that are being selected: where that began, and the other end.
    pub selection: Option<(u64, u64)>,
}

impl LogView {
    /// Moves by `delta` rows, seen through `height` lines.
    pub fn scroll(&mut self, delta: i64, rows: &Rows<'_>, height: usize) {
        let last = rows.len().saturating_sub(height);
        let top = self.top.map_or(last, |top| rows.index(top)).min(last);
        let moved = (top as i64).saturating_add(delta).clamp(0, last as i64) as usize;
        // Arriving at the end resumes following; paging up from a short log changes nothing.
        self.top = (moved < last).then(|| rows.number(moved));
    }

    /// Shows the line with this number in the middle.
    pub fn show(&mut self, number: u64, rows: &Rows<'_>, height: usize) {
        self.top = Some(rows.number(rows.index(number).saturating_sub(height / 2)));
    }

    /// Rows that came since the view was paused.
    pub fn unseen(&self, rows: &Rows<'_>, height: usize) -> usize {
        self.top.map_or(0, |top| rows.len().saturating_sub(rows.index(top) + height))
    }

    /// Whether the line with this number is among those being selected.
    pub fn selects(&self, number: u64) -> bool {
        self.selection.is_some_and(|(a, b)| (a.min(b)..=a.max(b)).contains(&number))
    }
}

/// The lines of a log that are to be seen: all, or those a filter leaves.
pub struct Rows<'a> {
    log: &'a Log,
    /// Numbers of the lines that are left, ascending; `None` means all.
    only: Option<Vec<u64>>,
}

impl<'a> Rows<'a> {
    /// Every line.
    pub fn all(log: &'a Log) -> Self {
        Rows { log, only: None }
    }

    /// The lines that contain `needle`, whatever its case; every line when it is empty.
    pub fn only(log: &'a Log, needle: &str) -> Self {
        let only = (!needle.is_empty()).then(|| Needle::text(needle).find(log));
        Rows { log, only }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.only.as_ref().map_or(self.log.len(), Vec::len)
    }

    /// The number of the line of row `index`; of the line after the last beyond it.
    pub fn number(&self, index: usize) -> u64 {
        match &self.only {
            None => self.log.dropped() + index as u64,
            Some(only) => only.get(index).copied().unwrap_or_else(|| self.log.end()),
        }
    }

    /// The first row at or after the line with this number.
    pub fn index(&self, number: u64) -> usize {
        match &self.only {
            None => usize::try_from(number.saturating_sub(self.log.dropped())).unwrap_or(usize::MAX).min(self.log.len()),
            Some(only) => only.partition_point(|n| *n < number),
        }
    }

    /// The text of row `index`.
    pub fn text(&self, index: usize) -> &'a str {
        self.log.line(self.number(index)).unwrap_or_default()
    }

    /// When the line with this number was said, in session milliseconds.
    pub fn said_at(&self, number: u64) -> Option<u64> {
        self.log.said_at(number)
    }

    /// The texts of the lines from number `first` to `last`, as they are shown.
    pub fn texts(&self, first: u64, last: u64) -> Vec<String> {
        let rows = self.index(first)..self.index(last.saturating_add(1));
        rows.map(|row| text::printable(self.text(row)).into_owned()).collect()
    }
}

/// What is searched for in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needle {
    /// A text in lower case, and whether it is plain ASCII.
    Text(String, bool),
    /// A line that tells of an error or warns.
    Problem,
}

impl Needle {
    /// A text, whatever its case.
    pub fn text(text: &str) -> Self {
        let lower = text.to_lowercase();
        let ascii = lower.is_ascii();
        Needle::Text(lower, ascii)
    }

    /// Whether it is in `line`, as that is seen: colours in the middle of a word change no word.
    pub fn is_in(&self, line: &str) -> bool {
        if memchr::memchr2(0x1b, b'\r', line.as_bytes()).is_some() {
            return self.is_in_text(&text::printable(line));
        }
        self.is_in_text(line)
    }

    fn is_in_text(&self, line: &str) -> bool {
        match self {
            Needle::Problem => tone(line).is_some(),
            Needle::Text(lower, true) if line.is_ascii() => contains_ascii(line, lower),
            Needle::Text(lower, _) => line.to_lowercase().contains(lower),
        }
    }

    /// The numbers of the kept lines that have it.
    pub fn find(&self, log: &Log) -> Vec<u64> {
        log.iter().zip(log.dropped()..).filter(|(line, _)| self.is_in(line)).map(|(_, number)| number).collect()
    }
}

fn contains_ascii(line: &str, lower: &str) -> bool {
    let Some(first) = lower.bytes().next() else { return true };
    let (line, lower) = (line.as_bytes(), lower.as_bytes());
    // Most places are told by their first byte.
    line.windows(lower.len()).any(|w| w[0].to_ascii_lowercase() == first && w.eq_ignore_ascii_case(lower))
}

/// What a line tells of, when that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// An error.
    Error,
    /// A warning.
    Warning,
}

/// How far into a line compilers say whether it is an error: `src/queue.c:41:7: error: …`.
const PLACE: usize = 240;

/// What a line tells of: it begins with the word, or has it after a place.
pub fn tone(line: &str) -> Option<Tone> {
    let start = line.trim_start();
    let begins = |word: &str| start.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word));
    let head = text::cut(start, PLACE);
    if begins("error") || begins("fatal") || head.contains(": error:") || head.contains(": fatal") {
        Some(Tone::Error)
    } else if begins("warning") || head.contains(": warning:") {
        Some(Tone::Warning)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searching_ignores_case_and_counts_absolutely() {
        let log = Log::part(10, ["Error: x", "fine", "an ERROR", "Straße"].map(str::to_owned).to_vec());
        assert_eq!(Needle::text("error").find(&log), [10, 12]);
        assert_eq!(Needle::text("STRASSE").find(&log), [] as [u64; 0]);
        assert_eq!(Needle::text("straße").find(&log), [13]);
        assert_eq!(Needle::Problem.find(&log), [10]);
        let coloured = Log::part(0, vec!["\u{1b}[1m\u{1b}[31merr\u{1b}[0mor: x".into(), "error\rfine".into(), "[31m".into()]);
        assert_eq!((Needle::text("ERROR").find(&coloured), Needle::Problem.find(&coloured)), (vec![0], vec![0]));
        assert_eq!(Needle::text("[31m").find(&coloured), [2]);
        assert_eq!(Rows::only(&log, "").len(), 4);
        assert_eq!(Rows::only(&log, "e").texts(11, 12), ["fine", "an ERROR"]);
    }

    #[test]
    fn compilers_say_where_before_they_say_what() {
        assert_eq!(tone("src/queue.c:41:7: error: no"), Some(Tone::Error));
        assert_eq!(tone("src/queue.c:41:7: warning: no"), Some(Tone::Warning));
        assert_eq!(tone("  WARNING x"), Some(Tone::Warning));
        assert_eq!(tone("no errors here"), None);
    }

    proptest::proptest! {
        #[test]
        fn rows_and_numbers_agree(first in 0u64..50, n in 0usize..60, needle in "[0-9]{0,1}", asked in 0u64..200) {
            let log = Log::part(first, (0..n).map(|i| format!("line {i}")).collect());
            let rows = Rows::only(&log, &needle);
            let index = rows.index(asked);
            proptest::prop_assert!(index <= rows.len());
            proptest::prop_assert!(index == rows.len() || rows.number(index) >= asked.min(log.end()));
            for row in 0..rows.len() {
                proptest::prop_assert_eq!(rows.index(rows.number(row)), row);
                proptest::prop_assert!(rows.text(row).contains(&needle));
            }
            let mut view = LogView::default();
            for delta in [-3, -100, 7, 100, -1] {
                view.scroll(delta, &rows, 5);
                proptest::prop_assert!(view.top.is_none_or(|top| rows.index(top) < rows.len()));
            }
        }
    }
}
