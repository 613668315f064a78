//! Reading logs on the Builds screen.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::catalog::{Architecture, Target};
use crate::session::EventKind;
use crate::tui::fixture::{NAMES, building, event, model, output, screen, target};
use crate::tui::screen::builds;
use crate::tui::{Effect, Model, Msg, log_file, update};

/// Builds at work, the log of curl for aarch64 in front.
fn reading() -> (Model, Target) {
    let mut m = model();
    m.keys("B2").unwrap();
    for event in building(2) {
        m.feed(&event);
    }
    let curl = target("curl", Architecture::Aarch64);
    builds::select(&mut m, &curl);
    screen(&mut m, 100, 30);
    (m, curl)
}

fn said(m: &mut Model, target: &Target, lines: Vec<String>) {
    m.feed(&event(2, 43_000, EventKind::OutputReceived { target: target.clone(), lines }));
}

#[test]
fn only_lines_that_have_a_text_are_shown_until_esc() {
    let (mut m, _) = reading();
    m.keys("&DEB 1<enter>").unwrap();
    let shown = screen(&mut m, 100, 30);
    assert!(shown.contains("amd64.deb 19") && !shown.contains("amd64.deb 2") && shown.contains("11 of 40 lines"), "{shown}");
    m.keys("&xyz").unwrap();
    assert!(screen(&mut m, 100, 30).contains("no line has that; esc shows all"));
    m.keys("<esc>").unwrap();
    assert!(screen(&mut m, 100, 30).contains("amd64.deb 39"));
}

#[test]
fn each_line_says_when_it_was_said() {
    let (mut m, curl) = reading();
    m.feed(&output(2, 42_200, &curl, 40, 2));
    m.keys("t").unwrap();
    let shown = screen(&mut m, 100, 30);
    assert!(shown.contains("0:42  fetched") && shown.contains("0:00  fetched"), "{shown}");
}

#[test]
fn e_goes_to_what_went_wrong() {
    let (mut m, curl) = reading();
    m.keys("E").unwrap();
    assert!(m.notices.last().unwrap().text.contains("no line"));
    said(&mut m, &curl, vec!["src/queue.c:41:7: error: no such thing".into()]);
    m.feed(&output(2, 43_100, &curl, 40, 300));
    assert!(!screen(&mut m, 100, 30).contains("queue.c"));
    m.keys("E").unwrap();
    assert!(screen(&mut m, 100, 30).contains("src/queue.c:41:7: error"));
}

#[test]
fn lines_are_selected_with_keys_and_with_the_mouse() {
    let (mut m, _) = reading();
    m.keys("v<up><up>y").unwrap();
    let copied = |m: &Model| match m.effects.last() {
        Some(Effect::Copy { text, what }) => {
            (text.lines().map(|l| l.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>(), what.clone())
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(copied(&m), (vec!["37".into(), "38".into(), "39".into()], "3 lines".into()));
    // The list still answers to the same keys afterwards.
    let before = m.builds.selected.clone();
    m.keys("<up>").unwrap();
    assert_ne!(m.builds.selected, before);
    m.keys("<down>").unwrap();
    let shown = screen(&mut m, 100, 30);
    let y_of = |number: &str| shown.lines().position(|l| l.contains(&format!("amd64.deb {number} "))).unwrap() as u16;
    let mouse = |m: &mut Model, kind, row| update(m, Msg::Mouse(MouseEvent { kind, column: 50, row, modifiers: KeyModifiers::NONE }));
    mouse(&mut m, MouseEventKind::Down(MouseButton::Left), y_of("30"));
    mouse(&mut m, MouseEventKind::Drag(MouseButton::Left), y_of("33"));
    mouse(&mut m, MouseEventKind::Up(MouseButton::Left), y_of("33"));
    assert!(m.notices.last().unwrap().text.contains("4 lines selected"));
    m.keys("y").unwrap();
    assert_eq!(copied(&m).0, ["30", "31", "32", "33"]);
}

/// A log of 12,000 lines of which memory has the last 5,000.
fn long_log() -> (Model, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (mut m, curl) = reading();
    let path = folder.path().join("curl.log");
    let lines: Vec<String> =
        (0..12_000).map(|i| if i == 100 || i == 11_900 { format!("needle {i}") } else { format!("hay {i}") }).collect();
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    m.feed(&event(2, 42_000, EventKind::BuildQueued { target: curl.clone() }));
    m.feed(&event(2, 42_001, EventKind::BuildStarted { target: curl.clone(), log: Some(path) }));
    said(&mut m, &curl, lines);
    screen(&mut m, 100, 30);
    (m, folder)
}

/// Does what the terminal side would: reads the files that are asked for.
fn answer(m: &mut Model) {
    for effect in std::mem::take(&mut m.effects) {
        let Effect::ReadLog(path, wanted) = effect else { panic!("{effect:?}") };
        let page = log_file::read(&path, &wanted).map_err(|e| e.to_string());
        update(m, Msg::LogRead(page));
    }
}

#[test]
fn a_search_goes_through_the_whole_file() {
    let (mut m, _folder) = long_log();
    m.keys("/needle<enter>").unwrap();
    answer(&mut m);
    let shown = screen(&mut m, 100, 30);
    assert!(shown.contains("needle 100") && shown.contains("match 1/2") && shown.contains("line 8"), "{shown}");
    m.keys("n").unwrap();
    answer(&mut m);
    let shown = screen(&mut m, 100, 30);
    assert!(shown.contains("needle 11900") && shown.contains("match 2/2"), "{shown}");
    // Back to what is said now.
    m.keys("<esc><esc>").unwrap();
    let shown = screen(&mut m, 100, 30);
    assert!(shown.contains("hay 11999") && m.builds.spool.is_none(), "{shown}");
}

#[test]
fn scrolling_up_goes_on_in_the_file_and_down_comes_back() {
    let (mut m, _folder) = long_log();
    m.keys("g").unwrap();
    answer(&mut m);
    let shown = screen(&mut m, 100, 30);
    assert!(shown.contains("hay 0 ") && shown.contains("hay 1 "), "{shown}");
    m.keys("<end>").unwrap();
    assert!(screen(&mut m, 100, 30).contains("hay 11999"));
    for _ in 0..400 {
        m.keys("<pgup>").unwrap();
        if !m.effects.is_empty() {
            break;
        }
    }
    assert!(screen(&mut m, 100, 30).contains("hay 7000"));
    answer(&mut m);
    m.keys("<pgup>").unwrap();
    let shown = screen(&mut m, 100, 30);
    assert!(shown.contains("hay 6990") && m.builds.spool.is_some(), "{shown}");
    for _ in 0..1_000 {
        m.keys("<pgdn>").unwrap();
        answer(&mut m);
        if m.builds.spool.is_none() {
            return assert!(screen(&mut m, 100, 30).contains("hay 11999"));
        }
    }
    panic!("the end was not reached");
}

#[test]
fn the_whole_log_is_copied_from_its_file() {
    let (mut m, _folder) = long_log();
    m.keys("Y").unwrap();
    assert!(matches!(m.effects.last(), Some(Effect::CopyFile(path)) if path.ends_with("curl.log")));
}

#[test]
fn a_log_file_that_is_gone_is_said() {
    let (mut m, folder) = long_log();
    drop(folder);
    m.keys("/needle<enter>").unwrap();
    answer(&mut m);
    assert!(m.notices.last().unwrap().text.contains("cannot be read"));
}

#[test]
fn nine_logs_where_there_is_room_and_a_zoomed_log_without_a_frame() {
    let (mut m, _) = reading();
    for (name, _) in NAMES {
        for architecture in [Architecture::X86_64, Architecture::Aarch64] {
            m.feed(&event(2, 44_000, EventKind::BuildQueued { target: target(name, architecture) }));
        }
    }
    m.keys("LLL").unwrap();
    assert_eq!(screen(&mut m, 240, 70).matches("◌ queued ─").count(), 9);
    assert!(screen(&mut m, 80, 24).matches("◌ queued ─").count() < 4);
    let (mut m, _) = reading();
    m.keys("z").unwrap();
    let shown = screen(&mut m, 100, 30);
    assert!(shown.lines().any(|l| l.starts_with("fetched")) && !shown.contains('│'), "{shown}");
}

#[test]
fn the_list_is_sorted_again_when_asked() {
    let (mut m, curl) = reading();
    let outcome = crate::session::Outcome::Cancelled;
    m.feed(&event(2, 50_000, EventKind::BuildFinished { target: curl, outcome, took: 1 }));
    let before = m.builds.order.clone();
    m.keys("=").unwrap();
    assert_ne!(m.builds.order, before);
}
