//! Building: one `nix build` for all targets, its log told to whom it concerns, and what came of it looked up in the store.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::command::{Ended, Nix};
use super::complaint;
use super::evaluate::Derivation;
use super::follow::Follow;
use super::log::{BuildLog, Said};
use super::owners::Owners;
use crate::catalog::{NixSettings, Target};
use crate::error::IoContext;
use crate::progress::Progress;
use crate::{Error, Result};

/// A target to build.
#[derive(Clone)]
pub struct Wanted {
    /// Which.
    pub target: Target,
    /// From what.
    pub derivation: Derivation,
    /// The link below our cache that keeps its document and all that this names from being collected as garbage (`nix-collect-garbage`).
    pub root: PathBuf,
    /// Who hears of it.
    pub progress: Arc<dyn Progress>,
    /// Gives it up. What others need too is built all the same.
    pub cancel: CancellationToken,
}

/// How to build.
pub struct Building<'a> {
    /// The program.
    pub nix: &'a Nix,
    /// Remote builders and further arguments.
    pub settings: &'a NixSettings,
    /// So many derivations at a time; `None` is Nix's own setting.
    pub jobs: Option<usize>,
    /// Who hears of what belongs to no target: downloads, warnings.
    pub progress: &'a dyn Progress,
    /// Stops everything.
    pub cancel: &'a CancellationToken,
}

/// What came of a target: its number, and whether its document is in the store now.
pub type Settled = (usize, Result<()>);

impl Building<'_> {
    /// Whether the document of `wanted` is in the store, whole; if so it is kept from now on.
    ///
    /// # Errors
    /// Cancelled, or the link cannot be made.
    pub async fn is_there(&self, wanted: &Wanted) -> Result<bool> {
        let (root, document) = (&wanted.root, wanted.derivation.document.display().to_string());
        if let Some(folder) = root.parent() {
            std::fs::create_dir_all(folder).at("creating", folder)?;
        }
        // Makes the link, and a root of it, for a path that is valid. Where it is not, there is no derivation to build it from.
        let root = std::path::absolute(root).at("finding", root)?.display().to_string();
        let arguments = ["build", &document, "--out-link", &root, "--offline", "--log-format", "internal-json"].map(str::to_owned);
        let ended = self.nix.run(&arguments, &mut |_, _| {}, self.cancel).await?;
        match ended.status.success() {
            true => Ok(true),
            false if ended.complaints.iter().any(|complaint| complaint.message.contains(root.as_str())) => {
                Err(complaint::error("keeping what was built", &ended))
            }
            false => Ok(false),
        }
    }

    /// Builds `wanted` and tells of each what came of it as soon as that is known. One that fails does not keep others from being built.
    ///
    /// # Errors
    /// Nix cannot be run, or everything was cancelled. Targets of which nothing was told share that error.
    pub async fn build(&self, wanted: &[Wanted], settled: &mpsc::UnboundedSender<Settled>) -> Result<()> {
        let mut open: BTreeSet<usize> = (0..wanted.len()).collect();
        let owners = Owners::learn(self.nix, wanted.iter().map(|wanted| wanted.derivation.path.as_str()), self.cancel).await?;
        // Each round is one process. There is another one only when what was cancelled is all that the last one was at, or when what is
        // wrong with one target has kept others from being built.
        loop {
            self.give_up(wanted, &mut open, settled);
            if open.is_empty() {
                return Ok(());
            }
            let follow = RefCell::new(Follow::new(wanted, &owners, self.progress));
            let ended = match self.round(wanted, &mut open, &owners, &follow, settled).await {
                Err(error) if error.is_interrupted() && !self.cancel.is_cancelled() => continue,
                ended => ended?,
            };
            self.give_up(wanted, &mut open, settled);
            let follow = follow.into_inner();
            let mut untouched = BTreeSet::new();
            for number in open.iter().copied() {
                let outcome = match self.is_there(&wanted[number]).await? {
                    true => Ok(()),
                    false if follow.cause(number, &ended).is_some() => Err(follow.failure(number, &ended)),
                    false => {
                        untouched.insert(number);
                        continue;
                    }
                };
                let _ = settled.send((number, outcome));
            }
            // A system that nobody builds for ends it all, `--keep-going` or not: the others are built without it.
            if untouched.len() == open.len() {
                untouched.iter().for_each(|number| drop(settled.send((*number, Err(follow.failure(*number, &ended))))));
                return Ok(());
            }
            open = untouched;
        }
    }

    /// Runs `nix build` for the targets that are `open`; those that are settled meanwhile are not any more.
    ///
    /// # Errors
    /// Interrupted, too, when all that it was at was given up.
    async fn round(
        &self,
        wanted: &[Wanted],
        open: &mut BTreeSet<usize>,
        owners: &Owners,
        follow: &RefCell<Follow<'_>>,
        settled: &mpsc::UnboundedSender<Settled>,
    ) -> Result<Ended> {
        let stop = self.cancel.child_token();
        let (perhaps, mut to_look_at) = mpsc::unbounded_channel();
        let own = |derivation: &str| -> Vec<usize> {
            owners.of(derivation).iter().copied().filter(|number| wanted[*number].derivation.path == derivation).collect()
        };
        let mut begun = BTreeSet::new();
        let mut hear = |log: &BuildLog, said: Said| {
            let ended = match &said {
                Said::Started { derivation, .. } => {
                    begun.extend(own(derivation));
                    Vec::new()
                }
                Said::Ended { derivation } => own(derivation),
                // Older versions say that a build has ended when all have, but count it at once.
                Said::Builds(_) => begun.iter().copied().filter(|number| wanted[*number].derivation.document.exists()).collect(),
                _ => Vec::new(),
            };
            for number in ended {
                let _ = perhaps.send(number);
            }
            follow.borrow_mut().take(log, said);
            if follow.borrow().only_cancelled() {
                stop.cancel();
            }
        };
        let arguments = self.arguments(open.iter().map(|number| &wanted[*number]));
        let round = self.nix.run(&arguments, &mut hear, &stop);
        tokio::pin!(round);
        let mut cancelled: FuturesUnordered<_> = open.iter().map(|number| wanted[*number].cancel.cancelled()).collect();
        loop {
            tokio::select! {
                ended = &mut round => return ended,
                Some(number) = to_look_at.recv() => {
                    // Nix says that a build has ended, not how: the store says it.
                    if open.contains(&number) && self.is_there(&wanted[number]).await? && open.remove(&number) {
                        follow.borrow_mut().has_ended(&wanted[number].derivation.path);
                        let _ = settled.send((number, Ok(())));
                    }
                }
                Some(()) = cancelled.next() => {
                    self.give_up(wanted, open, settled);
                    if open.is_empty() || follow.borrow().only_cancelled() {
                        stop.cancel();
                    }
                }
            }
        }
    }

    /// Tells of those that were cancelled.
    fn give_up(&self, wanted: &[Wanted], open: &mut BTreeSet<usize>, settled: &mpsc::UnboundedSender<Settled>) {
        open.retain(|number| {
            let cancelled = wanted[*number].cancel.is_cancelled();
            if cancelled {
                let _ = settled.send((*number, Err(Error::interrupted())));
            }
            !cancelled
        });
    }

    fn arguments<'w>(&self, wanted: impl Iterator<Item = &'w Wanted>) -> Vec<String> {
        let mut arguments = vec!["build".to_owned()];
        arguments.extend(wanted.map(|wanted| self.nix.outputs_of(&wanted.derivation.path)));
        arguments.extend(["--no-link", "--keep-going", "--json", "--log-format", "internal-json"].map(str::to_owned));
        if !self.settings.builders.is_empty() {
            arguments.extend(["--builders".to_owned(), self.settings.builders.join(" ; ")]);
        }
        arguments.extend(self.jobs.into_iter().flat_map(|jobs| ["--max-jobs".to_owned(), jobs.to_string()]));
        arguments.extend(self.settings.extra_args.iter().cloned());
        arguments
    }
}
