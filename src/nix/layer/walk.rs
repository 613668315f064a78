//! Store paths on their way into the tree of a layer: looked through in the order of bytes, links not followed, no file opened (Go's
//! `filepath.Walk`).

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::super::document::StorePath;
use super::gone::gone;
use super::header::clean;
use super::options::Applied;
use super::tree::{Entry, Kind, NONE, Source, Tree};
use crate::error::{IoContext, io_error};
use crate::{Error, Result};

impl Tree {
    /// Takes in one store path with everything below it, in the order of bytes; links are not followed.
    pub(super) fn walk(&mut self, number: usize, path: &StorePath) -> Result<()> {
        let applied = Applied::new(path)?;
        let mut source = path.path.clone().into_bytes();
        let root = Source { folder: NONE, name: self.keep(&source)? };
        if !self.bring(number, &applied, &source, root)? {
            return Ok(());
        }
        // Whatever is below it has its path cleaned (Go's `filepath.Join`).
        source = clean(&source);
        let name = self.keep(&source)?;
        // Folders whose content is gone through, each with the names that are left, the last first.
        let mut open = vec![(self.source_folder(Source { folder: NONE, name }), self.listing(&source)?, source.len())];
        while let Some((folder, names, length)) = open.last_mut() {
            let (folder, length) = (*folder, *length);
            source.truncate(length);
            let Some(name) = names.pop() else {
                open.pop();
                continue;
            };
            if source.last() != Some(&b'/') {
                source.push(b'/');
            }
            source.extend_from_slice(&name);
            let here = Source { folder, name: self.keep(&name)? };
            if self.bring(number, &applied, &source, here)? {
                open.push((self.source_folder(here), self.listing(&source)?, source.len()));
            }
        }
        Ok(())
    }

    /// Puts what lies at `source` where it goes; says whether it is a folder.
    fn bring(&mut self, number: usize, applied: &Applied<'_>, source: &[u8], here: Source) -> Result<bool> {
        let path = self.base.join(OsStr::from_bytes(source));
        let metadata = fs::symlink_metadata(&path).map_err(|error| gone(error, "looking at", &path))?;
        let kind = self.kind(&metadata, &path)?;
        let folder = matches!(kind, Kind::Folder);
        let destination = applied.destination(source);
        if destination.is_empty() {
            return Ok(folder);
        }
        let stored_mode = metadata.mode() & 0o7777;
        // What a link's mode is depends on the file system.
        let stored_mode = if matches!(kind, Kind::Link(_)) { 0o777 } else { stored_mode };
        let (mode, owner) = applied.permissions(source, stored_mode);
        let entry =
            Entry { kind, stored_mode, mode, owner: owner.map_or(0, |owner| self.owned_by(owner)), path: number as u32, source: here };
        let destination = clean(&destination);
        self.put(&destination, entry)?;
        Ok(folder)
    }

    fn kind(&mut self, metadata: &Metadata, path: &Path) -> Result<Kind> {
        let kind = metadata.file_type();
        if kind.is_dir() {
            return Ok(Kind::Folder);
        }
        if kind.is_file() {
            return Ok(Kind::File(metadata.len()));
        }
        if kind.is_symlink() {
            let target = fs::read_link(path).at("reading the link", path)?;
            return Ok(Kind::Link(self.keep(target.as_os_str().as_bytes())?));
        }
        Err(Error::failed(format!("{} is neither file nor folder nor symbolic link: a store path has no such thing", path.display())))
    }

    /// The names in a folder of the store, the last first.
    fn listing(&self, folder: &[u8]) -> Result<Vec<Vec<u8>>> {
        let path = self.base.join(OsStr::from_bytes(folder));
        let entries = fs::read_dir(&path).map_err(|error| gone(error, "listing", &path))?;
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().into_vec()));
        let mut names: Vec<Vec<u8>> = names.collect::<std::io::Result<_>>().map_err(|error| io_error(error, "listing", &path))?;
        names.sort_unstable_by(|a, b| b.cmp(a));
        Ok(names)
    }
}
