//! Log lines: only what is visible is ever looked at, however long the log is.

use std::collections::VecDeque;

use ratatui::layout::Rect;

use super::{Canvas, row};
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Where in a log someone is looking. Line numbers are absolute, so new and dropped lines do not move the view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogView {
    /// The first visible line; `None` follows the end.
    pub top: Option<u64>,
    /// Long lines go on below instead of ending in `…`.
    pub wrap: bool,
    /// The line a search stands on.
    pub found: Option<u64>,
}

impl LogView {
    /// Moves by `delta` lines in a log of `len` kept lines after `dropped` ones, seen through `height` lines.
    pub fn scroll(&mut self, delta: i64, dropped: u64, len: usize, height: usize) {
        let last_top = (dropped + len as u64).saturating_sub(height as u64).max(dropped);
        let top = self.top.unwrap_or(last_top).clamp(dropped, last_top);
        let moved = top.saturating_add_signed(delta).clamp(dropped, last_top);
        // Arriving at the end resumes following; paging up from a short log changes nothing.
        self.top = (moved < last_top).then_some(moved);
    }

    /// Shows `line` in the middle.
    pub fn show(&mut self, line: u64, dropped: u64, height: usize) {
        self.top = Some(line.saturating_sub(height as u64 / 2).max(dropped));
        self.found = Some(line);
    }

    /// Lines that came since the view was paused.
    pub fn unseen(&self, dropped: u64, len: usize, height: usize) -> u64 {
        self.top.map_or(0, |top| (dropped + len as u64).saturating_sub(top + height as u64))
    }
}

/// The lines of `lines` that contain `needle`, whatever its case, by absolute number.
pub fn find_in_log(lines: &VecDeque<String>, dropped: u64, needle: &str) -> Vec<u64> {
    if needle.is_empty() {
        return Vec::new();
    }
    let needle = needle.to_lowercase();
    let found = |line: &str| {
        if line.is_ascii() && needle.is_ascii() { contains_ascii(line, &needle) } else { line.to_lowercase().contains(&needle) }
    };
    lines.iter().enumerate().filter(|(_, line)| found(line)).map(|(i, _)| dropped + i as u64).collect()
}

fn contains_ascii(line: &str, lower: &str) -> bool {
    line.as_bytes().windows(lower.len()).any(|w| w.eq_ignore_ascii_case(lower.as_bytes()))
}

/// Draws the visible part of `lines` (which follow `dropped` earlier ones); matches of `search` stand out.
pub fn draw_log(canvas: &mut Canvas<'_>, area: Rect, lines: &VecDeque<String>, dropped: u64, view: &LogView, search: &str) {
    let area = area.intersection(canvas.area());
    let (height, width) = (usize::from(area.height), usize::from(area.width));
    if height == 0 || width == 0 {
        return;
    }
    let first = match view.top {
        Some(top) => (top.saturating_sub(dropped) as usize).min(lines.len().saturating_sub(1)),
        None if view.wrap => first_for_the_end(lines, height, width),
        None => lines.len().saturating_sub(height),
    };
    let mut y = 0;
    for (i, line) in lines.range(first.min(lines.len())..).enumerate() {
        if y >= height {
            break;
        }
        let clean = text::printable(line);
        let here = view.found == Some(dropped + (first + i) as u64);
        if view.wrap {
            let rows = text::wrap(&clean, width);
            for piece in rows {
                draw_line(canvas, row(area, y), piece, search, here);
                y += 1;
            }
            y += usize::from(clean.is_empty());
        } else {
            draw_line(canvas, row(area, y), &clean, search, here);
            y += 1;
        }
    }
}

/// The first line to show so that the end of a wrapped log is visible.
fn first_for_the_end(lines: &VecDeque<String>, height: usize, width: usize) -> usize {
    let mut used = 0;
    for (i, line) in lines.iter().enumerate().rev().take(height) {
        used += text::wrap(&text::printable(line), width).len().max(1);
        if used >= height {
            return if used > height { (i + 1).min(lines.len().saturating_sub(1)) } else { i };
        }
    }
    lines.len().saturating_sub(height)
}

fn draw_line(canvas: &mut Canvas<'_>, area: Rect, line: &str, search: &str, here: bool) {
    if area.is_empty() {
        return;
    }
    let plain = canvas.style(tone(line));
    let hit = canvas.style(Meaning::Match);
    let lower = line.to_lowercase();
    if search.is_empty() || lower.len() != line.len() {
        canvas.spans(area, &[(line, plain)]);
    } else {
        let needle = search.to_lowercase();
        let mut pieces = Vec::new();
        let mut at = 0;
        while let Some(found) = lower[at..].find(&needle) {
            let (start, end) = (at + found, at + found + needle.len());
            let (Some(before), Some(match_)) = (line.get(at..start), line.get(start..end)) else { break };
            pieces.push((before, plain));
            pieces.push((match_, hit));
            at = end;
        }
        pieces.push((&line[at..], plain));
        canvas.spans(area, &pieces);
    }
    if here {
        canvas.select(area);
    }
}

/// Errors and warnings keep their colour, because people look for them first.
fn tone(line: &str) -> Meaning {
    let start = line.trim_start();
    let begins = |word: &str| start.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word));
    if begins("error") || begins("fatal") {
        Meaning::Failure
    } else if begins("warning") {
        Meaning::Warning
    } else {
        Meaning::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Library;
    use ratatui::buffer::Buffer;

    fn lines(n: usize) -> VecDeque<String> {
        (0..n).map(|i| format!("line {i}")).collect()
    }

    fn shown(view: &LogView, log: &VecDeque<String>, dropped: u64) -> String {
        let theme = Library::built_in().load("auto").unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 3));
        draw_log(&mut Canvas::new(&mut buffer, &theme), Rect::new(0, 0, 10, 3), log, dropped, view, "");
        (0..3).map(|y| (0..10).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned()).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn a_paused_view_stays_on_its_lines_while_others_come_and_go() {
        let mut view = LogView::default();
        assert_eq!(shown(&view, &lines(100), 0), "line 97|line 98|line 99");
        view.scroll(-10, 0, 100, 3);
        assert_eq!(shown(&view, &lines(100), 0), "line 87|line 88|line 89");
        assert_eq!(shown(&view, &lines(150), 0), "line 87|line 88|line 89");
        assert_eq!(view.unseen(0, 150, 3), 60);
        let mut log = lines(150);
        log.drain(..50);
        assert_eq!(shown(&view, &log, 50), "line 87|line 88|line 89");
        view.scroll(1000, 50, 100, 3);
        assert_eq!(view.top, None);
    }

    #[test]
    fn wrapped_lines_show_the_end_too() {
        let view = LogView { wrap: true, ..LogView::default() };
        let log: VecDeque<String> = ["first".to_owned(), "0123456789abcde".to_owned(), "last".to_owned()].into();
        assert_eq!(shown(&view, &log, 0), "0123456789|abcde|last");
    }

    #[test]
    fn searching_ignores_case_and_counts_absolutely() {
        let log: VecDeque<String> = ["Error: x", "fine", "an ERROR", "Straße"].map(str::to_owned).into();
        assert_eq!(find_in_log(&log, 10, "error"), [10, 12]);
        assert_eq!(find_in_log(&log, 10, "straße"), [13]);
        assert!(find_in_log(&log, 0, "").is_empty());
    }
}
