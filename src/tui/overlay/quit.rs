//! The question before quitting while something runs. Staying is the default.

use super::frame;
use crate::tui::action::Action;
use crate::tui::hint::hints;
use crate::tui::model::Model;
use crate::tui::screen::release;
use crate::tui::text;
use crate::tui::theme::Meaning;
use crate::tui::widget::{Canvas, row};

/// Draws it.
pub fn view(model: &Model, canvas: &mut Canvas<'_>) {
    let running = model.at_work().count();
    let open = model.state.builds.values().filter(|b| b.is_open()).count();
    let push = model.state.publication.as_ref().filter(|_| release::is_sending(model));
    let inside = frame(model, canvas, (64, if push.is_some() { 10 } else { 8 }), "Quit?", &[]);
    let builds = if open > 0 { format!(" with {}", text::count(open, "open build")) } else { String::new() };
    let verb = if running == 1 { "is" } else { "are" };
    canvas.text(row(inside, 1), &format!("{}{builds} {verb} still going.", text::count(running, "run")), Meaning::Text);
    let mut line = 3;
    if let Some(push) = push {
        let sent = format!("sending {}: {} of {}", text::printable(&push.version), text::bytes(push.sent()), text::bytes(push.bytes));
        canvas.text(row(inside, 2), &sent, Meaning::Warning);
        let public = match push.tags.as_slice() {
            [] => "No tag was set: nothing is public yet.".to_owned(),
            [(first, _)] => format!("Already public: {first}"),
            [(first, _), rest @ ..] => format!("Already public: {first} and {} more", rest.len()),
        };
        canvas.text(row(inside, 3), &public, Meaning::Text);
        line = 5;
    }
    hints(model, canvas, row(inside, line), &[(Action::Back, "stay")]);
    hints(model, canvas, row(inside, line + 1), &[(Action::Open, "stop everything and quit")]);
}
