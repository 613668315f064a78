//! Golden output of the displays for one written-down list of events.

use super::super::json::Json;
use super::super::printer::{Mode, Results};
use super::*;
use crate::catalog::{Architecture, Target};
use crate::image::{Digest, Platform};
use crate::progress::Unit;
use crate::release::TagChange;
use crate::session::{BuiltImage, Failure, Outcome, RunId};
use crate::verify::{Check, CheckResult, Report, Verdict};

fn script() -> Vec<Event> {
    let fd = Target::new("fd", Architecture::X86_64);
    let rg = Target::new("rg", Architecture::Aarch64);
    let digest = Digest::of(b"manifest");
    let image = BuiltImage { digest, size: 12 << 20, layers: 2, packages: 45, entrypoint: Vec::new() };
    let failure = Failure { kind: crate::Kind::Failed, message: "no space".into(), hint: Some("free some".into()) };
    let check = CheckResult { check: Check::Links, verdict: Verdict::Warn, summary: "1 link dangles".into(), findings: vec![] };
    let report = Report {
        subject: "fd/x86_64".into(),
        digest,
        platform: Platform::linux(Architecture::X86_64),
        checks: vec![check.clone()],
        waivers: vec![],
    };
    let kinds = [
        (0, EventKind::RunStarted { command: "build".into() }),
        (1, EventKind::LockWritten { path: "containers.lock".into(), packages: 45, changes: vec!["jq 1 → 2 (aarch64)".into()] }),
        (2, EventKind::BuildQueued { target: fd.clone() }),
        (3, EventKind::BuildStarted { target: fd.clone(), log: None }),
        (4, EventKind::PhaseChanged { target: fd.clone(), phase: "fetch".into() }),
        (5, EventKind::Progressed { target: fd.clone(), done: 1, total: 45, unit: Unit::Packages }),
        (4_000, EventKind::Progressed { target: fd.clone(), done: 20, total: 45, unit: Unit::Packages }),
        (6_000, EventKind::Progressed { target: fd.clone(), done: 30, total: 45, unit: Unit::Packages }),
        (6_100, EventKind::Progressed { target: fd.clone(), done: 31, total: 45, unit: Unit::Packages }),
        (6_200, EventKind::OutputReceived { target: rg.clone(), lines: vec!["\u{1b}[31mhello\u{1b}[0m".into()] }),
        (6_300, EventKind::BuildFinished { target: fd.clone(), outcome: Outcome::Succeeded { image }, took: 6_297 }),
        (6_350, EventKind::VerifyStarted { subject: "fd/x86_64".into(), target: Some(fd.clone()) }),
        (6_400, EventKind::CheckFinished { subject: "fd/x86_64".into(), result: check }),
        (6_500, EventKind::VerifyFinished { target: Some(fd), report: report.into() }),
        (6_600, EventKind::BuildFinished { target: rg, outcome: Outcome::Failed(failure), took: 100 }),
        (6_700, EventKind::RunFinished { failed: 1, took: 6_700 }),
    ];
    let event = |(seq, (at, kind))| Event { schema: 1, seq: seq as u64, at, run: RunId(1), kind };
    kinds.into_iter().enumerate().map(event).collect()
}

fn play(display: &mut dyn Display) {
    let mut state = State::default();
    for event in script() {
        state.apply(&event);
        display.on(&event, &state);
    }
    display.finish();
}

#[test]
fn plain_lines_carry_their_subject_and_do_not_spam() {
    let (printer, out, err) = Printer::captured(Results::Text, Mode::Plain);
    play(&mut Plain::new(&printer));
    assert_eq!(out.text(), "");
    insta::assert_snapshot!(err.text(), @r###"
    wrote containers.lock: 45 packages
      jq 1 → 2 (aarch64)
    fd.x86_64 started
    fd.x86_64 fetch
    fd.x86_64 30/45 packages
    rg.aarch64 | hello
    fd.x86_64 ✓ built in 6.2 s: 05b3abf2579a, 12.0 MiB, 2 layers, 45 packages
    fd.x86_64 ! warn links: 1 link dangles
    fd.x86_64 ! verified: 1 warn
    rg.aarch64 ✗ failed after 100 ms: no space
    rg.aarch64   hint: free some
    "###);
}

#[test]
fn json_is_exactly_the_events() {
    let (printer, out, err) = Printer::captured(Results::Events, Mode::Json);
    play(&mut Json::new(&printer));
    assert_eq!(err.text(), "");
    let read: Vec<Event> = out.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, script());
}

#[test]
fn tags_that_were_put_back_are_said_and_no_longer_count_as_public() {
    let (printer, _, err) = Printer::captured(Results::Text, Mode::Plain);
    let (old, new) = (Digest::of(b"old"), Digest::of(b"new"));
    let tagged =
        |tag: &str, change| EventKind::TagPublished { container: "fd".into(), reference: format!("reg/fd:{tag}"), digest: new, change };
    let back = |tag: &str, digest| EventKind::TagRolledBack { container: "fd".into(), reference: format!("reg/fd:{tag}"), digest };
    let kinds = [
        EventKind::PublishStarted { version: "2".into(), bytes: 0 },
        tagged("2-arm64", TagChange::New),
        tagged("2", TagChange::New),
        tagged("latest", TagChange::Moves { from: old }),
        back("latest", Some(old)),
        back("2", None),
    ];
    let mut state = State::default();
    let mut plain = Plain::new(&printer);
    for (seq, kind) in kinds.into_iter().enumerate() {
        let event = Event { schema: 1, seq: seq as u64, at: 0, run: RunId(1), kind };
        state.apply(&event);
        plain.on(&event, &state);
    }
    let public: Vec<String> = state.publication.unwrap().tags.into_iter().map(|(reference, _)| reference).collect();
    assert_eq!(public, ["reg/fd:2-arm64"]);
    insta::assert_snapshot!(err.text(), @r###"
    publishing 2: nothing to send, everything is there already
    fd ✓ tagged reg/fd:2-arm64 → 11507a0e2f5e (new)
    fd ✓ tagged reg/fd:2 → 11507a0e2f5e (new)
    fd ✓ tagged reg/fd:latest → 11507a0e2f5e (was cba06b5736fa)
    fd ! rolled back reg/fd:latest: cba06b5736fa again
    fd ! rolled back reg/fd:2: gone again
    "###);
}
