//! Tar headers to the byte as Go's `archive/tar` writes them (the same from 1.19 to 1.25): USTAR where everything fits, else PAX.
//!
//! A writer of our own: the `tar` crate chooses GNU's format or USTAR once for an archive, cannot split a name where Go does, and adds
//! PAX records only where it is told, in the order it is told.

use crate::image::{BLOCK, padding, pax_record};

const NAME: usize = 100;
const PREFIX: usize = 155;
const OWNER: usize = 32;

/// What one entry says besides its content.
#[derive(Clone, Debug)]
pub(super) struct Header<'a> {
    /// As it stands in the archive: `/bin/sh`.
    pub name: &'a [u8],
    /// `0`, `2` or `5`: a file, a symbolic link, a directory.
    pub kind: u8,
    /// `0o7777` bits.
    pub mode: i64,
    pub uid: i64,
    pub gid: i64,
    /// Bytes of content; 0 for all but files.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Where a link leads; else empty.
    pub link: &'a [u8],
    pub uname: &'a str,
    pub gname: &'a str,
}

impl Header<'_> {
    /// Appends the header to `out`, with the PAX header before it that it may need.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let records = self.records();
        let split = match self.name {
            name if is_ascii(name) && name.len() <= NAME => Some((&b""[..], name)),
            name => split(name),
        };
        // The name alone does not ask for PAX as long as it can be split.
        let ustar = split.filter(|_| records.iter().all(|(key, _)| *key == "path"));
        let mut block = [0; BLOCK];
        match ustar {
            Some((prefix, name)) => {
                put(&mut block, 345, PREFIX, prefix);
                put(&mut block, 0, NAME, name);
                put(&mut block, 157, NAME, self.link);
                put(&mut block, 265, OWNER, self.uname.as_bytes());
                put(&mut block, 297, OWNER, self.gname.as_bytes());
            }
            None => {
                self.extended(&records, out);
                put(&mut block, 0, NAME, &ascii_of(self.name));
                put(&mut block, 157, NAME, &ascii_of(self.link));
                put(&mut block, 265, OWNER, &ascii_of(self.uname.as_bytes()));
                put(&mut block, 297, OWNER, &ascii_of(self.gname.as_bytes()));
            }
        }
        octal(&mut block, 100, 8, self.mode);
        octal(&mut block, 108, 8, self.uid);
        octal(&mut block, 116, 8, self.gid);
        octal(&mut block, 124, 12, i64::try_from(self.size).unwrap_or(-1));
        octal(&mut block, 136, 12, self.mtime);
        block[156] = self.kind;
        octal(&mut block, 329, 8, 0);
        octal(&mut block, 337, 8, 0);
        finish(&mut block);
        out.extend_from_slice(&block);
    }

    /// What does not fit into USTAR's fields, by PAX key; a name that is too long for its own field stands here also when it can be split.
    fn records(&self) -> Vec<(&'static str, Vec<u8>)> {
        let size = i64::try_from(self.size).unwrap_or(i64::MAX);
        let number = |key, value: i64, width| (!fits_octal(value, width)).then(|| (key, value.to_string().into_bytes()));
        let text = |key, value: &[u8], width| (!is_ascii(value) || value.len() > width).then(|| (key, value.to_owned()));
        // In the order of their keys.
        let all = [
            number("gid", self.gid, 8),
            text("gname", self.gname.as_bytes(), OWNER),
            text("linkpath", self.link, NAME),
            text("path", self.name, NAME),
            number("size", size, 12),
            number("uid", self.uid, 8),
            text("uname", self.uname.as_bytes(), OWNER),
        ];
        all.into_iter().flatten().collect()
    }

    /// The entry that carries `records`.
    fn extended(&self, records: &[(&'static str, Vec<u8>)], out: &mut Vec<u8>) {
        let mut data = Vec::new();
        for (key, value) in records {
            pax_record(key, value, &mut data);
        }
        let mut block = [0; BLOCK];
        let name = ascii_of(&extended_name(self.name));
        let name = &name[..name.len().min(NAME)];
        put(&mut block, 0, NAME, &name[..without_slashes(name)]);
        for (at, width) in [(100, 8), (108, 8), (116, 8), (136, 12)] {
            octal(&mut block, at, width, 0);
        }
        octal(&mut block, 124, 12, i64::try_from(data.len()).unwrap_or(-1));
        block[156] = b'x';
        finish(&mut block);
        out.extend_from_slice(&block);
        out.extend_from_slice(&data);
        out.resize(out.len() + padding(data.len() as u64), 0);
    }
}

/// `path.Clean` of Go's: without `.`, `..` and double slashes, as far as the text alone tells.
pub(super) fn clean(path: &[u8]) -> Vec<u8> {
    let absolute = path.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => drop(parts.pop()),
            b".." if absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (absolute, joined.is_empty()) {
        (true, _) => [b"/", &joined[..]].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}

/// Where a name is divided between USTAR's prefix and name; `None` when it cannot be, or need not.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= NAME || !is_ascii(name) {
        return None;
    }
    let end = match name.len() {
        length if length > PREFIX + 1 => PREFIX + 1,
        length if name.ends_with(b"/") => length - 1,
        length => length,
    };
    let at = name[..end].iter().rposition(|byte| *byte == b'/').filter(|at| *at > 0 && *at <= PREFIX)?;
    let rest = &name[at + 1..];
    (!rest.is_empty() && rest.len() <= NAME).then_some((&name[..at], rest))
}

/// `DIR/PaxHeaders.0/FILE`.
fn extended_name(name: &[u8]) -> Vec<u8> {
    let (folder, file) = name.split_at(name.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1));
    let parts = [folder, b"PaxHeaders.0", file];
    clean(&parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(&b'/'))
}

/// Go counts a NUL among what is not ASCII.
fn is_ascii(text: &[u8]) -> bool {
    text.iter().all(|byte| (1..0x80).contains(byte))
}

fn ascii_of(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| (1..0x80).contains(byte)).collect()
}

fn without_slashes(text: &[u8]) -> usize {
    text.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at + 1)
}

fn fits_octal(value: i64, width: u32) -> bool {
    u64::try_from(value).is_ok_and(|value| value < 1 << (3 * (width - 1)))
}

/// A text in its field, NUL after it unless it fills the field.
fn put(block: &mut [u8; BLOCK], at: usize, width: usize, text: &[u8]) {
    let field = &mut block[at..at + width];
    let n = text.len().min(width);
    field[..n].copy_from_slice(&text[..n]);
    // Some readers take a file for a directory because of a slash at the end of a name that was cut.
    if text.len() > width && field[width - 1] == b'/' {
        field[without_slashes(&text[..width])] = 0;
    }
}

/// A number in octal digits, a NUL after them; zero when it does not fit, for then a PAX record has it.
fn octal(block: &mut [u8; BLOCK], at: usize, width: usize, value: i64) {
    let value = if fits_octal(value, width as u32) { value } else { 0 };
    let digits = width - 1;
    block[at..at + digits].copy_from_slice(format!("{value:0digits$o}").as_bytes());
}

/// Magic, version and checksum.
fn finish(block: &mut [u8; BLOCK]) {
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    block[154] = 0;
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    fn header<'a>(name: &'a [u8], link: &'a [u8]) -> Header<'a> {
        Header { name, kind: b'0', mode: 0o444, uid: 0, gid: 0, size: 0, mtime: 1, link, uname: "root", gname: "root" }
    }

    fn written(header: &Header<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        header.write(&mut out);
        out
    }

    #[test]
    fn the_root_is_as_nix2container_has_it() {
        let block = written(&Header { kind: b'5', mode: 0o755, ..header(b"/", b"") });
        assert_eq!(&block[..2], b"/\0");
        assert_eq!(&block[100..124], b"0000755\x000000000\x000000000\0");
        assert_eq!(&block[124..157], b"00000000000\x0000000000001\x00011075\x00 5");
        assert_eq!(&block[257..270], b"ustar\x0000root\0");
        assert_eq!(&block[329..345], b"0000000\x000000000\0");
    }

    #[test]
    fn names_are_split_where_go_splits_them() {
        let (long, x) = (format!("{}/{}", "d".repeat(150), "f".repeat(100)), "x".repeat(101));
        assert_eq!(split(long.as_bytes()).map(|(a, b)| (a.len(), b.len())), Some((150, 100)));
        assert_eq!(split(x.as_bytes()), None);
        assert_eq!(split(format!("/{x}").as_bytes()), None);
        assert_eq!(split(format!("{}/{}", "d".repeat(156), "f").as_bytes()), None);
        let deep = ["d".repeat(60).as_str()].repeat(4).join("/");
        assert_eq!(split(deep.as_bytes()), None);
        assert_eq!(written(&header(long.as_bytes(), b"")).len(), BLOCK);
        assert_eq!(written(&header(x.as_bytes(), b"")).len(), 3 * BLOCK);
    }

    #[test]
    fn paths_are_cleaned_as_go_does() {
        for (path, expected) in
            [("", "."), ("/", "/"), ("a//b/./c/", "a/b/c"), ("../x", "../x"), ("/../x", "/x"), ("a/../..", ".."), ("./fx", "fx")]
        {
            assert_eq!(clean(path.as_bytes()), expected.as_bytes(), "{path}");
        }
    }

    proptest! {
        /// What the `tar` crate, which knows nothing of this writer, reads of a header.
        #[test]
        fn an_independent_reader_sees_what_was_written(
            name in proptest::collection::vec("[a-z]{1,90}|é{1,60}", 1..5), link in "[a-zé/]{0,130}",
            ids in (0..5_000_000_i64, 0..5_000_000_i64), names in ("[a-zé]{0,40}", "[a-z]{0,40}"), size in 0..1_u64 << 36,
        ) {
            let name = format!("/{}", name.join("/"));
            let kind = if link.is_empty() { b'0' } else { b'2' };
            let entry = Header { name: name.as_bytes(), link: link.as_bytes(), kind, uid: ids.0, gid: ids.1, uname: &names.0, gname: &names.1,
                size: if kind == b'0' { size } else { 0 }, ..header(b"", b"") };
            let bytes = written(&entry);
            prop_assert_eq!(bytes.len() % BLOCK, 0);
            let mut archive = tar::Archive::new(bytes.chain(std::io::repeat(0)));
            let mut read = archive.entries().unwrap().next().unwrap().unwrap();
            prop_assert_eq!(&*read.path_bytes(), name.as_bytes());
            prop_assert_eq!(read.link_name_bytes().unwrap_or_default(), link.as_bytes());
            prop_assert_eq!(read.size(), entry.size);
            let mut records = std::collections::BTreeMap::new();
            for extension in read.pax_extensions().unwrap().into_iter().flatten() {
                let extension = extension.unwrap();
                records.insert(extension.key().unwrap().to_owned(), extension.value().unwrap().to_owned());
            }
            let number = |key: &str, field: u64| records.get(key).map_or(field, |value| value.parse().unwrap());
            prop_assert_eq!(number("uid", read.header().uid().unwrap()) as i64, ids.0);
            prop_assert_eq!(number("gid", read.header().gid().unwrap()) as i64, ids.1);
            let field = read.header().username().unwrap().unwrap_or_default().to_owned();
            prop_assert_eq!(records.get("uname").unwrap_or(&field), &names.0);
        }
    }
}
