//! How many colours the terminal shows, and the nearest of them.

use ratatui::style::Color;

/// How many colours a terminal shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// 24 bits.
    #[default]
    True,
    /// xterm's palette of 256.
    Palette256,
    /// The 16 ANSI colours.
    Ansi16,
}

impl Depth {
    /// What the environment says: `COLORTERM`, then `TERM`.
    pub fn from_environment(colorterm: Option<&str>, term: Option<&str>) -> Self {
        if matches!(colorterm, Some("truecolor" | "24bit")) {
            return Depth::True;
        }
        match term {
            Some(term) if term.contains("direct") || term.contains("truecolor") => Depth::True,
            Some(term) if term.contains("256color") || matches!(term, "xterm-kitty" | "alacritty" | "foot" | "wezterm") => {
                Depth::Palette256
            }
            _ => Depth::Ansi16,
        }
    }

    /// The nearest colour to `color` at this depth.
    pub fn nearest(self, color: Color) -> Color {
        match (self, color) {
            (Depth::Palette256, Color::Rgb(r, g, b)) => Color::Indexed(nearest_256(r, g, b)),
            (Depth::Ansi16, Color::Rgb(r, g, b)) => nearest_16(r, g, b),
            (Depth::Ansi16, Color::Indexed(n @ 16..)) => {
                let (r, g, b) = palette(n);
                nearest_16(r, g, b)
            }
            _ => color,
        }
    }
}

/// The steps of a channel in xterm's colour cube.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// What is at `n`, from 16 on, in xterm's palette: the colour cube, then greys.
fn palette(n: u8) -> (u8, u8, u8) {
    match n.saturating_sub(16) {
        cube @ 0..216 => (STEPS[usize::from(cube / 36)], STEPS[usize::from(cube / 6 % 6)], STEPS[usize::from(cube % 6)]),
        grey => [8 + (grey - 216) * 10; 3].into(),
    }
}

/// xterm's colour cube (16–231) or grey ramp (232–255), whichever is nearer.
fn nearest_256(r: u8, g: u8, b: u8) -> u8 {
    let step = |v: u8| (0..6).min_by_key(|i| STEPS[*i].abs_diff(v)).unwrap_or(0);
    let (i, j, k) = (step(r), step(g), step(b));
    let cube = (STEPS[i], STEPS[j], STEPS[k]);
    let mean = (u16::from(r) + u16::from(g) + u16::from(b)) / 3;
    let ramp = (mean.saturating_sub(3) / 10).min(23) as u8;
    let grey = 8 + ramp * 10;
    if distance((r, g, b), (grey, grey, grey)) < distance((r, g, b), cube) { 232 + ramp } else { (16 + 36 * i + 6 * j + k) as u8 }
}

fn nearest_16(r: u8, g: u8, b: u8) -> Color {
    // By hue, not by distance: a pale red must stay red, or failure and warning look alike.
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    if max - min < 40 {
        return match max {
            0..=47 => Color::Black,
            48..=130 => Color::DarkGray,
            131..=210 => Color::Gray,
            _ => Color::White,
        };
    }
    let high = |v: u8| v >= min + (max - min) / 2;
    match (high(r), high(g), high(b)) {
        (true, false, false) => Color::Red,
        (false, true, false) => Color::Green,
        (false, false, true) => Color::Blue,
        (true, true, false) => Color::Yellow,
        (true, false, true) => Color::Magenta,
        (false, true, true) => Color::Cyan,
        _ => Color::Gray,
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    square(a.0, b.0) + square(a.1, b.1) + square(a.2, b.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_keep_their_hue_when_they_lose_depth() {
        assert_eq!(Depth::Palette256.nearest(Color::Rgb(255, 0, 0)), Color::Indexed(196));
        assert_eq!(Depth::Palette256.nearest(Color::Rgb(8, 8, 8)), Color::Indexed(232));
        assert_eq!(Depth::Ansi16.nearest(Color::Rgb(0xff, 0x7f, 0x72)), Color::Red);
        assert_eq!(Depth::Ansi16.nearest(Color::Rgb(0x0d, 0x14, 0x18)), Color::Black);
        assert_eq!(Depth::Ansi16.nearest(Color::Cyan), Color::Cyan);
        assert_eq!(Depth::Ansi16.nearest(Color::Indexed(196)), Color::Red);
        assert_eq!(Depth::Ansi16.nearest(Color::Indexed(255)), Color::White);
        assert_eq!(Depth::from_environment(None, Some("xterm-256color")), Depth::Palette256);
        assert_eq!(Depth::from_environment(Some("truecolor"), Some("xterm")), Depth::True);
    }
}
