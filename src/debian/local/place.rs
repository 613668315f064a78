//! Puts each local thing where it goes among what the packages bring: physical path, owner, and what it replaces.

use std::collections::BTreeSet;

use super::gather::{Item, Node as What};
use super::{Accounts, Local};
use crate::debian::rootfs::{Content, MAX_LINKS, Node, Root};
use crate::debian::segment::canonical::{MERGED, canonical, canonical_directory, parent};
use crate::{Error, Result};

/// What was put into an image.
#[derive(Debug, Default)]
pub(in super::super) struct Placed {
    /// How many files and links.
    pub count: usize,
    /// What the user should know.
    pub remarks: Vec<String>,
}

/// Puts `local` into `root`; `mtime` is what everything carries.
///
/// # Errors
/// Something would replace a directory, lie below a file, or belong to nobody.
pub(in super::super) fn place(local: &Local, root: &mut Root, mtime: u64) -> Result<Placed> {
    let mut placing = Placing { root, placed: BTreeSet::new(), mtime };
    // Owners are looked up in the image's accounts, which the project may bring itself: those come first.
    let is_account = |to: &str| matches!(to, "etc/passwd" | "etc/group");
    let (accounts, others): (Vec<_>, Vec<_>) = local.items.iter().partition(|(to, _)| is_account(to));
    let mut remarks = Vec::new();
    for (to, item) in accounts {
        let ids = ids(item, &Accounts::of(placing.root)?, to)?;
        remarks.extend(placing.put(to, item, ids)?);
    }
    let accounts = Accounts::of(placing.root)?;
    for (to, item) in others {
        let ids = ids(item, &accounts, to)?;
        remarks.extend(placing.put(to, item, ids)?);
    }
    Ok(Placed { count: placing.placed.len(), remarks })
}

fn ids(item: &Item, accounts: &Accounts, to: &str) -> Result<(u64, u64)> {
    match &item.owner {
        None => Ok((0, 0)),
        Some(owner) => accounts.ids(owner).map_err(|error| error.context(format!("the owner of /{to}"))),
    }
}

struct Placing<'a> {
    root: &'a mut Root,
    /// What was put so far.
    placed: BTreeSet<String>,
    mtime: u64,
}

impl Placing<'_> {
    /// Puts one item; the remark says what it replaces.
    fn put(&mut self, to: &str, item: &Item, (uid, gid): (u64, u64)) -> Result<Option<String>> {
        let content = match &item.node {
            What::Directory => {
                let path = self.physical(&canonical_directory(to), true)?;
                if self.placed.contains(&path) && !self.root.has_directory(&path) {
                    return Err(Error::usage(format!("/{to} is a folder in {} and a file from elsewhere", item.source)));
                }
                if !self.root.has_directory(&path) {
                    self.parents(&path);
                    self.root.replace(path, Node { uid, gid, ..Node::directory(item.mode, self.mtime) });
                }
                return Ok(None);
            }
            What::File(content) => Content::Local(content.clone()),
            What::Link(target) => Content::Link(target.clone()),
        };
        let path = self.physical(&canonical(to), false)?;
        self.check_replaced(&path, item)?;
        let replaced = self.owner(&path).map(|what| format!("{} replaces /{path} of {what}", item.source));
        self.parents(&path);
        if !self.placed.insert(path.clone()) {
            return Err(Error::usage(format!("two entries of `files` and `links` are /{path} in the image")).hint("leave one of them out"));
        }
        self.root.replace(path, Node { content, mode: item.mode, uid, gid, mtime: self.mtime, capabilities: None });
        Ok(replaced)
    }

    /// Whose file is at `path`, if there is one.
    fn owner(&self, path: &str) -> Option<String> {
        match self.root.nodes().get(path)?.content {
            Content::Packaged { segment, .. } => Some(self.root.segments()[segment].package.clone()),
            Content::File(_) | Content::Link(_) if !self.placed.contains(path) => Some("what Catamaran generates".to_owned()),
            _ => None,
        }
    }

    /// Where `path` really is, links on the way followed; with `through` also one at its end.
    fn physical(&self, path: &str, through: bool) -> Result<String> {
        let circle =
            || Error::usage(format!("/{path} leads through more than {MAX_LINKS} links")).hint("one of `links` leads back to itself");
        let at = if through { self.root.physical(path) } else { self.root.place(path) }.ok_or_else(circle)?;
        let folders = at.match_indices('/').map(|(end, _)| &at[..end]).chain(through.then_some(at.as_str()));
        match folders.into_iter().find(|folder| !self.root.has_directory(folder) && self.root.nodes().contains_key(*folder)) {
            Some(file) => Err(Error::usage(format!("/{file} is a file in the image, so nothing can be put below it as /{path}"))
                .hint("choose another place with `to`")),
            None => Ok(at),
        }
    }

    /// Refuses what would replace a directory.
    fn check_replaced(&self, path: &str, item: &Item) -> Result<()> {
        let reached = self.root.physical(path).unwrap_or_default();
        if MERGED.contains(&path) || (!reached.is_empty() && self.root.has_directory(&reached)) {
            return Err(Error::usage(format!("{} cannot become /{path}, which is a directory in the image", item.source))
                .hint("name the file in it: `to = \"/DIRECTORY/FILE\"`"));
        }
        Ok(())
    }

    /// Makes the directories above `path` that there are not yet.
    fn parents(&mut self, path: &str) {
        let mut folder = parent(path);
        while !folder.is_empty() && !self.root.nodes().contains_key(folder) {
            self.root.replace(folder.to_owned(), Node::directory(0o755, self.mtime));
            folder = parent(folder);
        }
    }
}
