//! The bytes of `/etc/ld.so.cache` (`glibc-ld.so.cache1.1`, glibc from 2.33 on), exactly as `ldconfig` writes them.
//!
//! A header of 48 bytes, 24 bytes for each library in the order the loader searches, strings that share their ends, and an
//! extension section with the names of hardware capabilities and of the writer. Numbers are in the machine's byte order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// One library that the loader can find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Library {
    /// What programs ask for.
    pub soname: String,
    /// The file.
    pub path: String,
    /// Kind and machine.
    pub flags: u32,
    /// The subdirectory of `glibc-hwcaps` it is in.
    pub hwcaps: Option<String>,
}

const MAGIC: &[u8; 20] = b"glibc-ld.so.cache1.1";
const HEADER: usize = 48;
const ENTRY: usize = 24;
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
/// In a library's `hwcap`: the low bits are an index into the extension's names.
const HWCAP_EXTENSION: u64 = 1 << 62;

/// The cache of `libraries`, which come in the order of their directories. `known_hwcaps` are all subdirectories that
/// were looked at, `generator` who made it.
pub(super) fn cache(mut libraries: Vec<Library>, known_hwcaps: &BTreeSet<String>, generator: &str, big: bool) -> Vec<u8> {
    // The order of directories decides between equals: the sort is stable.
    libraries.sort_by(order);
    let used: BTreeSet<&str> = libraries.iter().filter_map(|library| library.hwcaps.as_deref()).collect();
    let all = libraries.iter().flat_map(|library| [library.soname.as_str(), &library.path]).chain(known_hwcaps.iter().map(String::as_str));
    let (strings, offsets) = string_table(all.collect());

    let n32 = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let n64 = |n: u64| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let start = HEADER + ENTRY * libraries.len();
    let offset = |text: &str| n32((start + offsets.get(text).copied().unwrap_or(0)) as u32);
    let extension = (start + strings.len()).next_multiple_of(4);

    let mut out = MAGIC.to_vec();
    out.extend([n32(libraries.len() as u32), n32(strings.len() as u32)].concat());
    // The byte order: little is 2, big is 3.
    out.extend([if big { 3 } else { 2 }, 0, 0, 0]);
    out.extend([n32(extension as u32), n32(0), n32(0), n32(0)].concat());
    for library in &libraries {
        let hwcap =
            library.hwcaps.as_deref().and_then(|name| used.iter().position(|u| *u == name)).map_or(0, |at| HWCAP_EXTENSION | at as u64);
        out.extend([n32(library.flags), offset(&library.soname), offset(&library.path), n32(0)].concat());
        out.extend(n64(hwcap));
    }
    out.extend(strings);
    out.resize(extension, 0);
    // The extension: its sections, the names, the writer.
    let sections = if used.is_empty() { 1 } else { 2 };
    let names_at = extension + 8 + 16 * sections;
    out.extend([n32(EXTENSION_MAGIC), n32(sections as u32)].concat());
    let generator_at = names_at + 4 * used.len();
    out.extend([n32(0), n32(0), n32(generator_at as u32), n32(generator.len() as u32)].concat());
    if !used.is_empty() {
        out.extend([n32(1), n32(0), n32(names_at as u32), n32(4 * used.len() as u32)].concat());
        out.extend(used.iter().flat_map(|name| offset(name)));
    }
    out.extend(generator.as_bytes());
    out
}

/// The loader searches from the highest version down; of one name, hardware variants come first.
fn order(a: &Library, b: &Library) -> Ordering {
    let variant = |library: &Library| library.hwcaps.is_none();
    compare_names(&b.soname, &a.soname)
        .then(b.flags.cmp(&a.flags))
        .then_with(|| variant(a).cmp(&variant(b)))
        .then_with(|| a.hwcaps.cmp(&b.hwcaps))
}

/// Names with the numbers in them compared as numbers; digits come after everything else.
pub(super) fn compare_names(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let number = |text: &mut &[u8]| {
                    let end = text.iter().position(|c| !c.is_ascii_digit()).unwrap_or(text.len());
                    let digits = &text[..end];
                    *text = &text[end..];
                    let first = digits.iter().position(|c| *c != b'0').unwrap_or(end);
                    // Without zeros in front the longer is the greater.
                    (end - first, digits[first..].to_vec())
                };
                match number(&mut a).cmp(&number(&mut b)) {
                    Ordering::Equal => {}
                    other => return other,
                }
            }
            (Some(x), _) if x.is_ascii_digit() => return Ordering::Greater,
            (Some(_), Some(y)) if y.is_ascii_digit() => return Ordering::Less,
            (Some(x), y) => match Some(x).cmp(&y) {
                Ordering::Equal => (a, b) = (&a[1..], &b[1..]),
                other => return other,
            },
        }
    }
}

/// Strings one after the other, each ending in a NUL; one that is the end of another is only a place in it.
fn string_table(strings: BTreeSet<&str>) -> (Vec<u8>, BTreeMap<&str, usize>) {
    let mut strings: Vec<&str> = strings.into_iter().collect();
    // From the end of each string, the greatest byte first, the longer first: what ends alike is in a row.
    strings.sort_by(|a, b| b.bytes().rev().cmp(a.bytes().rev()));
    let (mut bytes, mut offsets) = (Vec::new(), BTreeMap::new());
    let mut previous: (usize, &str) = (0, "");
    for string in strings {
        let at = match previous.1.ends_with(string) && !offsets.is_empty() {
            true => previous.0 + previous.1.len() - string.len(),
            false => {
                let at = bytes.len();
                bytes.extend_from_slice(string.as_bytes());
                bytes.push(0);
                at
            }
        };
        offsets.insert(string, at);
        previous = (at, string);
    }
    (bytes, offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (a, b) in [("liba.so.9", "liba.so.10"), ("liba.so", "liba.so.1"), ("liba.so.01", "liba.so.2"), ("liba-x.so", "liba1.so")] {
            assert_eq!((compare_names(a, b), compare_names(b, a)), (Ordering::Less, Ordering::Greater), "{a} {b}");
        }
        assert_eq!(compare_names("liba.so.1", "liba.so.01"), Ordering::Equal);
        assert_eq!(compare_names("a99999999999999999999999", "a100000000000000000000000"), Ordering::Less);
    }

    #[test]
    fn strings_share_their_ends() {
        let (bytes, offsets) = string_table(BTreeSet::from(["libx.so", "/lib/libx.so", "x.so", "other"]));
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), "other\0/lib/libx.so\0");
        for (text, at) in offsets {
            assert!(bytes[at..].starts_with(text.as_bytes()) && bytes[at + text.len()] == 0, "{text}");
        }
    }
}
