//! The tree a layer is made of: what lies below its store paths, each where it goes, and folders above that no path brings.
//!
//! As nix2container's `graph.go` builds it: paths in their order, and of two entries for one place the last, if they agree. Nothing of
//! the files is read. An entry takes about sixty bytes and its name, so that half a million fit into the memory a layer may take.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::document::StorePath;
use super::gone::store_path;
use super::members::Members;
use super::options::Owner;
use crate::{Error, Result};

/// What the entries of a layer and their names may take together.
const ROOM: usize = 56 << 20;
/// No entry.
pub(super) const NONE: u32 = u32::MAX;

/// Some bytes of [`Tree::names`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    at: u32,
    length: u32,
}

/// One place in the layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub name: Name,
    /// Which of [`Tree::folders`] holds what is below it; [`NONE`] when nothing is.
    folder: u32,
    /// `None` for what is there only because something is below it.
    pub entry: Option<Entry>,
}

/// What is put there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub kind: Kind,
    /// `0o7777` bits in the store, and in the layer.
    pub stored_mode: u32,
    pub mode: u32,
    /// Which of [`Tree::owners`].
    pub owner: u32,
    /// Which of the layer's store paths it came with.
    pub path: u32,
    pub source: Source,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Folder,
    File(u64),
    Link(Name),
}

/// Where something lies in the store: the way there from one of [`Tree::sources`], and its own name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    pub folder: u32,
    pub name: Name,
}

/// All entries of a layer.
pub(super) struct Tree {
    paths: Arc<[StorePath]>,
    /// Where relative paths begin.
    pub base: PathBuf,
    names: Vec<u8>,
    nodes: Vec<Node>,
    /// The nodes in each folder, in the order of their names' bytes.
    folders: Vec<Vec<u32>>,
    /// Folders of the store.
    sources: Vec<Source>,
    owners: Vec<Owner>,
    known_owners: HashMap<Owner, u32>,
}

impl Tree {
    /// Looks through `paths`; relative ones begin at `base`.
    ///
    /// # Errors
    /// Something is not there or cannot be looked at, two paths disagree about a place, or there are more entries than are looked at.
    pub(super) fn of(paths: Arc<[StorePath]>, base: &Path) -> Result<Self> {
        let mut tree = Tree {
            paths: Arc::clone(&paths),
            base: base.to_owned(),
            names: Vec::new(),
            nodes: Vec::new(),
            folders: vec![Vec::new()],
            sources: Vec::new(),
            owners: Vec::new(),
            known_owners: HashMap::new(),
        };
        // The first one: of folders that no path brings.
        tree.owned_by(Owner::root());
        for (number, path) in paths.iter().enumerate() {
            tree.walk(number, path)?;
        }
        Ok(tree)
    }

    /// The places at the top: `` (the root of absolute paths) and the first parts of relative ones.
    pub(super) fn top(&self) -> &[u32] {
        self.folders.first().map_or(&[], |folder| folder)
    }

    /// What is in the folder `node`.
    pub(super) fn children(&self, node: &Node) -> &[u32] {
        self.folders.get(node.folder as usize).map_or(&[], |folder| folder)
    }

    pub(super) fn node(&self, number: u32) -> &Node {
        &self.nodes[number as usize]
    }

    pub(super) fn name(&self, name: Name) -> &[u8] {
        &self.names[name.at as usize..][..name.length as usize]
    }

    /// Who owns `entry`, or what is there without one.
    pub(super) fn owner(&self, entry: Option<&Entry>) -> &Owner {
        &self.owners[entry.map_or(0, |entry| entry.owner) as usize]
    }

    /// Where `source` is.
    pub(super) fn source(&self, source: Source) -> PathBuf {
        let mut parts = vec![source.name];
        let mut folder = source.folder;
        while let Some(above) = self.sources.get(folder as usize) {
            parts.push(above.name);
            folder = above.folder;
        }
        parts.iter().rev().fold(self.base.clone(), |path, part| path.join(OsStr::from_bytes(self.name(*part))))
    }

    /// Everything that comes out of a Nix store, with the store path it belongs to, in the order of the tar.
    pub(super) fn sources_in_store(&self) -> impl Iterator<Item = (PathBuf, PathBuf)> + '_ {
        let mut entries: Vec<&Entry> = Vec::new();
        let mut members = Members::of(self);
        while let Some(node) = members.next_node() {
            entries.extend(&node.entry);
        }
        entries.into_iter().filter_map(|entry| {
            let path = self.source(entry.source);
            Some((store_path(&path)?, path))
        })
    }

    /// Puts `entry` at `destination`, in the place of what is there.
    ///
    /// # Errors
    /// They do not agree.
    pub(super) fn put(&mut self, destination: &[u8], entry: Entry) -> Result<()> {
        let node = self.place(destination)? as usize;
        if let Some(earlier) = self.nodes[node].entry {
            self.agree(&earlier, &entry, destination)?;
        }
        self.nodes[node].entry = Some(entry);
        Ok(())
    }

    /// A folder of the store, in which sources lie.
    pub(super) fn source_folder(&mut self, source: Source) -> u32 {
        self.sources.push(source);
        (self.sources.len() - 1) as u32
    }

    /// The node at `destination`, made with all above it if it is not there.
    fn place(&mut self, destination: &[u8]) -> Result<u32> {
        // Split, the root would be two parts.
        let parts = if destination == b"/" { &b""[..] } else { destination };
        let (mut folder, mut node) = (0, 0);
        for part in parts.split(|byte| *byte == b'/') {
            if folder == NONE {
                folder = self.folders.len() as u32;
                self.folders.push(Vec::new());
                self.nodes[node as usize].folder = folder;
            }
            node = self.child(folder, part)?;
            folder = self.nodes[node as usize].folder;
        }
        Ok(node)
    }

    fn child(&mut self, folder: u32, name: &[u8]) -> Result<u32> {
        let children = &self.folders[folder as usize];
        // Paths come in the order of their bytes: mostly it is the last one, or one after it.
        let last = children.last().map(|last| self.name(self.node(*last).name).cmp(name));
        let at = match last {
            Some(std::cmp::Ordering::Equal) => return Ok(children[children.len() - 1]),
            None | Some(std::cmp::Ordering::Less) => children.len(),
            Some(std::cmp::Ordering::Greater) => match children.binary_search_by(|child| self.name(self.node(*child).name).cmp(name)) {
                Ok(found) => return Ok(children[found]),
                Err(at) => at,
            },
        };
        let name = self.keep(name)?;
        let number = self.nodes.len() as u32;
        self.nodes.push(Node { name, folder: NONE, entry: None });
        self.folders[folder as usize].insert(at, number);
        Ok(number)
    }

    /// The last bytes that were kept are often the same: a name in the store is mostly the name in the layer.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Result<Name> {
        let length = u32::try_from(bytes.len()).unwrap_or(NONE);
        if self.names.ends_with(bytes) {
            return Ok(Name { at: (self.names.len() - bytes.len()) as u32, length });
        }
        let taken = self.names.len()
            + self.nodes.len() * (size_of::<Node>() + size_of::<u32>())
            + self.folders.len() * size_of::<Vec<u32>>()
            + self.sources.len() * size_of::<Source>();
        if taken + bytes.len() > ROOM {
            return Err(Error::failed(format!(
                "the layer has more files than are looked at: their names would take more than {} MiB",
                ROOM >> 20
            ))
            .hint("divide it: `maxLayers` of buildImage and buildLayer"));
        }
        let at = self.names.len() as u32;
        self.names.extend_from_slice(bytes);
        Ok(Name { at, length })
    }

    pub(super) fn owned_by(&mut self, owner: Owner) -> u32 {
        match self.known_owners.get(&owner) {
            Some(known) => *known,
            None => {
                let number = self.owners.len() as u32;
                self.known_owners.insert(owner.clone(), number);
                self.owners.push(owner);
                number
            }
        }
    }

    /// Whether one may take the place of the other.
    fn agree(&self, earlier: &Entry, later: &Entry, at: &[u8]) -> Result<()> {
        let kind = |entry: &Entry| match entry.kind {
            Kind::Folder => "a folder",
            Kind::File(_) => "a file",
            Kind::Link(_) => "a symbolic link",
        };
        let perms = |entry: &Entry| &self.paths[entry.path as usize].options.perms;
        let differ = match (earlier.kind, later.kind) {
            _ if kind(earlier) != kind(later) => format!("one has {} there, the other {}", kind(earlier), kind(later)),
            _ if earlier.stored_mode != later.stored_mode => {
                format!("their modes are {:04o} and {:04o}", earlier.stored_mode, later.stored_mode)
            }
            (Kind::File(a), Kind::File(b)) if a != b => format!("they have {a} and {b} bytes"),
            _ if perms(earlier) != perms(later) => "the document gives them different permissions".to_owned(),
            _ => return Ok(()),
        };
        let (a, b) = (self.source(earlier.source), self.source(later.source));
        Err(Error::failed(format!("{} and {} both go to {}, and {differ}", a.display(), b.display(), String::from_utf8_lossy(at))))
    }
}
