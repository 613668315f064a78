//! Writes normalised tar headers: the same entry is always the same bytes.
//!
//! GNU headers with `@LongLink` for long names rather than PAX: it is what every .deb already contains, every unpacker
//! of layers reads it, and it has no records whose order or number format could vary. Owner names stay empty, so that
//! ids mean what the image's own `/etc/passwd` says. The few files that have capabilities are PAX entries, for nothing else
//! holds extended attributes.

use tar::{EntryType, Header};

use crate::image::{Capabilities, padding, pax_record};

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

/// The record of the attribute: star's key, and the value's own bytes. Docker, containerd, Podman, umoci and GNU tar read it.
const CAPABILITY: &str = "SCHILY.xattr.security.capability";

impl TarEntry<'_> {
    /// Appends the header of a file with `capabilities`; without some, that of [`TarEntry::write`].
    ///
    /// All of it is POSIX's (pax(1), "pax Extended Header"): what is too long or too large for the header is a record as well. Records
    /// are in the order of their keys. Every name of a file has them, because unpackers set the owner by each of its names, and
    /// Linux takes the capabilities away then.
    pub(in super::super) fn write_with(&self, capabilities: Option<Capabilities>, out: &mut Vec<u8>) {
        let Some(capabilities) = capabilities else { return self.write(out) };
        let mut header = Header::new_ustar();
        let mut records = Vec::new();
        pax_record(CAPABILITY, &capabilities.to_bytes(), &mut records);
        let fields = header.as_old_mut();
        header_number(&mut fields.gid, self.gid, "gid", &mut records);
        header_text(&mut fields.linkname, self.link, "linkpath", &mut records);
        header_number(&mut fields.mtime, self.mtime, "mtime", &mut records);
        header_text(&mut fields.name, self.path, "path", &mut records);
        header_number(&mut fields.size, self.size, "size", &mut records);
        header_number(&mut fields.uid, self.uid, "uid", &mut records);
        header.set_entry_type(self.kind);
        header.set_mode(self.mode & 0o7777);
        header.set_cksum();
        extension(out, Header::new_ustar(), b"././@PaxHeader", EntryType::XHeader, &records);
        out.extend_from_slice(header.as_bytes());
    }
}

/// Writes `text` to a field; all of it as a record too when it is longer.
fn header_text(field: &mut [u8], text: &str, key: &str, records: &mut Vec<u8>) {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text.as_bytes()[..length]);
    if length < text.len() {
        pax_record(key, text.as_bytes(), records);
    }
}

/// Writes `number` to a field, in octal digits and a NUL; as a record when it has more digits.
fn header_number(field: &mut [u8], number: u64, key: &str, records: &mut Vec<u8>) {
    let width = field.len() - 1;
    let digits = format!("{number:0width$o}");
    match digits.len() == width {
        true => field[..width].copy_from_slice(digits.as_bytes()),
        false => {
            field[..width].fill(b'0');
            pax_record(key, number.to_string().as_bytes(), records);
        }
    }
}

/// The entry that carries a name too long for the header after it.
fn long(out: &mut Vec<u8>, kind: EntryType, name: &[u8]) {
    extension(out, Header::new_gnu(), b"././@LongLink", kind, &[name, b"\0"].concat());
}

/// An entry that says something of the one after it.
fn extension(out: &mut Vec<u8>, mut header: Header, name: &[u8], kind: EntryType, content: &[u8]) {
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(content.len() as u64);
    header.set_mtime(0);
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(content);
    pad(out, content.len() as u64);
}

/// Fills up to the 512-byte block after `size` bytes of content.
pub(in super::super) fn pad(out: &mut Vec<u8>, size: u64) {
    out.resize(out.len() + padding(size), 0);
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

    #[test]
    fn a_file_with_capabilities_is_a_pax_entry() {
        let long = format!("usr/share/{}/{}", "d".repeat(120), "f".repeat(90));
        let (capabilities, kind) = ("cap_net_raw=ep".parse::<Capabilities>().unwrap(), EntryType::Regular);
        let small = TarEntry { path: "usr/bin/ping", kind, link: "", mode: 0o755, uid: 0, gid: 7, size: 3, mtime: 9 };
        let large =
            TarEntry { path: &long, kind: EntryType::Link, link: &long, uid: 1 << 21, gid: 1 << 21, size: 0, mtime: 1 << 33, ..small };
        let written = |entry: TarEntry<'_>, content: &[u8]| {
            let mut out = Vec::new();
            entry.write_with(Some(capabilities), &mut out);
            out.extend_from_slice(content);
            pad(&mut out, content.len() as u64);
            out
        };
        let read = |tar: Vec<u8>| {
            let mut archive = tar::Archive::new(&tar[..]);
            let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
            let records: Vec<(String, Vec<u8>)> = entry
                .pax_extensions()
                .unwrap()
                .unwrap()
                .map(|record| record.map(|record| (record.key().unwrap().to_owned(), record.value_bytes().to_vec())).unwrap())
                .collect();
            let link = entry.link_name_bytes().map(|link| link.into_owned()).unwrap_or_default();
            let (mut content, path) = (Vec::new(), entry.path_bytes().into_owned());
            let header = entry.header().clone();
            entry.read_to_end(&mut content).unwrap();
            (path, link, records, header, content)
        };
        let (path, _, records, header, content) = read(written(small, b"abc"));
        assert_eq!((&*path, &*content), (&b"usr/bin/ping"[..], &b"abc"[..]));
        assert_eq!(records, [(CAPABILITY.to_owned(), capabilities.to_bytes())]);
        assert_eq!((header.mode().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0o755, 7, 9));
        assert!(header.as_ustar().is_some());
        let (path, link, records, _, _) = read(written(large, b""));
        assert_eq!((&*path, &*link), (long.as_bytes(), long.as_bytes()));
        let keys: Vec<&str> = records.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, [CAPABILITY, "gid", "linkpath", "mtime", "path", "uid"]);
        assert_eq!((&*records[1].1, &*records[3].1), (&b"2097152"[..], &b"8589934592"[..]));
        // Without any, it is the entry it always was.
        let (mut with, mut without) = (Vec::new(), Vec::new());
        small.write_with(None, &mut with);
        small.write(&mut without);
        assert_eq!(with, without);
    }
}
