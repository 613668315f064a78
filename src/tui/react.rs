//! What the dashboard does when the engine says something: notices, waiting screens, the release wizard.

use super::model::{Model, Screen};
use super::msg::{Level, Request};
use super::screen::{builds, inspect, release};
use super::text;
use crate::error::Kind;
use crate::session::{Event, EventKind, Outcome, TestOutcome};
use crate::verify::Verdict;

/// Reacts to `event`, which the state has already taken in.
pub(super) fn react(model: &mut Model, event: &Event) {
    let awaited = model.settle(event);
    match &event.kind {
        EventKind::CatalogLoaded { targets, .. } => {
            model.catalog_failure = None;
            model.begin = None;
            // What is no longer defined can no longer be marked.
            let known: Vec<_> = targets.iter().map(|t| t.target.clone()).collect();
            model.images.marked.retain(|t| known.contains(t));
            release::catalog_changed(model);
        }
        EventKind::LockWritten { packages, changes, .. } => {
            let changed = if changes.is_empty() { String::new() } else { format!(", {}", text::count(changes.len(), "change")) };
            model.say(Level::Info, format!("containers.lock pins {}{changed}", text::count(*packages, "package")));
        }
        EventKind::BuildFinished { target, outcome: Outcome::Failed(failure), .. } => {
            // On the Builds screen the failure itself comes to the front.
            if model.screen != Screen::Builds {
                model.say(Level::Error, format!("{target} failed: {}", failure.message));
            }
            builds::failed(model, target);
        }
        EventKind::Loaded { loaded, .. } => model.say(Level::Success, format!("{} is in the engine as {}", loaded.target, loaded.name)),
        EventKind::TestStarted { target, .. } => builds::test_started(model, event.run, target),
        EventKind::TestFinished { target, outcome, .. } => match outcome.failure() {
            Some(failure) => {
                if model.screen != Screen::Builds {
                    model.say(Level::Error, format!("the test of {target} failed: {}; 2 shows it", failure.message));
                }
                builds::test_failed(model, target);
            }
            None if *outcome == TestOutcome::Passed => model.say(Level::Success, format!("the test of {target} passed")),
            None => {}
        },
        EventKind::VerifyFinished { report, .. } if report.verdict() == Verdict::Fail && model.screen != Screen::Inspect => {
            let wrong = text::count(report.count(Verdict::Fail), "check");
            model.say(Level::Error, format!("{}: {wrong} failed", report.subject));
        }
        EventKind::ReleasePlanned { .. } => release::planned(model),
        EventKind::PublishStarted { .. } => release::publishing(model, event.run),
        EventKind::ReleaseFinished { receipt, .. } => {
            release::published(model);
            model.say(Level::Success, format!("{} is published", receipt.version));
        }
        EventKind::RunFinished { failed, .. } => {
            if matches!(awaited, Some(Request::Build | Request::Verify(_))) {
                release::ran(model);
            }
            finished(model, event, *failed, awaited);
        }
        EventKind::RunFailed { failure } => {
            if matches!(awaited, Some(Request::Build | Request::Verify(_))) {
                release::ran(model);
            }
            match &awaited {
                Some(Request::Catalog) => model.catalog_failure = Some(failure.clone()),
                Some(Request::Plan) => release::plan_failed(model, failure),
                Some(Request::Inspect(subject) | Request::ListFiles(subject) | Request::Compare(subject)) => {
                    inspect::failed(model, subject, failure)
                }
                Some(Request::Verify(subjects)) => subjects.iter().for_each(|s| inspect::failed(model, s, failure)),
                _ => {}
            }
            let hint = failure.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
            match awaited {
                _ if failure.kind == Kind::Interrupted => model.say(Level::Info, "cancelled"),
                // The Images screen says why for as long as it is so.
                Some(Request::Catalog) if model.screen == Screen::Images => {}
                Some(Request::Catalog) => model.say(Level::Error, "containers.toml cannot be used; 1 shows why"),
                _ => model.say(Level::Error, format!("{}{hint}", failure.message)),
            }
        }
        _ => {}
    }
    if builds::moves(model, event) {
        builds::arrange(model);
    }
}

fn finished(model: &mut Model, event: &Event, failed: usize, awaited: Option<Request>) {
    if awaited == Some(Request::Build) {
        let built = model.state.builds.values().filter(|b| b.run == event.run && b.image().is_some()).count();
        if failed == 0 {
            model.say(Level::Success, format!("{} ready", text::count(built, "image")));
        } else {
            model.say(Level::Error, format!("{} ready, {failed} failed", text::count(built, "image")));
        }
    }
}
