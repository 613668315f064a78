//! The mouse: what is clicked is what was seen there, two clicks are enter, the wheel scrolls what is under it.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::{feed, targets};
use crate::catalog::Architecture;
use crate::session::Command;
use crate::tui::fixture::{building, comparison, inspection, listing, model, planned, published, publishing, report, screen, target};
use crate::tui::screen::builds;
use crate::tui::screen::inspect::Tab;
use crate::tui::screen::release::Step;
use crate::tui::{Effect, Model, Msg, Screen, text, update};
use crate::verify::Verdict;

const SIZE: (u16, u16) = (120, 40);

/// Where `words` stand: column and line.
#[track_caller]
fn place(m: &mut Model, words: &str) -> (u16, u16) {
    let shown = screen(m, SIZE.0, SIZE.1);
    let (row, line) = shown.lines().enumerate().find(|(_, l)| l.contains(words)).unwrap_or_else(|| panic!("{words}\n{shown}"));
    (text::width(&line[..line.find(words).unwrap()]) as u16, row as u16)
}

fn mouse(m: &mut Model, kind: MouseEventKind, (column, row): (u16, u16)) -> Vec<Command> {
    update(m, Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
}

/// Clicks on the first place where `words` stand, long after any other click.
#[track_caller]
fn click(m: &mut Model, words: &str) -> Vec<Command> {
    let later = m.now + 1_000;
    update(m, Msg::Tick(later));
    let at = place(m, words);
    let asked = mouse(m, MouseEventKind::Down(MouseButton::Left), at);
    mouse(m, MouseEventKind::Up(MouseButton::Left), at);
    asked
}

/// Clicks there twice.
#[track_caller]
fn double(m: &mut Model, words: &str) -> Vec<Command> {
    let at = place(m, words);
    let mut asked = click(m, words);
    asked.extend(mouse(m, MouseEventKind::Down(MouseButton::Left), at));
    mouse(m, MouseEventKind::Up(MouseButton::Left), at);
    asked
}

fn inspected() -> Model {
    let mut m = model();
    m.keys("jj<enter>").unwrap();
    for architecture in [Architecture::X86_64, Architecture::Aarch64] {
        let (t, lies) = (target("jq", architecture), architecture == Architecture::Aarch64);
        feed(&mut m, [inspection(&t), report(&t, lies), listing(&t, lies)]);
    }
    m.feed(&comparison("jq"));
    m
}

#[test]
fn screens_views_commands_and_themes_are_chosen() {
    let mut m = model();
    m.keys("<enter>").unwrap();
    click(&mut m, "Layers");
    assert_eq!(m.inspect.tab, Tab::Layers);
    click(&mut m, "1 Images");
    assert_eq!(m.screen, Screen::Images);
    m.keys("T").unwrap();
    click(&mut m, "dracula");
    assert_eq!((m.theme.name.as_str(), m.overlays.len()), ("dracula", 1));
    click(&mut m, "catamaran"); // beside it: closed, and taken back
    assert_eq!((m.theme.name.as_str(), m.overlays.len()), ("auto", 0));
    m.keys(":build jq").unwrap();
    let asked = click(&mut m, "build jq aarch64");
    assert_eq!(targets(&asked[0]), ["jq/aarch64"]);
    assert!(m.overlays.is_empty());
}

#[test]
fn a_cell_has_the_cursor_after_one_click_and_opens_after_two() {
    let mut m = model();
    click(&mut m, "stale");
    assert_eq!((m.images.row, m.images.column, m.screen), (3, 1, Screen::Images));
    // The same place again, but later: that is not a double click.
    click(&mut m, "stale");
    assert_eq!(m.screen, Screen::Images);
    double(&mut m, "stale");
    assert_eq!(m.screen, Screen::Inspect);
}

#[test]
fn keys_at_the_foot_are_buttons() {
    let mut m = model();
    let asked = click(&mut m, "b build");
    assert_eq!(targets(&asked[0]), ["fd/x86_64", "fd/aarch64"]);
    click(&mut m, "? help");
    assert_eq!(m.overlays.len(), 1);
    click(&mut m, "esc closes");
    assert_eq!(m.overlays.len(), 0);
}

#[test]
fn rows_of_every_view_of_an_image_can_be_clicked() {
    let mut m = inspected();
    click(&mut m, "linux/arm64");
    assert_eq!((m.inspect.cursor[Tab::Overview as usize], m.inspect.column), (1, 1));
    double(&mut m, "ELF files say");
    assert_eq!(m.inspect.tab, Tab::Checks);
    for (tab, words, row) in [
        (Tab::Layers, "fd-find", 1),
        (Tab::Packages, "coreutils", 1),
        (Tab::Files, "libfoo", 1),
        (Tab::Checks, "index-platform", 1),
        (Tab::Compare, "engines/x.so", 3),
    ] {
        click(&mut m, tab.title());
        click(&mut m, words);
        assert_eq!((m.inspect.tab, m.inspect.cursor[tab as usize]), (tab, row), "{words}");
    }
    click(&mut m, "Config");
    double(&mut m, "▾ config");
    assert!(screen(&mut m, 120, 40).contains("▸ config  { 3 }"));
    click(&mut m, "aarch64");
    assert_eq!(m.inspect.column, 1);
    // From a check to what it found, and on to the file.
    click(&mut m, "Checks");
    double(&mut m, "elf-machine");
    assert_eq!(m.overlays.len(), 1);
    double(&mut m, "/usr/lib/libfoo.so.1");
    assert_eq!((m.overlays.len(), m.inspect.tab), (0, Tab::Files));
}

#[test]
fn a_release_can_be_clicked_through() {
    let mut m = model();
    click(&mut m, "4 Release");
    click(&mut m, "[x] rg");
    assert_eq!(m.release.chosen.iter().map(|c| c.as_str()).collect::<Vec<_>>(), ["fd"]);
    double(&mut m, "fd  ");
    assert_eq!(m.release.step, Step::Tags);
    m.keys("1.5.0").unwrap();
    click(&mut m, "force");
    assert_eq!(m.release.field, 3);
    click(&mut m, "[x] moves too");
    assert_eq!((m.release.latest, m.release.field), (Some(false), 2));
    let asked = click(&mut m, "Gates"); // the next step of the rail is enter
    assert!(matches!(asked[0], Command::Plan(_)), "{asked:?}");
    m.feed(&planned(2, "1.5.0", Verdict::Pass));
    click(&mut m, "Result");
    assert_eq!(m.release.step, Step::Gates);
    click(&mut m, "Select");
    assert_eq!((m.release.step, m.release.version.value()), (Step::Select, "1.5.0"));
    m.keys("<enter><enter>").unwrap();
    m.feed(&planned(3, "1.5.0", Verdict::Pass));
    m.keys("<enter>1.5.0<enter>").unwrap();
    feed(&mut m, publishing(4, "1.5.0"));
    click(&mut m, "Select");
    assert_eq!(m.release.step, Step::Push, "what is being sent cannot be left by going back");
    feed(&mut m, published(4, "1.5.0"));
    double(&mut m, "cosign sign");
    assert!(matches!(m.effects.last(), Some(Effect::Copy { text, .. }) if text.starts_with("cosign sign")), "{:?}", m.effects);
    assert_eq!(m.release.step, Step::Result);
}

#[test]
fn overlays_answer_to_the_mouse() {
    let mut m = model();
    m.keys("?theme").unwrap();
    double(&mut m, "Choose a theme");
    assert!(screen(&mut m, 120, 40).contains("takes it back"));
    double(&mut m, "light");
    assert_eq!((m.theme.name.as_str(), m.overlays.len()), ("light", 0));
    m.keys("B").unwrap();
    feed(&mut m, building(2));
    m.keys("q").unwrap();
    click(&mut m, "stay");
    assert!(m.overlays.is_empty());
    m.keys("q").unwrap();
    let asked = click(&mut m, "stop everything");
    assert!(matches!(asked[0], Command::Cancel { run: None, target: None }));
}

#[test]
fn the_wheel_scrolls_what_is_under_it() {
    let mut m = model();
    let list = place(&mut m, "rg ");
    mouse(&mut m, MouseEventKind::ScrollDown, list);
    assert_eq!(m.images.row, 1);
    let detail = place(&mut m, "containers.toml:16");
    mouse(&mut m, MouseEventKind::ScrollDown, detail);
    assert_eq!(m.images.row, 1, "what is beside the list does not scroll it");
    m.keys("B2").unwrap();
    feed(&mut m, building(2));
    let (list, before) = (place(&mut m, "curl"), m.builds.selected.clone());
    mouse(&mut m, MouseEventKind::ScrollDown, list);
    assert_ne!(m.builds.selected, before);
    builds::select(&mut m, &target("curl", Architecture::Aarch64));
    let task = m.builds.selected.clone().unwrap();
    mouse(&mut m, MouseEventKind::ScrollUp, (80, 20));
    assert!(m.builds.view(&task).top.is_some(), "it has left the end");
    assert_eq!(m.builds.selected, Some(task));
    m.keys("?").unwrap();
    let first = place(&mut m, "Stop this");
    mouse(&mut m, MouseEventKind::ScrollDown, first);
    assert!(!screen(&mut m, 120, 40).contains("Stop this"));
}

#[test]
fn the_line_beside_the_logs_can_be_drawn() {
    let mut m = model();
    m.keys("B2").unwrap();
    feed(&mut m, building(2));
    let (left, right) = (MouseEventKind::Down(MouseButton::Left), MouseEventKind::Drag(MouseButton::Left));
    let edge = |m: &mut Model| screen(m, SIZE.0, SIZE.1).lines().nth(3).and_then(|l| l.find('╭').map(|at| text::width(&l[..at]) as u16));
    let at = edge(&mut m).unwrap();
    mouse(&mut m, left, (at, 10));
    mouse(&mut m, right, (at + 9, 12));
    mouse(&mut m, MouseEventKind::Up(MouseButton::Left), (at + 9, 12));
    assert_eq!(edge(&mut m), Some(at + 10));
    mouse(&mut m, right, (at - 9, 12)); // let go: it stays
    assert_eq!(edge(&mut m), Some(at + 10));
    // However far it is drawn, list and log keep their room; and above each other, in a narrow terminal.
    for (size, to) in [((120, 40), (119, 5)), ((120, 40), (0, 5)), ((60, 20), (5, 19)), ((60, 20), (5, 0))] {
        update(&mut m, Msg::Resize(size.0, size.1));
        m.builds.list_size = Some(to);
        let shown = screen(&mut m, size.0, size.1);
        assert!(shown.contains("git") && shown.contains("╰───"), "{to:?}\n{shown}");
    }
}
