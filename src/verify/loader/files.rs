//! Looking for files in folders, each question asked of the merged file system once and all of them counted.

use std::collections::HashMap;

use crate::image::{Elf, EntryKind, EntryRef};
use crate::verify::rootfs::{Lookup, MergedRoot};

/// A folder of the image, told apart by its real path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) struct FolderId(usize);

/// A file as it was opened: by a name in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) struct ObjectId(usize);

/// The image asks for more searching than is done.
#[derive(Debug)]
pub(in crate::verify) struct Exhausted;

/// A file that a loader may open.
#[derive(Debug)]
pub(in crate::verify) struct Object<'a> {
    /// Where it really is, without leading slash.
    pub path: String,
    /// The folder it was opened in: `$ORIGIN`.
    pub origin: FolderId,
    /// The layer it comes from.
    pub layer: usize,
    /// What it is.
    pub entry: EntryRef<'a>,
}

impl<'a> Object<'a> {
    /// What it says as an ELF file, if it is a whole one.
    pub(in crate::verify) fn elf(&self) -> Option<&'a Elf> {
        match self.entry.kind {
            EntryKind::File { elf, .. } => elf.filter(|elf| elf.damage.is_none()),
            _ => None,
        }
    }

    /// The same for all hard links of a file, as device and inode are.
    pub(in crate::verify) fn inode(&self) -> usize {
        self.entry.identity()
    }
}

struct Folder {
    path: String,
    /// What is behind the names that were asked for.
    names: HashMap<Box<str>, Option<ObjectId>>,
}

/// The files of an image, as far as somebody asked for them.
pub(super) struct Files<'a> {
    root: &'a MergedRoot<'a>,
    /// Work that may still be done.
    left: u64,
    written: HashMap<String, Option<FolderId>>,
    real: HashMap<String, FolderId>,
    folders: Vec<Folder>,
    objects: Vec<Object<'a>>,
}

impl<'a> Files<'a> {
    /// `work` bounds how much is done: looking up one name of a path is one, or more when the path is long.
    pub(super) fn new(root: &'a MergedRoot<'a>, work: u64) -> Self {
        Files { root, left: work, written: HashMap::new(), real: HashMap::new(), folders: Vec::new(), objects: Vec::new() }
    }

    /// Counts `work`.
    pub(super) fn charge(&mut self, work: usize) -> Result<(), Exhausted> {
        self.left = self.left.checked_sub(work as u64).ok_or(Exhausted)?;
        Ok(())
    }

    pub(super) fn object(&self, id: ObjectId) -> &Object<'a> {
        &self.objects[id.0]
    }

    /// The real path of a folder, without leading slash.
    pub(super) fn path(&self, id: FolderId) -> &str {
        &self.folders[id.0].path
    }

    /// The folder called `written`, from the root; `None` when it is none.
    pub(super) fn folder(&mut self, written: &str) -> Result<Option<FolderId>, Exhausted> {
        self.charge(1 + written.len() / 64)?;
        if let Some(known) = self.written.get(written) {
            return Ok(*known);
        }
        let (found, work) = self.root.lookup_counted(written);
        self.charge(work)?;
        let id = match found {
            Lookup::Found(path, node) if node.is_directory() => Some(self.real_folder(path)),
            _ => None,
        };
        self.written.insert(written.to_owned(), id);
        Ok(id)
    }

    fn real_folder(&mut self, path: String) -> FolderId {
        let next = FolderId(self.folders.len());
        let id = *self.real.entry(path.clone()).or_insert(next);
        if id == next {
            self.folders.push(Folder { path, names: HashMap::new() });
        }
        id
    }

    /// The file that opening `name` in `folder` gives.
    pub(super) fn open(&mut self, folder: FolderId, name: &str) -> Result<Option<ObjectId>, Exhausted> {
        self.charge(1 + name.len() / 64)?;
        if let Some(known) = self.folders[folder.0].names.get(name) {
            return Ok(*known);
        }
        let path = format!("{}/{name}", self.folders[folder.0].path);
        let (found, work) = self.root.lookup_counted(&path);
        self.charge(work)?;
        let id = match found {
            Lookup::Found(path, node) => match node.entry.filter(|entry| entry.kind != EntryKind::Directory) {
                Some(entry) => {
                    self.objects.push(Object { path, origin: folder, layer: node.layer, entry });
                    Some(ObjectId(self.objects.len() - 1))
                }
                None => None,
            },
            _ => None,
        };
        self.folders[folder.0].names.insert(name.into(), id);
        Ok(id)
    }

    /// The file at a path from the root.
    pub(super) fn open_path(&mut self, path: &str) -> Result<Option<ObjectId>, Exhausted> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        match self.folder(folder)? {
            Some(folder) => self.open(folder, name),
            None => Ok(None),
        }
    }
}
