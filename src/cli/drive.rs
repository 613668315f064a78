//! Sends a command to the engine, folds its events, shows them, and waits for the end; Ctrl-C stops the run.

use std::time::Duration;

use tokio::sync::mpsc;

use super::display::Display;
use super::printer::Printer;
use crate::session::{Command, Event, EventKind, Failure, RunId, Session, State};
use crate::{Error, Result};

/// The engine, as a front end sees it.
pub trait Link {
    /// Asks for something; never waits.
    fn send(&self, command: Command) -> RunId;
    /// What happened.
    fn events(&mut self) -> &mut mpsc::Receiver<Event>;
}

impl Link for Session {
    fn send(&self, command: Command) -> RunId {
        self.commands.send(command)
    }

    fn events(&mut self) -> &mut mpsc::Receiver<Event> {
        &mut self.events
    }
}

/// Runs commands one after the other.
pub(super) struct Drive<L> {
    link: L,
    /// Everything that has happened.
    pub state: State,
    display: Box<dyn Display>,
    /// One message for each Ctrl-C or SIGTERM.
    pub interrupts: mpsc::Receiver<()>,
    /// A run was left while it was still going.
    pub left: bool,
    printer: Printer,
}

impl<L: Link> Drive<L> {
    pub fn new(link: L, display: Box<dyn Display>, interrupts: mpsc::Receiver<()>, printer: &Printer) -> Self {
        Drive { link, state: State::default(), display, interrupts, left: false, printer: printer.clone() }
    }

    /// Runs `command` to its end; says how many targets, checks or gates failed.
    ///
    /// # Errors
    /// What the run failed with; the second Ctrl-C stops waiting for it.
    pub async fn run(&mut self, command: Command) -> Result<usize> {
        let run = self.link.send(command);
        let ended = self.until_end(run).await;
        self.display.finish();
        ended
    }

    async fn until_end(&mut self, run: RunId) -> Result<usize> {
        let mut interrupted = false;
        let mut open = true;
        let mut beat = tokio::time::interval(Duration::from_millis(125));
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                // Events first: an end that has come in counts, whatever else is ready.
                biased;
                event = self.link.events().recv() => {
                    let Some(event) = event else {
                        return Err(Error::bug("the engine stopped before the run ended"));
                    };
                    self.state.apply(&event);
                    self.display.on(&event, &self.state);
                    match event.kind {
                        EventKind::RunFinished { failed, .. } if event.run == run => return Ok(failed),
                        EventKind::RunFailed { failure } if event.run == run => return Err(error(failure)),
                        _ => {}
                    }
                }
                signal = self.interrupts.recv(), if open => {
                    if signal.is_none() {
                        open = false;
                    } else if interrupted {
                        self.left = true;
                        let error = Error::interrupted();
                        return Err(match self.state.left_by(run) {
                            Some(left) => error.hint(left),
                            None => error,
                        });
                    } else {
                        interrupted = true;
                        self.display.finish();
                        let waiting = if self.state.is_tagging(run) { " for the registry's answer about tags" } else { "" };
                        self.printer.note(&format!("stopping…{waiting} (once more to stop at once)"));
                        self.link.send(Command::Cancel { run: Some(run), target: None });
                    }
                }
                _ = beat.tick() => self.display.tick(&self.state),
            }
        }
    }
}

fn error(failure: Failure) -> Error {
    let error = Error::new(failure.kind, failure.message);
    match failure.hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Listens for Ctrl-C and SIGTERM on the current runtime.
pub(super) fn interrupts() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        #[cfg(unix)]
        let terminate = async {
            match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                Ok(mut signal) => while signal.recv().await.is_some() && sender.send(()).await.is_ok() {},
                Err(_) => std::future::pending().await,
            }
        };
        #[cfg(not(unix))]
        let terminate = std::future::pending::<()>();
        let interrupt = async { while tokio::signal::ctrl_c().await.is_ok() && sender.send(()).await.is_ok() {} };
        tokio::join!(terminate, interrupt);
    });
    receiver
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::cli::printer::{Mode, Results};

    /// An engine that answers each command with the next list of written-down events.
    pub struct Script {
        pub answers: Mutex<std::collections::VecDeque<Vec<EventKind>>>,
        pub sent: Arc<Mutex<Vec<Command>>>,
        sender: mpsc::Sender<Event>,
        events: mpsc::Receiver<Event>,
    }

    impl Script {
        pub fn new(answers: Vec<Vec<EventKind>>) -> Self {
            let (sender, events) = mpsc::channel(100);
            Script { answers: Mutex::new(answers.into()), sent: Arc::default(), sender, events }
        }
    }

    impl Link for Script {
        fn send(&self, command: Command) -> RunId {
            let mut sent = self.sent.lock().unwrap();
            // Cancelling answers in the run that is cancelled.
            let run = if matches!(command, Command::Cancel { .. }) { RunId(sent.len() as u64) } else { RunId(sent.len() as u64 + 1) };
            sent.push(command);
            for kind in self.answers.lock().unwrap().pop_front().unwrap_or_default() {
                self.sender.try_send(Event { schema: 1, seq: 0, at: 0, run, kind }).unwrap();
            }
            run
        }

        fn events(&mut self) -> &mut mpsc::Receiver<Event> {
            &mut self.events
        }
    }

    fn drive(script: Script, interrupts: mpsc::Receiver<()>) -> Drive<Script> {
        let (printer, _, _) = Printer::captured(Results::Text, Mode::Quiet);
        Drive::new(script, Box::new(crate::cli::quiet::Quiet), interrupts, &printer)
    }

    #[tokio::test]
    async fn the_end_of_a_run_is_its_result() {
        let failure = Failure { kind: crate::Kind::Network, message: "no".into(), hint: Some("do".into()) };
        let script = Script::new(vec![vec![EventKind::RunFinished { failed: 2, took: 1 }], vec![EventKind::RunFailed { failure }]]);
        let mut drive = drive(script, mpsc::channel(1).1);
        assert_eq!(drive.run(Command::LoadCatalog).await.unwrap(), 2);
        let error = drive.run(Command::LoadCatalog).await.unwrap_err();
        assert_eq!((error.kind().exit_code(), error.advice()), (3, Some("do")));
    }

    #[tokio::test]
    async fn the_first_interrupt_cancels_and_the_second_leaves() {
        let failure = Failure { kind: crate::Kind::Interrupted, message: "interrupted".into(), hint: None };
        let (sender, interrupts) = mpsc::channel(2);
        sender.send(()).await.unwrap();
        let mut stopped = drive(Script::new(vec![vec![], vec![EventKind::RunFailed { failure }]]), interrupts);
        assert_eq!(stopped.run(Command::LoadCatalog).await.unwrap_err().kind().exit_code(), 130);

        let (sender, interrupts) = mpsc::channel(2);
        sender.send(()).await.unwrap();
        sender.send(()).await.unwrap();
        let mut stuck = drive(Script::new(vec![]), interrupts);
        assert!(stuck.run(Command::LoadCatalog).await.unwrap_err().is_interrupted());
    }
}
