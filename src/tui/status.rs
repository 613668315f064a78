//! How a target stands, as a glyph, a meaning, a word and a number: the same on every screen.

use super::model::Model;
use super::text;
use super::theme::{Glyph, Meaning};
use crate::catalog::Target;
use crate::session::{BuiltImage, ImageState, Outcome, Phase};
use crate::verify::{Check, Report, Verdict};

/// How something stands. Never colour alone: the glyph and the word say it too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its symbol.
    pub glyph: Glyph,
    /// Its colour.
    pub meaning: Meaning,
    /// Its word.
    pub word: String,
    /// A number that belongs to it: a size, a time, a part of a whole.
    pub detail: String,
    /// How long it will still take, `~0:25`; empty when nobody knows.
    pub left: String,
}

impl Status {
    fn new(glyph: Glyph, meaning: Meaning, word: impl Into<String>, detail: impl Into<String>) -> Self {
        Status { glyph, meaning, word: word.into(), detail: detail.into(), left: String::new() }
    }

    /// Its symbol now: running things turn.
    pub fn symbol(&self, model: &Model) -> &'static str {
        if self.glyph == Glyph::Running { model.theme.turning(model.now) } else { model.theme.glyph(self.glyph) }
    }
}

/// The image of a state, when the store has one.
pub fn image(state: &ImageState) -> Option<&BuiltImage> {
    match state {
        ImageState::Never => None,
        ImageState::Built { image, .. } | ImageState::Stale { image } => Some(image),
    }
}

/// How `target` stands: what happens to it now comes before what the store has of it.
pub fn of(model: &Model, target: &Target) -> Status {
    let state = &model.state;
    if let Some(build) = state.builds.get(target) {
        match &build.phase {
            Phase::Ended(Outcome::Succeeded { .. } | Outcome::Cached { .. }) => {}
            phase => {
                let left = left(model, target).map(|left| format!("~{}", text::clock(left))).unwrap_or_default();
                let status = of_phase(model, phase, build.progress.map(|(d, t, _)| (d, t)), build.started, build.took);
                return Status { left, ..status };
            }
        }
    }
    let Some(summary) = state.target(target) else {
        return Status::new(Glyph::Never, Meaning::Muted, "unknown", "");
    };
    let Some(image) = image(&summary.state) else {
        return Status::new(Glyph::Never, Meaning::Muted, "not built", "");
    };
    let size = text::bytes(image.size);
    let checking = state.verifications.values().find(|v| v.target.as_ref() == Some(target) && v.report.is_none());
    if let Some(verification) = checking.filter(|_| model.is_running()) {
        let part = format!("{}/{}", verification.checks.len(), Check::ALL.len());
        return Status::new(Glyph::Running, Meaning::Running, "checking", part);
    }
    if matches!(summary.state, ImageState::Stale { .. }) {
        return Status::new(Glyph::Stale, Meaning::Stale, "stale", size);
    }
    if let Some(report) = report(model, target).filter(|r| r.verdict() >= Verdict::Warn) {
        return Status { detail: size, ..of_report(report) };
    }
    let published = state.published.get(&target.container).and_then(|p| p.images.get(&target.architecture));
    if published == Some(&image.digest) {
        return Status::new(Glyph::Pushed, Meaning::Success, "published", size);
    }
    match summary.state {
        ImageState::Built { verified: true, .. } => Status::new(Glyph::Pass, Meaning::Success, "verified", size),
        _ => Status::new(Glyph::Built, Meaning::Text, "built", size),
    }
}

/// How long the build of `target` will still take, in milliseconds, as the median of its past builds has it; `None` when it is not
/// being built, has no past, or takes longer than usual.
pub fn left(model: &Model, target: &Target) -> Option<u64> {
    let build = model.state.builds.get(target).filter(|b| b.is_open())?;
    let usual = model.state.target(target)?.usual?;
    match build.started {
        None => Some(usual),
        Some(started) => usual.checked_sub(model.now.saturating_sub(started)).filter(|left| *left > 0),
    }
}

/// How a build stands.
pub fn of_phase(model: &Model, phase: &Phase, progress: Option<(u64, u64)>, started: Option<u64>, took: Option<u64>) -> Status {
    let time = took.or(started.map(|s| model.now.saturating_sub(s))).map(text::clock).unwrap_or_default();
    match phase {
        Phase::Queued => Status::new(Glyph::Queued, Meaning::Queued, "queued", ""),
        Phase::Running(phase) => {
            let percent = progress.and_then(|(done, total)| percent(done, total));
            let detail = percent.map(|p| format!("{p} %")).unwrap_or(time);
            Status::new(Glyph::Running, Meaning::Running, text::printable(phase).into_owned(), detail)
        }
        Phase::Ended(Outcome::Succeeded { .. }) => Status::new(Glyph::Pass, Meaning::Success, "built", time),
        Phase::Ended(Outcome::Cached { .. }) => Status::new(Glyph::Pass, Meaning::Success, "unchanged", time),
        Phase::Ended(Outcome::Failed(_)) => Status::new(Glyph::Fail, Meaning::Failure, "failed", time),
        Phase::Ended(Outcome::Cancelled) => Status::new(Glyph::Cancelled, Meaning::Warning, "cancelled", time),
    }
}

/// How a report stands: an image for the wrong machine is said in so many words.
pub fn of_report(report: &Report) -> Status {
    let failed = |check: Check| report.checks.iter().any(|c| c.check == check && c.verdict == Verdict::Fail);
    match report.verdict() {
        Verdict::Fail if failed(Check::ElfMachine) || failed(Check::ConfigPlatform) => {
            Status::new(Glyph::Warn, Meaning::Mismatch, "wrong arch", "")
        }
        Verdict::Fail => Status::new(Glyph::Fail, Meaning::Failure, "checks fail", ""),
        Verdict::Warn => Status::new(Glyph::Warn, Meaning::Warning, "warnings", ""),
        Verdict::Pass => Status::new(Glyph::Pass, Meaning::Success, "verified", ""),
        Verdict::Waived => Status::new(Glyph::Pass, Meaning::Success, "verified", "with waivers"),
        Verdict::Skip => Status::new(Glyph::Never, Meaning::Muted, "skipped", ""),
    }
}

/// How a verdict looks.
pub fn of_verdict(verdict: Verdict) -> (Glyph, Meaning) {
    match verdict {
        Verdict::Skip => (Glyph::Never, Meaning::Muted),
        Verdict::Pass => (Glyph::Pass, Meaning::Success),
        Verdict::Waived => (Glyph::Pass, Meaning::Muted),
        Verdict::Warn => (Glyph::Warn, Meaning::Warning),
        Verdict::Fail => (Glyph::Fail, Meaning::Failure),
    }
}

/// The report of a target's present image, not of one before it.
pub fn report<'a>(model: &'a Model, target: &Target) -> Option<&'a Report> {
    let digest = model.state.target(target).and_then(|t| image(&t.state)).map(|i| i.digest);
    let of_target = model.state.verifications.values().filter(|v| v.target.as_ref() == Some(target));
    of_target.filter_map(|v| v.report.as_deref()).find(|r| digest.is_none_or(|d| d == r.digest))
}

/// Whole percent, 99 at most until everything is done; `None` when the total is unknown.
pub fn percent(done: u64, total: u64) -> Option<u64> {
    match total {
        0 => None,
        _ if done >= total => Some(100),
        _ => Some(((u128::from(done) * 100 / u128::from(total)) as u64).min(99)),
    }
}
