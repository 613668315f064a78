//! Draws a log: only what is visible is ever looked at, however long it is.

use ratatui::layout::Rect;

use super::log_view::{LogView, Rows, Tone, tone};
use super::{Canvas, right_of, row};
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Cells of a time before a line: `  1:42:07 `.
const TIME: usize = 9;

/// A visible row and the lines of the screen it takes.
struct Place {
    /// Which row.
    row: usize,
    /// Its first line on the screen.
    y: usize,
    /// How many.
    height: usize,
}

/// Which rows are visible where, in an area of `width` × `height` cells. A line at the end that is cut off below counts.
fn places(rows: &Rows<'_>, view: &LogView, width: usize, height: usize) -> Vec<Place> {
    let width = width.saturating_sub(if view.times { TIME } else { 0 });
    let lines_of = |i: usize| if view.wrap { text::wrap(&text::printable(text::head(rows.text(i))), width).len().max(1) } else { 1 };
    let first = match view.top {
        Some(top) => rows.index(top).min(rows.len().saturating_sub(1)),
        None if view.wrap => {
            // As many whole rows as fit, from the end.
            let (mut first, mut used) = (rows.len(), 0);
            while first > 0 && used < height {
                used += lines_of(first - 1);
                first -= 1;
            }
            if used > height { (first + 1).min(rows.len().saturating_sub(1)) } else { first }
        }
        None => rows.len().saturating_sub(height),
    };
    let mut out = Vec::with_capacity(height.min(rows.len()));
    let mut y = 0;
    for row in first..rows.len() {
        if y >= height {
            break;
        }
        let height = lines_of(row);
        out.push(Place { row, y, height });
        y += height;
    }
    out
}

/// The number of the line that is drawn `y` lines below the top of an area of `width` × `height` cells; the last one below it.
pub fn line_at(rows: &Rows<'_>, view: &LogView, width: usize, height: usize, y: usize) -> Option<u64> {
    let places = places(rows, view, width, height);
    let place = places.iter().find(|p| (p.y..p.y + p.height).contains(&y)).or(places.last())?;
    Some(rows.number(place.row))
}

/// The numbers of the first and the last visible line.
pub fn visible(rows: &Rows<'_>, view: &LogView, width: usize, height: usize) -> Option<(u64, u64)> {
    let places = places(rows, view, width, height);
    Some((rows.number(places.first()?.row), rows.number(places.last()?.row)))
}

/// Draws the visible part of `rows`; matches of `search` stand out. Times count from `since`, in session milliseconds.
pub fn draw_log(canvas: &mut Canvas<'_>, area: Rect, rows: &Rows<'_>, view: &LogView, search: &str, since: u64) {
    let area = area.intersection(canvas.area());
    let (height, width) = (usize::from(area.height), usize::from(area.width));
    if height == 0 || width == 0 {
        return;
    }
    for place in places(rows, view, width, height) {
        let number = rows.number(place.row);
        let clean = text::printable(text::head(rows.text(place.row)));
        let here = view.found == Some(number) || view.selects(number);
        let time = if view.times { time(rows, number, since) } else { String::new() };
        if !view.wrap {
            draw_line(canvas, row(area, place.y), &time, &clean, search, here);
            continue;
        }
        let room = width.saturating_sub(text::width(&time));
        let mut pieces = text::wrap(&clean, room);
        if pieces.is_empty() {
            pieces.push("");
        }
        for (i, piece) in pieces.into_iter().enumerate() {
            let head = if i == 0 { time.clone() } else { " ".repeat(text::width(&time)) };
            draw_line(canvas, row(area, place.y + i), &head, piece, search, here);
        }
    }
}

/// When a line was said, in [`TIME`] cells; blank when nobody knows.
fn time(rows: &Rows<'_>, number: u64, since: u64) -> String {
    let said = rows.said_at(number).map(|at| text::clock(at.saturating_sub(since))).unwrap_or_default();
    format!("{said:>width$}  ", width = TIME - 2)
}

fn draw_line(canvas: &mut Canvas<'_>, whole: Rect, head: &str, line: &str, search: &str, here: bool) {
    let used = if head.is_empty() { 0 } else { canvas.text(whole, head, Meaning::Muted) };
    let area = right_of(whole, used);
    if area.is_empty() {
        return;
    }
    let plain = canvas.style(meaning(line));
    let hit = canvas.style(Meaning::Match);
    let lower = if search.is_empty() { String::new() } else { line.to_lowercase() };
    if lower.len() != line.len() {
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
        canvas.select(whole);
    }
}

/// Errors and warnings keep their colour, because people look for them first.
fn meaning(line: &str) -> Meaning {
    match tone(line) {
        Some(Tone::Error) => Meaning::Failure,
        Some(Tone::Warning) => Meaning::Warning,
        None => Meaning::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Log;
    use crate::tui::theme::Library;
    use ratatui::buffer::Buffer;

    fn log(first: u64, n: u64) -> Log {
        Log::part(first, (first..first + n).map(|i| format!("line {i}")).collect())
    }

    fn shown(view: &LogView, rows: &Rows<'_>) -> String {
        let theme = Library::built_in().load("auto").unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 3));
        draw_log(&mut Canvas::new(&mut buffer, &theme), Rect::new(0, 0, 10, 3), rows, view, "", 0);
        (0..3).map(|y| (0..10).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned()).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn a_paused_view_stays_on_its_lines_while_others_come_and_go() {
        let (mut view, first) = (LogView::default(), log(0, 100));
        assert_eq!(shown(&view, &Rows::all(&first)), "line 97|line 98|line 99");
        view.scroll(-10, &Rows::all(&first), 3);
        assert_eq!(shown(&view, &Rows::all(&first)), "line 87|line 88|line 89");
        let longer = log(0, 150);
        assert_eq!(shown(&view, &Rows::all(&longer)), "line 87|line 88|line 89");
        assert_eq!(view.unseen(&Rows::all(&longer), 3), 60);
        let later = log(50, 100);
        assert_eq!(shown(&view, &Rows::all(&later)), "line 87|line 88|line 89");
        view.scroll(1000, &Rows::all(&later), 3);
        assert_eq!(view.top, None);
    }

    #[test]
    fn wrapped_lines_show_the_end_too_and_know_which_line_is_where() {
        let view = LogView { wrap: true, ..LogView::default() };
        let log = Log::part(0, ["first", "0123456789abcde", "last"].map(str::to_owned).to_vec());
        let rows = Rows::all(&log);
        assert_eq!(shown(&view, &rows), "0123456789|abcde|last");
        let at = |y| line_at(&rows, &view, 10, 3, y);
        assert_eq!((at(0), at(1), at(2), at(9)), (Some(1), Some(1), Some(2), Some(2)));
        assert_eq!(visible(&rows, &view, 10, 3), Some((1, 2)));
    }

    #[test]
    fn what_is_left_out_is_not_scrolled_through() {
        let log = log(0, 100);
        let rows = Rows::only(&log, "9");
        let mut view = LogView::default();
        assert_eq!(shown(&view, &rows), "line 97|line 98|line 99");
        view.scroll(-9, &rows, 3);
        assert_eq!(shown(&view, &rows), "line 79|line 89|line 90");
    }

    #[test]
    fn times_stand_before_the_lines() {
        let view = LogView { times: true, ..LogView::default() };
        let part = log(0, 2);
        assert_eq!(shown(&view, &Rows::all(&part)), "         …|         …|", "nobody knows when these were said");
    }
}
