//! A frame as an SVG: the same buffer gives the same bytes on every machine, with no browser and no display.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// Cell size in pixels: DejaVu Sans Mono at 15 px is 9.03 wide and 17.46 from ascent to descent. A cell as high as
/// the font's line lets box-drawing lines meet.
const WIDTH: f32 = 9.0;
pub(super) const HEIGHT: f32 = 17.5;
const FONT_SIZE: f32 = 15.0;
const BASELINE: f32 = 13.9;
const MARGIN: f32 = 12.0;
const TITLE_BAR: f32 = 34.0;

/// The 16 ANSI colours as the screenshots show them, and the terminal's own foreground and background.
const ANSI: [&str; 16] = [
    "#0d1418", "#ff7f72", "#7fd18b", "#e0b568", "#7db4f0", "#d59bf0", "#5cc8d7", "#c3cdd3", "#8c9ca6", "#ff9d94", "#9be3a5", "#f0cb8a",
    "#a3caf7", "#e3bdf7", "#8adbe6", "#eef3f5",
];
const FOREGROUND: &str = "#d5dee3";
const BACKGROUND: &str = "#0d1418";

/// `buffer` as an SVG document in a window whose title is `title` (the command that shows it).
pub fn render_svg(buffer: &Buffer, title: &str) -> String {
    let mut out = open_window(buffer, title);
    let ground = ground(buffer);
    for y in 0..buffer.area.height {
        backgrounds(&mut out, buffer, y, &ground);
    }
    for y in 0..buffer.area.height {
        texts(&mut out, buffer, y);
    }
    out.push_str("</svg>\n");
    out
}

/// The window that `buffer` is shown in, as the beginning of an SVG document.
pub(super) fn open_window(buffer: &Buffer, title: &str) -> String {
    let (columns, lines) = (f32::from(buffer.area.width), f32::from(buffer.area.height));
    let (width, height) = (columns * WIDTH + 2.0 * MARGIN, lines * HEIGHT + TITLE_BAR + MARGIN);
    let ground = ground(buffer);
    let mut out = String::with_capacity(64 * 1024);
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"'DejaVu Sans Mono','JetBrains Mono',Menlo,Consolas,monospace\" font-size=\"{FONT_SIZE}\">"
    );
    let _ = writeln!(out, "<title>{}</title>", escaped(title));
    let _ =
        writeln!(out, "<rect width=\"{width}\" height=\"{height}\" rx=\"9\" fill=\"{ground}\" stroke=\"#5b6b75\" stroke-opacity=\"0.5\"/>");
    for (i, color) in ["#ff7f72", "#e0b568", "#7fd18b"].into_iter().enumerate() {
        let _ = writeln!(out, "<circle cx=\"{}\" cy=\"17\" r=\"5\" fill=\"{color}\"/>", 20 + i * 18);
    }
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"21\" text-anchor=\"middle\" font-size=\"13\" fill=\"#8c9ca6\">{}</text>",
        width / 2.0,
        escaped(title)
    );
    out
}

/// The only line of `line`, at the place of a window's first, above `ground`; nothing when nothing is on it.
pub(super) fn line_svg(line: &Buffer, ground: &str) -> String {
    let mut out = String::new();
    backgrounds(&mut out, line, 0, ground);
    texts(&mut out, line, 0);
    out
}

/// The colour behind everything: that of the first cell.
pub(super) fn ground(buffer: &Buffer) -> String {
    buffer.content.first().map_or_else(|| BACKGROUND.to_owned(), |cell| colors(cell).1)
}

fn left(x: u16) -> f32 {
    MARGIN + f32::from(x) * WIDTH
}

fn top(y: u16) -> f32 {
    TITLE_BAR + f32::from(y) * HEIGHT
}

/// Neighbouring cells with the same background become one rectangle.
fn backgrounds(out: &mut String, buffer: &Buffer, y: u16, ground: &str) {
    let mut x = 0;
    while x < buffer.area.width {
        let color = colors(&buffer[(x, y)]).1;
        let start = x;
        while x < buffer.area.width && colors(&buffer[(x, y)]).1 == color {
            x += 1;
        }
        if color != ground {
            let _ = writeln!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{HEIGHT}\" fill=\"{color}\"/>",
                left(start),
                top(y),
                f32::from(x - start) * WIDTH
            );
        }
    }
}

/// Neighbouring cells that look the same become one text, with an x for every character so that columns stay put.
fn texts(out: &mut String, buffer: &Buffer, y: u16) {
    let look = |cell: &Cell| (colors(cell).0, cell.modifier & (Modifier::BOLD | Modifier::ITALIC | Modifier::UNDERLINED));
    let mut x = 0;
    while x < buffer.area.width {
        let cell = &buffer[(x, y)];
        if cell.symbol().trim().is_empty() {
            x += 1;
            continue;
        }
        let style = look(cell);
        let (mut places, mut text) = (String::new(), String::new());
        while x < buffer.area.width && look(&buffer[(x, y)]) == style && !buffer[(x, y)].symbol().trim().is_empty() {
            let symbol = buffer[(x, y)].symbol();
            for (i, _) in symbol.chars().enumerate() {
                let _ = write!(places, "{}{}", if places.is_empty() { "" } else { " " }, left(x) + if i > 0 { WIDTH } else { 0.0 });
            }
            text.push_str(symbol);
            x += (symbol.width() as u16).max(1);
        }
        let (color, modifier) = style;
        let bold = if modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
        let italic = if modifier.contains(Modifier::ITALIC) { " font-style=\"italic\"" } else { "" };
        let underline = if modifier.contains(Modifier::UNDERLINED) { " text-decoration=\"underline\"" } else { "" };
        let _ = writeln!(
            out,
            "<text x=\"{places}\" y=\"{}\" fill=\"{color}\"{bold}{italic}{underline}>{}</text>",
            top(y) + BASELINE,
            escaped(&text)
        );
    }
}

/// Foreground and background of a cell, reversed and dimmed as its modifiers say.
fn colors(cell: &Cell) -> (String, String) {
    let (mut fg, mut bg) = (color(cell.fg, FOREGROUND), color(cell.bg, BACKGROUND));
    if cell.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut fg, &mut bg);
    }
    if cell.modifier.contains(Modifier::DIM) {
        fg = mixed(&fg, &bg);
    }
    (fg, bg)
}

fn color(color: Color, reset: &str) -> String {
    let ansi = |i: usize| ANSI[i].to_owned();
    match color {
        Color::Reset => reset.to_owned(),
        Color::Black => ansi(0),
        Color::Red => ansi(1),
        Color::Green => ansi(2),
        Color::Yellow => ansi(3),
        Color::Blue => ansi(4),
        Color::Magenta => ansi(5),
        Color::Cyan => ansi(6),
        Color::Gray => ansi(7),
        Color::DarkGray => ansi(8),
        Color::LightRed => ansi(9),
        Color::LightGreen => ansi(10),
        Color::LightYellow => ansi(11),
        Color::LightBlue => ansi(12),
        Color::LightMagenta => ansi(13),
        Color::LightCyan => ansi(14),
        Color::White => ansi(15),
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Indexed(i) => indexed(i),
    }
}

/// xterm's palette: 16 ANSI colours, a 6 × 6 × 6 cube, 24 greys.
fn indexed(i: u8) -> String {
    match i {
        0..=15 => ANSI[usize::from(i)].to_owned(),
        16..=231 => {
            let step = |v: u8| if v == 0 { 0 } else { 55 + v * 40 };
            let i = i - 16;
            format!("#{:02x}{:02x}{:02x}", step(i / 36), step(i / 6 % 6), step(i % 6))
        }
        232.. => format!("#{0:02x}{0:02x}{0:02x}", 8 + (i - 232) * 10),
    }
}

/// Two thirds of `a` and one of `b`.
fn mixed(a: &str, b: &str) -> String {
    let part = |s: &str, i: usize| s.get(i..i + 2).and_then(|h| u16::from_str_radix(h, 16).ok()).unwrap_or(0);
    let mix = |i| (part(a, i) * 2 + part(b, i)) / 3;
    format!("#{:02x}{:02x}{:02x}", mix(1), mix(3), mix(5))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    #[test]
    fn every_character_has_its_column_and_the_bytes_are_always_the_same() {
        let mut buffer = Buffer::with_lines(["a<b │", "日本 x"]);
        buffer.set_style(ratatui::layout::Rect::new(1, 0, 2, 1), Style::new().bg(Color::Rgb(1, 2, 3)).fg(Color::Cyan));
        let svg = render_svg(&buffer, "catamaran & co");
        assert_eq!(svg, render_svg(&buffer.clone(), "catamaran & co"));
        assert!(svg.contains("<title>catamaran &amp; co</title>"));
        assert!(svg.contains("<rect x=\"21\" y=\"34\" width=\"18\" height=\"17.5\" fill=\"#010203\"/>"), "{svg}");
        assert!(svg.contains("<text x=\"21 30\" y=\"47.9\" fill=\"#5cc8d7\">&lt;b</text>"), "{svg}");
        assert!(svg.contains("<text x=\"12 30\"") && svg.contains(">日本<"), "{svg}");
    }
}
