//! What is going on, as [`State`](super::State) keeps it: runs, builds, verifications, tests, a publication.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::RunId;
use super::log::Log;
use super::payload::{BuiltImage, Failure, Outcome};
use super::test_outcome::TestOutcome;
use crate::catalog::{ContainerName, Target};
use crate::debian::Change;
use crate::image::Digest;
use crate::progress::Unit;
use crate::release::Receipt;
use crate::verify::{CheckResult, Report};

/// One command's run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// `build`, `verify`, …
    pub command: String,
    /// When it began, in session milliseconds.
    pub started: u64,
    /// The phase that belongs to no target.
    pub phase: Option<String>,
    /// How far that phase is.
    pub progress: Option<(u64, u64, Unit)>,
    /// What the run itself said.
    pub lines: Log,
    /// How it ended.
    pub end: Option<RunEnd>,
}

/// A container that was defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The file.
    pub path: PathBuf,
    /// Its name.
    pub container: ContainerName,
    /// Line of the file, from 1.
    pub line: usize,
}

/// The newest versions against the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The lock.
    pub path: PathBuf,
    /// Whether it was renewed.
    pub written: bool,
    /// Packages the renewed lock pins.
    pub packages: usize,
    /// What is different in it.
    pub changes: Vec<Change>,
    /// What of it should not happen by itself.
    pub warnings: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// It did what it was asked to; so many targets, checks or gates failed.
    Finished {
        /// How many.
        failed: usize,
    },
    /// It could not go on.
    Failed(Failure),
}

impl Run {
    /// Whether it is still going.
    pub fn is_running(&self) -> bool {
        self.end.is_none()
    }
}

/// Where a build stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for its turn.
    Queued,
    /// At work on the named phase.
    Running(String),
    /// Ended.
    Ended(Outcome),
}

/// One target's build.
#[derive(Clone, Debug)]
pub struct Build {
    /// The run it belongs to.
    pub run: RunId,
    /// Where it stands.
    pub phase: Phase,
    /// When it began, in session milliseconds; `None` while queued.
    pub started: Option<u64>,
    /// How long it took, in milliseconds, once it has ended.
    pub took: Option<u64>,
    /// How far its phase is: done, total (0 unknown), of what.
    pub progress: Option<(u64, u64, Unit)>,
    /// The last lines of its log.
    pub lines: Log,
    /// Its full log.
    pub log: Option<PathBuf>,
}

impl Build {
    pub(super) fn new(run: RunId) -> Self {
        Build { run, phase: Phase::Queued, started: None, took: None, progress: None, lines: Log::new(), log: None }
    }

    /// The image it made or found.
    pub fn image(&self) -> Option<&BuiltImage> {
        match &self.phase {
            Phase::Ended(Outcome::Succeeded { image } | Outcome::Cached { image }) => Some(image),
            _ => None,
        }
    }

    /// Whether it is queued or at work.
    pub fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Ended(_))
    }
}

/// Checks of one image, as they come in.
#[derive(Clone, Debug, Default)]
pub struct Verification {
    /// The target, when it is one of ours.
    pub target: Option<Target>,
    /// Results so far.
    pub checks: Vec<CheckResult>,
    /// All results, once it is over.
    pub report: Option<Arc<Report>>,
}

/// One target's test.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// The run it belongs to.
    pub run: RunId,
    /// What runs: the image's name in the engine, and arguments.
    pub command: Vec<String>,
    /// When it began, in session milliseconds.
    pub started: u64,
    /// The last lines it said.
    pub lines: Log,
    /// All of them.
    pub log: Option<PathBuf>,
    /// How it ended.
    pub outcome: Option<TestOutcome>,
    /// How long it took, in milliseconds, once it has ended.
    pub took: Option<u64>,
}

impl Trial {
    /// Why it did not pass, once it has ended so.
    pub fn failure(&self) -> Option<Failure> {
        self.outcome.as_ref().and_then(TestOutcome::failure)
    }
}

/// Where a blob of a publication stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobState {
    /// Bytes sent.
    pub sent: u64,
    /// Of so many.
    pub total: u64,
    /// It has arrived.
    pub done: bool,
    /// It was there already.
    pub present: bool,
}

/// A publication under way or done.
#[derive(Clone, Debug, Default)]
pub struct Publication {
    /// The run it belongs to.
    pub run: RunId,
    /// The version.
    pub version: String,
    /// Bytes to send in all.
    pub bytes: u64,
    /// Blobs, by container and digest.
    pub blobs: BTreeMap<(ContainerName, Digest), BlobState>,
    /// Manifests and indexes that have arrived.
    pub manifests: Vec<(ContainerName, Digest)>,
    /// Tags that were set: reference and digest.
    pub tags: Vec<(String, Digest)>,
    /// The receipt, once everything was proven.
    pub receipt: Option<Arc<Receipt>>,
    /// Where the receipt was kept.
    pub receipt_path: Option<PathBuf>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

impl Publication {
    /// Bytes sent so far.
    pub fn sent(&self) -> u64 {
        self.blobs.values().filter(|b| !b.present).map(|b| b.sent).sum()
    }
}
