//! The files that tell dynamic loaders where libraries are: `ld.so.cache` and `ld.so.conf` of glibc (ld.so(8), ldconfig(8)),
//! `ld-musl-ARCH.path` of musl.

use serde::{Deserialize, Serialize};

/// Larger loader files are taken for none. The cache of two hundred packages has less than 100 KiB.
pub const MAX_LOADER_FILE: u64 = 4 << 20;
/// Most folders of one file that names folders; images have a dozen.
const MAX_FOLDERS: usize = 10_000;
/// Longest name or path in one (`PATH_MAX`).
const MAX_PATH: usize = 4096;

/// What one of these files says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoaderFile {
    /// `etc/ld.so.conf` or a file of `etc/ld.so.conf.d`: folders that `ldconfig` looks into. The loader itself does not read it.
    Configured(Vec<String>),
    /// `etc/ld.so.cache`: what `ldconfig` found there. This is what glibc's loader reads.
    Cache(Vec<CachedLibrary>),
    /// `etc/ld-musl-ARCH.path`: the folders that musl's loader searches instead of its own.
    MuslPath(Vec<String>),
}

/// One library of `ld.so.cache`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedLibrary {
    /// What programs ask for.
    pub name: String,
    /// The file.
    pub path: String,
    /// It is for some processors of the architecture only (`glibc-hwcaps`).
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub hwcaps: bool,
}

impl LoaderFile {
    /// Whether a file at `path` (as in [`super::Entry::path`]) is one.
    pub fn is_at(path: &str) -> bool {
        path.strip_prefix("etc/").is_some_and(|name| {
            matches!(name, "ld.so.cache" | "ld.so.conf")
                || name.strip_prefix("ld.so.conf.d/").is_some_and(|name| name.ends_with(".conf") && !name.contains('/'))
                || musl_architecture(name).is_some()
        })
    }

    /// What the file at `path` with content `bytes` says; `None` when there are no such files there.
    ///
    /// What is malformed is left out, as the loaders themselves do: a damaged cache says nothing.
    pub fn read(path: &str, bytes: &[u8]) -> Option<Self> {
        let name = path.strip_prefix("etc/").filter(|_| Self::is_at(path))?;
        Some(match name {
            "ld.so.cache" => LoaderFile::Cache(read_cache(bytes).unwrap_or_default()),
            name if musl_architecture(name).is_some() => LoaderFile::MuslPath(folders(String::from_utf8_lossy(bytes).split(['\n', ':']))),
            _ => {
                let text = String::from_utf8_lossy(bytes);
                let lines = text.lines().map(|line| line.split(['#', '=']).next().unwrap_or_default());
                LoaderFile::Configured(folders(lines))
            }
        })
    }

    /// How many bytes of memory it takes.
    pub fn memory(&self) -> usize {
        match self {
            LoaderFile::Configured(folders) | LoaderFile::MuslPath(folders) => folders.iter().map(|f| f.len() + size_of_val(f)).sum(),
            LoaderFile::Cache(libraries) => libraries.iter().map(|l| l.name.len() + l.path.len() + size_of_val(l)).sum(),
        }
    }
}

/// `ARCH` of `ld-musl-ARCH.path`.
fn musl_architecture(name: &str) -> Option<&str> {
    name.strip_prefix("ld-musl-")?.strip_suffix(".path").filter(|arch| !arch.is_empty() && !arch.contains('/'))
}

/// Absolute paths only: `include`, `hwcap` and what depends on the folder a program is started in are no folders of an image.
fn folders<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    lines.map(str::trim).filter(|line| line.starts_with('/') && line.len() <= MAX_PATH).take(MAX_FOLDERS).map(str::to_owned).collect()
}

/// Reads `glibc-ld.so.cache1.1` (glibc's `dl-cache.h`), also behind a cache of the old format; `None` when it is damaged.
fn read_cache(bytes: &[u8]) -> Option<Vec<CachedLibrary>> {
    const OLD: &[u8] = b"ld.so-1.7.0\0";
    const NEW: &[u8] = b"glibc-ld.so.cache1.1";
    const HEADER: usize = 48;
    const ENTRY: usize = 24;
    let bytes = match bytes.strip_prefix(OLD) {
        // The old format has a number of entries of 12 bytes each; the new one begins at the next multiple of 8.
        Some(rest) => {
            let count: [u8; 4] = rest.get(..4)?.try_into().ok()?;
            let start = |count: u32| (count as usize).checked_mul(12)?.checked_add(16)?.checked_next_multiple_of(8);
            let new = |start: Option<usize>| bytes.get(start?..).filter(|new| new.starts_with(NEW));
            new(start(u32::from_le_bytes(count))).or_else(|| new(start(u32::from_be_bytes(count))))?
        }
        None => bytes.strip_prefix(NEW).map(|_| bytes)?,
    };
    let four = |at: usize| -> Option<[u8; 4]> { bytes.get(at..at + 4)?.try_into().ok() };
    let fits = |count: u32| (count as usize).checked_mul(ENTRY).and_then(|n| n.checked_add(HEADER)).is_some_and(|n| n <= bytes.len());
    // Written from glibc 2.33 on; before, the byte order is the one that makes sense.
    let big = match bytes.get(28)? & 3 {
        2 => false,
        3 => true,
        _ => !fits(u32::from_le_bytes(four(20)?)),
    };
    let number = |at: usize| four(at).map(|n| if big { u32::from_be_bytes(n) } else { u32::from_le_bytes(n) });
    let count = number(20).filter(|count| fits(*count))? as usize;
    // Entries may share strings, so that a small file could stand for a lot of text.
    let mut room = bytes.len().saturating_mul(4);
    let mut text = |at: usize| -> Option<String> {
        let rest = bytes.get(number(at)? as usize..)?;
        let end = rest.iter().take(MAX_PATH).position(|b| *b == 0)?;
        room = room.checked_sub(end)?;
        Some(String::from_utf8_lossy(&rest[..end]).into_owned())
    };
    let entries = (0..count).map(|index| HEADER + ENTRY * index);
    entries
        .map(|at| {
            let hwcaps = bytes.get(at + 16..at + 24)?.iter().any(|b| *b != 0);
            Some(CachedLibrary { name: text(at + 4)?, path: text(at + 8)?, hwcaps })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A cache of (name, path, hwcap).
    fn cache(libraries: &[(&str, &str, u64)], big: bool, flags: u8) -> Vec<u8> {
        let n32 = |n: usize| if big { (n as u32).to_be_bytes() } else { (n as u32).to_le_bytes() };
        let mut strings = Vec::new();
        let mut entries = Vec::new();
        for (name, path, hwcap) in libraries {
            let mut place = |text: &str| {
                let at = 48 + 24 * libraries.len() + strings.len();
                strings.extend(text.bytes().chain([0]));
                n32(at)
            };
            entries.extend([n32(0x303), place(name), place(path), n32(0)].concat());
            entries.extend(if big { hwcap.to_be_bytes() } else { hwcap.to_le_bytes() });
        }
        let mut out = b"glibc-ld.so.cache1.1".to_vec();
        out.extend([n32(libraries.len()), n32(strings.len()), [flags, 0, 0, 0], n32(0), n32(0), n32(0), n32(0)].concat());
        out.extend(entries);
        out.extend(strings);
        out
    }

    #[test]
    fn caches_of_both_byte_orders_and_behind_old_ones_are_read() {
        let libraries = [("libz.so.1", "/lib/x/libz.so.1", 0), ("libm.so.6", "/lib/glibc-hwcaps/v3/libm.so.6", 1 << 62)];
        let wanted = libraries.map(|(name, path, hwcap)| CachedLibrary { name: name.into(), path: path.into(), hwcaps: hwcap != 0 });
        for (big, flags) in [(false, 2), (true, 3), (false, 0), (true, 0)] {
            let new = cache(&libraries, big, flags);
            assert_eq!(LoaderFile::read("etc/ld.so.cache", &new), Some(LoaderFile::Cache(wanted.to_vec())), "{big} {flags}");
            // One entry of the old format, and filling.
            let count = if big { 1u32.to_be_bytes() } else { 1u32.to_le_bytes() };
            let both = [b"ld.so-1.7.0\0".as_slice(), &count, &[0; 12], &[0; 4], &new].concat();
            assert_eq!(read_cache(&both).as_deref(), Some(wanted.as_slice()), "{big} {flags}");
        }
    }

    #[test]
    fn the_cache_of_this_machine_is_read() {
        let bytes = std::fs::read("/etc/ld.so.cache").unwrap();
        let libraries = read_cache(&bytes).unwrap();
        let libc = libraries.iter().find(|library| library.name == "libc.so.6").unwrap();
        assert!(std::path::Path::new(&libc.path).exists(), "{libc:?}");
    }

    #[test]
    fn a_small_cache_cannot_stand_for_a_lot_of_text() {
        let name = "n".repeat(4000);
        let mut bytes = cache(&vec![("", "", 0); 2000], false, 2);
        let at = bytes.len() as u32;
        bytes.extend(name.bytes().chain([0]));
        for index in 0..2000 {
            bytes[48 + 24 * index + 4..][..4].copy_from_slice(&at.to_le_bytes());
        }
        assert_eq!(read_cache(&bytes), None);
    }

    #[test]
    fn folders_are_read_as_the_loaders_read_them() {
        let conf = b"# x\ninclude /etc/ld.so.conf.d/*.conf\n/opt/a # why\n /opt/b=libc6\nhwcap 1 x\nrelative\n";
        let read = |path: &str, bytes: &[u8]| LoaderFile::read(path, bytes);
        assert_eq!(read("etc/ld.so.conf.d/a.conf", conf), Some(LoaderFile::Configured(vec!["/opt/a".into(), "/opt/b".into()])));
        let musl = Some(LoaderFile::MuslPath(vec!["/a".into(), "/b".into(), "/c".into()]));
        assert_eq!(read("etc/ld-musl-x86_64.path", b"/a:/b\n/c\n"), musl);
        for other in ["etc/ld.so.conf.d/a.conf.dpkg-old", "usr/etc/ld.so.conf", "etc/ld-musl-.path", "etc/ld-musl-x/y.path"] {
            assert_eq!(read(other, conf), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(tail in proptest::collection::vec(any::<u8>(), 0..600), magic in 0usize..3) {
            let head: &[u8] = [&b""[..], b"glibc-ld.so.cache1.1", b"ld.so-1.7.0\0"][magic];
            let bytes = [head, &tail].concat();
            for path in ["etc/ld.so.cache", "etc/ld.so.conf", "etc/ld-musl-x86_64.path"] {
                let read = LoaderFile::read(path, &bytes).unwrap();
                // 56 more for each of at most one library in 24 bytes.
                prop_assert!(read.memory() <= 8 * bytes.len() + 64);
            }
        }
    }
}
