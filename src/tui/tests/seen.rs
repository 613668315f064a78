//! What is drawn is seen: no text is drawn over another, none is cut without a sign; and every key that is shown works.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthChar;

use super::states::states;
use crate::session::Command;
use crate::tui::action::Action;
use crate::tui::hint::key;
use crate::tui::spot::Spot;
use crate::tui::theme::Wishes;
use crate::tui::view::draw;
use crate::tui::widget::Canvas;
use crate::tui::{Model, Msg, frame, parse_sequence, update};

/// Draws `model` and says which text is not to be read where it was drawn.
fn unread(model: &Model, width: u16, height: u16) -> Option<String> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    let mut canvas = Canvas::new(&mut buffer, &model.theme);
    draw(model, &mut canvas);
    let texts = std::mem::take(&mut canvas.texts);
    let covered = |at: u16, y: u16, c: char| {
        let cell = buffer.cell((at, y)).map_or("", |cell| cell.symbol());
        !cell.starts_with(c)
    };
    texts.into_iter().find_map(|(at, said)| {
        let mut x = at.x;
        for c in said.chars() {
            let cells = c.width().unwrap_or(0) as u16;
            if cells > 0 && c != ' ' && covered(x, at.y, c) {
                let line: String = (0..width).map(|x| buffer[(x, at.y)].symbol()).collect();
                return Some(format!("“{said}” at {at}\n{line}"));
            }
            x += cells;
        }
        None
    })
}

/// What the mouse would find, topmost only.
fn spots(model: &Model) -> Vec<(Rect, Spot)> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, model.width, model.height));
    let mut canvas = Canvas::new(&mut buffer, &model.theme);
    draw(model, &mut canvas);
    let all = canvas.spots().to_vec();
    let on_top = |i: usize| {
        let at = all[i].0.as_position();
        all.iter().rposition(|(area, _)| area.contains(at)) == Some(i)
    };
    (0..all.len()).filter(|i| on_top(*i)).map(|i| all[i]).collect()
}

/// A key as it is shown, pressed.
fn press(model: &mut Model, key: &str) -> Vec<Command> {
    let name = match key {
        "↑" => "up",
        "↓" => "down",
        "←" => "left",
        "→" => "right",
        key => key,
    };
    let sequence = if name.chars().count() == 1 { name.to_owned() } else { format!("<{name}>") };
    let keys = parse_sequence(&sequence).unwrap();
    keys.into_iter().flat_map(|key| update(model, Msg::Key(key.event()))).collect()
}

fn click(model: &mut Model, area: Rect) -> Vec<Command> {
    let kind = MouseEventKind::Down(MouseButton::Left);
    update(model, Msg::Mouse(MouseEvent { kind, column: area.x, row: area.y, modifiers: KeyModifiers::NONE }))
}

/// What is wrong with the key that is shown for `action` at `area`.
fn wrong_key(before: &Model, area: Rect, action: Action) -> Option<String> {
    let look = |model: &Model| frame(model, model.width, model.height);
    let (shown, key) = (look(before), key(before, action));
    // The key itself is what is to be read there.
    let line: String = (area.x..area.right()).map(|x| shown[(x, area.y)].symbol()).collect();
    if !line.split(' ').any(|word| word == key) {
        return Some(format!("no “{key}” in “{line}”"));
    }
    let mut after = before.clone();
    let asked = press(&mut after, &key);
    let done = !asked.is_empty() || after.effects != before.effects || after.quit != before.quit || look(&after) != shown;
    if !done {
        return Some(format!("{key} does nothing"));
    }
    let mut clicked = before.clone();
    let also = click(&mut clicked, area);
    let alike = format!("{asked:?}") == format!("{also:?}") && look(&clicked) == look(&after) && clicked.effects == after.effects;
    (!alike).then(|| format!("a click is not the same as {key}"))
}

#[test]
fn every_key_that_is_shown_does_what_is_said() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for (width, height) in [(40, 10), (80, 24), (120, 40), (200, 50)] {
        for (name, mut model) in states() {
            update(&mut model, Msg::Resize(width, height));
            for (area, spot) in spots(&model) {
                let Spot::Do(action) = spot else { continue };
                tried += 1;
                wrong.extend(wrong_key(&model, area, action).map(|why| format!("{name} {width}x{height}, {action:?}: {why}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried > 300, "only {tried} keys were tried");
}

#[test]
fn every_text_can_be_read_at_common_sizes() {
    let mut wrong = Vec::new();
    for (width, height) in [(40, 10), (60, 12), (80, 24), (100, 30), (120, 40), (140, 40), (200, 50), (240, 70)] {
        for (name, mut model) in states() {
            update(&mut model, Msg::Resize(width, height));
            wrong.extend(unread(&model, width, height).map(|why| format!("{name} {width}x{height}: {why}")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_large_screen_has_three_columns() {
    let (_, mut m) = states().into_iter().find(|(name, _)| *name == "images, checked").unwrap();
    let shown = crate::tui::fixture::screen(&mut m, 200, 50);
    for needle in ["PUBLISHED", "╭─ fd ", "╭─ checks · fd ", "✓ ✗  elf-machine", "3 of 312", "╭─ lately "] {
        assert!(shown.contains(needle), "{needle}\n{shown}");
    }
    assert!(!crate::tui::fixture::screen(&mut m, 199, 50).contains("lately"));
    assert!(!crate::tui::fixture::screen(&mut m, 200, 46).contains("lately"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn every_text_can_be_read_at_any_size(state in 0usize..1_000, width in 40u16..250, height in 10u16..75, ascii in prop::bool::ANY) {
        let mut states = states();
        let (name, mut model) = states.swap_remove(state % states.len());
        model.theme = model.theme.as_wished(Wishes { ascii, still: true });
        update(&mut model, Msg::Resize(width, height));
        let unread = unread(&model, width, height);
        prop_assert!(unread.is_none(), "{} {}x{}: {}", name, width, height, unread.unwrap_or_default());
    }
}
