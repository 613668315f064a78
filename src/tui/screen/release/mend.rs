//! Which key mends what a gate has found, and what it is about: every gate that does not pass has one.

use std::path::PathBuf;

use super::state::{Readiness, Step, containers, plan, readiness, selection};
use crate::catalog::{ContainerName, Target};
use crate::release::Gate;
use crate::tui::action::Action;
use crate::tui::model::Model;
use crate::tui::status;
use crate::verify::Verdict;

/// The key that mends `gate`, and what it does; `None` when there is nothing to mend.
pub fn of(model: &Model, gate: &Gate) -> Option<(Action, String)> {
    if !matches!(gate.verdict, Verdict::Warn | Verdict::Fail) {
        return None;
    }
    let copy = || command(gate).map(|command| (Action::Copy, format!("copies {command}")));
    let mend = match gate.id.as_str() {
        "current" | "lock" | "platforms" => (Action::Build, "builds it again, and plans anew".to_owned()),
        "architectures" => (Action::Build, "builds what is missing, and plans anew".to_owned()),
        "verified" if !questionable(model).is_empty() => (Action::Inspect, "shows what was found".to_owned()),
        "verified" => (Action::Verify, "runs the checks, and plans anew".to_owned()),
        "version-free" => (Action::Back, "goes back to the version".to_owned()),
        "git-clean" if !gate.files.is_empty() => (Action::Edit, format!("opens {}", gate.files[0])),
        // What has to be done elsewhere: its command is in the hint.
        "git-tag" | "credentials" => copy()?,
        _ => (Action::Replan, "plans again".to_owned()),
    };
    Some(mend)
}

/// The command that a hint names, as all hints do: between backticks.
fn command(gate: &Gate) -> Option<&str> {
    gate.hint.as_deref()?.split('`').nth(1)
}

/// The gates that do not pass.
fn open_gates(model: &Model) -> impl Iterator<Item = &Gate> {
    plan(model).into_iter().flat_map(|plan| &plan.gates).filter(|gate| matches!(gate.verdict, Verdict::Warn | Verdict::Fail))
}

/// Whether `action` mends something at this step.
pub fn mends(model: &Model, action: Action) -> bool {
    match (model.release.step, action) {
        (Step::Select, Action::Build) => unready(model).any(|container| readiness(model, &container) >= Readiness::Stale),
        (Step::Select, Action::Verify) => unready(model).any(|container| readiness(model, &container) == Readiness::Unverified),
        // What was never built has no plan either.
        (Step::Gates, Action::Build) if model.release.failure.is_some() => {
            model.release.chosen.iter().any(|container| readiness(model, container) >= Readiness::Stale)
        }
        (Step::Gates, _) => open_gates(model).any(|gate| of(model, gate).is_some_and(|(mend, _)| mend == action)),
        _ => false,
    }
}

/// The containers of the first step that cannot be released yet: of the chosen ones, or the one with the cursor when none is.
fn unready(model: &Model) -> impl Iterator<Item = ContainerName> {
    let release = &model.release;
    let names = containers(model);
    let here = names.get(release.cursor.min(names.len().saturating_sub(1))).cloned();
    let chosen: Vec<ContainerName> = release.chosen.iter().cloned().collect();
    let about = if chosen.is_empty() { here.into_iter().collect() } else { chosen };
    about.into_iter().filter(|container| readiness(model, container) != Readiness::Verified)
}

/// The targets that building or checking would be about.
pub fn targets(model: &Model) -> Vec<Target> {
    if model.release.step != Step::Select {
        return selection(model);
    }
    let about: Vec<ContainerName> = unready(model).collect();
    model.state.targets.iter().map(|t| &t.target).filter(|t| about.contains(&t.container)).cloned().collect()
}

/// The chosen targets in which checks have found something.
fn questionable(model: &Model) -> Vec<Target> {
    let found = |t: &Target| status::report(model, t).is_some_and(|report| report.verdict() >= Verdict::Warn);
    selection(model).into_iter().filter(found).collect()
}

/// The container to look into: the first in which checks have found something.
pub fn container_to_inspect(model: &Model) -> Option<ContainerName> {
    questionable(model).into_iter().next().map(|target| target.container)
}

/// The first file that is not committed.
pub fn file_to_open(model: &Model) -> Option<PathBuf> {
    let file = open_gates(model).find_map(|gate| gate.files.first())?;
    Some(model.state.catalog.as_ref()?.parent()?.join(file))
}

/// The first command that a gate hands over.
pub fn command_to_copy(model: &Model) -> Option<String> {
    let copied = |gate: &&Gate| of(model, gate).is_some_and(|(action, _)| action == Action::Copy);
    open_gates(model).find(copied).and_then(command).map(str::to_owned)
}
