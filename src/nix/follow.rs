//! What Nix says, told to the targets it concerns.

use std::collections::{BTreeMap, BTreeSet};

use super::build::Wanted;
use super::command::Ended;
use super::complaint;
use super::log::{BuildLog, Complaint, Counts, Said};
use super::owners::{Owners, name};
use crate::Error;
use crate::progress::{Progress, Unit};

/// Lines of a failed build that its error repeats.
const TAIL: usize = 10;

/// Follows one run of `nix build`.
pub(super) struct Follow<'a> {
    wanted: &'a [Wanted],
    owners: &'a Owners,
    progress: &'a dyn Progress,
    /// Derivations that are being built.
    running: BTreeSet<String>,
    /// Builds under way and failed, as Nix counts them.
    counted: Counts,
    /// How many builds of each target have ended.
    done: Vec<u64>,
    /// The last lines of derivations that Nix has complained about.
    tails: BTreeMap<String, Vec<String>>,
    downloading: bool,
}

impl<'a> Follow<'a> {
    pub(super) fn new(wanted: &'a [Wanted], owners: &'a Owners, progress: &'a dyn Progress) -> Self {
        let done = vec![0; wanted.len()];
        let (running, counted) = (BTreeSet::new(), Counts::default());
        Follow { wanted, owners, progress, running, counted, done, tails: BTreeMap::new(), downloading: false }
    }

    /// Whether everything that is being built is for targets that were cancelled only.
    pub(super) fn only_cancelled(&self) -> bool {
        let wanted = |derivation: &&String| self.owners.of(derivation).iter().any(|number| !self.wanted[*number].cancel.is_cancelled());
        let (wanted, given_up): (Vec<&String>, Vec<&String>) = self.running.iter().partition(wanted);
        // Older versions say of a build that failed that it has ended when all have, but count it at once.
        let failed = self.counted.failed > 0 && self.counted.running <= given_up.len() as u64;
        self.wanted.iter().any(|wanted| wanted.cancel.is_cancelled()) && !given_up.is_empty() && (wanted.is_empty() || failed)
    }

    /// A derivation is built, whether Nix has said so or not.
    pub(super) fn has_ended(&mut self, derivation: &str) {
        self.running.remove(derivation);
    }

    pub(super) fn take(&mut self, log: &BuildLog, said: Said) {
        match said {
            Said::Started { derivation, machine } => self.started(derivation, machine),
            Said::Ended { derivation } => {
                for number in self.owners.of(&derivation) {
                    self.done[*number] += 1;
                    self.wanted[*number].progress.amount(self.done[*number], 0, Unit::Packages);
                }
                self.running.remove(&derivation);
            }
            Said::Phase { derivation, phase } => {
                if let Some(leader) = self.leader(&derivation) {
                    leader.phase(&phase_name(&phase));
                }
            }
            Said::Output { derivation, line } => match self.leader(&derivation) {
                // The image itself is what the log is about; of what it needs it is said whose line it is.
                Some(leader) if self.is_own(&derivation) => leader.line(&line),
                Some(leader) => leader.line(&format!("{}> {line}", name(&derivation))),
                None => self.progress.line(&format!("{}> {line}", name(&derivation))),
            },
            Said::Builds(counts) => {
                self.counted = counts;
                self.progress.amount(counts.done + counts.failed, counts.expected, Unit::Packages);
            }
            Said::Copying { path, from } => {
                self.begin_download();
                self.progress.line(&format!("{} from {from}", name(&path)));
            }
            Said::Copied { done, expected } if self.downloading => self.progress.amount(done, expected, Unit::Bytes),
            Said::Copied { .. } | Said::Fetching(_) => {}
            Said::Note(note) => note.lines().for_each(|line| self.progress.line(line)),
            Said::Failed(complaint) => {
                for derivation in complaint.derivations() {
                    let tail = log.tail(derivation).map(str::to_owned).collect();
                    self.tails.insert(derivation.to_owned(), tail);
                }
                // Whom it concerns is told at the end; nobody may miss what concerns none of them.
                if complaint.derivations().all(|derivation| self.owners.of(derivation).is_empty()) {
                    complaint::text(&complaint).lines().for_each(|line| self.progress.line(line));
                }
            }
        }
    }

    fn started(&mut self, derivation: String, machine: Option<String>) {
        if std::mem::take(&mut self.downloading) {
            self.progress.phase("build");
        }
        let on = machine.map(|machine| format!(" on {machine}")).unwrap_or_default();
        let what = name(&derivation);
        let owners = self.owners.of(&derivation);
        for (place, number) in owners.iter().enumerate() {
            let Wanted { progress, .. } = &self.wanted[*number];
            if self.done[*number] == 0 && !self.is_running(*number) {
                progress.phase("build");
            }
            match owners.first().filter(|_| place > 0) {
                None => progress.line(&format!("building {what}{on}")),
                Some(leader) => progress.line(&format!("building {what}{on}; its lines are in the log of {}", self.wanted[*leader].target)),
            }
        }
        if owners.is_empty() {
            self.progress.line(&format!("building {what}{on}"));
        }
        self.running.insert(derivation);
    }

    fn begin_download(&mut self) {
        if !std::mem::replace(&mut self.downloading, true) {
            self.progress.phase("download");
        }
    }

    fn is_running(&self, number: usize) -> bool {
        self.running.iter().any(|derivation| self.owners.of(derivation).contains(&number))
    }

    fn is_own(&self, derivation: &str) -> bool {
        self.owners.of(derivation).iter().any(|number| self.wanted[*number].derivation.path == derivation)
    }

    fn leader(&self, derivation: &str) -> Option<&dyn Progress> {
        self.owners.of(derivation).first().map(|leader| &*self.wanted[*leader].progress)
    }

    /// What Nix has complained about that keeps the target with this number from being built. The first complaint is the cause; those
    /// after it say what could not be built for want of it.
    pub(super) fn cause<'e>(&self, number: usize, ended: &'e Ended) -> Option<&'e Complaint> {
        let concerns = |complaint: &&Complaint| complaint.derivations().any(|derivation| self.owners.of(derivation).contains(&number));
        ended.complaints.iter().find(concerns)
    }

    /// Why the target with this number has no image after a run that has `ended`.
    pub(super) fn failure(&self, number: usize, ended: &Ended) -> Error {
        let wanted = &self.wanted[number];
        let Some(complaint) = self.cause(number, ended) else {
            return match ended.status.success() {
                true => Error::failed(format!(
                    "{}: nix has built everything, and {} is not there",
                    wanted.target,
                    wanted.derivation.document.display()
                ))
                .hint("was the store's garbage collected meanwhile? build again"),
                false => complaint::error(&format!("building {}", wanted.target), ended),
            };
        };
        let culprit = complaint.derivations().find(|derivation| self.owners.of(derivation).contains(&number)).unwrap_or_default();
        let tail: Vec<&String> = self.tails.get(culprit).into_iter().flatten().collect();
        let tail = &tail[tail.len().saturating_sub(TAIL)..];
        // The leader's log has the lines already.
        if self.owners.of(culprit).first() != Some(&number) {
            tail.iter().for_each(|line| wanted.progress.line(&format!("{}> {line}", name(culprit))));
        }
        let shown: String = tail.iter().map(|line| format!("\n  {line}")).collect();
        let error = complaint::advised(Error::failed(in_short(&complaint.message)), &complaint.message);
        match error.advice() {
            Some(_) => error,
            None if tail.is_empty() => error.hint(format!("`nix log {culprit}` shows its log")),
            None => error.hint(format!("its last lines:{shown}\n`nix log {culprit}` shows all")),
        }
    }
}

/// `buildPhase` as our other phases are called: `build`.
fn phase_name(phase: &str) -> String {
    phase.strip_suffix("Phase").filter(|name| !name.is_empty()).unwrap_or(phase).to_lowercase()
}

/// What failed and how, on one line: newer versions repeat the log and say how to see more of it, which is said elsewhere.
fn in_short(message: &str) -> String {
    let is_said =
        |line: &&str| !line.starts_with("Output path") && !line.to_lowercase().starts_with("last ") && !line.starts_with("For full logs");
    let lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut said = lines.take_while(is_said).map(|line| line.trim_end_matches([';', '.'])).collect::<Vec<_>>().join("; ");
    said.truncate(said.floor_char_boundary(500));
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_said_in_one_line_whatever_the_version() {
        let old = "builder for '/nix/store/x-a.drv' failed with exit code 3;\nlast 1 log lines:\n> no\nFor full logs, run 'nix log'";
        assert_eq!(in_short(old), "builder for '/nix/store/x-a.drv' failed with exit code 3");
        let new = "Cannot build '/nix/store/x-a.drv'.\n       Reason: builder failed with exit code 3.\n       Output paths:\n         /nix/store/x-a\n       Last 1 log lines:\n       > no";
        assert_eq!(in_short(new), "Cannot build '/nix/store/x-a.drv'; Reason: builder failed with exit code 3");
        assert_eq!((phase_name("buildPhase"), phase_name("Phase")), ("build".into(), "phase".into()));
    }
}
