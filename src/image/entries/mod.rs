//! The entries of a layer, packed: a path is a folder's number and a name, a row has 20 bytes, and what few files have (an ELF
//! header, an interpreter line, capabilities) is kept aside. A hundred thousand ordinary files take some 4 MiB.

mod entry_ref;
mod json;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

pub use self::entry_ref::{EntryRef, KindRef};
use super::{Elf, Entry, EntryKind, FileCapabilities};

/// The entries of one layer, in the order of its tar.
#[derive(Clone, Default)]
pub struct Entries {
    rows: Vec<Row>,
    /// Names, each with the target behind it when it is a link's; and names of folders.
    text: String,
    /// What paths go through, without the root; each after the one it is in.
    folders: Vec<Folder>,
    owners: Vec<(u64, u64)>,
    /// What does not fit into a row.
    files: Vec<File>,
    growing: Growing,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    folder: u32,
    name: u32,
    /// A file's length, a link's target's length, or the place in `files`.
    extra: u32,
    owner: u32,
    name_length: u16,
    /// The mode's 12 bits, and a [`Tag`] above them.
    mode: u16,
}

#[derive(Clone, Copy)]
struct Folder {
    parent: u32,
    name: u32,
    name_length: u16,
}

#[derive(Clone)]
struct File {
    size: u64,
    elf: Option<Elf>,
    shebang: Option<Box<str>>,
    capabilities: Option<Box<FileCapabilities>>,
}

impl File {
    /// How many bytes of memory it takes besides itself.
    fn more(&self) -> usize {
        let elf = self.elf.as_ref().map_or(0, Elf::memory);
        elf + self.shebang.as_ref().map_or(0, |line| line.len()) + self.capabilities.as_ref().map_or(0, |some| some.memory())
    }
}

/// What an entry is, in a row.
#[derive(Clone, Copy)]
enum Tag {
    Small,
    Large,
    Directory,
    Symlink,
    HardLink,
    Special,
    Whiteout,
    Opaque,
}

/// What is needed only while entries are added: where a folder or an owner is.
#[derive(Clone, Default)]
struct Growing {
    hasher: RandomState,
    folders: HashMap<u64, u32>,
    owners: HashMap<(u64, u64), u32>,
    /// The folder of the last entry: nearly always also that of the next.
    last: (String, u32),
}

/// What a folder takes while entries are added, its name apart, and later when it is merged with those of other layers.
const FOLDER_COST: usize = size_of::<Folder>() + 32 + MERGED_FOLDER;
/// The latter: a place in a B-tree, a number, and its name.
pub(crate) const MERGED_FOLDER: usize = 96;
/// The same of an owner.
const OWNER_COST: usize = size_of::<(u64, u64)>() + 48;

impl Entries {
    /// Adds `entry`, and says how many bytes of memory that took; `None`, and nothing is added, when there is no room for more
    /// (4 GiB of names), or a name or mode is beyond what tars have.
    pub fn push(&mut self, entry: Entry) -> Option<usize> {
        let (folder_path, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        let mut cost = 0;
        let folder = match self.growing.last.0 == folder_path {
            true => self.growing.last.1,
            false => {
                let mut folder = 0;
                for part in folder_path.split('/').filter(|part| !part.is_empty()) {
                    folder = self.folder(folder, part, &mut cost)?;
                }
                self.growing.last = (folder_path.to_owned(), folder);
                folder
            }
        };
        self.push_in(folder, name, entry.kind, entry.mode, (entry.uid, entry.gid)).map(|more| cost + more)
    }

    /// Adds an entry of a known folder.
    pub(super) fn push_in(&mut self, folder: u32, name: &str, kind: EntryKind, mode: u32, owner: (u64, u64)) -> Option<usize> {
        let mut cost = size_of::<Row>() + name.len();
        let owner = self.owner(owner, &mut cost)?;
        let (at, name_length) = self.add_text(name)?;
        let (tag, extra) = match kind {
            EntryKind::File { size, elf: None, shebang: None, capabilities: None } if size <= u64::from(u32::MAX) => {
                (Tag::Small, size as u32)
            }
            EntryKind::File { size, elf, shebang, capabilities } => {
                let file = File { size, elf, shebang: shebang.map(Into::into), capabilities };
                cost += size_of::<File>() + file.more();
                self.files.push(file);
                (Tag::Large, u32::try_from(self.files.len() - 1).ok()?)
            }
            EntryKind::Directory => (Tag::Directory, 0),
            EntryKind::Symlink { target } => (Tag::Symlink, self.add_target(&target, &mut cost)?),
            EntryKind::HardLink { target } => (Tag::HardLink, self.add_target(&target, &mut cost)?),
            EntryKind::Special => (Tag::Special, 0),
            EntryKind::Whiteout => (Tag::Whiteout, 0),
            EntryKind::Opaque => (Tag::Opaque, 0),
        };
        u32::try_from(self.rows.len() + 1).ok()?;
        let mode = u16::try_from(mode).ok().filter(|mode| *mode <= 0o7777)? | (tag as u16) << 12;
        self.rows.push(Row { folder, name: at, extra, owner, name_length, mode });
        Some(cost)
    }

    /// The folder `name` in `parent`, new or known.
    fn folder(&mut self, parent: u32, name: &str, cost: &mut usize) -> Option<u32> {
        let mut hash = self.growing.hasher.hash_one((parent, name));
        while let Some(known) = self.growing.folders.get(&hash) {
            if self.parent(*known) == (parent, name) {
                return Some(*known);
            }
            hash = hash.wrapping_add(1);
        }
        let id = self.add_folder(parent, name)?;
        self.growing.folders.insert(hash, id);
        *cost += FOLDER_COST + name.len();
        Some(id)
    }

    pub(super) fn add_folder(&mut self, parent: u32, name: &str) -> Option<u32> {
        let (name, name_length) = self.add_text(name)?;
        self.folders.push(Folder { parent, name, name_length });
        u32::try_from(self.folders.len()).ok()
    }

    fn owner(&mut self, owner: (u64, u64), cost: &mut usize) -> Option<u32> {
        if let Some(known) = self.growing.owners.get(&owner) {
            return Some(*known);
        }
        let next = u32::try_from(self.owners.len()).ok()?;
        self.owners.push(owner);
        self.growing.owners.insert(owner, next);
        *cost += OWNER_COST;
        Some(next)
    }

    fn add_text(&mut self, text: &str) -> Option<(u32, u16)> {
        let at = u32::try_from(self.text.len()).ok().filter(|at| at.checked_add(u32::from(u16::MAX) * 2).is_some())?;
        let length = u16::try_from(text.len()).ok()?;
        self.text.push_str(text);
        Some((at, length))
    }

    fn add_target(&mut self, target: &str, cost: &mut usize) -> Option<u32> {
        *cost += target.len();
        self.add_text(target).map(|(_, length)| u32::from(length))
    }

    /// Lets go of what only adding needs.
    pub fn finish(&mut self) {
        self.growing = Growing::default();
        self.rows.shrink_to_fit();
        self.text.shrink_to_fit();
        self.folders.shrink_to_fit();
        self.files.shrink_to_fit();
    }

    /// How many bytes of memory they take, once finished.
    pub fn memory(&self) -> usize {
        size_of_val(&self.rows[..])
            + self.text.len()
            + size_of_val(&self.folders[..])
            + size_of_val(&self.owners[..])
            + size_of_val(&self.files[..])
            + self.files.iter().map(File::more).sum::<usize>()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The entry number `at`.
    pub fn get(&self, at: usize) -> Option<EntryRef<'_>> {
        let row = self.rows.get(at)?;
        let (uid, gid) = self.owners.get(row.owner as usize).copied()?;
        let target = || self.text_at(row.name + u32::from(row.name_length), row.extra as usize);
        let kind = match row.mode >> 12 {
            tag if tag == Tag::Small as u16 => EntryKind::File { size: row.extra.into(), elf: None, shebang: None, capabilities: None },
            tag if tag == Tag::Large as u16 => {
                let file = self.files.get(row.extra as usize)?;
                let (elf, shebang, capabilities) = (file.elf.as_ref(), file.shebang.as_deref(), file.capabilities.as_deref());
                EntryKind::File { size: file.size, elf, shebang, capabilities }
            }
            tag if tag == Tag::Directory as u16 => EntryKind::Directory,
            tag if tag == Tag::Symlink as u16 => EntryKind::Symlink { target: target() },
            tag if tag == Tag::HardLink as u16 => EntryKind::HardLink { target: target() },
            tag if tag == Tag::Special as u16 => EntryKind::Special,
            tag if tag == Tag::Whiteout as u16 => EntryKind::Whiteout,
            _ => EntryKind::Opaque,
        };
        let name = self.text_at(row.name, row.name_length.into());
        Some(EntryRef { kind, mode: u32::from(row.mode & 0o7777), uid, gid, folder: row.folder, name, entries: self, row })
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> + Clone {
        (0..self.rows.len()).filter_map(|at| self.get(at))
    }

    /// How many folders paths go through, the root with them: their numbers are below this.
    pub fn folders(&self) -> usize {
        self.folders.len() + 1
    }

    /// The folder that the folder number `folder` is in, and its name there; the root is in itself, without a name.
    pub fn parent(&self, folder: u32) -> (u32, &str) {
        match (folder as usize).checked_sub(1).and_then(|at| self.folders.get(at)) {
            Some(folder) => (folder.parent, self.text_at(folder.name, folder.name_length.into())),
            None => (0, ""),
        }
    }

    /// The name of the folder of the root that a folder is in, or is; empty for the root itself.
    pub fn top(&self, folder: u32) -> &str {
        let (mut top, mut at) = ("", folder);
        while at != 0 {
            (at, top) = self.parent(at);
        }
        top
    }

    /// The names on the way from the root to a folder.
    pub fn folder_names(&self, folder: u32) -> Vec<&str> {
        let (mut names, mut at) = (Vec::new(), folder);
        while at != 0 {
            let (parent, name) = self.parent(at);
            names.push(name);
            at = parent;
        }
        names.reverse();
        names
    }

    fn text_at(&self, at: u32, length: usize) -> &str {
        self.text.get(at as usize..at as usize + length).unwrap_or_default()
    }
}

impl PartialEq for Entries {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (EntryRef<'_>, EntryRef<'_>)| a.is_like(&b) && a.path() == b.path();
        self.len() == other.len() && self.iter().zip(other.iter()).all(same)
    }
}

impl Eq for Entries {}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|entry| entry.at(entry.path()))).finish()
    }
}

impl FromIterator<Entry> for Entries {
    /// Of entries that a tar can have; what it cannot is left out.
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut out = Entries::default();
        for entry in entries {
            let _ = out.push(entry);
        }
        out.finish();
        out
    }
}
