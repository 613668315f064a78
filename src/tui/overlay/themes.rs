//! Choosing a theme: moving shows it, enter keeps it, esc takes it back.

use ratatui::layout::Rect;

use super::{Overlay, frame};
use crate::tui::action::Action;
use crate::tui::hint::hints;
use crate::tui::model::Model;
use crate::tui::msg::Level;
use crate::tui::spot::Spot;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Canvas, below, right_of, row, window};

/// Looks like the theme called `name` from now on; a theme with a mistake is reported and not used.
pub fn choose(model: &mut Model, name: &str) {
    if model.theme.name == name {
        return;
    }
    match model.library.load(name) {
        Ok(theme) => model.theme = theme.at_depth(model.depth).as_wished(model.wishes),
        Err(error) => {
            let hint = error.advice().map(|h| format!("; {h}")).unwrap_or_default();
            model.say(Level::Error, format!("{error}{hint}"));
        }
    }
}

/// Shows the theme the cursor is on.
pub fn preview(model: &mut Model) {
    if let Some(Overlay::Themes { cursor, .. }) = model.overlays.last()
        && let Some(name) = model.library.names().get(*cursor).map(|n| (*n).to_owned())
    {
        choose(model, &name);
    }
}

/// Draws the list, small, so that the screen behind it shows the theme.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, cursor: usize) {
    let names = model.library.names();
    let inside = frame(model, canvas, (42, names.len() as u16 + 5), "Theme", &[]);
    let at = cursor.min(names.len().saturating_sub(1));
    let list = Rect { height: inside.height.saturating_sub(2), ..inside };
    for (line, index) in window(at, names.len(), usize::from(list.height)).enumerate() {
        let line = row(list, line);
        canvas.spot(line, Spot::Row(index));
        if index == at {
            canvas.text(line, canvas.glyph(Glyph::Gutter), Meaning::Accent);
        }
        canvas.text(right_of(line, 2), names[index], if index == at { Meaning::Title } else { Meaning::Text });
    }
    let foot = below(inside, inside.height.saturating_sub(1));
    hints(model, canvas, foot, &[(Action::Open, "keeps it"), (Action::Back, "takes it back")]);
}
