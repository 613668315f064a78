//! The home screen: order, times, what is published, and how one begins.

use crate::catalog::Architecture;
use crate::session::{Command, EventKind, RunId};
use crate::tui::fixture::{building, built, event, failure, model, published, screen, target};
use crate::tui::{Effect, Model, Request};

fn line<'a>(shown: &'a str, name: &str) -> &'a str {
    shown.lines().find(|l| l.trim_start_matches([' ', '▌']).starts_with(name)).unwrap_or_else(|| panic!("{name}\n{shown}"))
}

#[test]
fn rows_are_sorted_and_the_cursor_stays_on_its_container() {
    let mut m = model();
    m.keys("jj").unwrap();
    let order = |m: &mut Model| {
        let shown = screen(m, 120, 40);
        let names = shown.lines().skip(3).take(6).filter_map(|l| l.trim_start_matches([' ', '▌']).split(' ').next());
        (names.collect::<Vec<_>>().join(" "), line(&shown, "jq").starts_with('▌'))
    };
    assert_eq!(order(&mut m), ("fd rg jq sqlite3 curl git".into(), true));
    m.keys("s").unwrap();
    assert_eq!(order(&mut m), ("curl fd git jq rg sqlite3".into(), true));
    for event in building(2) {
        m.feed(&event);
    }
    m.keys("s").unwrap();
    let (by_state, still_there) = order(&mut m);
    assert!(by_state.starts_with("git ") && by_state.contains("sqlite3 fd") && still_there, "{by_state}");
    m.keys("ss").unwrap();
    assert_eq!(order(&mut m).0, "fd rg jq sqlite3 curl git");
}

#[test]
fn a_build_says_how_long_it_will_still_take_as_the_past_has_it() {
    let mut m = model();
    m.keys("B").unwrap();
    let curl = target("curl", Architecture::Aarch64);
    for event in building(2).into_iter().filter(|e| e.at < 40_000) {
        m.feed(&event);
    }
    m.feed(&event(2, 16_200, EventKind::PhaseChanged { target: curl, phase: "fetch".into() }));
    let shown = screen(&mut m, 120, 40);
    // 41 s usually, 16 s gone.
    assert!(line(&shown, "curl").contains("~0:25"), "{shown}");
    m.keys("2").unwrap();
    assert!(screen(&mut m, 120, 40).contains("left"));
    m.now = 60_000;
    m.keys("1").unwrap();
    let shown = screen(&mut m, 120, 40);
    assert!(!line(&shown, "curl").contains('~'), "nobody knows any more\n{shown}");
}

#[test]
fn the_build_that_the_cursor_is_on_is_stopped_and_no_other() {
    let mut m = model();
    assert!(m.keys("x").unwrap().is_empty());
    assert!(!screen(&mut m, 120, 40).contains("x cancel"));
    m.keys("B").unwrap();
    for event in building(2).into_iter().filter(|e| e.at < 40_000) {
        m.feed(&event);
    }
    let (curl, other) = (target("curl", Architecture::Aarch64), target("git", Architecture::X86_64));
    let open = |m: &Model, target| m.state.builds.get(target).is_some_and(|build| build.is_open());
    assert!(open(&m, &curl) && open(&m, &other));
    m.keys("/curl<enter>").unwrap();
    assert!(screen(&mut m, 120, 40).contains("x cancel"));
    let asked = m.keys("x").unwrap();
    let stops = |asked: &Command| matches!(asked, Command::Cancel { run: Some(RunId(2)), target: Some(target) } if target.container == curl.container);
    assert!(!asked.is_empty() && asked.iter().all(stops), "{asked:?}");
}

#[test]
fn what_is_published_stands_beside_what_is_built() {
    let mut m = model();
    let shown = screen(&mut m, 120, 40);
    assert!(line(&shown, "fd").contains("1.4.2") && line(&shown, "fd").contains("3d"), "{shown}");
    assert!(shown.contains("1.4.2 on 2026-11-19") && shown.contains("also latest"), "{shown}");
    for event in published(3, "1.5.0") {
        m.feed(&event);
    }
    let shown = screen(&mut m, 120, 40);
    assert!(line(&shown, "rg").contains("↑ published") && line(&shown, "rg").contains("1.5.0"), "{shown}");
    // Another image than the one that was published.
    let fd = target("fd", Architecture::X86_64);
    let image = crate::session::BuiltImage { digest: crate::image::Digest::of(b"new"), ..built(&fd) };
    m.feed(&event(4, 80_000, EventKind::BuildFinished { target: fd, outcome: crate::session::Outcome::Succeeded { image }, took: 1 }));
    let shown = screen(&mut m, 120, 40);
    assert_eq!(line(&shown, "fd").matches("↑ published").count(), 1, "{shown}");
}

#[test]
fn where_there_is_no_catalog_one_can_be_begun() {
    let mut m = Model::with_theme("auto").unwrap();
    m.begin = Some("/home/a/containers.toml".into());
    m.sent(Request::Catalog, RunId(1));
    m.feed(&event(1, 5, EventKind::RunFailed { failure: failure() }));
    let shown = screen(&mut m, 80, 24);
    assert!(shown.contains("no containers.toml here") && shown.lines().last().unwrap().contains("enter begin one"), "{shown}");
    m.keys("<enter>").unwrap();
    assert_eq!(m.effects, [Effect::Begin("/home/a/containers.toml".into())]);
}

#[test]
fn a_broken_catalog_is_opened_at_the_line_that_is_wrong() {
    let mut m = model();
    m.keys("R").unwrap();
    let message = "unknown key\n  --> containers.toml:17:3\n   |".to_owned();
    m.feed(&event(2, 9, EventKind::RunFailed { failure: crate::session::Failure { message, ..failure() } }));
    m.keys("e").unwrap();
    assert_eq!(m.effects, [Effect::Edit("containers.toml".into(), 17)]);
}

#[test]
fn a_newcomer_is_told_the_first_key() {
    let mut m = model();
    for summary in &mut m.state.targets {
        summary.state = crate::session::ImageState::Never;
    }
    let shown = screen(&mut m, 80, 24);
    assert!(shown.contains("b builds fd, B builds all 12 targets"), "{shown}");
}
