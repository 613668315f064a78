//! Whether an action can be done now, and if not, why: what the footer hides, the palette explains.

use super::action::Action;
use super::awaited;
use super::model::{Model, Screen};
use super::screen::{builds, release};
use super::status;
use crate::catalog::Target;
use crate::session::{Outcome, Phase};
use crate::verify::Verdict;

type Answer = Result<(), &'static str>;

fn when(condition: bool, otherwise: &'static str) -> Answer {
    if condition { Ok(()) } else { Err(otherwise) }
}

pub(super) fn always(_: &Model) -> Answer {
    Ok(())
}

pub(super) fn has_targets(model: &Model) -> Answer {
    when(!model.state.targets.is_empty(), "no container is defined yet")
}

pub(super) fn has_built(model: &Model) -> Answer {
    when(model.state.targets.iter().any(|t| status::image(&t.state).is_some()), "nothing is built yet; b builds")
}

pub(super) fn build(model: &Model) -> Answer {
    has_targets(model)?;
    if model.screen == Screen::Release {
        return when(release::mends(model, Action::Build), "nothing has to be built here");
    }
    when(!model.selection().is_empty(), "nothing is selected")
}

pub(super) fn verify(model: &Model) -> Answer {
    has_targets(model)?;
    if model.screen == Screen::Release {
        return when(release::mends(model, Action::Verify), "nothing has to be checked here");
    }
    let built = model.selection().iter().any(|t| model.state.target(t).is_some_and(|t| status::image(&t.state).is_some()));
    when(built, "not built yet; b builds it")
}

pub(super) fn test(model: &Model) -> Answer {
    has_targets(model)?;
    when(!model.selection().is_empty(), "nothing is selected")
}

pub(super) fn load(model: &Model) -> Answer {
    has_targets(model)?;
    let built = |target: &Target| model.state.target(target).is_some_and(|t| status::image(&t.state).is_some());
    when(model.selection().iter().any(built), "not built yet; b builds it")
}

pub(super) fn edit(model: &Model) -> Answer {
    if model.screen == Screen::Release {
        return when(release::mends(model, Action::Edit), "there is no file to open here");
    }
    when(model.catalog_file().is_some(), "there is no containers.toml yet")
}

pub(super) fn inspect(model: &Model) -> Answer {
    if model.screen == Screen::Release {
        return when(release::mends(model, Action::Inspect), "no check has found anything here");
    }
    has_targets(model)
}

pub(super) fn running(model: &Model) -> Answer {
    when(model.is_running(), "nothing is running")
}

pub(super) fn cancel(model: &Model) -> Answer {
    match model.screen {
        Screen::Builds => when(builds::selected_is_open(model), "this is not running"),
        Screen::Release if release::is_sending(model) => Ok(()),
        _ if builds::is_chosen_open(model) => Ok(()),
        _ => when(awaited::is_awaited(model), "nothing is awaited"),
    }
}

pub(super) fn retry(model: &Model) -> Answer {
    let again = |b: &crate::session::Build| matches!(b.phase, Phase::Ended(Outcome::Failed(_) | Outcome::Cancelled));
    let failed = model.state.builds.values().any(again) || model.state.tests.values().any(|trial| trial.failure().is_some());
    when(failed, "nothing has failed")
}

pub(super) fn has_tasks(model: &Model) -> Answer {
    when(!model.builds.order.is_empty(), "nothing has been built in this session")
}

pub(super) fn log_file(model: &Model) -> Answer {
    when(builds::log_file(model).is_some(), "this has no log file")
}

pub(super) fn has_plan(model: &Model) -> Answer {
    when(release::plan(model).is_some(), "there is no plan yet")
}

pub(super) fn has_receipt(model: &Model) -> Answer {
    when(model.release.step == release::Step::Result, "nothing is published yet")
}

pub(super) fn accept(model: &Model) -> Answer {
    has_plan(model)?;
    let warned = release::plan(model).is_some_and(|plan| plan.verdict() == Verdict::Warn);
    when(warned && model.release.step == release::Step::Gates, "there is nothing to accept here")
}

pub(super) fn can_plan(model: &Model) -> Answer {
    when(release::can_plan(model), "choose containers and a version first")
}
