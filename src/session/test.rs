//! `test`: what was built is run once, and its exit code judges. Built and loaded before, where that has to be.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::BuildRequest;
use super::emitter::{Listener, Subject};
use super::engine::Work;
use super::event::EventKind;
use super::load::{LoadRequest, Loaded, wanted};
use super::test_outcome::{TestOutcome, judged, not_run};
use crate::catalog::Target;
use crate::image::Platform;
use crate::lines::Lines;
use crate::progress::{Progress, bytes};
use crate::runtime::{Channel, ContainerEnd, ContainerSpec, Engine, EngineFacts};
use crate::{Error, Kind, Result};

/// How long a container may run when nobody says otherwise.
pub const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(60);
/// The network of a container that has none.
pub const NO_NETWORK: &str = "none";
/// How long taking a container away may take before it is left, with a word.
const REMOVE_LIMIT: Duration = Duration::from_secs(30);
/// How long the last of its output may come after a container has ended.
const LAST_OUTPUT: Duration = Duration::from_secs(2);
/// Lines that are looked at for what went wrong.
const TAIL: usize = 20;
/// How much output is shown and kept, in bytes: a program that never stops talking must not fill the disk.
const MAX_OUTPUT: usize = 16 << 20;

/// What to try out.
#[derive(Clone, Debug)]
pub struct TestRequest {
    /// Which images, in which engine.
    pub load: LoadRequest,
    /// How they are built where that has to be; its targets are those that are tried out.
    pub build: BuildRequest,
    /// Arguments of the entrypoint; `None` takes the container's `test`.
    pub arguments: Option<Vec<String>>,
    /// How long each may run.
    pub time_limit: Duration,
    /// The container's network: `none`, `bridge`, `host`, or a name.
    pub network: String,
}

impl TestRequest {
    /// Tries out `targets` as everything usually is.
    pub fn of(targets: Vec<Target>) -> Self {
        TestRequest {
            load: LoadRequest { targets, ..LoadRequest::default() },
            build: BuildRequest::default(),
            arguments: None,
            time_limit: DEFAULT_TIME_LIMIT,
            network: NO_NETWORK.into(),
        }
    }
}

impl Work {
    /// Tries out what is asked for, one after the other, and says how many did not pass.
    pub(super) async fn test(&self, request: &TestRequest) -> Result<usize> {
        let catalog = self.catalog()?;
        // First of all: what cannot be run need not be built.
        let (engine, facts) = self.or_cancelled(self.engine(&request.load.engine)).await?;
        let wanted = wanted(&catalog, &request.load, &facts)?;
        let targets = wanted.iter().map(|(target, _)| target.clone()).collect();
        let (_, built) = self.build_images(&BuildRequest { targets, ..request.build.clone() }).await?;
        let mut failed = wanted.len() - built.len();
        for (target, entry) in &built {
            let Some((_, name)) = wanted.iter().find(|(wanted, _)| wanted == target) else { continue };
            let loaded = self.or_cancelled(self.load_one(&engine, &facts, target, name, entry)).await?;
            let own = || catalog.container(target.container.as_str()).map(|container| container.test.clone()).unwrap_or_default();
            let arguments = request.arguments.clone().unwrap_or_else(own);
            match self.try_out(&engine, &facts, &loaded, &arguments, request).await? {
                TestOutcome::Passed => {}
                TestOutcome::Cancelled => return Err(Error::interrupted()),
                TestOutcome::Failed { .. } | TestOutcome::TimedOut { .. } => failed += 1,
            }
        }
        Ok(failed)
    }

    /// Runs one image once. Whatever comes of it, its container is taken away.
    async fn try_out(
        &self,
        engine: &Engine,
        facts: &EngineFacts,
        loaded: &Loaded,
        arguments: &[String],
        request: &TestRequest,
    ) -> Result<TestOutcome> {
        let target = &loaded.target;
        let log = self.log_folder().join(format!("{}.{}.test.log", target.container, target.architecture));
        let command = [&loaded.name].into_iter().chain(arguments).cloned().collect();
        self.emit(EventKind::TestStarted { target: target.clone(), command, log: Some(log.clone()) }).await;
        let began = Instant::now();
        let listening = Listener::start(&self.context.emitter, self.run, Subject::Testing(target.clone()), Some(&log));
        let name = format!("catamaran-test-{}-{}-{}-{}", target.container, target.architecture, std::process::id(), self.run.0);
        let platform = Platform::linux(target.architecture).to_string();
        let spec = ContainerSpec {
            name: &name,
            // By its id: the name may mean another image by now.
            image: &loaded.id,
            platform: &platform,
            arguments,
            network: &request.network,
            purpose: &target.to_string(),
        };
        let mut said = Spoken::new(listening.progress());
        let ended = run(engine, &spec, request.time_limit, &self.token, &mut said).await;
        said.finish();
        let removed = tokio::time::timeout(REMOVE_LIMIT, engine.remove(&name)).await;
        if !matches!(removed, Ok(Ok(()))) {
            listening.progress().line(&format!("the container {name} could not be taken away: `docker rm -f {name}` does"));
        }
        listening.finish().await;
        let outcome = match &ended {
            Ok(Ended::Itself(end)) => judged(end, &said.tail, target.architecture, facts),
            Ok(Ended::TimedOut) => TestOutcome::TimedOut { limit: request.time_limit.as_millis() as u64 },
            Ok(Ended::Cancelled) => TestOutcome::Cancelled,
            Err(error) => not_run(error, target.architecture, facts),
        };
        self.emit(EventKind::TestFinished { target: target.clone(), outcome: outcome.clone(), took: began.elapsed().as_millis() as u64 })
            .await;
        match ended {
            Err(error) if error.kind() != Kind::Failed => Err(error.context(target)),
            _ => Ok(outcome),
        }
    }
}

/// Why a container has ended.
enum Ended {
    Itself(ContainerEnd),
    TimedOut,
    Cancelled,
}

/// Makes a container, starts it, and follows it to its end, its limit, or until somebody cancels.
async fn run(engine: &Engine, spec: &ContainerSpec<'_>, limit: Duration, token: &CancellationToken, said: &mut Spoken) -> Result<Ended> {
    let run = async {
        engine.create(spec).await?;
        let mut output = engine.attach(spec.name).await?;
        engine.start(spec.name).await?;
        let follow = async {
            let mut hear = |channel, bytes: &[u8]| said.hear(channel, bytes);
            let mut waiting = std::pin::pin!(engine.wait(spec.name));
            let mut open = true;
            let end = loop {
                tokio::select! {
                    more = output.next(&mut hear), if open => open = more?,
                    end = &mut waiting => break end?,
                }
            };
            let rest = async {
                while open && output.next(&mut hear).await? {}
                Ok::<_, Error>(())
            };
            // Some engines never close it.
            let _ = tokio::time::timeout(LAST_OUTPUT, rest).await;
            Ok(Ended::Itself(end))
        };
        // Its own time only: some engines take long to make a container.
        tokio::time::timeout(limit, follow).await.unwrap_or(Ok(Ended::TimedOut))
    };
    tokio::select! {
        ended = run => ended,
        () = token.cancelled() => Ok(Ended::Cancelled),
    }
}

/// What a container says: its lines on their way, and the last of them to be looked at.
struct Spoken {
    progress: Arc<dyn Progress>,
    out: Lines,
    err: Lines,
    /// How many bytes more are kept.
    room: usize,
    /// The last lines, the last one first.
    tail: VecDeque<String>,
}

impl Spoken {
    fn new(progress: Arc<dyn Progress>) -> Self {
        Spoken { progress, out: Lines::default(), err: Lines::default(), room: MAX_OUTPUT, tail: VecDeque::new() }
    }

    fn hear(&mut self, channel: Channel, bytes: &[u8]) {
        let Spoken { progress, out, err, room, tail } = self;
        let lines = if channel == Channel::Out { out } else { err };
        lines.feed(bytes, &mut |line| keep(progress.as_ref(), room, tail, line));
    }

    fn finish(&mut self) {
        let Spoken { progress, out, err, room, tail } = self;
        for lines in [out, err] {
            lines.finish(&mut |line| keep(progress.as_ref(), room, tail, line));
        }
    }
}

fn keep(progress: &dyn Progress, room: &mut usize, tail: &mut VecDeque<String>, line: &[u8]) {
    let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
    if *room > 0 {
        progress.line(&line);
        *room = room.saturating_sub(line.len() + 1);
        if *room == 0 {
            progress.line(&format!("… it says more than {}; the rest is left out", bytes(MAX_OUTPUT as u64)));
        }
    }
    tail.truncate(TAIL - 1);
    tail.push_front(line.chars().take(400).collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(std::sync::Mutex<(usize, String)>);

    impl Progress for Heard {
        fn phase(&self, _: &str) {}
        fn amount(&self, _: u64, _: u64, _: crate::progress::Unit) {}
        fn line(&self, line: &str) {
            let mut heard = self.0.lock().unwrap();
            *heard = (heard.0 + line.len(), line.to_owned());
        }
    }

    #[test]
    fn a_program_that_never_stops_talking_is_cut_off_and_its_end_is_known() {
        let heard = Arc::new(Heard::default());
        let mut said = Spoken::new(Arc::clone(&heard) as Arc<dyn Progress>);
        for _ in 0..50 {
            said.hear(Channel::Out, &b"yes\r\n".repeat(100_000));
        }
        said.hear(Channel::Err, b"exec format error");
        said.finish();
        let (total, last) = heard.0.lock().unwrap().clone();
        assert!(total <= MAX_OUTPUT && last.contains("more than 16.0 MiB"), "{total} {last}");
        assert_eq!((said.tail[0].as_str(), said.tail[1].as_str(), said.tail.len()), ("exec format error", "yes", TAIL));
    }
}
