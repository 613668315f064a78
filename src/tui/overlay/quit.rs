//! The question before quitting while something runs. Staying is the default.

use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::Meaning;
use crate::tui::widget::{Canvas, modal, row};

/// Draws it.
pub fn view(model: &Model, canvas: &mut Canvas<'_>) {
    let running = model.at_work().count();
    let open = model.state.builds.values().filter(|b| b.is_open()).count();
    let inside = modal(canvas, 56, 8, "Quit?", "");
    let builds = if open > 0 { format!(" with {}", text::count(open, "open build")) } else { String::new() };
    let verb = if running == 1 { "is" } else { "are" };
    canvas.text(row(inside, 1), &format!("{}{builds} {verb} still going.", text::count(running, "run")), Meaning::Text);
    let (key, plain) = (canvas.style(Meaning::Accent), canvas.style(Meaning::Text));
    canvas.spans(row(inside, 3), &[("esc", key), ("           stay", plain)]);
    canvas.spans(row(inside, 4), &[("enter ctrl-c", key), ("  stop everything and quit", plain)]);
}
