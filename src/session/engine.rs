//! The engine: takes commands, starts their work, and answers in events.
//!
//! Every command runs on a thread of its own under a cancellation token; a run always ends with exactly one
//! `RunFinished` or `RunFailed`.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::discover;
use super::emitter::{Emitter, Listener, Subject};
use super::event::EventKind;
use super::folders::Folders;
use super::in_use::InUse;
use super::payload::Failure;
use super::{Command, Event, RunId};
use crate::catalog::{self, Catalog, Container, Target};
use crate::image::{LayerRecords, Proofs, Reference, ScriptRecords, Store, Witnessed};
use crate::progress::Progress;
use crate::verify::Known;
use crate::{Error, Result};

/// Where a session works.
#[derive(Clone, Debug)]
pub struct Options {
    /// `containers.toml`; looked for from the current folder upwards when not given.
    pub file: Option<PathBuf>,
    /// Cache, state and configuration.
    pub folders: Folders,
}

/// A running engine, as its front end holds it. Dropping it cancels everything.
#[derive(Debug)]
pub struct Session {
    /// Ask here.
    pub commands: Commands,
    /// Listen here. Bounded: a front end that does not listen makes the work wait.
    pub events: mpsc::Receiver<Event>,
    /// Wait here for the last run, once the front end has let go of the rest.
    pub ended: Ended,
}

/// Tells when no run of a session is under way any more.
#[derive(Debug)]
pub struct Ended(mpsc::Receiver<Infallible>);

impl Ended {
    /// Waits until the engine and all its runs have ended: they do when nobody can ask or listen any more.
    pub async fn wait(mut self) {
        let _ = self.0.recv().await;
    }
}

/// The asking half of a session. Never waits. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Commands {
    queue: mpsc::UnboundedSender<(RunId, Command)>,
    next: Arc<AtomicU64>,
}

impl Commands {
    /// Sends a command and says which run its events will carry.
    pub fn send(&self, command: Command) -> RunId {
        let run = RunId(self.next.fetch_add(1, Ordering::Relaxed));
        let _ = self.queue.send((run, command));
        run
    }
}

/// Starts an engine on the current tokio runtime.
pub fn start(options: Options) -> Session {
    let (emitter, events) = Emitter::new();
    let (queue, mut commands) = mpsc::unbounded_channel();
    let (alive, ended) = mpsc::channel(1);
    tokio::spawn(async move {
        let context = Context {
            options: Arc::new(options),
            emitter,
            runs: Arc::default(),
            all: CancellationToken::new(),
            workshop: Arc::default(),
            planned: Arc::default(),
            given: Arc::default(),
            _alive: alive,
        };
        while let Some((run, command)) = commands.recv().await {
            match command {
                Command::Cancel { run, target } => context.cancel(run, target.as_ref()),
                command => {
                    let token = context.begin(run);
                    // A thread for every run: its futures may borrow from each other freely, which tasks that move between
                    // threads may not. Bytes are worked on elsewhere; this thread only waits.
                    let (working, runtime) = (context.clone(), tokio::runtime::Handle::current());
                    let work = tokio::task::spawn_blocking(move || runtime.block_on(working.carry_out(run, command, token)));
                    tokio::spawn(context.clone().attend(run, work));
                }
            }
        }
        context.all.cancel(); // the front end is gone
    });
    Session { commands: Commands { queue, next: Arc::new(AtomicU64::new(1)) }, events, ended: Ended(ended) }
}

/// What every run needs. Cheap to clone.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) options: Arc<Options>,
    pub(super) emitter: Emitter,
    runs: Arc<Mutex<HashMap<RunId, Tokens>>>,
    all: CancellationToken,
    /// The Debian builder of this session, made on first use for the settings it was made with.
    pub(super) workshop: Arc<Mutex<Option<super::build::Workshop>>>,
    /// The connection over which the last plan was made: its publication goes on over it, and what the plan has just
    /// seen need not be asked again.
    pub(super) planned: Arc<Mutex<Option<crate::registry::Registry>>>,
    /// The documents of nix2container that were given with the last plan, for images that were not built here.
    pub(super) given: Arc<Mutex<BTreeMap<Target, PathBuf>>>,
    /// Held by the engine and by every run; [`Ended`] waits for the last of them.
    _alive: mpsc::Sender<Infallible>,
}

struct Tokens {
    run: CancellationToken,
    targets: HashMap<Target, CancellationToken>,
}

impl Context {
    fn begin(&self, run: RunId) -> CancellationToken {
        let token = self.all.child_token();
        self.runs().insert(run, Tokens { run: token.clone(), targets: HashMap::new() });
        token
    }

    /// The token of one target of a run.
    pub(super) fn token_of(&self, run: RunId, target: &Target) -> CancellationToken {
        match self.runs().get_mut(&run) {
            Some(tokens) => {
                let parent = &tokens.run;
                tokens.targets.entry(target.clone()).or_insert_with(|| parent.child_token()).clone()
            }
            None => self.all.child_token(),
        }
    }

    fn cancel(&self, run: Option<RunId>, target: Option<&Target>) {
        for (id, tokens) in self.runs().iter() {
            if run.is_some_and(|run| run != *id) {
                continue;
            }
            match target {
                None => tokens.run.cancel(),
                Some(target) => tokens.targets.get(target).into_iter().for_each(CancellationToken::cancel),
            }
        }
    }

    fn runs(&self) -> std::sync::MutexGuard<'_, HashMap<RunId, Tokens>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a run's thread. A panic ends its run too: nobody may wait for it for ever.
    async fn attend(self, run: RunId, work: JoinHandle<()>) {
        if work.await.is_err_and(|error| error.is_panic()) {
            self.runs().remove(&run);
            self.emitter.emit(run, EventKind::RunFailed { failure: Failure::from(&stopped()) }).await;
        }
    }

    async fn carry_out(self, run: RunId, command: Command, token: CancellationToken) {
        let began = Instant::now();
        self.emitter.emit(run, EventKind::RunStarted { command: name(&command).into() }).await;
        let listening = Listener::start(&self.emitter, run, Subject::Run, None);
        let progress = listening.progress();
        let work = Work { context: self.clone(), run, progress, token: token.clone(), discovered: Mutex::default() };
        // Work stops at its next await when the token falls; what it does on blocking threads watches the token itself.
        let result = work.carry_out(command).await;
        listening.finish().await;
        let end = match result {
            Ok(failed) => EventKind::RunFinished { failed, took: began.elapsed().as_millis() as u64 },
            // One that knows that it was stopped may also know what that leaves behind.
            Err(error) if token.is_cancelled() && !error.is_interrupted() => {
                EventKind::RunFailed { failure: Failure::from(&Error::interrupted()) }
            }
            Err(error) => EventKind::RunFailed { failure: Failure::from(&error) },
        };
        self.runs().remove(&run);
        self.emitter.emit(run, end).await;
    }
}

fn name(command: &Command) -> &'static str {
    match command {
        Command::LoadCatalog => "list",
        Command::Build(_) => "build",
        Command::Update(_) => "update",
        Command::Verify(_) => "verify",
        Command::Inspect(_) => "inspect",
        Command::ListFiles(_) => "files",
        Command::Compare(_) => "compare",
        Command::Copy(_) => "copy",
        Command::Load(_) => "load",
        Command::Test(_) => "test",
        Command::Diagnose(_) => "doctor",
        Command::SurveyCache | Command::PruneCache(_) => "cache",
        Command::Propose(_) | Command::Add(_) => "add",
        Command::Plan(_) | Command::PlanIndex(_) => "plan",
        Command::Publish { .. } => "push",
        Command::Release(_) => "release",
        Command::Cancel { .. } => "cancel",
    }
}

/// One run at work.
pub(super) struct Work {
    pub(super) context: Context,
    pub(super) run: RunId,
    pub(super) progress: Arc<dyn Progress>,
    pub(super) token: CancellationToken,
    /// The containers of the flake, once they were asked for.
    discovered: Mutex<Option<Vec<Container>>>,
}

impl Work {
    /// Does `work`, unless the run is cancelled meanwhile: then it is dropped where it waits.
    pub(super) async fn or_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = work => done,
            () = self.token.cancelled() => Err(Error::interrupted()),
        }
    }

    /// Does what the command asks and says how many targets, checks or gates failed.
    async fn carry_out(&self, command: Command) -> Result<usize> {
        // Nothing of the cache is thrown away meanwhile.
        let cache = &self.context.options.folders.cache;
        let _in_use = match &command {
            Command::PruneCache(_) | Command::SurveyCache | Command::Diagnose(_) | Command::Cancel { .. } => None,
            Command::Verify(request) if request.rebuild => InUse::shared(cache, &self.token).await?,
            Command::LoadCatalog | Command::Verify(_) | Command::Inspect(_) | Command::ListFiles(_) | Command::Compare(_) => {
                InUse::reading(cache, &self.token).await?
            }
            _ => InUse::shared(cache, &self.token).await?,
        };
        match command {
            Command::LoadCatalog => self.load_catalog().await.map(|()| 0),
            Command::Build(request) => self.build(&request).await,
            Command::Update(request) => self.update(&request).await.map(|()| 0),
            Command::Verify(request) => self.verify(&request).await,
            Command::Inspect(reference) => self.inspect(&reference).await.map(|()| 0),
            Command::ListFiles(reference) => self.list_files(&reference).await.map(|()| 0),
            Command::Compare(request) => self.compare(&request).await.map(|()| 0),
            Command::Copy(request) => self.copy(&request).await.map(|()| 0),
            Command::Load(request) => self.load(&request).await.map(|()| 0),
            Command::Test(request) => self.test(&request).await,
            Command::Diagnose(request) => self.diagnose(&request).await,
            Command::SurveyCache => self.cache_info().await.map(|()| 0),
            Command::PruneCache(request) => self.prune(&request).await.map(|()| 0),
            Command::Propose(request) => self.propose(&request).await.map(|()| 0),
            Command::Add(container) => self.add(&container).await.map(|()| 0),
            Command::Plan(request) => self.plan(&request).await.map(|plan| super::publish::failed_gates(&plan)),
            Command::PlanIndex(request) => self.plan_index(&request).await.map(|plan| super::publish::failed_gates(&plan)),
            Command::Publish { plan, consent } => self.publish(&plan, &consent).await.map(|()| 0),
            Command::Release(request) => self.release(&request).await,
            Command::Cancel { .. } => Ok(0),
        }
    }

    pub(super) async fn emit(&self, kind: EventKind) {
        self.context.emitter.emit(self.run, kind).await;
    }

    /// Reads `containers.toml`: afresh each time, so that an edited file counts from the next command on.
    pub(super) fn catalog(&self) -> Result<Catalog> {
        let mut catalog = catalog::load(&self.catalog_path()?)?;
        if catalog.is_left_to_flake() {
            // Once for a run: Nix takes its time.
            let mut discovered = self.discovered.lock().unwrap_or_else(PoisonError::into_inner);
            if discovered.is_none() {
                *discovered = Some(discover::containers(&catalog, Arc::clone(&self.progress), self.token.clone())?);
            }
            catalog.containers = discovered.clone().unwrap_or_default();
        }
        Ok(catalog)
    }

    /// Where `containers.toml` is.
    pub(super) fn catalog_path(&self) -> Result<PathBuf> {
        let here = std::env::current_dir().map_err(|error| Error::failed("the current folder cannot be read").source(error))?;
        catalog::find(self.context.options.file.as_deref(), &here)
    }

    pub(super) fn store(&self) -> Result<Store> {
        Store::open(self.context.options.folders.images())
    }

    /// What this user's cache knows of layers; nothing is `witnessed` yet.
    pub(super) fn known(&self) -> Known {
        let folders = &self.context.options.folders;
        Known {
            records: Some(LayerRecords::new(folders.content())),
            keep: true,
            proofs: Some(Proofs::new(folders.proofs())),
            witnessed: Witnessed::default(),
            scripts: Some(ScriptRecords::new(folders.scripts())),
        }
    }

    /// What may be taken for known of the images that `reference` names: of a container everything. Blobs elsewhere are hashed
    /// every time, and what is learnt of those in a registry is not written to the disk.
    pub(super) fn known_of(&self, reference: &Reference) -> Known {
        let known = self.known();
        match reference {
            Reference::Container { .. } => known,
            Reference::Registry(_) => Known { keep: false, proofs: None, ..known },
            _ => Known { proofs: None, ..known },
        }
    }

    /// Reads images on a blocking thread, with what is `known` of their layers; tells this run's progress, and stops when it is cancelled.
    pub(super) async fn reading<T: Send + 'static>(
        &self,
        known: Known,
        read: impl FnOnce(&Known, &dyn Progress, &(dyn Fn() -> bool + Sync)) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (token, progress) = (self.token.clone(), Arc::clone(&self.progress));
        let read = blocking(move || read(&known, progress.as_ref(), &|| token.is_cancelled())).await;
        read.map_err(|error| if self.token.is_cancelled() { Error::interrupted() } else { error })
    }

    /// An error once the run was cancelled.
    pub(super) fn check_cancelled(&self) -> Result<()> {
        if self.token.is_cancelled() { Err(Error::interrupted()) } else { Ok(()) }
    }
}

/// Runs synchronous work on a blocking thread.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(stopped().source(error)),
    }
}

/// A panic, as its user is told of it.
fn stopped() -> Error {
    Error::bug("a worker stopped unexpectedly")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[tokio::test]
    async fn a_panic_ends_its_run_with_one_error_and_leaves_nothing_of_it() {
        let (emitter, mut events) = Emitter::new();
        let folders = Folders { cache: "c".into(), state: "s".into(), config: "f".into() };
        let context = Context {
            options: Arc::new(Options { file: None, folders }),
            emitter,
            runs: Arc::default(),
            all: CancellationToken::new(),
            workshop: Arc::default(),
            planned: Arc::default(),
            given: Arc::default(),
            _alive: mpsc::channel(1).0,
        };
        let token = context.begin(RunId(7));
        let work = tokio::task::spawn_blocking(move || assert!(token.is_cancelled(), "a bug in the middle of a push"));
        context.clone().attend(RunId(7), work).await;
        assert!(context.runs().is_empty());
        drop(context);
        let event = events.recv().await.unwrap();
        let EventKind::RunFailed { failure } = event.kind else { panic!("{event:?}") };
        assert_eq!((event.run, failure.kind), (RunId(7), Kind::Failed));
        assert!(failure.message.contains("stopped unexpectedly") && failure.hint.is_some_and(|hint| hint.contains("report")));
        assert!(events.recv().await.is_none());
    }
}
