//! The log of a build or a run, as far as memory keeps it: the last lines, counted from the first that was ever said.

use std::collections::VecDeque;

/// Log lines kept in memory per log; the whole log is in its file.
pub const KEPT_LINES: usize = 5_000;

/// Bytes of a line kept in memory: more than any screen shows.
const KEPT_OF_LINE: usize = 16 * 1024;

/// The last lines of a log. Line numbers are absolute, from 0: lines that are dropped change no number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    kept: VecDeque<String>,
    dropped: u64,
    /// From which line on what was said when: line number and session milliseconds, both ascending.
    stamps: VecDeque<(u64, u64)>,
}

impl Log {
    /// An empty log.
    pub const fn new() -> Self {
        Log { kept: VecDeque::new(), dropped: 0, stamps: VecDeque::new() }
    }

    /// Lines of a longer log, the first of which has the number `first`. Nobody knows when they were said.
    pub fn part(first: u64, lines: Vec<String>) -> Self {
        Log { kept: lines.into(), dropped: first, stamps: VecDeque::new() }
    }

    /// Takes in what was said `at` so many session milliseconds; the oldest lines above [`KEPT_LINES`] go, and the ends of very long ones.
    pub(super) fn push(&mut self, lines: &[String], at: u64) {
        if lines.is_empty() {
            return;
        }
        self.stamps.push_back((self.end(), at));
        self.kept.extend(lines.iter().map(|line| line[..line.floor_char_boundary(KEPT_OF_LINE)].to_owned()));
        let excess = self.kept.len().saturating_sub(KEPT_LINES);
        self.kept.drain(..excess);
        self.dropped += excess as u64;
        // The stamp that covers the first kept line stays.
        while self.stamps.get(1).is_some_and(|(line, _)| *line <= self.dropped) {
            self.stamps.pop_front();
        }
    }

    /// How many lines are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether no line is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many lines came before those that are kept; the number of the first of these.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The number after the last line.
    pub fn end(&self) -> u64 {
        self.dropped + self.kept.len() as u64
    }

    /// The line with this number.
    pub fn line(&self, number: u64) -> Option<&str> {
        self.kept.get(usize::try_from(number.checked_sub(self.dropped)?).ok()?).map(String::as_str)
    }

    /// The kept lines, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.kept.iter().map(String::as_str)
    }

    /// The last `n` lines, oldest first.
    pub fn last(&self, n: usize) -> impl Iterator<Item = &str> {
        self.kept.range(self.kept.len().saturating_sub(n)..).map(String::as_str)
    }

    /// When the line with this number was said, in session milliseconds, to the moment its lines travelled together.
    pub fn said_at(&self, number: u64) -> Option<u64> {
        let after = self.stamps.partition_point(|(line, _)| *line <= number);
        self.stamps.get(after.checked_sub(1)?).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_survive_that_lines_are_dropped() {
        let mut log = Log::new();
        for batch in 0..10 {
            let lines: Vec<String> = (0..1_000).map(|i| format!("{}", batch * 1_000 + i)).collect();
            log.push(&lines, batch * 10);
        }
        assert_eq!((log.len(), log.dropped(), log.end()), (KEPT_LINES, 5_000, 10_000));
        assert_eq!((log.line(4_999), log.line(5_000), log.line(9_999)), (None, Some("5000"), Some("9999")));
        assert_eq!((log.said_at(5_000), log.said_at(9_999)), (Some(50), Some(90)));
        assert_eq!(log.last(2).collect::<Vec<_>>(), ["9998", "9999"]);
        assert!(log.stamps.len() <= 5);
        log.push(&["ä".repeat(1 << 20)], 100);
        assert_eq!(log.last(1).map(str::len).sum::<usize>(), KEPT_OF_LINE);
        let part = Log::part(7, vec!["x".into()]);
        assert_eq!((part.line(7), part.said_at(7), part.end()), (Some("x"), None, 8));
    }
}
