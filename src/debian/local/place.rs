//! Decides where each local thing goes among what the packages bring: physical path, owner, and what it replaces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::gather::{Item, Node};
use super::{Accounts, Content, Local};
use crate::debian::rootfs::{self, Rootfs, Union};
use crate::debian::segment::canonical::{MERGED, canonical, canonical_directory, join, parent};
use crate::debian::segment::{Directory, Segment};
use crate::image::{Entry, EntryKind};
use crate::{Error, Result};

/// Links followed before giving up, as the kernel does (`ELOOP`).
const MAX_LINKS: usize = 40;
/// An `/etc/passwd` larger than this is none.
const MAX_ACCOUNTS: u64 = 1 << 20;

/// A local file or link where it goes.
#[derive(Clone, Debug)]
pub(in super::super) struct Placed {
    /// Path, kind, mode and owner. Its ELF header is not read: nothing here asks for it, and `verify` reads the layer.
    pub entry: Entry,
    /// What a regular file holds.
    pub content: Option<Content>,
}

/// Everything local, placed.
#[derive(Debug, Default)]
pub(in super::super) struct Placement {
    /// Files and links, in order of path.
    pub files: Vec<Placed>,
    /// Directories that the packages do not have, in order of path.
    pub directories: Vec<Directory>,
    /// What the user should know.
    pub remarks: Vec<String>,
    /// The users and groups of the image, with what the project says about them.
    pub accounts: Accounts,
}

/// Places `local` in the image of `segments` and `rootfs`, which has `directories`; `mtime` is what everything carries.
///
/// # Errors
/// Something would replace a directory, lie below a file, or belong to nobody.
pub(in super::super) fn place(
    local: &Local,
    segments: &[Arc<Segment>],
    rootfs: &Rootfs,
    directories: &BTreeSet<&str>,
    mtime: u64,
) -> Result<Placement> {
    let union = Union::new(segments.iter());
    let accounts = Accounts::new(&account_file(local, rootfs, "etc/passwd")?, &account_file(local, rootfs, "etc/group")?);
    let mut placing = Placing { union, rootfs, directories, placed: BTreeMap::new(), made: BTreeMap::new() };
    let mut remarks = Vec::new();
    for (to, item) in &local.items {
        let (uid, gid) = match &item.owner {
            None => (0, 0),
            Some(owner) => accounts.ids(owner).map_err(|error| error.context(format!("the owner of /{to}")))?,
        };
        if item.node == Node::Directory {
            let path = placing.physical(&canonical_directory(to), true)?;
            if placing.placed.contains_key(&path) {
                return Err(Error::usage(format!("/{to} is a folder in {} and a file from elsewhere", item.source)));
            }
            if !placing.is_directory(&path) {
                placing.parents(&path, mtime);
                placing.made.insert(path.clone(), Directory { path, mode: item.mode, uid, gid, mtime });
            }
            continue;
        }
        let path = placing.physical(&canonical(to), false)?;
        placing.check_replaced(&path, item)?;
        if let Some(what) = placing.owner(&path) {
            remarks.push(format!("{} replaces /{path} of {what}", item.source));
        }
        placing.parents(&path, mtime);
        let (kind, content) = match &item.node {
            Node::File(content) => (EntryKind::File { size: content.size(), elf: None, shebang: None }, Some(content.clone())),
            Node::Link(target) => (EntryKind::Symlink { target: target.clone() }, None),
            Node::Directory => continue,
        };
        let placed = Placed { entry: Entry { path: path.clone(), kind, mode: item.mode, uid, gid }, content };
        if placing.placed.insert(path.clone(), placed).is_some() {
            return Err(Error::usage(format!("two entries of `files` and `links` are /{path} in the image")).hint("leave one of them out"));
        }
    }
    let Placing { placed, made, .. } = placing;
    Ok(Placement { files: placed.into_values().collect(), directories: made.into_values().collect(), remarks, accounts })
}

/// What `path`, an account file, will hold: the project's own, else the generated one.
fn account_file(local: &Local, rootfs: &Rootfs, path: &str) -> Result<Vec<u8>> {
    if let Some(Item { node: Node::File(content), .. }) = local.items.get(path) {
        if content.size() > MAX_ACCOUNTS {
            return Err(Error::usage(format!("what `files` puts at /{path} is too large for it")));
        }
        let mut bytes = Vec::new();
        content.read(&mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        return Ok(bytes);
    }
    Ok(match rootfs.files.get(path).map(|file| &file.content) {
        Some(rootfs::Content::File(bytes)) => bytes.clone(),
        _ => Vec::new(),
    })
}

struct Placing<'a> {
    union: Union<'a>,
    rootfs: &'a Rootfs,
    /// The directories of the packages.
    directories: &'a BTreeSet<&'a str>,
    placed: BTreeMap<String, Placed>,
    made: BTreeMap<String, Directory>,
}

/// What is at a path, if it is no directory.
enum There<'a> {
    Link(&'a str),
    Other,
}

impl<'a> There<'a> {
    fn of(entry: &'a Entry) -> Self {
        match &entry.kind {
            EntryKind::Symlink { target } => There::Link(target),
            _ => There::Other,
        }
    }
}

impl Placing<'_> {
    fn there(&self, path: &str) -> Option<There<'_>> {
        if let Some(placed) = self.placed.get(path) {
            return Some(There::of(&placed.entry));
        }
        if let Some(entry) = self.union.entry(path) {
            return Some(There::of(entry));
        }
        match &self.rootfs.files.get(path)?.content {
            rootfs::Content::Link(target) => Some(There::Link(target)),
            rootfs::Content::File(_) => Some(There::Other),
            rootfs::Content::Directory => None,
        }
    }

    fn is_directory(&self, path: &str) -> bool {
        path.is_empty() || self.directories.contains(path) || self.made.contains_key(path)
    }

    /// Whose file is at `path`, if there is one.
    fn owner(&self, path: &str) -> Option<String> {
        if self.union.entry(path).is_some() {
            return Some(
                self.union.packages().find(|s| s.entries.iter().any(|e| e.path == path)).map_or("a package".into(), |s| s.package.clone()),
            );
        }
        let generated = self.rootfs.files.get(path).filter(|file| file.content != rootfs::Content::Directory);
        generated.map(|_| "what Catamaran generates".to_owned())
    }

    /// Where `path` really is, links on the way followed; with `through` also one at its end.
    fn physical(&self, path: &str, through: bool) -> Result<String> {
        let mut at = path.to_owned();
        for _ in 0..MAX_LINKS {
            let ends = at.match_indices('/').map(|(end, _)| end).chain(through.then_some(at.len()));
            let Some((end, there)) = ends.filter_map(|end| Some((end, self.there(&at[..end])?))).next() else { return Ok(at) };
            let There::Link(target) = there else {
                return Err(Error::usage(format!("/{} is a file in the image, so nothing can be put below it as /{path}", &at[..end]))
                    .hint("choose another place with `to`"));
            };
            let reached = canonical_directory(&join(parent(&at[..end]), target));
            at = canonical(&format!("{reached}{}", &at[end..]));
        }
        Err(Error::usage(format!("/{path} leads through more than {MAX_LINKS} links")).hint("one of `links` leads back to itself"))
    }

    /// Refuses what would replace a directory.
    fn check_replaced(&self, path: &str, item: &Item) -> Result<()> {
        let leads_to_directory = match self.there(path) {
            Some(There::Link(_)) => self.physical(path, true).is_ok_and(|reached| self.is_directory(&reached)),
            _ => false,
        };
        if leads_to_directory || MERGED.contains(&path) || self.is_directory(path) {
            return Err(Error::usage(format!("{} cannot become /{path}, which is a directory in the image", item.source))
                .hint("name the file in it: `to = \"/DIRECTORY/FILE\"`"));
        }
        Ok(())
    }

    /// Makes the directories above `path` that there are not yet.
    fn parents(&mut self, path: &str, mtime: u64) {
        let mut folder = parent(path);
        while !self.is_directory(folder) {
            self.made.insert(folder.to_owned(), Directory { path: folder.to_owned(), mode: 0o755, uid: 0, gid: 0, mtime });
            folder = parent(folder);
        }
    }
}
