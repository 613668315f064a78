//! Commands: the one thing a front end can ask for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::add::ProposeRequest;
use super::cache::PruneRequest;
use super::compare::CompareRequest;
use super::copy::CopyRequest;
use super::load::LoadRequest;
use super::test::TestRequest;
use crate::catalog::{ContainerName, NewContainer, Target};
use crate::image::{Digest, Reference};
use crate::release::{Consent, Plan};

/// Names one command's run; the front end chooses it (counting up), every event of the run carries it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

/// What a front end can ask the engine. Imperative; the answers are [`super::Event`]s.
#[derive(Clone, Debug)]
pub enum Command {
    /// Read `containers.toml` (again) and report every target's state. → `CatalogLoaded` or `RunFailed`.
    LoadCatalog,
    /// Build targets. → `BuildQueued` … `BuildFinished` for each, `CheckFinished`/`VerifyFinished` for what was made.
    Build(BuildRequest),
    /// Take the newest versions into `containers.lock`, or only say what that would change. → `LockCompared`.
    Update(UpdateRequest),
    /// Run every check over what references name (all members of an index). → `VerifyStarted` … `VerifyFinished`.
    Verify(VerifyRequest),
    /// Read config, layers and packages of what a reference names. → `Inspected` for each image.
    Inspect(Reference),
    /// List the files of what a reference names. → `FilesListed` for each image.
    ListFiles(Reference),
    /// Hold images against each other. → `Compared` for each pair.
    Compare(CompareRequest),
    /// Copy from one reference to another. → `Copied`.
    Copy(CopyRequest),
    /// Put built images into an engine. → `EngineFound`, `LoadStarted` … `Loaded` for each.
    Load(LoadRequest),
    /// Build and load what has to be, and run it. → those of both, `TestStarted` … `TestFinished` for each.
    Test(TestRequest),
    /// Try out what builds and releases need. → `Diagnosed`.
    Diagnose(DiagnoseRequest),
    /// Say what lies in the cache and the state folder. → `CacheSurveyed`.
    SurveyCache,
    /// Throw away what nothing needs. → `CachePruned`.
    PruneCache(PruneRequest),
    /// Look up a container that is not defined yet. → `ContainerProposed`.
    Propose(ProposeRequest),
    /// Define a container in `containers.toml`. → `ContainerAdded`.
    Add(NewContainer),
    /// Compute what a push would do. → `ReleasePlanned`.
    Plan(PushRequest),
    /// Compute what joining images that other machines pushed by digest would do. → `ReleasePlanned`.
    PlanIndex(IndexRequest),
    /// Carry out a plan that was shown. → blob and tag events, `ReleaseFinished`.
    Publish {
        /// The plan, as shown; refused when it no longer matches.
        plan: Box<Plan>,
        /// What was agreed to.
        consent: Consent,
    },
    /// Build, verify, plan and publish in one go. → all of the above.
    Release(ReleaseRequest),
    /// Stop a run, or one target of it. → `BuildFinished { outcome: Cancelled }`, `RunFailed { kind: Interrupted }`.
    Cancel {
        /// Which run; `None` stops all.
        run: Option<RunId>,
        /// Only this target of it.
        target: Option<Target>,
    },
}

/// What to try out besides what is always tried.
#[derive(Clone, Debug, Default)]
pub struct DiagnoseRequest {
    /// A registry, `HOST` or `HOST/REPOSITORY`, besides the catalog's.
    pub registry: Option<String>,
    /// A binary cache that should have the image of the machine that a Mac builds on.
    pub vm_cache: Option<VmCache>,
}

/// A binary cache, and the system whose builder's image should be there.
#[derive(Clone, Debug)]
pub struct VmCache {
    /// The cache, as Nix names stores: `https://acme.cachix.org`, `s3://…`, `file://…`.
    pub url: String,
    /// The nix-darwin system.
    pub system: PathBuf,
    /// Copy the image there if it is missing.
    pub upload: bool,
}

/// What to build, and how.
#[derive(Clone, Debug, Default)]
pub struct BuildRequest {
    /// The targets; empty means all.
    pub targets: Vec<Target>,
    /// How many targets at a time; 0 means one per core.
    pub jobs: usize,
    /// Refuse to change `containers.lock`.
    pub locked: bool,
    /// Also write the images as an OCI image layout here.
    pub out: Option<PathBuf>,
}

/// What to verify.
#[derive(Clone, Debug, Default)]
pub struct VerifyRequest {
    /// Where the images are.
    pub references: Vec<Reference>,
    /// The container whose waivers count for images that are none of ours; our own have theirs.
    pub waivers_of: Option<ContainerName>,
    /// Build every container among them once more, apart from what was built before, to see if the same comes out.
    pub rebuild: bool,
    /// Hash the blobs of our own store too, even if nobody has touched them since that was done last.
    pub rehash: bool,
}

impl From<Vec<Reference>> for VerifyRequest {
    /// Judged as it is: with the waivers that are its own.
    fn from(references: Vec<Reference>) -> Self {
        VerifyRequest { references, ..VerifyRequest::default() }
    }
}

/// Whose packages to renew.
#[derive(Clone, Debug, Default)]
pub struct UpdateRequest {
    /// The containers; empty means all, and the base layer with them.
    pub containers: Vec<ContainerName>,
    /// Leave `containers.lock` as it is.
    pub dry_run: bool,
    /// Take older suites and packages too.
    pub allow_downgrades: bool,
}

/// What to push, and under which names.
#[derive(Clone, Debug)]
pub struct PushRequest {
    /// The version: the first tag.
    pub version: String,
    /// The targets; empty means all. Targets of one container travel together.
    pub targets: Vec<Target>,
    /// Further tags; `None` applies the tag rule (`latest` if the branch is `main`).
    pub tags: Option<Vec<String>>,
    /// Overwrite a version that exists and differs.
    pub force: bool,
    /// The registry, `host[:port]`; `None` takes the one of `containers.toml`.
    pub registry: Option<String>,
    /// Images by digest only: no index, no tags.
    pub digests_only: bool,
    /// Documents of nix2container to take instead of what was built here; then these are the targets.
    pub images: Vec<(Target, PathBuf)>,
}

/// Which images to join, and under which names.
#[derive(Clone, Debug)]
pub struct IndexRequest {
    /// The version: the first tag.
    pub version: String,
    /// The images, as they were pushed.
    pub members: Vec<(Target, Digest)>,
    /// Further tags; `None` applies the tag rule.
    pub tags: Option<Vec<String>>,
    /// Overwrite a version that exists and differs.
    pub force: bool,
    /// The registry, `host[:port]`; `None` takes the one of `containers.toml`.
    pub registry: Option<String>,
    /// Run every check over every image first.
    pub verify: bool,
}

/// Build, verify and push.
#[derive(Clone, Debug)]
pub struct ReleaseRequest {
    /// What to push.
    pub push: PushRequest,
    /// How to build it.
    pub build: BuildRequest,
    /// Stop after the plan.
    pub dry_run: bool,
    /// Accept warnings of gates.
    pub accept_warnings: bool,
}
