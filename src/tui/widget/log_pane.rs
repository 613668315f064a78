//! Draws a log: only what is visible is ever looked at, however long it is.

use std::ops::Range;

use ratatui::layout::Rect;
use ratatui::style::Style;

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
        let line = text::output(text::head(rows.text(place.row)));
        let here = view.found == Some(number) || view.selects(number);
        let time = if view.times { time(rows, number, since) } else { String::new() };
        if !view.wrap {
            draw_line(canvas, row(area, place.y), &time, (&line.text, 0, &line.runs), search, here);
            continue;
        }
        let room = width.saturating_sub(text::width(&time));
        let mut pieces = text::wrap(&line.text, room);
        if pieces.is_empty() {
            pieces.push("");
        }
        for (i, piece) in pieces.into_iter().enumerate() {
            let head = if i == 0 { time.clone() } else { " ".repeat(text::width(&time)) };
            // Where in the line it is: pieces are parts of it.
            let from = (piece.as_ptr() as usize).saturating_sub(line.text.as_ptr() as usize);
            draw_line(canvas, row(area, place.y + i), &head, (piece, from, &line.runs), search, here);
        }
    }
}

/// When a line was said, in [`TIME`] cells; blank when nobody knows.
fn time(rows: &Rows<'_>, number: u64, since: u64) -> String {
    let said = rows.said_at(number).map(|at| text::clock(at.saturating_sub(since))).unwrap_or_default();
    format!("{said:>width$}  ", width = TIME - 2)
}

/// A part of a line: its text, from which byte of the line on, and how the line looks from which byte on.
type Piece<'a> = (&'a str, usize, &'a [(usize, Style)]);

fn draw_line(canvas: &mut Canvas<'_>, whole: Rect, head: &str, piece: Piece<'_>, search: &str, here: bool) {
    let used = if head.is_empty() { 0 } else { canvas.text(whole, head, Meaning::Muted) };
    let area = right_of(whole, used);
    if area.is_empty() {
        return;
    }
    let spans = spans(canvas, piece, search);
    canvas.spans(area, &spans);
    if here {
        canvas.select(whole);
    }
}

/// `line` cut where its look changes: as its program wanted it, as far as the theme goes along, and with what is searched standing out.
fn spans<'p>(canvas: &Canvas<'_>, (line, from, runs): Piece<'p>, search: &str) -> Vec<(&'p str, Style)> {
    let plain = canvas.style(meaning(line));
    let matches = matches(line, search);
    let mut cuts: Vec<usize> = runs.iter().filter_map(|(at, _)| at.checked_sub(from)).filter(|at| *at < line.len()).collect();
    cuts.extend(matches.iter().flat_map(|m| [m.start, m.end]));
    cuts.extend([0, line.len()]);
    cuts.sort_unstable();
    cuts.dedup();
    let mut spans = Vec::with_capacity(cuts.len());
    for cut in cuts.windows(2) {
        let Some(text) = line.get(cut[0]..cut[1]) else { continue };
        let run = runs.partition_point(|(at, _)| *at <= from + cut[0]).checked_sub(1).map(|i| runs[i].1);
        let style = run.map_or(plain, |run| plain.patch(canvas.theme.foreign(run)));
        let found = matches.iter().any(|m| m.contains(&cut[0]));
        spans.push((text, if found { style.patch(canvas.style(Meaning::Match)) } else { style }));
    }
    spans
}

/// Where `search` is in `line`, whatever its case; nowhere where letters change their length with their case.
fn matches(line: &str, search: &str) -> Vec<Range<usize>> {
    if search.is_empty() {
        return Vec::new();
    }
    let (lower, needle) = (line.to_lowercase(), search.to_lowercase());
    if lower.len() != line.len() {
        return Vec::new();
    }
    lower.match_indices(&needle).map(|(at, found)| at..at + found.len()).collect()
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
    use crate::tui::theme::{Library, Wishes};
    use ratatui::buffer::Buffer;
    use ratatui::style::{Color, Modifier};

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

    /// How the cells of one line look that says `text`, in the theme called `name`.
    fn looks(text: &str, name: &str, view: &LogView, search: &str) -> (String, Vec<(Color, Modifier)>) {
        let theme = Library::built_in().load(name).unwrap().as_wished(Wishes { ascii: name == "no-color", still: true });
        let log = Log::part(0, vec![text.into()]);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 2));
        let area = buffer.area;
        draw_log(&mut Canvas::new(&mut buffer, &theme), area, &Rows::all(&log), view, search, 0);
        let said = buffer.content.iter().map(|cell| cell.symbol()).collect();
        (said, buffer.content.iter().map(|cell| (cell.fg, cell.modifier)).collect())
    }

    #[test]
    fn a_log_keeps_its_colours_where_the_theme_has_some() {
        let text = "a \u{1b}[1;31mred\u{1b}[0m \u{1b}[4;38;5;208mline that goes on\u{1b}[m";
        let wrapped = LogView { wrap: true, ..LogView::default() };
        let (said, cells) = looks(text, "auto", &wrapped, "");
        assert_eq!(said, "a red linethat goes ");
        assert_eq!((cells[0].0, cells[2], cells[4]), (Color::Reset, (Color::Red, Modifier::BOLD), (Color::Red, Modifier::BOLD)));
        assert_eq!((cells[6], cells[10]), ((Color::Indexed(208), Modifier::UNDERLINED), (Color::Indexed(208), Modifier::UNDERLINED)));
        // Without colours what is left is bold and underlined, and what is searched is found across colours.
        let (_, cells) = looks(text, "no-color", &wrapped, "");
        assert!(cells.iter().all(|(colour, _)| *colour == Color::Reset));
        assert_eq!((cells[2].1, cells[6].1), (Modifier::BOLD, Modifier::UNDERLINED));
        let (_, cells) = looks("\u{1b}[32mgr\u{1b}[1mee\u{1b}[mn x", "auto", &LogView::default(), "GREEN");
        let hit = Library::built_in().load("auto").unwrap().style(Meaning::Match).add_modifier;
        assert!(cells[..5].iter().all(|(_, modifier)| modifier.contains(hit)) && !cells[6].1.contains(hit), "{cells:?}");
    }
}
