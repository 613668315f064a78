//! A segment with some of its entries changed: left out, under another header, or at another path.

use std::collections::BTreeMap;
use std::io::Read;

use tar::EntryType;

use super::super::segment::tar_header::TarEntry;
use crate::image::{BLOCK, Capabilities, Entry, EntryKind, FileCapabilities, padding};
use crate::{Error, Result};

/// Where an entry goes, and whose it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Placed {
    /// Path in the image.
    pub path: String,
    /// `0o7777` bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// What `setcap` gave it.
    pub capabilities: Option<Box<Capabilities>>,
}

/// What becomes of a segment's entries in one layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Edits {
    /// Entries that are left out (`None`) or change, by their packaged path.
    pub paths: BTreeMap<String, Option<Placed>>,
    /// Leaves out every entry that is not in `paths`: the rest of the segment is in a layer below.
    pub only: bool,
}

impl Edits {
    /// What becomes of one entry; `None` when it is left out.
    pub(super) fn apply(&self, entry: &Entry) -> Option<Entry> {
        let mut entry = entry.clone();
        match self.paths.get(&entry.path) {
            Some(Some(placed)) => {
                (entry.path, entry.mode, entry.uid, entry.gid) = (placed.path.clone(), placed.mode, placed.uid, placed.gid);
                if let EntryKind::File { capabilities, .. } = &mut entry.kind {
                    *capabilities = placed.capabilities.as_deref().map(|set| Box::new(FileCapabilities::Set(*set)));
                }
            }
            None if !self.only => {}
            _ => return None,
        }
        if let EntryKind::HardLink { target } = &mut entry.kind
            && let Some(Some(placed)) = self.paths.get(target)
        {
            *target = placed.path.clone();
        }
        Some(entry)
    }

    /// Whether the segment goes into the layer as it is.
    pub(super) fn is_none(&self) -> bool {
        self.paths.is_empty() && !self.only
    }
}

/// Hands on the tar entries of the segment `content` as `edits` has them, as uncompressed pieces.
pub(super) fn filter(content: impl Read, edits: &Edits, package: &str, push: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let damaged = |error: std::io::Error| Error::failed(format!("the cached segment of {package} is damaged")).source(error);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.strip_suffix(b"\0").unwrap_or(bytes)).into_owned();
    let mut archive = tar::Archive::new(content);
    let (mut before, mut name, mut link) = (Vec::new(), None, None);
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        before.extend_from_slice(entry.header().as_bytes());
        let size = entry.size();
        if matches!(kind, EntryType::GNULongName | EntryType::GNULongLink) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(damaged)?;
            before.extend_from_slice(&bytes);
            before.resize(before.len() + padding(size), 0);
            *(if kind == EntryType::GNULongName { &mut name } else { &mut link }) = Some(text(&bytes));
            continue;
        }
        let path = name.take().unwrap_or_else(|| text(&entry.header().path_bytes()));
        let mut target = link.take().or_else(|| entry.header().link_name_bytes().map(|l| text(&l))).unwrap_or_default();
        let mut header = std::mem::take(&mut before);
        let edit = edits.paths.get(&path);
        if matches!(edit, Some(None)) || (edit.is_none() && edits.only) {
            continue;
        }
        let mut moved = false;
        if kind == EntryType::Link {
            match edits.paths.get(&target) {
                Some(Some(placed)) if placed.path != target => (target, moved) = (placed.path.clone(), true),
                Some(Some(_)) => {}
                None if !edits.only => {}
                _ => {
                    let why = format!("/{path} of {package} is a hard link to /{target}, which is not in the same layer");
                    return Err(Error::failed(why).hint("these packages cannot be installed together; leave one out of `packages`"));
                }
            }
        }
        if edit.is_some() || moved {
            let old = entry.header();
            let numbers = || Ok::<_, std::io::Error>((old.mode()?, old.uid()?, old.gid()?, old.mtime()?));
            let (mode, uid, gid, mtime) = numbers().map_err(damaged)?;
            let (path, mode, uid, gid, capabilities) = match edit {
                Some(Some(placed)) => (placed.path.as_str(), placed.mode, placed.uid, placed.gid, placed.capabilities.as_deref()),
                _ => (path.as_str(), mode, uid, gid, None),
            };
            header.clear();
            TarEntry { path, kind, link: &target, mode, uid, gid, size, mtime }.write_with(capabilities.copied(), &mut header);
        }
        push(&header)?;
        let mut buffer = [0; 1 << 16];
        loop {
            match entry.read(&mut buffer).map_err(damaged)? {
                0 => break,
                n => push(&buffer[..n])?,
            }
        }
        push(&[0; BLOCK][..padding(size)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::segment::tar_header::pad;
    use super::*;

    /// `path`, kind, link target, content.
    fn segment(entries: &[(&str, EntryType, &str, &[u8])]) -> Vec<u8> {
        let mut tar = Vec::new();
        for (path, kind, link, content) in entries {
            let size = content.len() as u64;
            TarEntry { path, kind: *kind, link, mode: 0o644, uid: 0, gid: 0, size, mtime: 7 }.write(&mut tar);
            tar.extend_from_slice(content);
            pad(&mut tar, size);
        }
        tar
    }

    /// What an independent reader sees: `path mode:uid:gid:mtime link content`.
    fn filtered(members: &[u8], edits: &Edits) -> Result<Vec<String>> {
        let mut out = Vec::new();
        filter(members, edits, "x", &mut |bytes| {
            out.extend_from_slice(bytes);
            Ok(())
        })?;
        let mut archive = tar::Archive::new(&out[..]);
        let lines = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let header = entry.header();
            let ids =
                format!("{:o}:{}:{}:{}", header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap());
            let link = entry.link_name().unwrap().map(|l| l.display().to_string()).unwrap_or_default();
            format!("{} {ids} {link} {content}", entry.path().unwrap().display())
        });
        Ok(lines.collect())
    }

    fn placed(path: &str) -> Option<Placed> {
        Some(Placed { path: path.into(), mode: 0o4640, uid: 101, gid: 42, capabilities: None })
    }

    #[test]
    fn entries_are_dropped_changed_and_moved_with_their_hard_links() {
        let long = format!("usr/share/{}", "d".repeat(120));
        let members = segment(&[
            ("a", EntryType::Regular, "", b"aa"),
            ("b", EntryType::Link, "a", b""),
            (&long, EntryType::Regular, "", b"long"),
            ("c", EntryType::Symlink, "a", b""),
            ("gone", EntryType::Regular, "", b"x"),
        ]);
        let mut edits = Edits::default();
        edits.paths.extend([("a".to_owned(), placed("moved")), ("gone".to_owned(), None), (long.clone(), placed(&long))]);
        let seen = filtered(&members, &edits).unwrap();
        assert_eq!(seen, ["moved 4640:101:42:7  aa", "b 644:0:0:7 moved ", &format!("{long} 4640:101:42:7  long"), "c 644:0:0:7 a "]);
        edits.only = true;
        assert_eq!(filtered(&members, &edits).unwrap(), [seen[0].clone(), seen[2].clone()]);
    }

    #[test]
    fn capabilities_stand_before_every_name_of_a_file_and_nowhere_else() {
        let members =
            segment(&[("a", EntryType::Regular, "", b"aa"), ("b", EntryType::Link, "a", b""), ("c", EntryType::Regular, "", b"c")]);
        let ping: Capabilities = "cap_net_raw=ep".parse().unwrap();
        let given = |path: &str| Some(Placed { path: path.into(), mode: 0o755, uid: 0, gid: 0, capabilities: Some(Box::new(ping)) });
        let edits = Edits { paths: ["a", "b"].map(|path| (path.to_owned(), given(path))).into(), only: false };
        let mut out = Vec::new();
        filter(&members[..], &edits, "x", &mut |bytes| {
            out.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
        let mut archive = tar::Archive::new(&out[..]);
        let seen = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let records = entry.pax_extensions().unwrap().into_iter().flatten().map(|record| record.unwrap().value_bytes().to_vec());
            let values: Vec<Vec<u8>> = records.collect();
            (entry.path_bytes().into_owned(), values)
        });
        let value = || vec![ping.to_bytes()];
        assert_eq!(seen.collect::<Vec<_>>(), [(b"a".to_vec(), value()), (b"b".to_vec(), value()), (b"c".to_vec(), vec![])]);
        // The facts say the same of the file.
        let file = Entry {
            path: "a".into(),
            kind: EntryKind::File { size: 2, elf: None, shebang: None, capabilities: None },
            mode: 0o644,
            uid: 0,
            gid: 0,
        };
        let EntryKind::File { capabilities, .. } = edits.apply(&file).unwrap().kind else { panic!("a file") };
        assert_eq!(capabilities.unwrap().set(), Some(ping));
    }

    #[test]
    fn a_hard_link_never_loses_its_file_silently() {
        let members = segment(&[("a", EntryType::Regular, "", b"aa"), ("b", EntryType::Link, "a", b"")]);
        let edits = Edits { paths: BTreeMap::from([("a".to_owned(), None)]), only: false };
        assert!(filtered(&members, &edits).unwrap_err().message().contains("/b of x is a hard link to /a"));
        let edits = Edits { paths: BTreeMap::from([("b".to_owned(), placed("b"))]), only: true };
        assert!(filtered(&members, &edits).is_err());
    }
}
