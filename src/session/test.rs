//! `test`: what was built is run once, and its exit code judges. Built and loaded before, where that has to be.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::BuildRequest;
use super::emitter::{Listener, Subject};
use super::engine::Work;
use super::event::{EventKind, Failure};
use super::load::{LoadRequest, Loaded, wanted};
use crate::catalog::{Architecture, Target};
use crate::lines::Lines;
use crate::progress::Progress;
use crate::runtime::{Channel, ContainerEnd, ContainerSpec, Engine, EngineFacts, is_foreign_machine, to_run_foreign};
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

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum TestOutcome {
    /// With exit code 0.
    Passed,
    /// Otherwise.
    Failed {
        /// The exit code; `None` when it did not even start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i64>,
        /// In words.
        message: String,
        /// What to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// It did not end in time, and was killed.
    TimedOut {
        /// The time it had, in milliseconds.
        limit: u64,
    },
    /// The user stopped it; it was killed.
    Cancelled,
}

impl TestOutcome {
    fn failed(code: Option<i64>, message: impl Into<String>) -> Self {
        TestOutcome::Failed { code, message: message.into(), hint: None }
    }

    /// Why it did not pass; nothing for what passed or was stopped.
    pub fn failure(&self) -> Option<Failure> {
        let (message, hint) = match self {
            TestOutcome::Passed | TestOutcome::Cancelled => return None,
            TestOutcome::Failed { message, hint, .. } => (message.clone(), hint.clone()),
            TestOutcome::TimedOut { limit } => {
                let advice = "--time-limit gives it more time; does it wait for input, or serve? `test` in containers.toml says what runs";
                (format!("it did not end within {} s, and was killed", limit / 1000), Some(advice.to_owned()))
            }
        };
        Some(Failure { kind: Kind::Failed, message, hint })
    }

    fn hint(self, advice: impl Into<String>) -> Self {
        match self {
            TestOutcome::Failed { code, message, .. } => TestOutcome::Failed { code, message, hint: Some(advice.into()) },
            other => other,
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

    async fn or_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = work => done,
            () = self.token.cancelled() => Err(Error::interrupted()),
        }
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
        let platform = match target.architecture.oci_variant() {
            Some(variant) => format!("linux/{}/{variant}", target.architecture.oci()),
            None => format!("linux/{}", target.architecture.oci()),
        };
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
    tail: VecDeque<String>,
}

impl Spoken {
    fn new(progress: Arc<dyn Progress>) -> Self {
        Spoken { progress, out: Lines::default(), err: Lines::default(), tail: VecDeque::new() }
    }

    fn hear(&mut self, channel: Channel, bytes: &[u8]) {
        let Spoken { progress, out, err, tail } = self;
        let lines = if channel == Channel::Out { out } else { err };
        lines.feed(bytes, &mut |line| keep(progress.as_ref(), tail, line));
    }

    fn finish(&mut self) {
        let Spoken { progress, out, err, tail } = self;
        for lines in [out, err] {
            lines.finish(&mut |line| keep(progress.as_ref(), tail, line));
        }
    }
}

fn keep(progress: &dyn Progress, tail: &mut VecDeque<String>, line: &[u8]) {
    let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
    progress.line(&line);
    tail.truncate(TAIL - 1);
    tail.push_front(line.chars().take(400).collect());
}

/// What an exit code means.
fn judged(end: &ContainerEnd, tail: &VecDeque<String>, target: Architecture, facts: &EngineFacts) -> TestOutcome {
    let said = |line: &str| is_foreign_machine(line);
    if end.code != 0 && (tail.iter().any(|line| said(line)) || end.trouble.as_deref().is_some_and(said)) {
        return no_such_machine(Some(end.code), target, facts);
    }
    let code = end.code;
    let failed = |message: String| TestOutcome::failed(Some(code), message);
    match code {
        0 if end.trouble.is_none() => TestOutcome::Passed,
        137 if end.out_of_memory => failed("killed for want of memory (exit code 137, SIGKILL)".into())
            .hint("give the engine's machine more memory, or the program less to do"),
        126 => failed("the program cannot be run (exit code 126)".into()).hint("`catamaran verify` checks its entrypoint"),
        127 => failed("the program was not found (exit code 127)".into()).hint("`catamaran verify` checks its entrypoint"),
        129..=192 => {
            let message = match signal(code - 128) {
                Some(name) => format!("ended by {name} (exit code {code})"),
                None => format!("ended by signal {} (exit code {code})", code - 128),
            };
            match code - 128 {
                4 => failed(message).hint("it uses instructions that this processor, or the emulator, does not have"),
                9 => failed(message).hint("somebody has killed it, or the kernel for want of memory: `dmesg` says"),
                _ => failed(message),
            }
        }
        _ => match &end.trouble {
            Some(trouble) => failed(format!("{trouble} (exit code {code})")),
            None => failed(format!("exit code {code}")),
        },
    }
}

/// What it means that a container could not be started.
fn not_run(error: &Error, target: Architecture, facts: &EngineFacts) -> TestOutcome {
    if is_foreign_machine(&error.message()) {
        return no_such_machine(None, target, facts);
    }
    let outcome = TestOutcome::failed(None, error.message());
    match error.advice() {
        Some(advice) => outcome.hint(advice),
        None => outcome,
    }
}

/// The kernel has refused the program as none that it can run.
fn no_such_machine(code: Option<i64>, target: Architecture, facts: &EngineFacts) -> TestOutcome {
    if facts.architecture.parse() == Ok(target) {
        return TestOutcome::failed(code, format!("what it starts is no program for {target}"))
            .hint("`catamaran verify` tells what the entrypoint is");
    }
    let product = &facts.product;
    TestOutcome::failed(code, format!("this engine ({product} on {}) cannot run programs for {target}", facts.architecture))
        .hint(to_run_foreign(target.oci(), target.name()))
}

/// signal(7), those that end a program; the numbers are those of x86 and Arm.
fn signal(number: i64) -> Option<&'static str> {
    Some(match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL (an illegal instruction)",
        5 => "SIGTRAP",
        6 => "SIGABRT (it gave up)",
        7 => "SIGBUS",
        8 => "SIGFPE (an arithmetic error)",
        9 => "SIGKILL",
        11 => "SIGSEGV (an invalid memory access)",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        31 => "SIGSYS (a system call it may not make)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> EngineFacts {
        EngineFacts { product: "Docker".into(), version: "20.10.24".into(), architecture: "amd64".into(), address: "unix:///x".into() }
    }

    fn ended(code: i64, tail: &[&str], target: Architecture) -> (String, String) {
        let end = ContainerEnd { code, out_of_memory: false, trouble: None };
        match judged(&end, &tail.iter().map(|line| (*line).to_owned()).collect(), target, &facts()) {
            TestOutcome::Failed { message, hint, .. } => (message, hint.unwrap_or_default()),
            other => (format!("{other:?}"), String::new()),
        }
    }

    #[test]
    fn exit_codes_are_told_in_words() {
        let own = |code| ended(code, &[], Architecture::X86_64).0;
        assert_eq!(own(0), "Passed");
        assert_eq!(own(3), "exit code 3");
        assert_eq!(own(132), "ended by SIGILL (an illegal instruction) (exit code 132)");
        assert_eq!(own(137), "ended by SIGKILL (exit code 137)");
        assert_eq!(own(191), "ended by signal 63 (exit code 191)");
        assert!(own(127).contains("was not found"));
        let end = ContainerEnd { code: 137, out_of_memory: true, trouble: None };
        let TestOutcome::Failed { message, .. } = judged(&end, &VecDeque::new(), Architecture::X86_64, &facts()) else { panic!() };
        assert!(message.contains("for want of memory"));
    }

    #[test]
    fn a_machine_that_cannot_run_it_is_told_apart_from_a_program_that_fails() {
        let refused = "standard_init_linux.go:228: exec user process caused: exec format error";
        let (message, hint) = ended(1, &[refused], Architecture::Aarch64);
        assert!(message.contains("(Docker on amd64) cannot run programs for aarch64"), "{message}");
        assert!(hint.contains("arm64") || hint.contains("aarch64"), "{hint}");
        assert!(ended(1, &[refused], Architecture::X86_64).0.contains("is no program for x86_64"));
        assert_eq!(ended(1, &["no config"], Architecture::Aarch64).0, "exit code 1");
        // A program that prints those words and is content has passed.
        assert_eq!(ended(0, &[refused], Architecture::Aarch64).0, "Passed");
        let outcome = not_run(&Error::failed("crun: exec /x: Exec format error"), Architecture::Aarch64, &facts());
        assert!(matches!(outcome, TestOutcome::Failed { code: None, ref message, .. } if message.contains("cannot run programs")));
    }
}
