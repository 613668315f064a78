//! Gates that do not pass: each names the key that mends it, and the key works.

use super::feed;
use super::targets;
use crate::catalog::Architecture;
use crate::release::Gate;
use crate::session::{Command, EventKind};
use crate::tui::fixture::{catalog, event, model, plan, report, screen, target};
use crate::tui::screen::release::Step;
use crate::tui::{Effect, Model, Request, Screen};
use crate::verify::Verdict;

/// At the gates of 1.5.0, where `gate` does not pass.
fn at_gates(id: &str, verdict: Verdict, message: &str, hint: Option<&str>, files: &[&str]) -> Model {
    let mut m = model();
    m.keys("4<enter>1.5.0<enter>").unwrap();
    let mut plan = plan("1.5.0", Verdict::Pass);
    let files = files.iter().map(|f| (*f).to_owned()).collect();
    plan.gates = vec![Gate { id: id.into(), verdict, message: message.into(), hint: hint.map(Into::into), files }];
    m.feed(&event(2, 60_000, EventKind::ReleasePlanned { plan: plan.into() }));
    m
}

fn ends(m: &mut Model, run: u64) -> Vec<Command> {
    let ended = event(run, 61_000, EventKind::RunFinished { failed: 0, took: 1 });
    crate::tui::update(m, crate::tui::Msg::Engine(Box::new(ended)))
}

#[test]
fn what_is_old_is_built_again_and_then_a_plan_follows_by_itself() {
    for id in ["current", "lock", "platforms", "architectures"] {
        let mut m = at_gates(id, Verdict::Fail, "built from an earlier definition", None, &[]);
        let shown = screen(&mut m, 80, 24);
        assert!(shown.contains("b builds") && shown.lines().last().unwrap().contains("b build"), "{shown}");
        let asked = m.keys("b").unwrap();
        assert_eq!(targets(&asked[0]).len(), 4, "{asked:?}");
        assert!(screen(&mut m, 80, 24).contains("mending; a new plan follows"));
        assert!(matches!(ends(&mut m, 3).as_slice(), [Command::Plan(request)] if request.version == "1.5.0"));
        assert_eq!(m.release.step, Step::Gates);
        assert!(ends(&mut m, 3).is_empty(), "once");
    }
}

#[test]
fn what_is_not_verified_is_and_what_was_found_is_shown() {
    let mut m = at_gates("verified", Verdict::Fail, "not verified: fd/x86_64", None, &[]);
    assert!(screen(&mut m, 80, 24).contains("v runs the checks"));
    assert_eq!(targets(&m.keys("v").unwrap()[0]).len(), 4);
    assert!(matches!(ends(&mut m, 3).as_slice(), [Command::Plan(_)]));
    let mut m = at_gates("verified", Verdict::Fail, "checks failed: rg/aarch64", None, &[]);
    feed(&mut m, [report(&target("rg", Architecture::Aarch64), true)]);
    assert!(screen(&mut m, 80, 24).contains("i shows what was found"));
    m.keys("i").unwrap();
    let shown = screen(&mut m, 100, 30);
    assert!(m.screen == Screen::Inspect && shown.contains("[Checks]") && shown.contains("▌ elf-machine"), "{shown}");
    m.keys("<esc>").unwrap();
    assert_eq!((m.screen, m.release.step), (Screen::Release, Step::Gates));
}

#[test]
fn what_is_not_committed_is_opened_and_looked_at_again() {
    let mut m = at_gates("git-clean", Verdict::Warn, "2 uncommitted: a.toml, b", Some("commit"), &["a.toml", "b"]);
    let shown = screen(&mut m, 80, 24);
    assert!(shown.contains("e opens a.toml") && shown.contains("W accepts"), "{shown}");
    m.keys("e").unwrap();
    assert_eq!(m.effects, [Effect::Edit("a.toml".into(), 1)]);
    // The editor is left, the catalog read again.
    m.sent(Request::Catalog, crate::session::RunId(5));
    let read = crate::tui::update(&mut m, crate::tui::Msg::Engine(Box::new(catalog())));
    assert!(matches!(read.as_slice(), [Command::Plan(_)]), "{read:?}");
}

#[test]
fn commands_for_elsewhere_are_copied() {
    for (id, hint, command) in [
        ("credentials", "no credentials were found; run `docker login ghcr.io`, or name a variable", "docker login ghcr.io"),
        ("git-tag", "`git tag v1.5.0` tags the commit", "git tag v1.5.0"),
    ] {
        let mut m = at_gates(id, Verdict::Fail, "x", Some(hint), &[]);
        assert!(screen(&mut m, 100, 24).contains(&format!("y copies {command}")));
        m.keys("y").unwrap();
        assert!(matches!(&m.effects[..], [Effect::Copy { text, .. }] if text == command), "{:?}", m.effects);
    }
}

#[test]
fn a_version_that_exists_is_typed_anew_and_a_registry_that_is_away_is_asked_again() {
    let mut m = at_gates("version-free", Verdict::Fail, "1.5.0 exists and differs", Some("release another version"), &[]);
    assert!(screen(&mut m, 80, 24).contains("esc goes back to the version"));
    m.keys("<esc>.1").unwrap();
    assert_eq!((m.release.step, m.release.version.value()), (Step::Tags, "1.5.0.1"));
    let mut m = at_gates("registry", Verdict::Fail, "nobody answers", None, &[]);
    assert!(screen(&mut m, 80, 24).contains("r plans again"));
    assert!(matches!(m.keys("r").unwrap().as_slice(), [Command::Plan(_)]));
}

#[test]
fn keys_that_mend_nothing_here_say_so() {
    let mut m = at_gates("current", Verdict::Pass, "fine", None, &[]);
    for (key, words) in [("b", "nothing has to be built"), ("v", "nothing has to be checked"), ("e", "no file"), ("i", "no check")] {
        assert!(m.keys(key).unwrap().is_empty() && m.effects.is_empty());
        assert!(m.notices.last().unwrap().text.contains(words), "{key}: {:?}", m.notices.last());
    }
}

#[test]
fn what_a_release_lacks_can_be_built_at_its_first_step() {
    let mut m = model();
    m.keys("jjp").unwrap(); // jq is built, not verified
    let shown = screen(&mut m, 80, 24);
    assert!(shown.lines().last().unwrap().contains("v verify"), "{shown}");
    assert_eq!(targets(&m.keys("v").unwrap()[0]), ["jq/x86_64", "jq/aarch64"]);
    m.keys("1Gp").unwrap();
    assert_eq!(targets(&m.keys("b").unwrap()[0]), ["git/x86_64", "git/aarch64"]);
}
