//! Draws the model: tabs, the screen in front, the footer, what lies above. Changes nothing.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::awaited;
use super::footer;
use super::model::{Model, Screen};
use super::overlay;
use super::screen::{builds, images, inspect, release};
use super::spot::Spot;
use super::text;
use super::theme::Meaning;
use super::widget::{Align, Canvas, right_of, row, rule};
use crate::session::{Outcome, Phase};

/// The smallest terminal the dashboard fits into: columns, lines.
pub const SMALLEST: (u16, u16) = (40, 10);

/// Where the parts of a frame are.
pub struct Frame {
    /// The tabs.
    pub tabs: Rect,
    /// The screen.
    pub body: Rect,
    /// The keys.
    pub footer: Rect,
}

/// Divides a frame: tabs, a quiet line when there is room, body, footer.
pub fn layout(area: Rect) -> Frame {
    let top = if area.height >= 16 { 2 } else { 1 }.min(area.height);
    let bottom = 1.min(area.height - top);
    Frame {
        tabs: row(area, 0),
        body: Rect { y: area.y + top, height: area.height - top - bottom, ..area },
        footer: Rect { y: area.bottom() - bottom, height: bottom, ..area },
    }
}

/// Draws a frame of `width` × `height` into a fresh buffer.
pub fn frame(model: &Model, width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    view(model, &mut buffer);
    buffer
}

/// ```text
///  catamaran   1 Images   2 Builds ⠙3   3 Inspect   4 Release        ghcr.io/acme
/// ──────────────────────────────────────────────────────────────────────────────
///  (the screen)
///  b build  enter open  v verify                  / filter  : commands  ? help
/// ```
///
/// Returns where the terminal's cursor belongs, when something is being typed.
pub fn view(model: &Model, buffer: &mut Buffer) -> Option<Position> {
    let mut canvas = Canvas::new(buffer, &model.theme);
    draw(model, &mut canvas);
    canvas.cursor
}

/// What is at `at`, for the mouse: what was drawn there last.
pub fn spot_at(model: &Model, at: Position) -> Option<Spot> {
    let mut scratch = Buffer::empty(Rect::new(0, 0, model.width, model.height));
    let mut canvas = Canvas::new(&mut scratch, &model.theme);
    draw(model, &mut canvas);
    canvas.spots().iter().rev().find(|(area, _)| area.contains(at)).map(|(_, spot)| *spot)
}

/// Draws everything.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let area = canvas.area();
    if area.is_empty() {
        return;
    }
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return view_too_small(model, canvas);
    }
    let frame = layout(area);
    view_tabs(model, canvas, frame.tabs);
    let awaited = awaited::words(model).unwrap_or_default();
    let ruled = frame.body.y > frame.tabs.y + 1;
    if ruled {
        rule(canvas, row(area, 1), "");
        view_awaited(canvas, row(area, 1), &awaited);
    }
    match model.screen {
        Screen::Images => images::view(model, canvas, frame.body),
        Screen::Builds => builds::view(model, canvas, frame.body),
        Screen::Inspect => inspect::view(model, canvas, frame.body),
        Screen::Release => release::view(model, canvas, frame.body),
    }
    footer::view(model, canvas, frame.footer);
    if !ruled {
        view_awaited(canvas, frame.footer, &awaited);
    }
    if model.overlays.is_empty() {
        overlay::view_toasts(model, canvas, frame.body);
    }
    overlay::view(model, canvas);
}

/// What is awaited, at the right of a line that has something else when nothing is.
fn view_awaited(canvas: &mut Canvas<'_>, area: Rect, words: &str) {
    if !words.is_empty() {
        let area = Rect { width: area.width.saturating_sub(1), ..area };
        canvas.aligned(area, &format!(" {words} "), Meaning::Running, Align::Right);
    }
}

fn view_too_small(model: &Model, canvas: &mut Canvas<'_>) {
    let area = canvas.area();
    let said = format!("needs {}x{}, is {}x{}", SMALLEST.0, SMALLEST.1, area.width, area.height);
    canvas.aligned(row(area, usize::from(area.height / 2)), &said, Meaning::Warning, Align::Center);
    if model.is_running() && area.height > 2 {
        canvas.aligned(row(area, usize::from(area.height / 2) + 1), "builds go on", Meaning::Muted, Align::Center);
    }
}

/// Each screen's title and where it stands: narrow terminals show numbers only, the front one in full.
fn tabs(model: &Model, area: Rect) -> Vec<(Screen, String, Rect)> {
    let open = model.state.builds.values().filter(|b| b.is_open()).count();
    let failed = model.state.builds.values().filter(|b| matches!(b.phase, Phase::Ended(Outcome::Failed(_)))).count();
    let wide = area.width >= 64;
    let mut x = area.x + if area.width >= 76 { 13 } else { 1 };
    let mut out = Vec::new();
    for (i, screen) in Screen::ALL.into_iter().enumerate() {
        let mut title = if wide || screen == model.screen { format!("{} {}", i + 1, screen.title()) } else { format!("{}", i + 1) };
        if screen == Screen::Builds && open > 0 {
            title.push_str(&format!(" {}{open}", model.theme.turning(model.now)));
        }
        if screen == Screen::Builds && failed > 0 {
            title.push_str(&format!(" {}{failed}", model.theme.glyph(super::theme::Glyph::Fail)));
        }
        if screen == Screen::Release && release::is_sending(model) && model.screen != screen {
            title.push_str(&format!(" {}", model.theme.turning(model.now)));
        }
        let width = text::width(&title) as u16;
        out.push((screen, title, Rect { x, width, height: 1, ..area }.intersection(area)));
        x = x.saturating_add(width + 3);
    }
    out
}

fn view_tabs(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if area.width >= 76 {
        canvas.text(right_of(area, 1), "catamaran", Meaning::Title);
    }
    let mut end = area.x;
    for (screen, title, place) in tabs(model, area) {
        let here = screen == model.screen;
        canvas.text(place, &title, if here { Meaning::Accent } else { Meaning::Muted });
        canvas.spot(place, Spot::Screen(screen));
        // What failed stands out from the tab it is in.
        if let Some(at) = title.find(canvas.glyph(super::theme::Glyph::Fail)) {
            let shift = text::width(&title[..at]) as u16;
            canvas.text(right_of(place, shift), &title[at..], Meaning::Failure);
        }
        if screen == model.screen {
            canvas.buffer.set_style(place, ratatui::style::Style::new().add_modifier(ratatui::style::Modifier::BOLD));
        }
        end = place.right();
    }
    let rest = right_of(area, end - area.x + 2);
    let rest = Rect { width: rest.width.saturating_sub(1), ..rest };
    // The template ends in the container, which says nothing here.
    let registry = model.state.registry.as_deref().map(|r| r.trim_end_matches("/{container}"));
    if let Some(registry) = registry
        && rest.width >= 16
    {
        let shown = text::elide_middle(registry, usize::from(rest.width), canvas.glyph(super::theme::Glyph::Ellipsis)).into_owned();
        canvas.aligned(rest, &shown, Meaning::Muted, Align::Right);
    }
}
