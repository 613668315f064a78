//! One entry of a layer, looked at where it lies.

use super::{Entries, Row};
use crate::image::{Elf, Entry, EntryKind, FileCapabilities};

/// What an entry that is looked at is.
pub type KindRef<'a> = EntryKind<&'a str, &'a Elf, &'a FileCapabilities>;

/// One entry, as [`Entries`] hands it out.
#[derive(Clone, Copy, Debug)]
pub struct EntryRef<'a> {
    /// What it is.
    pub kind: KindRef<'a>,
    /// Permission bits, with setuid, setgid and sticky (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// The folder it is in: a number of [`Entries::parent`]; 0 is the root.
    pub folder: u32,
    /// Its name in that folder; empty for the root itself.
    pub name: &'a str,
    pub(super) entries: &'a Entries,
    pub(super) row: &'a Row,
}

impl<'a> EntryRef<'a> {
    /// Its path, as [`Entry::path`] has it.
    pub fn path(&self) -> String {
        let mut path = self.entries.folder_names(self.folder).join("/");
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(self.name);
        path
    }

    /// The entry by itself, at `path`.
    pub fn at(&self, path: String) -> Entry {
        let kind = match self.kind {
            EntryKind::File { size, elf, shebang, capabilities } => {
                let capabilities = capabilities.cloned().map(Box::new);
                EntryKind::File { size, elf: elf.cloned(), shebang: shebang.map(str::to_owned), capabilities }
            }
            EntryKind::Directory => EntryKind::Directory,
            EntryKind::Symlink { target } => EntryKind::Symlink { target: target.to_owned() },
            EntryKind::HardLink { target } => EntryKind::HardLink { target: target.to_owned() },
            EntryKind::Special => EntryKind::Special,
            EntryKind::Whiteout => EntryKind::Whiteout,
            EntryKind::Opaque => EntryKind::Opaque,
        };
        Entry { path, kind, mode: self.mode, uid: self.uid, gid: self.gid }
    }

    /// Whether both say the same, whatever they are called.
    pub fn is_like(&self, other: &EntryRef<'_>) -> bool {
        (self.kind, self.mode, self.uid, self.gid) == (other.kind, other.mode, other.uid, other.gid)
    }

    /// Which entry it is: the same number for all hard links of a file, as device and inode are, and no other's.
    pub fn identity(&self) -> usize {
        std::ptr::from_ref(self.row).addr()
    }

    /// The layer's entries it is one of.
    pub fn of(&self) -> &'a Entries {
        self.entries
    }
}
