//! Paths followed through links, as the kernel does (path_resolution(7)).

use super::{MergedRoot, NONE, Node, Slot};
use crate::image::EntryKind;

/// The kernel's limit of symbolic links in one resolution (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;
/// A resolution is also bounded in length: a few links of many names each could grow for ever.
const MAX_NAMES: usize = 4096;

/// How looking up a path ended.
#[derive(Clone, Debug)]
pub enum Lookup<'a> {
    /// It is there, at this real path.
    Found(String, Node<'a>),
    /// Nothing is at this real path, the first that is missing on the way.
    Missing(String),
    /// More than 40 links.
    Loop,
    /// This real path on the way is no folder.
    NotAFolder(String),
}

/// One name of a real path, and what is there.
pub(super) struct Step<'p> {
    pub name: &'p str,
    pub slot: Option<Slot>,
}

pub(super) enum Ended {
    There,
    Missing(String),
    NotAFolder(String),
    Loop,
}

impl<'a> MergedRoot<'a> {
    /// What `path` leads to, all links followed. `path` is taken from the root, with or without leading slash.
    pub fn lookup(&self, path: &str) -> Lookup<'a> {
        self.lookup_counted(path).0
    }

    /// Like [`MergedRoot::lookup`], with how much work it was: the names looked at, long paths counting more.
    pub(in crate::verify) fn lookup_counted(&self, path: &str) -> (Lookup<'a>, usize) {
        let (real, ended, work) = self.walk(split(path));
        let lookup = match ended {
            // Links may have led back to what is there, by way of what is not.
            Ended::There => match real.last().map_or(Some(self.root), |step| step.slot) {
                Some(slot) => Lookup::Found(text(&real), self.node(slot)),
                None => Lookup::Missing(text(&real)),
            },
            Ended::Missing(at) => Lookup::Missing(at),
            Ended::NotAFolder(at) => Lookup::NotAFolder(at),
            Ended::Loop => Lookup::Loop,
        };
        (lookup, work)
    }

    /// The folders in which names are looked for on the way to `path`, in that order: whoever wants to get there has to be let
    /// into all of them (path_resolution(7)).
    pub(in crate::verify) fn folders_to(&self, path: &str) -> Vec<(String, Node<'a>)> {
        let mut folders: Vec<(String, Node<'a>)> = Vec::new();
        self.walk_through(split(path), |real| {
            let folder = text(real);
            if let Some(node) = self.get(&folder).filter(|_| folders.iter().all(|(known, _)| *known != folder)) {
                folders.push((folder, node));
            }
        });
        folders
    }

    /// Where the link at `path` with this `target` leads.
    pub fn follow(&self, path: &str, target: &str) -> Lookup<'a> {
        match target.starts_with('/') {
            true => self.lookup(target),
            false => self.lookup(&format!("{}/{target}", path.rsplit_once('/').map_or("", |(folder, _)| folder))),
        }
    }

    /// Follows `names`, the last of which is looked at first, from the root as far as they exist; names that do not exist are
    /// appended as they are. The number tells how much work it was.
    pub(super) fn walk<'p>(&self, names: Vec<&'p str>) -> (Vec<Step<'p>>, Ended, usize)
    where
        'a: 'p,
    {
        self.walk_through(names, |_| {})
    }

    /// The same; `searched` hears of every folder in which a name is looked for.
    fn walk_through<'p>(&self, mut names: Vec<&'p str>, mut searched: impl FnMut(&[Step<'p>])) -> (Vec<Step<'p>>, Ended, usize)
    where
        'a: 'p,
    {
        let (mut real, mut links, mut work, mut length): (Vec<Step<'p>>, _, _, _) = (Vec::new(), 0, 0, 0);
        let mut ended = Ended::There;
        while let Some(name) = names.pop() {
            searched(&real);
            if name == ".." {
                length -= real.pop().map_or(0, |step| step.name.len() + 1);
                continue;
            }
            length += name.len() + 1;
            work += 1 + length / 64;
            let folder = real.last().map_or(Some(0), |step| step.slot.map(|slot| slot.folder)).unwrap_or(NONE);
            let slot = self.child(folder, name);
            let kind = slot.filter(|slot| slot.folder == NONE).and_then(|slot| self.entry(slot)).map(|entry| entry.kind);
            if let Some(EntryKind::Symlink { target }) = kind {
                links += 1;
                if links > MAX_LINKS || names.len() > MAX_NAMES {
                    return (real, Ended::Loop, work);
                }
                length -= name.len() + 1;
                if target.starts_with('/') {
                    real.clear();
                    length = 0;
                }
                names.extend(split(target));
                continue;
            }
            real.push(Step { name, slot });
            if matches!(ended, Ended::There) {
                match slot {
                    None => ended = Ended::Missing(text(&real)),
                    Some(slot) if slot.folder == NONE && !names.is_empty() => ended = Ended::NotAFolder(text(&real)),
                    Some(_) => {}
                }
            }
        }
        (real, ended, work)
    }
}

fn text(real: &[Step<'_>]) -> String {
    real.iter().map(|step| step.name).collect::<Vec<_>>().join("/")
}

/// The names of a path, last first.
pub(super) fn split(path: &str) -> Vec<&str> {
    path.rsplit('/').filter(|name| !matches!(*name, "" | ".")).collect()
}
