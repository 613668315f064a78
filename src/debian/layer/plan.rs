//! What goes into each layer, decided from facts alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::local::{Accounts, Local, Placed, place};
use super::super::rootfs::{Content, Generated, Rootfs, Union, generate};
use super::super::segment::{Directory, Segment};
use super::{directories, ownership};
use crate::Result;
use crate::image::{Digest, EntryKind, Hasher};

/// Changes whenever the same plan would be written as other bytes.
const FORMAT: u32 = 1;

/// One layer, ready to be written.
#[derive(Clone, Debug)]
pub(in super::super) struct LayerPlan {
    /// Directories, parents first.
    pub directories: Vec<Directory>,
    /// Segments in package-name order, each with the paths it leaves out.
    pub segments: Vec<(Arc<Segment>, BTreeSet<String>)>,
    /// Generated files and links, in order of path.
    pub files: Vec<(String, Generated)>,
    /// Files and links of the project, in order of path.
    pub local: Vec<Placed>,
    /// The modification time of those.
    pub local_mtime: u64,
    /// Newest modification time of its packages' files, seconds since 1970.
    pub newest: u64,
    /// What the user should know.
    pub remarks: Vec<String>,
}

/// The layers of an image.
#[derive(Debug)]
pub(in super::super) struct Plans {
    /// The base layer: decided from the base packages alone, so it is the same for every container.
    pub base: LayerPlan,
    /// What comes on top of it, when there is any package or local file in it.
    pub application: Option<LayerPlan>,
    /// The users and groups of the image.
    pub accounts: Accounts,
}

/// The base layer of `base`, and the layer of `application` and `local` on top of it.
pub(in super::super) fn plan(base: &[Arc<Segment>], application: &[Arc<Segment>], local: &Local) -> Result<Plans> {
    let (lower, lower_rootfs) = layer(&[], base, &Rootfs::default(), &[])?;
    let (mut upper, rootfs) = layer(base, application, &lower_rootfs, &lower.directories)?;
    let accounts = add_local(&lower, &mut upper, base, application, &rootfs, local)?;
    let application = (!application.is_empty() || !local.is_empty()).then_some(upper);
    Ok(Plans { base: lower, application, accounts })
}

/// Puts `local` into the plan `upper`. What it replaces in the same layer leaves it: no path twice (R16).
fn add_local(
    lower: &LayerPlan,
    upper: &mut LayerPlan,
    base: &[Arc<Segment>],
    application: &[Arc<Segment>],
    rootfs: &Rootfs,
    local: &Local,
) -> Result<Accounts> {
    let mtime = local.mtime(lower.newest.max(upper.newest));
    let all: Vec<Arc<Segment>> = base.iter().chain(application).cloned().collect();
    let directories: BTreeSet<&str> = lower.directories.iter().chain(&upper.directories).map(|d| d.path.as_str()).collect();
    let placement = place(local, &all, rootfs, &directories, mtime)?;
    if local.is_empty() {
        return Ok(placement.accounts);
    }
    let paths: BTreeSet<&str> = placement.files.iter().map(|placed| placed.entry.path.as_str()).collect();
    for (segment, lost) in &mut upper.segments {
        lost.extend(segment.entries.iter().filter(|e| paths.contains(e.path.as_str())).map(|e| e.path.clone()));
    }
    upper.files.retain(|(path, _)| !paths.contains(path.as_str()));
    upper.directories.extend(placement.directories);
    upper.directories.sort_by(|a, b| a.path.cmp(&b.path));
    upper.remarks.extend(placement.remarks);
    upper.newest = upper.newest.max(mtime);
    upper.local = placement.files;
    upper.local_mtime = mtime;
    Ok(placement.accounts)
}

fn layer(
    below: &[Arc<Segment>],
    own: &[Arc<Segment>],
    below_rootfs: &Rootfs,
    below_directories: &[Directory],
) -> Result<(LayerPlan, Rootfs)> {
    let sorted = |segments: &[Arc<Segment>]| {
        let mut segments = segments.to_vec();
        segments.sort_by(|a, b| a.package.cmp(&b.package));
        segments
    };
    let (below, own) = (sorted(below), sorted(own));
    let lost = ownership::resolve(&below, &own)?;
    let all: Vec<Arc<Segment>> = below.iter().chain(&own).cloned().collect();
    let rootfs = generate(&Union::new(all.iter()));
    let newest = own.iter().map(|s| s.newest).max().unwrap_or(0);
    let below_has = |d: &Directory| {
        below_directories
            .binary_search_by(|b| b.path.cmp(&d.path))
            .is_ok_and(|at| (below_directories[at].mode, below_directories[at].uid, below_directories[at].gid) == (d.mode, d.uid, d.gid))
    };
    let directories = directories::directories(&all, &rootfs, newest).into_values().filter(|d| !below_has(d)).collect();
    let files =
        rootfs.files.iter().filter(|(path, file)| file.content != Content::Directory && below_rootfs.files.get(*path) != Some(file));
    let remarks = rootfs.remarks.iter().filter(|remark| !below_rootfs.remarks.contains(remark)).cloned().collect();
    let plan = LayerPlan {
        directories,
        segments: own.into_iter().zip(lost).collect(),
        files: files.map(|(path, file)| (path.clone(), file.clone())).collect(),
        local: Vec::new(),
        local_mtime: 0,
        newest,
        remarks,
    };
    Ok((plan, rootfs))
}

impl LayerPlan {
    /// Identifies the layer's bytes: equal recipes make equal blobs.
    pub(in super::super) fn recipe(&self) -> Digest {
        let mut hasher = Hasher::new();
        // Every text is preceded by its length, so that no two recipes read alike.
        let mut text = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        text(format!("layer {FORMAT}").as_bytes());
        for d in &self.directories {
            text(format!("d {:o} {} {} {} {}", d.mode, d.uid, d.gid, d.mtime, d.path).as_bytes());
        }
        for (segment, lost) in &self.segments {
            text(format!("s {} {}", segment.format, segment.sha256.0).as_bytes());
            lost.iter().for_each(|path| text(path.as_bytes()));
        }
        for (path, file) in &self.files {
            text(format!("f {:o} {} {} {path}", file.mode, file.gid, file.mtime).as_bytes());
            match &file.content {
                Content::File(bytes) => text(bytes),
                Content::Link(target) => text(format!("-> {target}").as_bytes()),
                Content::Directory => text(b"/"),
            }
        }
        for Placed { entry, content } in &self.local {
            text(format!("l {:o} {} {} {} {}", entry.mode, entry.uid, entry.gid, self.local_mtime, entry.path).as_bytes());
            match (&entry.kind, content) {
                (_, Some(content)) => text(content.digest().to_string().as_bytes()),
                (EntryKind::Symlink { target }, None) => text(format!("-> {target}").as_bytes()),
                (_, None) => text(b""),
            }
        }
        hasher.finish()
    }

    /// How many packages are in it.
    pub(in super::super) fn packages(&self) -> usize {
        self.segments.len()
    }
}
