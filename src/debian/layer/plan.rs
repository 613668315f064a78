//! What goes into each layer, decided from facts alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::local::{Local, place};
use super::super::rootfs::{Content, Node, Root, install};
use super::super::script::Emulations;
use super::super::segment::canonical::unfit_name;
use super::super::segment::{Directory, Segment};
use super::filter::{Edits, Placed};
use super::split::split;
use crate::image::{Capabilities, Digest, Hasher};
use crate::{Error, Result};

/// Changes whenever the same plan would be written as other bytes.
const FORMAT: u32 = 3;

/// What a layer is to its image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Part {
    /// What all containers share.
    Base,
    /// Everything else.
    Application,
    /// The application's packages of these source packages.
    Sources(Vec<String>),
    /// Of the application, what belongs to no package.
    Rest,
}

/// One layer, ready to be written.
#[derive(Clone, Debug)]
pub(in super::super) struct LayerPlan {
    /// Directories, parents first.
    pub directories: Vec<Directory>,
    /// Segments in package-name order, each with what changes of it; then those of layers below of which something appears
    /// again, changed.
    pub segments: Vec<(Arc<Segment>, Edits)>,
    /// Generated files, links, whiteouts and local files, in order of path.
    pub files: Vec<(String, Node)>,
    /// Newest modification time of its packages' files, seconds since 1970.
    pub newest: u64,
    /// What the user should know.
    pub remarks: Vec<String>,
    /// How many packages are in it.
    pub packages: usize,
    /// How many files and links of the project are in it.
    pub local: usize,
    /// Which part of the image it is.
    pub part: Part,
}

/// What an image is made of.
#[derive(Clone, Debug)]
pub(in super::super) struct ImagePlan {
    /// The layers, base first.
    pub layers: Vec<LayerPlan>,
    /// The file system they make together.
    pub root: Root,
}

/// The base layer of `base`, and on top of it `application` and `local` when there is anything in them: in one layer, or with more
/// than two `layers` packages in groups and the rest apart.
///
/// The base layer is decided from the base packages alone, so it is the same for every container. What is installed is decided before
/// it is cut, so any number of layers makes the same file system.
pub(in super::super) fn plan(
    base: &[Arc<Segment>],
    application: &[Arc<Segment>],
    local: &Local,
    emulations: &Emulations,
    layers: usize,
) -> Result<ImagePlan> {
    let lower = install(None, base, emulations)?;
    check_names(&lower)?;
    let layer = difference(&Root::default(), &lower, Part::Base);
    if application.is_empty() && local.is_empty() {
        return Ok(ImagePlan { layers: vec![layer], root: lower });
    }
    let mut root = install(Some(&lower), application, emulations)?;
    let newest = base.iter().chain(application).map(|segment| segment.newest).max().unwrap_or(0);
    let placed = place(local, &mut root, local.mtime(newest))?;
    let mut upper = difference(&lower, &root, Part::Application);
    upper.remarks.extend(placed.remarks);
    upper.local = placed.count;
    if !local.is_empty() {
        upper.newest = upper.newest.max(local.mtime(newest));
    }
    check_names(&root)?;
    let above = match layers {
        3.. if !application.is_empty() => split(upper, &lower, application, layers - 2),
        _ => vec![upper],
    };
    Ok(ImagePlan { layers: std::iter::once(layer).chain(above).collect(), root })
}

/// Refuses what a script has made under a name that no file of an image can have; packages and local files are refused before.
fn check_names(root: &Root) -> Result<()> {
    let made = root.nodes().iter().filter(|(_, node)| !matches!(node.content, Content::Packaged { .. }));
    match made.into_iter().find_map(|(path, _)| Some((path, path.split('/').find_map(unfit_name)?))) {
        Some((path, why)) => Err(Error::failed(format!("a maintainer script makes /{path}: {why}"))
            .hint("say what that script does instead in the file that `emulations` under [debian] names")),
        None => Ok(()),
    }
}

/// The layer that makes `root` out of `below`, on whose segments it builds.
fn difference(below: &Root, root: &Root, part: Part) -> LayerPlan {
    let first = below.segments().len();
    let mut directories = Vec::new();
    let mut files = BTreeMap::new();
    // Where each packaged entry is wanted: (segment, entry) → places.
    let mut places: BTreeMap<(usize, usize), Vec<(&String, &Node)>> = BTreeMap::new();
    for (path, node) in root.nodes() {
        let is_below = below.nodes().get(path).is_some_and(|there| there.is_same(node));
        match &node.content {
            Content::Packaged { segment, entry } if *segment >= first || !is_below => {
                places.entry((*segment, *entry)).or_default().push((path, node));
            }
            Content::Directory if !is_below => {
                directories.push(Directory { path: path.clone(), mode: node.mode, uid: node.uid, gid: node.gid, mtime: node.mtime });
            }
            Content::File(_) | Content::Link(_) | Content::Local(_) if !is_below => drop(files.insert(path.clone(), node.clone())),
            _ => {}
        }
    }
    for (path, removed) in removed(below, root) {
        files.insert(path, removed);
    }
    let mut segments: Vec<(usize, Edits)> = (first..root.segments().len()).map(|segment| (segment, Edits::default())).collect();
    for (index, edits) in &mut segments {
        for (at, entry) in root.segments()[*index].entries.iter().enumerate() {
            let wanted = places.get(&(*index, at)).map_or(&[][..], Vec::as_slice);
            // An entry goes to its own place if it is wanted there, else to the first of the others.
            let place = wanted.iter().find(|(path, _)| **path == entry.path).or(wanted.first());
            let same = place.is_some_and(|(path, node)| {
                let rights = (node.mode, node.uid, node.gid) == (entry.mode, entry.uid, entry.gid) && node.capabilities.is_none();
                **path == entry.path && rights
            });
            if !same {
                edits.paths.insert(entry.path.clone(), place.map(|(path, node)| placed(path, node)));
            }
        }
    }
    segments.sort_by(|(a, _), (b, _)| root.segments()[*a].package.cmp(&root.segments()[*b].package));
    // What appears again: changed entries of segments below, and further copies of an entry.
    for ((segment, at), wanted) in &places {
        let entry = &root.segments()[*segment].entries[*at];
        let kept = wanted.iter().find(|(path, _)| **path == entry.path).or(wanted.first()).filter(|_| *segment >= first);
        for (path, node) in wanted.iter().filter(|(path, _)| kept.is_none_or(|(kept, _)| kept != path)) {
            let free = |edits: &Edits| edits.only && !edits.paths.contains_key(&entry.path);
            let known = segments.iter().position(|(index, edits)| index == segment && free(edits));
            let known = known.unwrap_or_else(|| {
                segments.push((*segment, Edits { only: true, ..Edits::default() }));
                segments.len() - 1
            });
            segments[known].1.paths.insert(entry.path.clone(), Some(placed(path, node)));
        }
    }
    let own = &root.segments()[first..];
    LayerPlan {
        directories,
        segments: segments.into_iter().map(|(index, edits)| (root.segments()[index].clone(), edits)).collect(),
        files: files.into_iter().collect(),
        newest: own.iter().map(|segment| segment.newest).max().unwrap_or(0),
        remarks: root.remarks.clone(),
        packages: own.len(),
        local: 0,
        part,
    }
}

fn placed(path: &str, node: &Node) -> Placed {
    Placed { path: path.to_owned(), mode: node.mode, uid: node.uid, gid: node.gid, capabilities: node.capabilities.clone() }
}

/// Whiteouts (image-spec, "Whiteouts") for what is in `below` and no longer in `root`; of a removed folder, one for all of it.
fn removed(below: &Root, root: &Root) -> Vec<(String, Node)> {
    let mut out: Vec<(String, Node)> = Vec::new();
    let mut last: Option<&str> = None;
    for path in below.nodes().keys().filter(|path| !root.nodes().contains_key(*path)) {
        if last.is_some_and(|last| path.strip_prefix(last).is_some_and(|rest| rest.starts_with('/'))) {
            continue;
        }
        let (folder, name) = path.rsplit_once('/').map_or((String::new(), path.as_str()), |(f, name)| (format!("{f}/"), name));
        out.push((format!("{folder}.wh.{name}"), Node::file(Vec::new(), 0)));
        last = Some(path);
    }
    out
}

impl LayerPlan {
    /// Identifies the layer's bytes: equal recipes make equal blobs.
    pub(in super::super) fn recipe(&self) -> Digest {
        let given = |set: &Option<Box<Capabilities>>| set.as_ref().map(|set| format!("({set}) ")).unwrap_or_default();
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
        for (segment, edits) in &self.segments {
            text(format!("s {} {} {}", segment.format, segment.sha256.0, edits.only).as_bytes());
            for (path, placed) in &edits.paths {
                text(path.as_bytes());
                let placed = placed.as_ref().map(|p| format!("{}{:o} {} {} {}", given(&p.capabilities), p.mode, p.uid, p.gid, p.path));
                text(placed.unwrap_or_default().as_bytes());
            }
        }
        for (path, node) in &self.files {
            let given = given(&node.capabilities);
            text(format!("f {given}{:o} {} {} {} {path}", node.mode, node.uid, node.gid, node.mtime).as_bytes());
            match &node.content {
                Content::File(bytes) => text(bytes),
                Content::Link(target) => text(format!("-> {target}").as_bytes()),
                Content::Local(content) => text(content.digest().to_string().as_bytes()),
                Content::Directory | Content::Packaged { .. } => {}
            }
        }
        hasher.finish()
    }
}
