//! Running `nix`: its records heard while it works, and stopped as a whole.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::complaint;
use super::log::{BuildLog, Complaint, Lines, Said};
use crate::{Error, Result};

/// How long Nix has to stop its builders when it is told to end. It needs them to be stopped by itself: they run in sessions of their own.
const GRACE: Duration = Duration::from_secs(5);
/// Standard output is a document, of this size at most.
const MAX_OUTPUT: usize = 64 << 20;
/// Complaints and notes that are kept of a run.
const KEPT: usize = 200;
/// How long the pipes of a `nix` that has ended are listened to: whom it has started may hold them open.
const LINGER: Duration = Duration::from_millis(500);

/// The `nix` of this machine, run in one folder.
#[derive(Clone, Debug)]
pub struct Nix {
    folder: PathBuf,
    version: String,
}

/// What a run came to.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) output: Vec<u8>,
    /// Errors, in their order.
    pub(super) complaints: Vec<Complaint>,
    /// Whatever else it said, the last of it.
    pub(super) notes: VecDeque<String>,
}

impl Nix {
    /// The `nix` on the PATH, to be run in `folder`.
    ///
    /// # Errors
    /// There is none, or it cannot be run.
    pub async fn find(folder: &Path, cancel: &CancellationToken) -> Result<Self> {
        let nix = Nix { folder: folder.to_owned(), version: String::new() };
        let answer = nix.answer("asking nix for its version", &["--version"], cancel).await?;
        Ok(Nix { version: String::from_utf8_lossy(&answer).trim().to_owned(), ..nix })
    }

    /// What it calls itself: `nix (Nix) 2.34.1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Major and minor version; `None` when it does not look like one.
    pub(super) fn number(&self) -> Option<(u64, u64)> {
        let last = self.version.split_whitespace().next_back()?;
        let mut parts = last.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    }

    /// How the outputs of the derivation at `path` are asked for. Up to 2.12 a derivation stood for its outputs; later it has to be said.
    pub(super) fn outputs_of(&self, path: &str) -> String {
        match self.number() {
            Some(old) if old < (2, 13) => path.to_owned(),
            _ => format!("{path}^*"),
        }
    }

    /// What it prints when it is run with `arguments`, without anybody hearing of what happens meanwhile.
    ///
    /// # Errors
    /// As for [`Nix::run`], and when it fails `doing` that.
    pub(super) async fn answer(&self, doing: &str, arguments: &[&str], cancel: &CancellationToken) -> Result<Vec<u8>> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let ended = self.run(&arguments, &mut |_, _| {}, cancel).await?;
        match ended.status.success() {
            true => Ok(ended.output),
            false => Err(complaint::error(doing, &ended)),
        }
    }

    /// Runs it with `arguments` to its end; `hear` is told what happens. When `cancel` falls the whole process group is told to end, and
    /// made to when it does not.
    ///
    /// # Errors
    /// It cannot be started, or it was cancelled. How it ended otherwise is for the caller to judge.
    pub(super) async fn run(
        &self,
        arguments: &[String],
        hear: &mut dyn FnMut(&BuildLog, Said),
        cancel: &CancellationToken,
    ) -> Result<Ended> {
        self.run_program("nix", arguments, hear, cancel).await
    }

    /// As [`Nix::run`], for a `program` of those that belong to it.
    pub(super) async fn run_program(
        &self,
        program: &str,
        arguments: &[String],
        hear: &mut dyn FnMut(&BuildLog, Said),
        cancel: &CancellationToken,
    ) -> Result<Ended> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C on the terminal is ours to pass on.
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| complaint::not_started(error, program, &self.folder))?;
        let group = Group(child.id());
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let (mut out, mut err) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        let mut heard = Heard { hear, log: BuildLog::default(), complaints: Vec::new(), notes: VecDeque::new() };
        let (mut lines, mut output) = (Lines::default(), Vec::new());
        let (mut status, mut deadline, mut stopping) = (None, None::<Instant>, false);
        while status.is_none() || stdout.is_some() || stderr.is_some() {
            let due = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = cancel.cancelled(), if !stopping => {
                    group.signal(Signal::TERM);
                    (stopping, deadline) = (true, Some(Instant::now() + GRACE));
                }
                () = due => match status {
                    Some(_) => break, // somebody holds the pipes open
                    None => {
                        group.signal(Signal::KILL);
                        deadline = None;
                    }
                },
                read = piece(&mut stderr, &mut err), if stderr.is_some() => match read {
                    0 => stderr = None,
                    read => lines.feed(&err[..read], &mut |line| heard.line(line)),
                },
                read = piece(&mut stdout, &mut out), if stdout.is_some() => match read {
                    0 => stdout = None,
                    read if output.len() + read > MAX_OUTPUT => {
                        return Err(Error::failed(format!("{program} {} printed more than {MAX_OUTPUT} bytes", shown(arguments))));
                    }
                    read => output.extend_from_slice(&out[..read]),
                },
                ended = child.wait(), if status.is_none() => {
                    status = Some(ended.map_err(|error| Error::failed(format!("waiting for {program}")).source(error))?);
                    deadline = Some(Instant::now() + LINGER);
                }
            }
        }
        lines.finish(&mut |line| heard.line(line));
        group.ended();
        match status {
            Some(status) if !cancel.is_cancelled() => Ok(Ended { status, output, complaints: heard.complaints, notes: heard.notes }),
            _ => Err(Error::interrupted()),
        }
    }
}

/// Arguments as one would type them, expressions left out.
pub(super) fn shown(arguments: &[String]) -> String {
    arguments.iter().map(|a| if a.contains(['\n', '{', ' ']) { "…" } else { a.as_str() }).take(12).collect::<Vec<_>>().join(" ")
}

struct Heard<'a> {
    hear: &'a mut dyn FnMut(&BuildLog, Said),
    log: BuildLog,
    complaints: Vec<Complaint>,
    notes: VecDeque<String>,
}

impl Heard<'_> {
    fn line(&mut self, line: &[u8]) {
        let Some(said) = self.log.take(line) else { return };
        match &said {
            Said::Failed(complaint) if self.complaints.len() < KEPT => self.complaints.push(complaint.clone()),
            Said::Note(note) => {
                if self.notes.len() >= KEPT {
                    self.notes.pop_front();
                }
                self.notes.push_back(note.clone());
            }
            _ => {}
        }
        (self.hear)(&self.log, said);
    }
}

/// The next piece of a pipe; a pipe that cannot be read has ended.
async fn piece(pipe: &mut Option<impl AsyncRead + Unpin>, buffer: &mut [u8]) -> usize {
    match pipe {
        Some(pipe) => pipe.read(buffer).await.unwrap_or(0),
        None => 0,
    }
}

/// A process group; told to end when nobody waits for it any more.
struct Group(Option<u32>);

impl Group {
    fn signal(&self, signal: Signal) {
        let pid = self.0.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // One that has ended meanwhile needs no signal.
            let _ = kill_process_group(pid, signal);
        }
    }

    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nix(version: &str) -> Nix {
        Nix { folder: PathBuf::new(), version: version.into() }
    }

    #[test]
    fn versions_are_read_and_decide_how_outputs_are_asked_for() {
        for (version, number) in [
            ("nix (Nix) 2.8.0", Some((2, 8))),
            ("nix (Nix) 2.34.0pre20251020_abc", Some((2, 34))),
            ("nix (Lix, like Nix) 2.91.1", Some((2, 91))),
            ("nix (Determinate Nix 3.6.5) 2.29.0", Some((2, 29))),
            ("something else", None),
            ("", None),
        ] {
            assert_eq!(nix(version).number(), number, "{version}");
        }
        assert_eq!(nix("nix (Nix) 2.8.0").outputs_of("/nix/store/a.drv"), "/nix/store/a.drv");
        assert_eq!(nix("nix (Nix) 2.34.1").outputs_of("/nix/store/a.drv"), "/nix/store/a.drv^*");
        assert_eq!(nix("of tomorrow").outputs_of("/nix/store/a.drv"), "/nix/store/a.drv^*");
    }
}
