//! Loading into an engine, and tests, as the dashboard shows them.

use super::feed;
use crate::catalog::Architecture;
use crate::session::{Command, EngineFacts, EventKind, Loaded, Outcome, RunId, TestOutcome};
use crate::tui::Model;
use crate::tui::fixture::{built, event, model, screen, target};
use crate::tui::screen::builds::Task;

/// A test of fd for Arm that ends with `outcome`, as the engine tells it.
fn tested(m: &mut Model, outcome: Option<TestOutcome>) {
    let fd = target("fd", Architecture::Aarch64);
    let engine =
        EngineFacts { product: "Docker".into(), version: "28.2.2".into(), architecture: "amd64".into(), address: "unix:///x".into() };
    let name = "fd:latest-arm64".to_owned();
    let loaded = Loaded { target: fd.clone(), name: name.clone(), id: "sha256:1e53".into(), bytes: 23 << 20, present: false };
    let kinds = [
        EventKind::RunStarted { command: "test".into() },
        EventKind::EngineFound { engine },
        EventKind::BuildQueued { target: fd.clone() },
        EventKind::BuildFinished { target: fd.clone(), outcome: Outcome::Cached { image: built(&fd) }, took: 1 },
        EventKind::LoadStarted { target: fd.clone(), name: name.clone() },
        EventKind::LoadProgressed { target: fd.clone(), done: 5 << 20, total: 23 << 20 },
    ];
    feed(m, kinds.map(|kind| event(2, 1_000, kind)));
    m.builds.selected = Some(Task::Run(RunId(2)));
    let sending = screen(m, 120, 30);
    assert!(sending.contains("load fd/aarch64") && sending.contains("5.0 MiB of 23.0 MiB"), "{sending}");
    // Whoever looks at a build that went well goes on to its test.
    m.builds.selected = Some(Task::Target(fd.clone()));
    let log = Some("/state/runs/2/fd.aarch64.test.log".into());
    let kinds = [
        EventKind::Loaded { loaded, took: 900 },
        EventKind::TestStarted { target: fd.clone(), command: vec![name, "--help".into()], log },
        EventKind::TestOutput { target: fd.clone(), lines: vec!["exec /usr/bin/fdfind: exec format error".into()] },
    ];
    feed(m, kinds.map(|kind| event(2, 2_000, kind)));
    if let Some(outcome) = outcome {
        feed(m, [event(2, 3_000, EventKind::TestFinished { target: fd, outcome, took: 1_000 })]);
        feed(m, [event(2, 3_001, EventKind::RunFinished { failed: 0, took: 2_000 })]);
    }
}

#[test]
fn the_test_that_the_cursor_is_on_among_the_images_is_stopped() {
    let mut m = model();
    m.keys("2").unwrap();
    tested(&mut m, None);
    m.keys("1").unwrap();
    assert!(screen(&mut m, 120, 30).contains("x cancel"));
    let asked = m.keys("x").unwrap();
    assert!(matches!(asked[..], [Command::Cancel { run: Some(RunId(2)), target: None }]), "{asked:?}");
    let mut m = model();
    m.keys("2").unwrap();
    tested(&mut m, Some(TestOutcome::Passed));
    m.keys("1").unwrap();
    assert!(m.keys("x").unwrap().is_empty());
}

#[test]
fn t_tests_and_l_loads_what_is_selected() {
    let mut m = model();
    let asked = m.keys("t").unwrap();
    let Command::Test(request) = &asked[0] else { panic!("{asked:?}") };
    assert_eq!(request.load.targets.iter().map(ToString::to_string).collect::<Vec<_>>(), ["fd/x86_64", "fd/aarch64"]);
    assert!(!request.load.fitting && request.arguments.is_none() && request.network == "none");
    let asked = m.keys("lL").unwrap();
    let Command::Load(request) = &asked[0] else { panic!("{asked:?}") };
    assert_eq!(request.targets.iter().map(ToString::to_string).collect::<Vec<_>>(), ["fd/x86_64"]);
    // What is not built can be tested, for that builds it, and not loaded.
    assert!(m.keys("GL").unwrap().is_empty());
    assert!(m.notices.last().unwrap().text.contains("not built yet"));
    assert_eq!(m.keys("t").unwrap().len(), 1);
}

#[test]
fn a_test_that_fails_comes_to_the_front_and_says_why() {
    let mut m = model();
    m.keys("2").unwrap();
    let message = "this engine (Docker on amd64) cannot run programs for aarch64".to_owned();
    tested(&mut m, Some(TestOutcome::Failed { code: Some(1), message, hint: Some("--install arm64".into()) }));
    let shown = screen(&mut m, 120, 30);
    for needle in
        ["✗ test fd", "cannot run programs for aarch64", "--install arm64", "catamaran test fd --target aarch64", "exec format error"]
    {
        assert!(shown.contains(needle), "{needle}\n{shown}");
    }
    let again = m.keys("r").unwrap();
    assert!(matches!(&again[0], Command::Test(request) if request.load.targets.len() == 1), "{again:?}");
    m.keys("1").unwrap();
    assert!(m.keys("2").unwrap().is_empty());
    assert!(screen(&mut m, 120, 30).contains("✗ test fd"));
}

#[test]
fn a_test_that_runs_can_be_stopped_and_one_that_passes_says_so() {
    let mut m = model();
    m.keys("2").unwrap();
    tested(&mut m, None);
    let shown = screen(&mut m, 120, 30);
    assert!(shown.contains("test fd") && shown.contains("running 0:0") && shown.contains("exec format error"), "{shown}");
    let fd = target("fd", Architecture::Aarch64);
    let stopped = m.keys("x").unwrap();
    assert!(matches!(&stopped[0], Command::Cancel { run: Some(RunId(2)), target: None }), "{stopped:?}");
    feed(&mut m, [event(2, 3_000, EventKind::TestFinished { target: fd, outcome: TestOutcome::Passed, took: 1_000 })]);
    assert!(screen(&mut m, 120, 30).contains("passed"));
    assert!(m.notices.last().unwrap().text.contains("the test of fd/aarch64 passed"));
}
