//! The first difference of two tars that should be the same, named as a person would: member, field, both values.
//!
//! Both are read in step, block by block (pax(1), "ustar Interchange Format"). Up to the first difference they are the same, so
//! one idea of where members begin serves both.

use std::io::{self, Read};

use tar::Header;

use crate::image::BLOCK;
use crate::read_full;

/// How much of a member's content is read at a time.
const PIECE: usize = 64 << 10;
/// Longer names and extended headers than this are compared, but not shown.
const MAX_SHOWN: u64 = 64 << 10;

/// The fields of a header, in order: name, first byte, end, and how it is read.
const FIELDS: [(&str, usize, usize, Form); 16] = [
    ("path", 0, 100, Form::Text),
    ("mode", 100, 108, Form::Octal),
    ("uid", 108, 116, Form::Number),
    ("gid", 116, 124, Form::Number),
    ("size", 124, 136, Form::Number),
    ("mtime", 136, 148, Form::Number),
    // Follows from all others, so it is looked at last.
    ("type", 156, 157, Form::Text),
    ("link target", 157, 257, Form::Text),
    ("magic", 257, 263, Form::Text),
    ("version", 263, 265, Form::Text),
    ("user name", 265, 297, Form::Text),
    ("group name", 297, 329, Form::Text),
    ("device major", 329, 337, Form::Number),
    ("device minor", 337, 345, Form::Number),
    ("path prefix", 345, 512, Form::Text),
    ("checksum", 148, 156, Form::Octal),
];

#[derive(Clone, Copy)]
enum Form {
    Text,
    Number,
    Octal,
}

/// Where two tars begin to differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TarDifference {
    /// The member's path as the first tar has it; `None` where it is in no member.
    pub member: Option<String>,
    /// The header's field, or `content at byte N`.
    pub field: String,
    /// What the first tar has.
    pub left: String,
    /// What the second tar has.
    pub right: String,
}

/// The first difference of two tars; `None` when their bytes are the same.
pub(super) fn first_difference(mut left: impl Read, mut right: impl Read) -> io::Result<Option<TarDifference>> {
    let (mut a, mut b) = ([0; BLOCK], [0; BLOCK]);
    let mut long_name = None;
    loop {
        let (n, m) = (read_full(&mut left, &mut a)?, read_full(&mut right, &mut b)?);
        if n != m {
            let said = |n: usize, block: &[u8; BLOCK]| match n {
                0 => "the tar's end".to_owned(),
                _ => long_name.clone().unwrap_or_else(|| describe(block)),
            };
            return Ok(Some(TarDifference { member: None, field: "next member".into(), left: said(n, &a), right: said(m, &b) }));
        }
        if n == 0 {
            return Ok(None);
        }
        if a != b {
            return Ok(Some(header(&a, &b, long_name)));
        }
        let mut block = Header::new_old();
        *block.as_mut_bytes() = a;
        let size = if holds_data(&block) { block.entry_size().unwrap_or(0) } else { 0 };
        let kind = a[156];
        let member = long_name.take().or_else(|| is_member(&a).then(|| path(&a)));
        let extension = matches!(kind, b'L' | b'K' | b'x' | b'g');
        match data(&mut left, &mut right, size, extension)? {
            Data::Same(kept) => {
                long_name = match kind {
                    b'L' => Some(text(&kept)),
                    b'x' => record(&kept, "path"),
                    // A long link stands before or after the long name of the same member.
                    b'K' => member.filter(|_| a[..13] != *b"././@LongLink"),
                    _ => None,
                };
            }
            Data::Differs { offset, left, right, .. } if !extension => {
                let field = if offset < size { format!("content at byte {offset}") } else { "padding".into() };
                return Ok(Some(TarDifference { member, field, left: byte(left), right: byte(right) }));
            }
            Data::Differs { texts: (left, right), .. } => {
                let field = match kind {
                    _ if left == right => "padding",
                    b'L' => "path",
                    b'K' => "link target",
                    _ => "extended header",
                };
                let member = if kind == b'L' { Some(text(&left)) } else { record(&left, "path") };
                return Ok(Some(TarDifference { member, field: field.into(), left: text(&left), right: text(&right) }));
            }
        }
    }
}

/// The first field that differs.
fn header(a: &[u8; BLOCK], b: &[u8; BLOCK], long_name: Option<String>) -> TarDifference {
    let member = |block: &[u8; BLOCK]| if is_member(block) { describe(block) } else { "the tar's end".to_owned() };
    if !is_member(a) || !is_member(b) {
        return TarDifference { member: None, field: "next member".into(), left: member(a), right: member(b) };
    }
    let field = FIELDS.iter().find(|(_, start, end, _)| a[*start..*end] != b[*start..*end]);
    let (name, start, end, form) = field.copied().unwrap_or(("header", 0, BLOCK, Form::Text));
    let (left, right) = match name {
        "path" | "path prefix" => (path(a), path(b)),
        _ => (show(&a[start..end], form), show(&b[start..end], form)),
    };
    TarDifference { member: Some(long_name.unwrap_or_else(|| path(a))), field: name.to_owned(), left, right }
}

fn is_member(block: &[u8; BLOCK]) -> bool {
    block.iter().any(|byte| *byte != 0)
}

fn describe(block: &[u8; BLOCK]) -> String {
    if is_member(block) { path(block) } else { "an empty block".into() }
}

fn path(block: &[u8; BLOCK]) -> String {
    let mut header = Header::new_old();
    *header.as_mut_bytes() = *block;
    text(&header.path_bytes())
}

/// Whether the size field is the length of content that follows: of links and folders it is not.
fn holds_data(header: &Header) -> bool {
    let kind = header.entry_type();
    is_member(header.as_bytes()) && !(kind.is_dir() || kind.is_symlink() || kind.is_hard_link() || kind.is_character_special())
}

fn show(field: &[u8], form: Form) -> String {
    let number = || {
        let digits = std::str::from_utf8(field).ok()?.trim_matches(|c: char| c == '\0' || c == ' ');
        u64::from_str_radix(digits, 8).ok()
    };
    match (form, number()) {
        (Form::Number, Some(number)) => number.to_string(),
        (Form::Octal, Some(number)) => format!("{number:04o}"),
        // GNU's binary numbers: the first bit says so.
        (Form::Number | Form::Octal, None) if field.first().is_some_and(|byte| byte & 0x80 != 0) => {
            field[1..].iter().fold(u128::from(field[0] & 0x7f), |sum, byte| (sum << 8) | u128::from(*byte)).to_string()
        }
        _ => format!("`{}`", text(field)),
    }
}

/// Text up to its first NUL, without anything that is no character.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()).min(4096);
    String::from_utf8_lossy(&bytes[..end]).replace('\n', " ").trim_end().to_owned()
}

fn byte(byte: u8) -> String {
    match byte {
        b' '..=b'~' => format!("{byte:02x} (`{}`)", char::from(byte)),
        _ => format!("{byte:02x}"),
    }
}

/// The value of `key` in PAX records.
fn record(records: &[u8], key: &str) -> Option<String> {
    let wanted = format!(" {key}=");
    let line = records.split(|byte| *byte == b'\n').find(|line| String::from_utf8_lossy(line).contains(&wanted))?;
    String::from_utf8_lossy(line).split_once(&wanted).map(|(_, value)| value.to_owned())
}

enum Data {
    /// The same; what it is, when it was to be kept.
    Same(Vec<u8>),
    Differs {
        /// The first byte that differs.
        offset: u64,
        left: u8,
        right: u8,
        /// All of it, when it was to be kept.
        texts: (Vec<u8>, Vec<u8>),
    },
}

/// Compares `size` bytes and their padding.
fn data(left: &mut impl Read, right: &mut impl Read, size: u64, keep: bool) -> io::Result<Data> {
    let padded = size.checked_next_multiple_of(BLOCK as u64).ok_or_else(|| io::Error::other("a member's size is beyond all numbers"))?;
    if keep && size <= MAX_SHOWN {
        let (mut a, mut b) = (vec![0; padded as usize], vec![0; padded as usize]);
        let (n, m) = (read_full(left, &mut a)?, read_full(right, &mut b)?);
        a.truncate(n);
        b.truncate(m);
        let same = a == b;
        a.truncate(size as usize);
        b.truncate(size as usize);
        return Ok(if same { Data::Same(a) } else { Data::Differs { offset: 0, left: 0, right: 0, texts: (a, b) } });
    }
    let (mut a, mut b) = (vec![0; PIECE.min(padded as usize)], vec![0; PIECE.min(padded as usize)]);
    let mut at = 0;
    while at < padded {
        let length = (padded - at).min(PIECE as u64) as usize;
        let (n, m) = (read_full(left, &mut a[..length])?, read_full(right, &mut b[..length])?);
        let both = n.min(m);
        let offset = a[..both].iter().zip(&b[..both]).position(|(a, b)| a != b);
        if let Some(offset) = offset {
            return Ok(Data::Differs { offset: at + offset as u64, left: a[offset], right: b[offset], texts: Default::default() });
        }
        if n != m || n < length {
            return if n == m { Ok(Data::Same(Vec::new())) } else { Err(io::Error::other("one tar ends in the middle of a member")) };
        }
        at += length as u64;
    }
    Ok(Data::Same(Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::samples::Layer;
    use proptest::prelude::*;

    fn found(left: &[u8], right: &[u8]) -> Option<(String, String, String, String)> {
        let found = first_difference(left, right).unwrap()?;
        Some((found.member.unwrap_or_default(), found.field, found.left, found.right))
    }

    fn changed(change: impl FnOnce(&mut Header)) -> Option<(String, String, String, String)> {
        let tar = |change: Option<&mut dyn FnMut(&mut Header)>| {
            let mut header = Header::new_ustar();
            header.set_mode(0o644);
            header.set_uid(1);
            header.set_gid(2);
            header.set_mtime(0);
            header.set_size(3);
            header.set_path("usr/bin/x").unwrap();
            if let Some(change) = change {
                change(&mut header);
            }
            header.set_cksum();
            let mut builder = tar::Builder::new(Vec::new());
            builder.append(&header, &b"abc"[..]).unwrap();
            builder.into_inner().unwrap()
        };
        let mut change = Some(change);
        found(&tar(None), &tar(Some(&mut |header| change.take().into_iter().for_each(|change| change(header)))))
    }

    #[test]
    fn every_field_of_a_header_is_named_with_both_values() {
        let x = |field: &str, left: &str, right: &str| Some(("usr/bin/x".into(), field.into(), left.into(), right.into()));
        assert_eq!(changed(|h| h.set_path("usr/bin/y").unwrap()), x("path", "usr/bin/x", "usr/bin/y"));
        assert_eq!(changed(|h| h.set_mode(0o4755)), x("mode", "0644", "4755"));
        assert_eq!(changed(|h| h.set_uid(7)), x("uid", "1", "7"));
        assert_eq!(changed(|h| h.set_uid(1 << 30)), x("uid", "1", "1073741824"));
        assert_eq!(changed(|h| h.set_gid(7)), x("gid", "2", "7"));
        assert_eq!(changed(|h| h.set_mtime(1_700_000_000)), x("mtime", "0", "1700000000"));
        assert_eq!(changed(|h| h.set_size(2)), x("size", "3", "2"));
        assert_eq!(changed(|h| h.set_entry_type(tar::EntryType::Symlink)), x("type", "``", "`2`"));
        assert_eq!(changed(|h| h.set_link_name("z").unwrap()), x("link target", "``", "`z`"));
        assert_eq!(changed(|h| h.set_username("root").unwrap()), x("user name", "``", "`root`"));
        assert_eq!(changed(|h| h.set_groupname("root").unwrap()), x("group name", "``", "`root`"));
        assert_eq!(changed(|h| h.set_device_major(5).unwrap()), x("device major", "``", "5"));
        assert_eq!(changed(|h| h.set_device_minor(5).unwrap()), x("device minor", "``", "5"));
        assert_eq!(changed(|h| h.as_mut_bytes()[263] = b'9'), x("version", "`00`", "`90`"));
        assert_eq!(changed(|h| h.as_mut_bytes()[345] = b'p'), x("path prefix", "usr/bin/x", "p/usr/bin/x"));
        assert_eq!(changed(|_| ()), None);
    }

    #[test]
    fn content_is_named_by_its_byte_and_members_by_their_long_names() {
        let long = "n".repeat(150);
        let tar = |content: &[u8]| Layer::new().file("a", 0o644, &[0; 700]).file(&long, 0o644, content).tar();
        let (one, mut two) = (vec![0; 100_000], vec![0; 100_000]);
        two[70_001] = 255;
        assert_eq!(found(&tar(&one), &tar(&two)), Some((long.clone(), "content at byte 70001".into(), "00".into(), "ff".into())));

        let other = format!("{}m", "n".repeat(149));
        let renamed = Layer::new().file("a", 0o644, &[0; 700]).file(&other, 0o644, b"").tar();
        assert_eq!(found(&tar(b""), &renamed), Some((long.clone(), "path".into(), long.clone(), other)));

        // Two executables alike but for one link's long target.
        let link = |target: &str| Layer::new().symlink("l", target).tar();
        let (left, right) = ("t".repeat(150), "u".repeat(150));
        let difference = found(&link(&left), &link(&right)).unwrap();
        assert_eq!((difference.1.as_str(), difference.2, difference.3), ("link target", left, right));
    }

    #[test]
    fn a_member_that_only_one_has_is_told() {
        let short = Layer::new().file("a", 0o644, b"1");
        let long = Layer::new().file("a", 0o644, b"1").file("b", 0o644, b"");
        let (short, long) = (short.tar(), long.tar());
        assert_eq!(found(&short, &long), Some((String::new(), "next member".into(), "the tar's end".into(), "b".into())));
        assert_eq!(found(&long, &long[..1024]), Some((String::new(), "next member".into(), "b".into(), "the tar's end".into())));
    }

    proptest! {
        #[test]
        fn any_change_is_found_and_none_is_made_up(at in 0usize..4096, byte: u8, cut in 0usize..4096) {
            let tar = Layer::new().file("a", 0o755, &[1; 600]).symlink("b", "a").file(&"n".repeat(120), 0o644, b"abc").tar();
            let mut changed = tar.clone();
            let at = at % changed.len();
            changed[at] = byte;
            let found = first_difference(&tar[..], &changed[..]);
            prop_assert_eq!(matches!(found, Ok(None)), tar == changed);
            changed.truncate(cut);
            let _ = first_difference(&tar[..], &changed[..]);
            let _ = first_difference(&changed[..], &tar[..]);
        }

        #[test]
        fn any_bytes_are_compared(left in proptest::collection::vec(any::<u8>(), 0..2000), right in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = first_difference(&left[..], &right[..]);
            prop_assert!(matches!(first_difference(&left[..], &left[..]), Ok(None)) || first_difference(&left[..], &left[..]).is_err());
        }
    }
}
