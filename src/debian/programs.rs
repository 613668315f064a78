//! The programs that packages ship: what a container of them could run.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::builder::{Builder, PackageFiles};
use super::entrypoint::DEFAULT_PATH;
use super::members::{Members, members};
use super::segment::Segment;
use super::segment::canonical::canonical;
use super::{Lock, LockedPackage};
use crate::catalog::{LayerCompression, Target};
use crate::image::EntryKind;
use crate::progress::Progress;
use crate::{Error, Result};

/// Where programs are that no image finds by their names alone.
const GAMES: &str = "usr/games";

/// A program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Program {
    /// What it is called: `fdfind`.
    pub name: String,
    /// What an image's entrypoint calls it: its name, or its absolute path where it is not on the image's PATH.
    pub command: String,
    /// What its authors call it, where Debian could not: `fd`.
    pub upstream: Option<String>,
    /// The package that ships it.
    pub package: String,
}

impl Builder {
    /// The programs of those packages of `target` that are called as `wanted` says, by name; fetched if need be. What is made of them
    /// serves the build that follows.
    pub async fn programs(
        &self,
        (lock, target): (&Lock, &Target),
        how: LayerCompression,
        wanted: &(dyn Fn(&str) -> bool + Sync),
        packages: &dyn PackageFiles,
        progress: &Arc<dyn Progress>,
        cancel: &CancellationToken,
    ) -> Result<Vec<Program>> {
        let all = members(lock, target).ok_or_else(|| Error::bug(format!("nothing was looked up for {target}")))??;
        let chosen: Vec<&LockedPackage> = all.base.into_iter().chain(all.application).filter(|package| wanted(&package.name)).collect();
        let chosen = Members { base_request: &[], base: Vec::new(), request: &[], application: chosen };
        let segments = self.segments(&chosen, how, packages, progress, cancel).await?;
        let mut programs: Vec<Program> = segments.iter().flat_map(|segment| of(segment)).collect();
        programs.sort();
        Ok(programs)
    }
}

/// The programs of one package.
fn of(segment: &Segment) -> Vec<Program> {
    let on_path: Vec<String> = DEFAULT_PATH.split(':').map(|folder| canonical(folder.trim_matches('/'))).collect();
    let is_searched = |folder: &str| on_path.iter().any(|searched| searched == folder);
    // Programs that Debian had to rename lie elsewhere under their own names, with a link from one to the other.
    let mut upstream: BTreeMap<&str, &str> = BTreeMap::new();
    for entry in &segment.entries {
        let EntryKind::Symlink { target } = &entry.kind else { continue };
        let (Some((folder, name)), Some((towards, other))) = (entry.path.rsplit_once('/'), target.rsplit_once('/')) else { continue };
        let renamed = |folder: &str| folder.ends_with("cargo/bin");
        if is_searched(folder) && renamed(towards) {
            upstream.insert(name, other);
        } else if renamed(folder) && towards.ends_with("bin") {
            upstream.insert(other, name);
        }
    }
    let runs = |entry: &&crate::image::Entry| match &entry.kind {
        EntryKind::File { .. } | EntryKind::HardLink { .. } => entry.mode & 0o111 != 0,
        EntryKind::Symlink { .. } => true,
        _ => false,
    };
    let programs = segment.entries.iter().filter(runs).filter_map(|entry| {
        let (folder, name) = entry.path.rsplit_once('/')?;
        let command = match is_searched(folder) {
            true => name.to_owned(),
            false if folder == GAMES => format!("/{}", entry.path),
            false => return None,
        };
        let upstream = upstream.get(name).filter(|upstream| **upstream != name).map(|upstream| (*upstream).to_owned());
        Some(Program { name: name.to_owned(), command, upstream, package: segment.package.clone() })
    });
    programs.collect()
}
