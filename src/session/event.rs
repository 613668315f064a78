//! Events: past-tense facts, the one stream every front end reads. `--output json` prints exactly these, one per
//! line, and a replay reads them back.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::RunId;
use super::add::Proposal;
use super::cache::{CacheReport, Pruned};
use super::copy::Copied;
use super::doctor::Diagnosis;
use super::load::Loaded;
use super::payload::{Failure, Inspection, LastPublished, Listing, NotCompared, Outcome, TargetSummary};
use super::test_outcome::TestOutcome;
use crate::catalog::{ContainerName, Target};
use crate::debian::Change;
use crate::image::{Digest, Platform};
use crate::progress::Unit;
use crate::release::{Plan, Receipt, TagChange};
use crate::runtime::EngineFacts;
use crate::verify::{AppliedWaiver, CheckResult, Comparison, Report};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Version of the event format: 1.
    pub schema: u32,
    /// Counts up over the session; no gaps.
    pub seq: u64,
    /// Milliseconds since the session began.
    pub at: u64,
    /// The run it belongs to.
    pub run: RunId,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// A command began.
    RunStarted {
        /// What it does, as the subcommand is called: `build`, `verify`, `push`, …
        command: String,
    },
    /// `containers.toml` was read.
    CatalogLoaded {
        /// The file.
        path: PathBuf,
        /// `host/path` template of `[registry]`, when there is one.
        registry: Option<String>,
        /// Every target, containers in file order.
        targets: Vec<TargetSummary>,
        /// What was published last of each container, where it would be published now; as this machine's receipts tell.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        published: BTreeMap<ContainerName, LastPublished>,
    },
    /// What the tag rule would do with a release that asks for no further tags.
    TagRuleRead {
        /// Whether `latest` would move with it.
        latest: bool,
        /// Why, in a few words: `the branch is main (git)`.
        why: String,
    },
    /// The lock was written anew.
    LockWritten {
        /// The file.
        path: PathBuf,
        /// Packages it pins.
        packages: usize,
        /// One line per change: `curl 8.14.1-1 → 8.14.1-2 (aarch64)`.
        changes: Vec<String>,
    },
    /// The newest versions were held against the lock.
    LockCompared {
        /// The file.
        path: PathBuf,
        /// Whether it was renewed.
        written: bool,
        /// Packages the renewed lock pins.
        packages: usize,
        /// What is different in it.
        changes: Vec<Change>,
        /// What of it should not happen by itself: older suites and packages, other content under a known version.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
    },
    /// Work that belongs to the run, not to one target, has a new phase (`lock`, `plan`, `index`, …).
    RunPhaseChanged {
        /// The phase.
        phase: String,
    },
    /// Work that belongs to the run says something.
    RunOutput {
        /// Lines, oldest first.
        lines: Vec<String>,
    },
    /// How far the run's own phase is.
    RunProgressed {
        /// Done.
        done: u64,
        /// Of how many; 0 when unknown.
        total: u64,
        /// Of what.
        unit: Unit,
    },
    /// A target will be built.
    BuildQueued {
        /// Which.
        #[serde(flatten)]
        target: Target,
    },
    /// A target's build began.
    BuildStarted {
        /// Which.
        #[serde(flatten)]
        target: Target,
        /// Its full log.
        log: Option<PathBuf>,
    },
    /// A target's build is at a new phase.
    PhaseChanged {
        /// Which.
        #[serde(flatten)]
        target: Target,
        /// The phase.
        phase: String,
    },
    /// How far a target's phase is; at most ten times a second.
    Progressed {
        /// Which.
        #[serde(flatten)]
        target: Target,
        /// Done.
        done: u64,
        /// Of how many; 0 when unknown.
        total: u64,
        /// Of what.
        unit: Unit,
    },
    /// A target's build said something; lines are gathered for 16 ms.
    OutputReceived {
        /// Which.
        #[serde(flatten)]
        target: Target,
        /// Lines, oldest first.
        lines: Vec<String>,
    },
    /// A target's build ended.
    BuildFinished {
        /// Which.
        #[serde(flatten)]
        target: Target,
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
        /// How long it took, in milliseconds.
        took: u64,
    },
    /// Checking began.
    VerifyStarted {
        /// What: a reference or a target, as [`Report::subject`] names it.
        subject: String,
        /// The target, when it is one of ours.
        target: Option<Target>,
    },
    /// One check ended.
    CheckFinished {
        /// What was checked.
        subject: String,
        /// How it ended.
        result: CheckResult,
    },
    /// All checks of one image ended.
    VerifyFinished {
        /// The target, when it is one of ours.
        target: Option<Target>,
        /// All results.
        report: Arc<Report>,
    },
    /// Something was not checked, because it could not be read.
    VerifyFailed {
        /// What: a reference as the user gave it, with the platform for a member of an index.
        subject: String,
        /// Why.
        failure: Failure,
    },
    /// Waivers of `containers.toml` had nothing to do: they have expired, or nothing they are for was found in any image they
    /// are for.
    WaiversUnused {
        /// Which.
        waivers: Vec<AppliedWaiver>,
    },
    /// An image was read.
    Inspected {
        /// What it says and holds.
        inspection: Arc<Inspection>,
    },
    /// The files of an image were listed.
    FilesListed {
        /// The files.
        listing: Arc<Listing>,
    },
    /// Two images were held against each other.
    Compared {
        /// What both have, and what differs.
        comparison: Arc<Comparison>,
    },
    /// An image was not held against another, although it could be read.
    CompareSkipped {
        /// Which, and why not.
        #[serde(flatten)]
        skipped: NotCompared,
    },
    /// Something was copied.
    Copied {
        /// What it came to.
        copied: Arc<Copied>,
    },
    /// An engine answered.
    EngineFound {
        /// What it is.
        #[serde(flatten)]
        engine: EngineFacts,
    },
    /// An image is on its way into the engine.
    LoadStarted {
        /// Which.
        #[serde(flatten)]
        target: Target,
        /// What it will be called there: `fd:latest`.
        name: String,
    },
    /// How much of it was sent; at most ten times a second.
    LoadProgressed {
        /// Which.
        #[serde(flatten)]
        target: Target,
        /// Bytes sent.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// The engine has an image.
    Loaded {
        /// Which, and what it is called there.
        #[serde(flatten)]
        loaded: Loaded,
        /// How long it took, in milliseconds.
        took: u64,
    },
    /// A container of an image was made, and is to run.
    TestStarted {
        /// Of which target.
        #[serde(flatten)]
        target: Target,
        /// What runs: the image's name in the engine, and arguments.
        command: Vec<String>,
        /// All that it says.
        log: Option<PathBuf>,
    },
    /// It said something; lines are gathered for 16 ms.
    TestOutput {
        /// Of which target.
        #[serde(flatten)]
        target: Target,
        /// Lines of its standard output and standard error, oldest first.
        lines: Vec<String>,
    },
    /// It has ended, and was taken away.
    TestFinished {
        /// Of which target.
        #[serde(flatten)]
        target: Target,
        /// How.
        #[serde(flatten)]
        outcome: TestOutcome,
        /// How long it took, in milliseconds.
        took: u64,
    },
    /// A container that is not defined yet was looked up.
    ContainerProposed {
        /// What its entry would be.
        proposal: Arc<Proposal>,
    },
    /// A container was defined.
    ContainerAdded {
        /// The file.
        path: PathBuf,
        /// Its name.
        container: ContainerName,
        /// Line of the file, from 1.
        line: usize,
    },
    /// The cache and the state folder were looked through.
    CacheSurveyed {
        /// What there is.
        report: Arc<CacheReport>,
    },
    /// What nothing needs was thrown away.
    CachePruned {
        /// What went.
        pruned: Arc<Pruned>,
    },
    /// What this machine has and lacks was tried out.
    Diagnosed {
        /// What was found.
        diagnosis: Arc<Diagnosis>,
    },
    /// A plan is ready; nothing has been sent.
    ReleasePlanned {
        /// The plan.
        plan: Arc<Plan>,
    },
    /// Sending began.
    PublishStarted {
        /// The version.
        version: String,
        /// Bytes to send.
        bytes: u64,
    },
    /// A blob is on its way; at most ten times a second.
    BlobProgressed {
        /// For which container.
        container: ContainerName,
        /// Which blob.
        digest: Digest,
        /// Bytes sent.
        sent: u64,
        /// Of so many.
        total: u64,
    },
    /// A blob has arrived.
    BlobFinished {
        /// For which container.
        container: ContainerName,
        /// Which blob.
        digest: Digest,
        /// Its size.
        size: u64,
        /// It was there already; nothing was sent.
        present: bool,
    },
    /// A manifest or an index has arrived (by digest, not yet tagged).
    ManifestPublished {
        /// For which container.
        container: ContainerName,
        /// Which.
        digest: Digest,
        /// The platform; `None` for an index.
        platform: Option<Platform>,
        /// It was there already; nothing was sent.
        #[serde(default)]
        present: bool,
    },
    /// A tag was set.
    TagPublished {
        /// For which container.
        container: ContainerName,
        /// `host/path:tag`.
        reference: String,
        /// What it names now.
        digest: Digest,
        /// What that changed.
        #[serde(flatten)]
        change: TagChange,
    },
    /// Setting another tag failed, and this one is back where it was.
    TagRolledBack {
        /// For which container.
        container: ContainerName,
        /// `host/path:tag`.
        reference: String,
        /// What it names again; `None` when it is gone again.
        digest: Option<Digest>,
    },
    /// Everything was sent, read back and compared.
    ReleaseFinished {
        /// What was done.
        receipt: Arc<Receipt>,
        /// Where the receipt was kept.
        path: Option<PathBuf>,
    },
    /// The run ended well (or with findings: see `failed`).
    RunFinished {
        /// Targets, checks or gates that failed.
        failed: usize,
        /// How long it took, in milliseconds.
        took: u64,
    },
    /// The run ended with an error.
    RunFailed {
        /// Why.
        #[serde(flatten)]
        failure: Failure,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;
    use crate::error::Kind;

    #[test]
    fn an_event_is_one_flat_json_object_and_reads_back() {
        let failure = Failure { kind: Kind::Network, message: "no".into(), hint: None };
        let kind =
            EventKind::BuildFinished { target: Target::new("fd", Architecture::Aarch64), outcome: Outcome::Failed(failure), took: 5 };
        let event = Event { schema: 1, seq: 7, at: 12, run: RunId(1), kind };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(
            text,
            r#"{"schema":1,"seq":7,"at":12,"run":1,"event":"build-finished","container":"fd","target":"aarch64","outcome":"failed","kind":"network","message":"no","took":5}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        let outcome = TestOutcome::TimedOut { limit: 2000 };
        let tested = Event { kind: EventKind::TestFinished { target: Target::new("fd", Architecture::X86_64), outcome, took: 5 }, ..event };
        let text = serde_json::to_string(&tested).unwrap();
        assert!(
            text.ends_with(r#""event":"test-finished","container":"fd","target":"x86_64","outcome":"timed-out","limit":2000,"took":5}"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), tested);
    }
}
