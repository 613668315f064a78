//! Frames one after the other as one SVG that moves by itself (SMIL), wherever a picture can be shown. Lines that several frames have
//! in common are in it once.

use std::collections::HashMap;
use std::fmt::Write;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::screenshot::{HEIGHT, ground, line_svg, open_window};

/// `frames`, each with how many milliseconds it is shown, as an SVG document in a window whose title is `title`. What cannot show movement
/// shows the first. All frames have the size of the first; there is nothing to show without one.
pub fn render_animation(frames: &[(Buffer, u64)], title: &str) -> String {
    let Some((first, _)) = frames.first() else { return String::new() };
    let whole: u64 = frames.iter().map(|(_, shown)| shown.max(&1)).sum();
    let mut lines = Lines { ground: ground(first), ..Lines::default() };
    let mut body = String::new();
    let mut at = 0;
    for (i, (buffer, shown)) in frames.iter().enumerate() {
        let (start, end) = (at as f64 / whole as f64, (at + shown.max(&1)) as f64 / whole as f64);
        at += shown.max(&1);
        let (values, times) = match (i == 0, i + 1 == frames.len()) {
            (true, true) => ("visible".to_owned(), "0".to_owned()),
            (true, false) => ("visible;hidden".to_owned(), format!("0;{end:.5}")),
            (false, true) => ("hidden;visible".to_owned(), format!("0;{start:.5}")),
            (false, false) => ("hidden;visible;hidden".to_owned(), format!("0;{start:.5};{end:.5}")),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            body,
            "<g visibility=\"{}\"><animate attributeName=\"visibility\" values=\"{values}\" keyTimes=\"{times}\" dur=\"{}ms\" \
             calcMode=\"discrete\" repeatCount=\"indefinite\"/>",
            if i == 0 { "visible" } else { "hidden" },
            whole
        );
        for y in 0..buffer.area.height.min(first.area.height) {
            if let Some(id) = lines.id(buffer, y) {
                let _ = writeln!(body, "<use href=\"#l{id}\" y=\"{}\"/>", f32::from(y) * HEIGHT);
            }
        }
        body.push_str("</g>\n");
    }
    let mut out = open_window(first, title);
    let _ = writeln!(out, "<defs>\n{}</defs>", lines.defined);
    out.push_str(&body);
    out.push_str("</svg>\n");
    out
}

/// The different lines of all frames.
#[derive(Default)]
struct Lines {
    ground: String,
    known: HashMap<String, usize>,
    defined: String,
}

impl Lines {
    /// The number of the line `y` of `buffer`; `None` when nothing is on it.
    fn id(&mut self, buffer: &Buffer, y: u16) -> Option<usize> {
        let mut line = Buffer::empty(Rect::new(0, 0, buffer.area.width, 1));
        for x in 0..buffer.area.width {
            line[(x, 0)] = buffer[(x, y)].clone();
        }
        let svg = line_svg(&line, &self.ground);
        if svg.is_empty() {
            return None;
        }
        let next = self.known.len();
        Some(*self.known.entry(svg).or_insert_with_key(|svg| {
            let _ = writeln!(self.defined, "<g id=\"l{next}\">\n{svg}</g>");
            next
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_follow_each_other_and_common_lines_are_there_once() {
        let frames = [(Buffer::with_lines(["same", "one"]), 300), (Buffer::with_lines(["same", "two"]), 700)];
        let svg = render_animation(&frames, "catamaran");
        assert_eq!(svg, render_animation(&frames, "catamaran"));
        assert_eq!((svg.matches(">same<").count(), svg.matches("<use href=\"#l0\"").count()), (1, 2));
        assert!(svg.contains("keyTimes=\"0;0.30000\" dur=\"1000ms\""), "{svg}");
        assert!(svg.contains("values=\"hidden;visible\" keyTimes=\"0;0.30000\""), "{svg}");
        assert_eq!(render_animation(&[], "x"), "");
    }
}
