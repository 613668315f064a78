//! Draws the model: tabs, the screen in front, the footer, what lies above. Changes nothing.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::action::{ACTIONS, Action};
use super::awaited;
use super::model::{Model, Screen};
use super::overlay;
use super::screen::{builds, images, inspect, release};
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
    let area = buffer.area;
    let mut canvas = Canvas::new(buffer, &model.theme);
    if area.is_empty() {
        return None;
    }
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        view_too_small(model, &mut canvas);
        return None;
    }
    let frame = layout(area);
    view_tabs(model, &mut canvas, frame.tabs);
    let awaited = awaited::words(model).unwrap_or_default();
    let ruled = frame.body.y > frame.tabs.y + 1;
    if ruled {
        rule(&mut canvas, row(area, 1), "");
        view_awaited(&mut canvas, row(area, 1), &awaited);
    }
    match model.screen {
        Screen::Images => images::view(model, &mut canvas, frame.body),
        Screen::Builds => builds::view(model, &mut canvas, frame.body),
        Screen::Inspect => inspect::view(model, &mut canvas, frame.body),
        Screen::Release => release::view(model, &mut canvas, frame.body),
    }
    view_footer(model, &mut canvas, frame.footer);
    if !ruled {
        view_awaited(&mut canvas, frame.footer, &awaited);
    }
    if model.overlays.is_empty() {
        overlay::view_toasts(model, &mut canvas, frame.body);
    }
    overlay::view(model, &mut canvas);
    canvas.cursor
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

/// The tab at `at`, for the mouse.
pub fn tab_at(model: &Model, at: Position) -> Option<Screen> {
    let frame = layout(Rect::new(0, 0, model.width, model.height));
    tabs(model, frame.tabs).into_iter().find(|(_, _, area)| area.contains(at)).map(|(screen, ..)| screen)
}

fn view_tabs(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if area.width >= 76 {
        canvas.text(right_of(area, 1), "catamaran", Meaning::Title);
    }
    let mut end = area.x;
    for (screen, title, place) in tabs(model, area) {
        let here = screen == model.screen;
        canvas.text(place, &title, if here { Meaning::Accent } else { Meaning::Muted });
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

/// The keys that do something here and now, then the three that always help.
fn view_footer(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let scope = model.screen.scope();
    let (key_style, word_style) = (canvas.style(Meaning::Accent), canvas.style(Meaning::Muted));
    let key = |action: Action| model.keymap.keys(scope, action).into_iter().next().unwrap_or_default();
    let always = [
        (Action::Filter, if model.screen == Screen::Images { "filter" } else { "search" }),
        (Action::Palette, "commands"),
        (Action::Help, "help"),
    ];
    let broken = model.screen == Screen::Images && model.state.targets.is_empty() && model.catalog_failure.is_some();
    let always = always.iter().filter(|(a, _)| *a != Action::Filter || (model.screen != Screen::Release && !broken));
    let right: Vec<(String, &str)> = always.map(|(a, word)| (key(*a), *word)).collect();
    let right_width: usize = right.iter().map(|(k, w)| text::width(k) + w.len() + 3).sum();
    let right: Vec<_> = if right_width + 12 > usize::from(area.width) { right.into_iter().skip(1).collect() } else { right };
    let right_width: usize = right.iter().map(|(k, w)| text::width(k) + w.len() + 3).sum();
    let mut x = usize::from(area.width).saturating_sub(right_width);
    for (k, word) in &right {
        let pieces = [(k.as_str(), key_style), (" ", word_style), (*word, word_style)];
        x += usize::from(canvas.spans(right_of(area, x as u16), &pieces)) + 2;
    }
    let room = usize::from(area.width).saturating_sub(right_width + 2);
    let mut x = 1;
    if broken {
        // Nothing can be done but mend it.
        let begin = if model.begin.is_some() { "begin one" } else { "" };
        for (action, word) in [(Action::Open, begin), (Action::Reload, "read again"), (Action::Edit, "edit"), (Action::Quit, "quit")] {
            let k = key(action);
            let width = text::width(&k) + text::width(word) + 1;
            if !word.is_empty() && (action.entry().enabled)(model).is_ok() && x + width <= room {
                canvas.spans(right_of(area, x as u16), &[(&k, key_style), (" ", word_style), (word, word_style)]);
                x += width + 2;
            }
        }
        return;
    }
    let here =
        ACTIONS.iter().filter(|e| !e.hint.is_empty() && (e.scopes.contains(&scope) || e.scopes.contains(&super::action::Scope::Global)));
    let words = here.filter(|e| (e.enabled)(model).is_ok()).map(|entry| (entry.action, hint(model, entry.action, entry.hint)));
    for (action, word) in words.filter(|(_, word)| !word.is_empty()).take(6) {
        let k = key(action);
        let width = text::width(&k) + text::width(word) + 1;
        if k.is_empty() || x + width > room {
            continue;
        }
        canvas.spans(right_of(area, x as u16), &[(&k, key_style), (" ", word_style), (word, word_style)]);
        x += width + 2;
    }
}

/// What `action` does here and now, in a word; `usual` elsewhere. Empty when it does nothing worth a place.
fn hint(model: &Model, action: Action, usual: &'static str) -> &'static str {
    let step = (model.screen == Screen::Release).then_some(model.release.step);
    match action {
        Action::Open => open_word(model),
        // Nothing can be marked there; what folds is folded with enter.
        Action::Mark if model.screen == Screen::Inspect => "",
        Action::Mark if model.screen == Screen::Release => mark_word(model),
        Action::FocusNext if step != Some(release::Step::Tags) => "",
        Action::Back if model.screen == Screen::Images => "",
        // What is awaited has its key beside it.
        Action::Cancel if model.screen != Screen::Builds && (step.is_none() || !release::is_sending(model)) => "",
        _ => usual,
    }
}

/// What space does in the wizard, in a word.
fn mark_word(model: &Model) -> &'static str {
    match (model.release.step, model.release.field) {
        (release::Step::Select, _) => "choose",
        (release::Step::Tags, 2) => "latest",
        (release::Step::Tags, 3) => "force",
        _ => "",
    }
}

/// What enter does here, in a word.
fn open_word(model: &Model) -> &'static str {
    use release::Step;
    match (model.screen, model.release.step) {
        (Screen::Release, Step::Preview) => "send",
        (Screen::Release, Step::Result) => "new release",
        (Screen::Release, _) => "next",
        (Screen::Inspect, _) if model.inspect.tab == inspect::Tab::Config => "fold",
        (Screen::Inspect, _) if matches!(model.inspect.tab, inspect::Tab::Overview | inspect::Tab::Checks) => "checks",
        (Screen::Inspect, _) => "",
        _ => "open",
    }
}
