//! Writes normalised tar headers: the same entry is always the same bytes.
//!
//! GNU headers with `@LongLink` for long names rather than PAX: it is what every .deb already contains, every unpacker
//! of layers reads it, and it has no records whose order or number format could vary. Owner names stay empty, so that
//! ids mean what the image's own `/etc/passwd` says.

use tar::{EntryType, Header};

/// What one tar entry says besides its content.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct TarEntry<'a> {
    /// Path without leading slash; directories get their trailing slash here.
    pub path: &'a str,
    /// What it is.
    pub kind: EntryType,
    /// Target of a symbolic or hard link, else empty.
    pub link: &'a str,
    /// `0o7777` bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Length of the content that follows; 0 for all but regular files.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: u64,
}

impl TarEntry<'_> {
    /// Appends the header, with the long-name entries it needs, to `out`.
    pub(in super::super) fn write(&self, out: &mut Vec<u8>) {
        let mut name = self.path.as_bytes().to_vec();
        if self.kind == EntryType::Directory {
            name.push(b'/');
        }
        let link = self.link.as_bytes();
        let mut header = Header::new_gnu();
        let fields = header.as_old_mut();
        let (name_room, link_room) = (fields.name.len(), fields.linkname.len());
        if link.len() > link_room {
            long(out, EntryType::GNULongLink, link);
        }
        if name.len() > name_room {
            long(out, EntryType::GNULongName, &name);
        }
        let name = &name[..name.len().min(name_room)];
        fields.name[..name.len()].copy_from_slice(name);
        let link = &link[..link.len().min(link_room)];
        fields.linkname[..link.len()].copy_from_slice(link);
        header.set_entry_type(self.kind);
        header.set_mode(self.mode & 0o7777);
        header.set_uid(self.uid);
        header.set_gid(self.gid);
        header.set_size(self.size);
        header.set_mtime(self.mtime);
        header.set_cksum();
        out.extend_from_slice(header.as_bytes());
    }
}

/// The entry that carries a name too long for the header after it.
fn long(out: &mut Vec<u8>, kind: EntryType, name: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..13].copy_from_slice(b"././@LongLink");
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(name.len() as u64 + 1);
    header.set_mtime(0);
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(name);
    out.push(0);
    pad(out, name.len() as u64 + 1);
}

/// Fills up to the 512-byte block after `size` bytes of content.
pub(in super::super) fn pad(out: &mut Vec<u8>, size: u64) {
    out.resize(out.len() + padding(size), 0);
}

/// How many zero bytes follow `size` bytes of content.
pub(in super::super) fn padding(size: u64) -> usize {
    (size.wrapping_neg() % 512) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn an_independent_reader_sees_what_was_written() {
        let long = format!("usr/share/{}/{}", "d".repeat(120), "f".repeat(90));
        let entry =
            TarEntry { path: &long, kind: EntryType::Regular, link: "", mode: 0o104755, uid: 3_000_000, gid: 42, size: 3, mtime: 7 };
        let mut out = Vec::new();
        TarEntry { path: "usr", kind: EntryType::Directory, size: 0, mode: 0o755, ..entry }.write(&mut out);
        entry.write(&mut out);
        out.extend(b"abc");
        pad(&mut out, 3);
        TarEntry { path: "l", kind: EntryType::Symlink, link: &long, size: 0, ..entry }.write(&mut out);
        out.resize(out.len() + 1024, 0);
        let mut archive = tar::Archive::new(&out[..]);
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let header = entry.header();
            seen.push((
                String::from_utf8(entry.path_bytes().into_owned()).unwrap(),
                entry.link_name_bytes().map(|l| String::from_utf8(l.into_owned()).unwrap()),
                (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()),
                text,
            ));
        }
        let ids = (0o4755, 3_000_000, 42, 7);
        assert_eq!(seen[0], ("usr/".into(), None, (0o755, 3_000_000, 42, 7), String::new()));
        assert_eq!(seen[1], (long.clone(), None, ids, "abc".into()));
        assert_eq!(seen[2], ("l".into(), Some(long), ids, String::new()));
        assert_eq!(seen.len(), 3);
    }
}
