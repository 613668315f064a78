//! Reads what the project has for an image: every file of `files`, folders walked, and the links of `links`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Serialize;

use super::{Content, memo};
use crate::catalog::{Container, FileContent, LocalFile, Target};
use crate::debian::segment::canonical::unfit_name;
use crate::error::IoContext;
use crate::{Error, Result};

/// More than this is no folder that someone meant.
const MAX_ENTRIES: usize = 200_000;
/// Folders within folders; beyond it paths are longer than an image can have.
const MAX_DEPTH: usize = 128;

/// What a target takes from the project, by path in the image (without leading slash), as `containers.toml` names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(in super::super) struct Local {
    pub(super) items: BTreeMap<String, Item>,
    /// `SOURCE_DATE_EPOCH`, if it is set: the modification time of everything local.
    pub(super) epoch: Option<u64>,
}

/// One thing to put into the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Item {
    pub node: Node,
    pub mode: u32,
    /// `user[:group]`, by name or number; root if absent.
    pub owner: Option<String>,
    /// Where it comes from, for messages.
    #[serde(skip)]
    pub source: String,
}

/// What it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Node {
    File(Content),
    Link(String),
    Directory,
}

impl Local {
    /// Whether nothing is taken from the project.
    pub(in super::super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The modification time of everything local: `SOURCE_DATE_EPOCH`, else `newest` of the packages. A checkout's own times
    /// differ from machine to machine.
    pub(in super::super) fn mtime(&self, newest: u64) -> u64 {
        self.epoch.unwrap_or(newest)
    }
}

/// What `target` of `container` takes from the project in `folder`; hashes are remembered below `cache`.
///
/// # Errors
/// A usage error when something is not there or cannot go into an image, with the container, the path and what it became.
pub(in super::super) fn gather(folder: &Path, container: &Container, target: &Target, cache: &Path) -> Result<Local> {
    let mut gathering = Gathering { items: BTreeMap::new(), memos: cache.join("debian/local") };
    for file in &container.files {
        gathering.file(folder, target, file).map_err(|error| error.context(target))?;
    }
    for (path, to) in &container.links {
        let node = Node::Link(to.clone());
        let item = Item { node, mode: 0o777, owner: None, source: format!("`links` of {}", container.name) };
        gathering.add(path.trim_start_matches('/').to_owned(), item).map_err(|error| error.context(target))?;
    }
    let epoch = if gathering.items.is_empty() { None } else { source_date_epoch()? };
    Ok(Local { items: gathering.items, epoch })
}

/// `SOURCE_DATE_EPOCH` (reproducible-builds.org): the newest time anything in a build may carry.
fn source_date_epoch() -> Result<Option<u64>> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty()) else { return Ok(None) };
    let seconds = value.to_str().and_then(|text| text.parse().ok()).filter(|seconds| *seconds < 1 << 40);
    let error = || Error::usage(format!("SOURCE_DATE_EPOCH is `{}`", value.display())).hint("seconds since 1970, or unset it");
    seconds.map(Some).ok_or_else(error)
}

struct Gathering {
    items: BTreeMap<String, Item>,
    memos: std::path::PathBuf,
}

impl Gathering {
    fn file(&mut self, folder: &Path, target: &Target, file: &LocalFile) -> Result<()> {
        let to = file.to.trim_start_matches('/');
        let from = match &file.content {
            FileContent::Text(text) => {
                let source = "`text` in containers.toml".to_owned();
                let node = Node::File(Content::Text(text.clone()));
                return self.add(to.to_owned(), Item { node, mode: file.mode.unwrap_or(0o644), owner: file.owner.clone(), source });
            }
            FileContent::From(template) => template,
        };
        let path = from.path(folder, target.architecture);
        // What the file names may be a link, as build systems make them; links within a folder stay links.
        let metadata = fs::metadata(&path).map_err(|error| {
            let shown = match from.as_str().contains('{') {
                true => format!("`{}`, which is {} for {},", from.as_str(), path.display(), target.architecture),
                false => format!("`{}` ({})", from.as_str(), path.display()),
            };
            let what =
                if error.kind() == std::io::ErrorKind::NotFound { "does not exist".to_owned() } else { format!("cannot be read: {error}") };
            Error::usage(format!("{shown} for {} {what}", file.to)).hint("build it first, or correct `from` of that entry of `files`")
        })?;
        if metadata.is_dir() {
            self.folder(&path, to, file, 0)
        } else if to.is_empty() {
            Err(Error::usage(format!("{} is no folder and cannot become `/`", path.display())).hint("name the file it becomes"))
        } else {
            self.leaf(&path, to, file, &metadata)
        }
    }

    /// A folder and all below it, in the order of names.
    fn folder(&mut self, path: &Path, to: &str, file: &LocalFile, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::usage(format!("{} lies more than {MAX_DEPTH} folders deep", path.display())));
        }
        if !to.is_empty() {
            let item = Item { node: Node::Directory, mode: 0o755, owner: file.owner.clone(), source: path.display().to_string() };
            self.add(to.to_owned(), item)?;
        }
        let mut entries = fs::read_dir(path).at("reading", path)?.collect::<std::io::Result<Vec<_>>>().at("reading", path)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let below = entry.path();
            let name = entry.file_name();
            let name = name.to_str().filter(|name| !name.contains('\n'));
            let name = name.ok_or_else(|| Error::usage(format!("the name of {below:?} is not plain text")).hint("rename it"))?;
            let to = if to.is_empty() { name.to_owned() } else { format!("{to}/{name}") };
            let metadata = fs::symlink_metadata(&below).at("reading", &below)?;
            if metadata.is_dir() {
                self.folder(&below, &to, file, depth + 1)?;
            } else if metadata.is_symlink() {
                let target = fs::read_link(&below).at("reading", &below)?;
                let target = target.to_str().ok_or_else(|| Error::usage(format!("the target of {} is not plain text", below.display())))?;
                let node = Node::Link(target.to_owned());
                self.add(to, Item { node, mode: 0o777, owner: file.owner.clone(), source: below.display().to_string() })?;
            } else {
                self.leaf(&below, &to, file, &metadata)?;
            }
        }
        Ok(())
    }

    fn leaf(&mut self, path: &Path, to: &str, file: &LocalFile, metadata: &fs::Metadata) -> Result<()> {
        if !metadata.is_file() {
            return Err(Error::usage(format!("{} is neither a file, a folder nor a link", path.display()))
                .hint("devices, sockets and pipes are made when a container runs; take it out of `files`"));
        }
        // Only whether it may be executed: the rest is the umask of whoever made it.
        let mode = file.mode.unwrap_or(if metadata.permissions().mode() & 0o100 != 0 { 0o755 } else { 0o644 });
        let (size, digest) = memo::digest(path, &self.memos)?;
        let node = Node::File(Content::File { path: path.to_owned(), size, digest });
        self.add(to.to_owned(), Item { node, mode, owner: file.owner.clone(), source: path.display().to_string() })
    }

    /// Adds `item` at `to`; only directories may come from several places.
    fn add(&mut self, to: String, item: Item) -> Result<()> {
        if let Some(why) = to.split('/').find_map(unfit_name) {
            let error = Error::usage(format!("{} cannot become /{to}: {why}", item.source));
            return Err(error.hint("give it another name, or take it out of `files` or `links`"));
        }
        if self.items.len() >= MAX_ENTRIES {
            return Err(Error::usage(format!("`files` has more than {MAX_ENTRIES} entries")).hint("is it the right folder?"));
        }
        match self.items.get(&to) {
            Some(known) if known.node == Node::Directory && item.node == Node::Directory => Ok(()),
            Some(known) => {
                Err(Error::usage(format!("/{to} comes from {} and from {}", known.source, item.source)).hint("leave one of them out"))
            }
            None => {
                self.items.insert(to, item);
                Ok(())
            }
        }
    }
}
