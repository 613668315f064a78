//! Which step it is at, what was chosen and typed, and which plan was shown.

use std::collections::BTreeSet;

use tui_input::Input;

use super::tags;
use crate::catalog::{ContainerName, Target};
use crate::release::Plan;
use crate::session::{Command, Failure, ImageState, Publication, PushRequest, RunId, TargetSummary};
use crate::tui::model::{Model, Screen};
use crate::tui::status;
use crate::verify::Verdict;

/// The six steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Which containers.
    #[default]
    Select,
    /// Which version and tags.
    Tags,
    /// What must be right first.
    Gates,
    /// What would be sent; typing the version sends it.
    Preview,
    /// Sending.
    Push,
    /// What was done.
    Result,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Step; 6] = [Step::Select, Step::Tags, Step::Gates, Step::Preview, Step::Push, Step::Result];

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Step::Select => "Select",
            Step::Tags => "Version and tags",
            Step::Gates => "Gates",
            Step::Preview => "Plan",
            Step::Push => "Push",
            Step::Result => "Result",
        }
    }
}

/// The tag that names the newest release.
pub const LATEST: &str = "latest";

/// The Release screen's own state. It survives leaving the tab.
#[derive(Clone, Debug, Default)]
pub struct Release {
    /// Where it is.
    pub step: Step,
    /// The line with the cursor.
    pub cursor: usize,
    /// The containers that were chosen.
    pub chosen: BTreeSet<ContainerName>,
    /// The user has chosen; until then what is verified is.
    pub(super) touched: bool,
    /// The version.
    pub version: Input,
    /// Further tags; none typed means the tag rule.
    pub tags: Input,
    /// Whether `latest` moves with it, when the user has said so; `None` leaves it to the tag rule.
    pub latest: Option<bool>,
    /// Which field of the tags step is being filled.
    pub field: usize,
    /// Overwrite a version that exists and differs.
    pub force: bool,
    /// Why warnings of gates are accepted is being typed.
    pub accepting: bool,
    /// Why they are accepted; goes into the receipt.
    pub reason: Input,
    /// The version, typed again to send it.
    pub confirm: Input,
    /// A plan is being computed.
    pub planning: bool,
    /// The plan of the session answers what was asked here.
    planned: bool,
    /// What a gate has found is being mended: when that has ended, a plan is computed anew.
    pub mending: bool,
    /// The plan has to be computed anew, because what it was made from has changed.
    outdated: bool,
    /// Why there is no plan.
    pub failure: Option<Failure>,
    /// The run that sends.
    pub run: Option<RunId>,
    /// What is missing to go on, said at the field itself; gone with the next key.
    pub hint: Option<String>,
    /// First visible line of a long step.
    pub scroll: usize,
}

/// The fields of the tags step, by their position.
pub const FIELDS: [&str; 4] = ["version", "tags", "latest", "force"];

/// Whether `latest` moves: as the user says, else as the tag rule has it when no tags are asked for; `None` when nobody knows yet.
pub fn moves_latest(model: &Model) -> Option<bool> {
    let release = &model.release;
    let rule = || if typed_tags(model).is_empty() { model.state.tag_rule.as_ref().map(|(latest, _)| *latest) } else { Some(false) };
    release.latest.or_else(rule)
}

/// The further tags that were typed.
fn typed_tags(model: &Model) -> Vec<String> {
    model.release.tags.value().split([',', ' ']).filter(|t| !t.is_empty()).map(str::to_owned).collect()
}

/// The version that was published last of any of the chosen containers.
pub fn last_version(model: &Model) -> Option<&str> {
    let chosen = model.release.chosen.iter().filter_map(|container| model.state.published.get(container));
    chosen.max_by(|a, b| a.at.cmp(&b.at)).map(|last| last.version.as_str())
}

/// The containers of the catalog, in file order.
pub fn containers(model: &Model) -> Vec<ContainerName> {
    let mut names: Vec<ContainerName> = Vec::new();
    for target in &model.state.targets {
        if !names.contains(&target.target.container) {
            names.push(target.target.container.clone());
        }
    }
    names
}

/// The targets of the chosen containers.
pub fn selection(model: &Model) -> Vec<Target> {
    let chosen = &model.release.chosen;
    model.state.targets.iter().map(|t| &t.target).filter(|t| chosen.contains(&t.container)).cloned().collect()
}

/// How far a container is from being released: as far as its last target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Readiness {
    /// Every target passed its checks.
    Verified,
    /// Every target is built, not every one passed its checks.
    Unverified,
    /// An image is of an older definition.
    Stale,
    /// An image is missing.
    Missing,
}

/// How far `container` is from being released.
pub fn readiness(model: &Model, container: &ContainerName) -> Readiness {
    let targets = model.state.targets.iter().filter(|t| t.target.container == *container);
    let of = |t: &TargetSummary| match t.state {
        ImageState::Never => Readiness::Missing,
        ImageState::Stale { .. } => Readiness::Stale,
        ImageState::Built { verified: true, .. } => Readiness::Verified,
        ImageState::Built { .. } if status::report(model, &t.target).is_some_and(|r| r.verdict() < Verdict::Fail) => Readiness::Verified,
        ImageState::Built { .. } => Readiness::Unverified,
    };
    targets.map(of).max().unwrap_or(Readiness::Missing)
}

/// The plan, when it answers what was chosen.
pub fn plan(model: &Model) -> Option<&Plan> {
    model.state.plan.as_deref().filter(|_| model.release.planned)
}

/// Why the warnings of the gates are accepted, once that was said.
pub fn accepted(model: &Model) -> Option<String> {
    let release = &model.release;
    Some(release.reason.value().trim().to_owned()).filter(|reason| !release.accepting && !reason.is_empty())
}

/// The publication of this release.
pub fn publication(model: &Model) -> Option<&Publication> {
    model.state.publication.as_ref().filter(|p| model.release.run == Some(p.run))
}

/// Whether something is being sent.
pub fn is_sending(model: &Model) -> bool {
    let run = model.release.run.and_then(|run| model.state.runs.get(&run));
    model.release.step == Step::Push && run.is_none_or(|r| r.is_running())
}

/// Whether there is enough to compute a plan from.
pub fn can_plan(model: &Model) -> bool {
    !model.release.chosen.is_empty() && tags::problem(model).is_none() && !is_sending(model)
}

/// The screen came to the front.
pub fn entered(model: &mut Model) {
    if !model.release.touched && model.release.step == Step::Select {
        model.release.chosen = containers(model).into_iter().filter(|c| readiness(model, c) == Readiness::Verified).collect();
    }
}

/// Begins with the containers of `targets` chosen, unless something is being sent.
pub fn start(model: &mut Model, targets: &[Target]) {
    if is_sending(model) {
        return;
    }
    if matches!(model.release.step, Step::Push | Step::Result) {
        anew(model);
    }
    model.release.step = Step::Select;
    // What may be overwritten was meant for what was chosen before.
    (model.release.force, model.release.latest) = (false, None);
    model.release.touched = true;
    model.release.chosen = targets.iter().map(|t| t.container.clone()).collect();
    forget_plan(model);
}

/// The catalog was read again: what is gone cannot be released.
pub fn catalog_changed(model: &mut Model) {
    let known = containers(model);
    model.release.chosen.retain(|c| known.contains(c));
    if !is_sending(model) && matches!(model.release.step, Step::Gates | Step::Preview) {
        model.release.step = Step::Gates;
        forget_plan(model);
        model.release.outdated = true;
    }
}

/// Building or checking begins; from the gates, to mend one of them.
pub fn mending(model: &mut Model) {
    model.release.mending = model.screen == Screen::Release && model.release.step == Step::Gates;
}

/// Building or checking has ended: what can be released now is chosen, and a gate that was mended is looked at again.
pub fn ran(model: &mut Model) {
    if model.screen == Screen::Release {
        entered(model);
    }
    model.release.outdated |= std::mem::take(&mut model.release.mending);
}

/// The plan that has to be computed anew.
pub fn wanted(model: &mut Model) -> Vec<Command> {
    if !std::mem::take(&mut model.release.outdated) || model.release.step != Step::Gates || model.release.planning {
        return Vec::new();
    }
    if can_plan(model) {
        return replan(model);
    }
    model.release.step = Step::Select;
    Vec::new()
}

/// A new release: nothing of the one before applies to it, least of all that it may overwrite something.
pub(super) fn anew(model: &mut Model) {
    forget_plan(model);
    let release = &mut model.release;
    (release.step, release.touched, release.force, release.field, release.run) = (Step::Select, false, false, 0, None);
    release.latest = None;
    release.version.reset();
    release.tags.reset();
}

/// Says what is missing to go on, where it is missing.
pub(super) fn hint(model: &mut Model, text: impl Into<String>) {
    model.release.hint = Some(text.into());
}

pub(super) fn forget_plan(model: &mut Model) {
    let release = &mut model.release;
    (release.planning, release.planned, release.accepting) = (false, false, false);
    (release.mending, release.outdated) = (false, false);
    release.failure = None;
    // Other warnings would need another reason.
    release.reason.reset();
    release.confirm.reset();
    release.hint = None;
    (release.cursor, release.scroll) = (0, 0);
}

/// A plan arrived.
pub fn planned(model: &mut Model) {
    let version = model.release.version.value().trim().to_owned();
    if model.release.planning && model.state.plan.as_ref().is_some_and(|p| p.version == version) {
        (model.release.planning, model.release.planned) = (false, true);
    }
}

/// No plan could be computed.
pub fn plan_failed(model: &mut Model, failure: &Failure) {
    model.release.planning = false;
    model.release.failure = Some(failure.clone());
}

/// Sending began.
pub fn publishing(model: &mut Model, run: RunId) {
    if model.release.step == Step::Push {
        model.release.run = Some(run);
    }
}

/// Everything was proven.
pub fn published(model: &mut Model) {
    if model.release.step == Step::Push {
        model.release.step = Step::Result;
        (model.release.cursor, model.release.scroll) = (0, 0);
    }
}

/// Whether a line is being typed.
pub fn is_typing(model: &Model) -> bool {
    let release = &model.release;
    match release.step {
        Step::Tags => release.field < 2,
        Step::Gates => release.accepting,
        Step::Preview => release.planned,
        Step::Select | Step::Push | Step::Result => false,
    }
}

/// The line being typed, in steps that have one.
pub fn input(model: &mut Model) -> Option<&mut Input> {
    let typing = is_typing(model);
    let release = &mut model.release;
    // Whatever is typed next answers it.
    release.hint = None;
    match (release.step, release.field) {
        _ if !typing => None,
        (Step::Tags, 0) => Some(&mut release.version),
        (Step::Tags, _) => Some(&mut release.tags),
        (Step::Gates, _) => Some(&mut release.reason),
        (Step::Preview, _) => Some(&mut release.confirm),
        _ => None,
    }
}

/// Asks for the plan of what was chosen and typed, in place of the one there is.
pub(super) fn replan(model: &mut Model) -> Vec<Command> {
    forget_plan(model);
    model.release.step = Step::Gates;
    model.release.planning = true;
    vec![Command::Plan(request(model))]
}

/// What the steps so far add up to.
pub fn request(model: &Model) -> PushRequest {
    let release = &model.release;
    let mut tags = typed_tags(model);
    let asked = !tags.is_empty() || release.latest.is_some();
    if release.latest == Some(true) && !tags.iter().any(|tag| tag == LATEST) {
        tags.push(LATEST.into());
    }
    PushRequest {
        images: Vec::new(),
        version: release.version.value().trim().to_owned(),
        targets: selection(model),
        tags: asked.then_some(tags),
        force: release.force,
        registry: None,
        digests_only: false,
    }
}
