//! How work becomes events: numbered in one place, gathered before they are sent, bounded everywhere.
//!
//! Rooms call [`Progress`] from any thread and never wait. A [`Listener`] gathers what they say for 16 ms and sends it
//! on; when the front end is slow the bounded channel makes the gatherer wait, lines beyond a limit stay in the log
//! file only, and memory stays flat.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use super::RunId;
use super::event::{Event, EventKind};
use super::log::KEPT_LINES;
use crate::catalog::Target;
use crate::progress::{Progress, Unit};

/// How long lines are gathered before they travel together.
const GATHER: Duration = Duration::from_millis(16);
/// How often a counter may travel.
const COUNT_EVERY: Duration = Duration::from_millis(100);
/// Events on their way to the front end.
const CHANNEL: usize = 1024;

/// Numbers events and sends them to the front end. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Emitter {
    events: mpsc::Sender<Event>,
    seq: Arc<tokio::sync::Mutex<u64>>,
    began: Instant,
}

impl Emitter {
    pub(super) fn new() -> (Self, mpsc::Receiver<Event>) {
        let (events, receiver) = mpsc::channel(CHANNEL);
        (Emitter { events, seq: Arc::default(), began: Instant::now() }, receiver)
    }

    /// Sends one event; waits while the front end is behind. A front end that is gone is no error.
    pub(super) async fn emit(&self, run: RunId, kind: EventKind) {
        let mut seq = self.seq.lock().await; // held over the send, so that numbers arrive in order
        let event = Event { schema: 1, seq: *seq, at: self.began.elapsed().as_millis() as u64, run, kind };
        *seq += 1;
        let _ = self.events.send(event).await;
    }

    /// The same from a blocking thread.
    pub(super) fn emit_blocking(&self, run: RunId, kind: EventKind) {
        let mut seq = self.seq.blocking_lock();
        let event = Event { schema: 1, seq: *seq, at: self.began.elapsed().as_millis() as u64, run, kind };
        *seq += 1;
        let _ = self.events.blocking_send(event);
    }
}

/// Whose progress it is.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// The run's own.
    Run,
    /// One target's.
    Target(Target),
    /// An image's of one target, on its way into an engine.
    Loading(Target),
    /// One target's, while it is tried out.
    Testing(Target),
}

enum Said {
    Phase(String),
    Line(String),
}

#[derive(Default)]
struct Pending {
    said: VecDeque<Said>,
    skipped: u64,
    amount: Option<(u64, u64, Unit)>,
    amount_sent: Option<Instant>,
    log: Option<File>,
    closed: bool,
}

/// Takes progress in without ever waiting, and sends it on as events.
pub(super) struct Listener {
    pending: Mutex<Pending>,
    wake: Notify,
    closing: Notify,
}

impl Listener {
    /// Starts listening for `subject`; everything it says also goes to `log`. Call [`Listening::finish`] at the end.
    pub(super) fn start(emitter: &Emitter, run: RunId, subject: Subject, log: Option<&Path>) -> Listening {
        let log = log.and_then(|path| {
            std::fs::create_dir_all(path.parent()?).ok()?;
            File::options().create(true).append(true).open(path).ok()
        });
        let listener =
            Arc::new(Listener { pending: Mutex::new(Pending { log, ..Pending::default() }), wake: Notify::new(), closing: Notify::new() });
        let task = tokio::spawn(Arc::clone(&listener).send_on(emitter.clone(), run, subject));
        Listening { listener, task }
    }

    fn with(&self, change: impl FnOnce(&mut Pending)) {
        // A panic elsewhere must not silence the rest: the data is whole after every statement.
        change(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_one();
    }

    async fn send_on(self: Arc<Self>, emitter: Emitter, run: RunId, subject: Subject) {
        loop {
            self.wake.notified().await;
            // The end is not kept waiting for more to gather.
            let _ = tokio::time::timeout(GATHER, self.closing.notified()).await;
            let closed = self.flush(&emitter, run, &subject).await;
            if closed {
                return;
            }
        }
    }

    async fn flush(&self, emitter: &Emitter, run: RunId, subject: &Subject) -> bool {
        let (said, skipped, amount, closed) = {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            let due = pending.amount_sent.is_none_or(|at| at.elapsed() >= COUNT_EVERY);
            let amount = if due { pending.amount.take() } else { None };
            if amount.is_some() {
                pending.amount_sent = Some(Instant::now());
            }
            (std::mem::take(&mut pending.said), std::mem::take(&mut pending.skipped), amount, pending.closed)
        };
        let mut lines = Vec::new();
        if skipped > 0 {
            lines.push(format!("… {skipped} more lines are in the log file only"));
        }
        for said in said {
            match said {
                Said::Line(line) => lines.push(line),
                Said::Phase(phase) => {
                    if !lines.is_empty() {
                        emitter.emit(run, subject.output(std::mem::take(&mut lines))).await;
                    }
                    emitter.emit(run, subject.phase(phase)).await;
                }
            }
        }
        if !lines.is_empty() {
            emitter.emit(run, subject.output(lines)).await;
        }
        if let Some((done, total, unit)) = amount {
            emitter.emit(run, subject.amount(done, total, unit)).await;
        }
        closed
    }
}

impl Progress for Listener {
    fn phase(&self, phase: &str) {
        self.with(|pending| {
            pending.amount = None;
            pending.amount_sent = None;
            if let Some(log) = &mut pending.log {
                let _ = writeln!(log, "== {phase}");
            }
            pending.said.push_back(Said::Phase(phase.to_owned()));
        });
    }

    fn amount(&self, done: u64, total: u64, unit: Unit) {
        self.with(|pending| pending.amount = Some((done, total, unit)));
    }

    fn line(&self, line: &str) {
        self.with(|pending| {
            if let Some(log) = &mut pending.log {
                let _ = writeln!(log, "{line}");
            }
            pending.said.push_back(Said::Line(line.to_owned()));
            if pending.said.len() > KEPT_LINES {
                // Phases are few and must survive; the oldest line goes.
                if let Some(oldest) = pending.said.iter().position(|s| matches!(s, Said::Line(_))) {
                    pending.said.remove(oldest);
                    pending.skipped += 1;
                }
            }
        });
    }
}

/// A running [`Listener`].
pub(super) struct Listening {
    listener: Arc<Listener>,
    task: tokio::task::JoinHandle<()>,
}

impl Listening {
    /// Where to report to.
    pub(super) fn progress(&self) -> Arc<dyn Progress> {
        Arc::clone(&self.listener) as Arc<dyn Progress>
    }

    /// Sends what is left, so that what follows comes after it.
    pub(super) async fn finish(self) {
        self.listener.with(|pending| pending.closed = true);
        self.listener.closing.notify_one();
        let _ = self.task.await;
    }
}

impl Subject {
    fn output(&self, lines: Vec<String>) -> EventKind {
        match self {
            Subject::Run | Subject::Loading(_) => EventKind::RunOutput { lines },
            Subject::Target(target) => EventKind::OutputReceived { target: target.clone(), lines },
            Subject::Testing(target) => EventKind::TestOutput { target: target.clone(), lines },
        }
    }

    fn phase(&self, phase: String) -> EventKind {
        match self {
            // Neither loading nor testing has phases of its own.
            Subject::Run | Subject::Loading(_) | Subject::Testing(_) => EventKind::RunPhaseChanged { phase },
            Subject::Target(target) => EventKind::PhaseChanged { target: target.clone(), phase },
        }
    }

    fn amount(&self, done: u64, total: u64, unit: Unit) -> EventKind {
        match self {
            Subject::Run | Subject::Testing(_) => EventKind::RunProgressed { done, total, unit },
            Subject::Loading(target) => EventKind::LoadProgressed { target: target.clone(), done, total },
            Subject::Target(target) => EventKind::Progressed { target: target.clone(), done, total, unit },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;

    #[tokio::test]
    async fn everything_said_arrives_in_order_and_is_logged() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("runs/1/fd.log");
        let (emitter, mut events) = Emitter::new();
        let target = Target::new("fd", Architecture::X86_64);
        let listening = Listener::start(&emitter, RunId(3), Subject::Target(target), Some(&log));
        let progress = listening.progress();
        progress.phase("fetch");
        progress.line("one");
        progress.line("two");
        progress.phase("layers");
        progress.amount(1, 2, Unit::Packages);
        listening.finish().await;
        drop(emitter);
        let mut seen = Vec::new();
        while let Some(event) = events.recv().await {
            assert_eq!((event.run, event.seq), (RunId(3), seen.len() as u64));
            seen.push(match event.kind {
                EventKind::PhaseChanged { phase, .. } => phase,
                EventKind::OutputReceived { lines, .. } => lines.join(","),
                EventKind::Progressed { done, total, .. } => format!("{done}/{total}"),
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(seen, ["fetch", "one,two", "layers", "1/2"]);
        assert_eq!(std::fs::read_to_string(log).unwrap(), "== fetch\none\ntwo\n== layers\n");
    }

    #[tokio::test]
    async fn a_flood_that_nobody_reads_stays_bounded() {
        let (emitter, mut events) = Emitter::new();
        let listening = Listener::start(&emitter, RunId(1), Subject::Run, None);
        let progress = listening.progress();
        for n in 0..3 * KEPT_LINES {
            progress.line(&n.to_string());
        }
        let kept = listening.listener.pending.lock().unwrap().said.len();
        assert!(kept <= KEPT_LINES, "{kept}");
        listening.finish().await;
        drop(emitter);
        let mut last = String::new();
        while let Some(event) = events.recv().await {
            if let EventKind::RunOutput { lines } = event.kind {
                last = lines.last().cloned().unwrap_or_default();
            }
        }
        assert_eq!(last, (3 * KEPT_LINES - 1).to_string());
    }
}
