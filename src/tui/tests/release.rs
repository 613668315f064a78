//! The wizard: versions and tags as they are typed, and what is handed over at the end.

use crate::session::Command;
use crate::tui::fixture::{model, planned, published, publishing, screen};
use crate::tui::{Effect, Model};
use crate::verify::Verdict;

fn typing(keys: &str) -> Model {
    let mut m = model();
    m.keys("4<enter>").unwrap();
    m.keys(keys).unwrap();
    m
}

fn tags(m: &mut Model) -> Option<Vec<String>> {
    match m.keys("<enter>").unwrap().as_slice() {
        [Command::Plan(request)] => request.tags.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn latest_is_as_the_rule_says_until_the_user_says_otherwise() {
    let mut m = typing("1.5.0");
    let shown = screen(&mut m, 120, 40);
    assert!(shown.contains("[x] moves too: the branch is main (git)") && shown.contains("tools/fd:latest"), "{shown}");
    assert_eq!(tags(&mut m), None);
    let mut m = typing("1.5.0<tab><tab><space>");
    assert!(!screen(&mut m, 120, 40).contains("tools/fd:latest"));
    assert_eq!(tags(&mut m), Some(vec![]));
    let mut m = typing("1.5.0<tab>stable");
    assert!(screen(&mut m, 120, 40).contains("[ ] stays: only the tags that are asked for"));
    m.keys("<tab><space>").unwrap();
    assert!(screen(&mut m, 120, 40).contains("[x] moves too: as you say"));
    assert_eq!(tags(&mut m), Some(vec!["stable".into(), "latest".into()]));
}

#[test]
fn tags_that_would_move_say_from_where() {
    let mut m = typing("1.5.0");
    let shown = screen(&mut m, 140, 40);
    let latest = shown.lines().find(|l| l.contains("tools/fd:latest")).unwrap();
    assert!(latest.contains("moves from ") && latest.contains("(1.4.2)"), "{shown}");
    let small = screen(&mut m, 80, 24);
    let latest = small.lines().find(|l| l.contains("fd:latest")).unwrap();
    assert!(latest.contains("moves from ") && latest.contains("(1.4.2)"), "{small}");
    assert!(small.contains("fd:1.5.0-amd64") && small.contains("force"), "{small}");
}

#[test]
fn an_unusual_version_is_remarked_on_and_the_usual_next_is_offered() {
    let mut m = typing("");
    assert!(screen(&mut m, 120, 40).contains("1.4.3"));
    for (version, words) in [
        ("1.4.1", "older than 1.4.2"),
        ("next", "not a semantic version, like 1.2.0; no gate asks for one"),
        ("1.4.2", "the gate version-free lets it pass only if the images are the same"),
        ("1 2", "` ` is not a letter, a digit, `_`, `.` or `-`; write 1-2"),
        ("1<tab>a/b", "the tag `a/b` cannot be a tag"),
    ] {
        let mut m = typing(version);
        let shown = screen(&mut m, 140, 40);
        assert!(shown.contains(words), "{version}\n{shown}");
    }
}

#[test]
fn the_result_hands_over_commands_and_the_receipt() {
    let mut m = typing("1.5.0<enter>");
    m.feed(&planned(2, "1.5.0", Verdict::Pass));
    m.keys("<enter>").unwrap();
    assert!(screen(&mut m, 120, 40).contains("catamaran push 1.5.0 fd rg --dry-run"));
    m.keys("1.5.0<enter>").unwrap();
    for event in publishing(3, "1.5.0").into_iter().chain(published(3, "1.5.0")) {
        m.feed(&event);
    }
    let shown = screen(&mut m, 120, 40);
    for needle in ["cosign sign ghcr.io/acme/tools/fd@", "skopeo inspect docker://ghcr.io/acme/tools/", "w receipt"] {
        assert!(shown.contains(needle), "{needle}\n{shown}");
    }
    m.keys("w").unwrap();
    let Some(Effect::Write { path, text }) = m.effects.last() else { panic!("{:?}", m.effects) };
    assert_eq!(path.to_str(), Some("receipt-20261122T221500Z-1.5.0.json"));
    assert!(serde_json::from_str::<crate::release::Receipt>(text).is_ok());
}
