//! `/etc/ld.so.cache` (R9): the libraries that `ldconfig` would find, found from facts.
//!
//! The loader needs the cache for every library outside its built-in directories, and `ctypes.util.find_library` reads it.
//! The auxiliary cache is never written: it holds inode numbers and times.

use std::collections::{BTreeMap, BTreeSet};

use super::generated::Additions;
use super::ld_format::{Library, cache, compare_names};
use super::{Content, Node, Root};
use crate::catalog::Architecture;
use crate::image::{Elf, ElfClass, ElfData, EntryKind};

/// Where `ldconfig` begins to read.
const CONF: &str = "etc/ld.so.conf";
/// `include` within `include`, which ldconfig would follow for ever.
const MAX_INCLUDES: usize = 8;
/// `ET_DYN`.
const SHARED: u16 = 3;

/// A directory to search.
struct Folder {
    /// As configured; this is what the cache says.
    path: String,
    /// Where it is.
    physical: String,
    hwcaps: Option<String>,
}

/// The cache, and the links by soname that packages have left to `ldconfig`.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    let Some(libc) = root.package("libc6") else { return };
    let Some(architecture) = Architecture::ALL.into_iter().find(|a| a.debian() == libc.architecture) else { return };
    let mut folders = Folders { root, folders: Vec::new(), hwcaps: BTreeSet::new(), remarks: &mut out.remarks };
    if root.nodes().contains_key(CONF) {
        folders.read_conf(CONF, MAX_INCLUDES);
    } else {
        // Without libc-bin nothing includes them, but what packages register is still what they need.
        folders.include("/etc/ld.so.conf.d/*.conf", MAX_INCLUDES);
    }
    let triplet = triplet(architecture);
    for path in [format!("/lib/{triplet}"), format!("/usr/lib/{triplet}"), "/lib".to_owned(), "/usr/lib".to_owned()] {
        folders.add(&path);
    }
    let (folders, hwcaps) = (folders.folders, folders.hwcaps);
    let mut libraries = Vec::new();
    let mut newest = libc.newest;
    for folder in &folders {
        for (soname, found) in search(root, folder, architecture) {
            newest = newest.max(found.newest);
            let name = if folder.hwcaps.is_some() { found.name } else { &soname };
            if folder.hwcaps.is_none() && !found.is_link && !root.nodes().contains_key(&format!("{}/{soname}", folder.physical)) {
                out.link(&format!("{}/{soname}", folder.physical), found.name, found.newest);
            }
            libraries.push(Library { path: format!("{}/{name}", folder.path), soname, flags: found.flags, hwcaps: folder.hwcaps.clone() });
        }
    }
    // What ldconfig calls itself: PKGVERSION, RELEASE and VERSION of Debian's build.
    let upstream = libc.version.split(['-', '+']).next().unwrap_or_default();
    let generator = format!("ldconfig (Debian GLIBC {}) stable release version {upstream}", libc.version);
    out.file("etc/ld.so.cache", cache(libraries, &hwcaps, &generator, architecture == Architecture::S390x), newest);
}

/// Collects directories in the order they are searched.
struct Folders<'a> {
    root: &'a Root,
    folders: Vec<Folder>,
    hwcaps: BTreeSet<String>,
    remarks: &'a mut Vec<String>,
}

impl Folders<'_> {
    /// Reads a configuration file (ldconfig(8)).
    fn read_conf(&mut self, path: &str, depth: usize) {
        let Some((physical, node)) = self.root.resolve(path) else { return };
        let Some(bytes) = self.root.bytes(node) else {
            self.remarks.push(format!("/{physical} is not at hand: ld.so.cache lacks the directories it names"));
            return;
        };
        for line in String::from_utf8_lossy(bytes).lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            match line.strip_prefix("include").filter(|rest| rest.starts_with([' ', '\t'])) {
                Some(patterns) => patterns.split_whitespace().for_each(|pattern| self.include(pattern, depth)),
                None if line.starts_with("hwcap ") => {}
                // `DIR=TYPE`: the type was for libc5.
                None => self.add(line.split('=').next().unwrap_or_default()),
            }
        }
    }

    /// Reads the files that match `pattern`, in order of name.
    fn include(&mut self, pattern: &str, depth: usize) {
        let (folder, name) = pattern.rsplit_once('/').unwrap_or(("/etc", pattern));
        let folder = if folder.starts_with('/') { folder.to_owned() } else { format!("/etc/{folder}") };
        let Some(physical) = self.root.physical(&folder).filter(|_| depth > 0) else { return };
        for file in self.root.names(&physical).into_iter().filter(|file| matches(name.as_bytes(), file.as_bytes())) {
            self.read_conf(&format!("{physical}/{file}"), depth - 1);
        }
    }

    /// Adds a directory, unless it is there already under any name, and its hardware variants.
    fn add(&mut self, path: &str) {
        let path = path.trim_end_matches('/');
        let physical = self.root.physical(path).filter(|physical| path.starts_with('/') && self.root.has_directory(physical));
        let Some(physical) = physical.filter(|physical| self.folders.iter().all(|folder| folder.physical != *physical)) else { return };
        self.folders.push(Folder { path: path.to_owned(), physical: physical.clone(), hwcaps: None });
        let variants = format!("{physical}/glibc-hwcaps");
        for name in self.root.names(&variants) {
            let below = self.root.physical(&format!("{variants}/{name}")).filter(|below| self.root.has_directory(below));
            if let Some(physical) = below.filter(|_| !name.starts_with('.') && !name.contains(':')) {
                self.hwcaps.insert(name.clone());
                self.folders.push(Folder { path: format!("{path}/glibc-hwcaps/{name}"), physical, hwcaps: Some(name) });
            }
        }
    }
}

/// A library of one directory.
struct Found<'a> {
    name: &'a str,
    is_link: bool,
    flags: u32,
    newest: u64,
}

/// The libraries of a directory, by what programs call them; of two that are called alike, files before links and higher
/// versions before lower ones.
fn search<'a>(root: &'a Root, folder: &Folder, architecture: Architecture) -> BTreeMap<String, Found<'a>> {
    let mut found: BTreeMap<String, Found<'a>> = BTreeMap::new();
    let start = folder.physical.len() + 1;
    for (path, node) in root.below(&folder.physical) {
        let name = &path[start..];
        if name.contains('/') || !is_library(name) {
            continue;
        }
        let mut is_link = root.link_target(node).is_some();
        let Some((elf, newest)) = library(root, path, node) else { continue };
        let Some(flags) = flags(elf, architecture).filter(|_| elf.object_type == SHARED) else { continue };
        let mut soname = elf.soname.clone().unwrap_or_else(|| name.to_owned());
        if is_link {
            // A link counts as one when it is the soname, or the linker's `libx.so`; else it is like a file.
            is_link = *name == soname || (name.ends_with(".so") && soname.starts_with(name));
            if is_link {
                soname = name.to_owned();
            }
        }
        let new = Found { name, is_link, flags, newest };
        match found.get_mut(&soname) {
            None => drop(found.insert(soname, new)),
            Some(old) => {
                let newer = old.is_link == is_link && compare_names(old.name, name).is_lt();
                if (!is_link && old.is_link) || newer {
                    *old = new;
                }
            }
        }
    }
    found
}

/// `lib*.so*`, `ld-*.so*`, `ld.so.*` and `ld64.so.*`, as in glibc's `dl-is_dso.h`.
fn is_library(name: &str) -> bool {
    ((name.starts_with("lib") || name.starts_with("ld-")) && name.contains(".so"))
        || name.starts_with("ld.so.")
        || name.starts_with("ld64.so.")
}

/// The ELF header of the packaged file that opening `path` reaches, and how new its package is.
fn library<'a>(root: &'a Root, path: &str, node: &'a Node) -> Option<(&'a Elf, u64)> {
    let node = if root.link_target(node).is_some() { root.resolve(path)?.1 } else { node };
    let Content::Packaged { segment, .. } = node.content else { return None };
    let segment = &root.segments()[segment];
    let kind = match &root.entry(node)?.kind {
        EntryKind::HardLink { target } => &segment.entries.iter().find(|entry| entry.path == *target)?.kind,
        kind => kind,
    };
    match kind {
        EntryKind::File { elf: Some(elf), .. } if elf.damage.is_none() => Some((elf, segment.newest)),
        _ => None,
    }
}

/// What the cache calls libraries of this machine (glibc's `ldconfig.h`); `None` for those that the loader of `architecture`
/// does not load. Float ABIs are those of Debian's ports.
fn flags(elf: &Elf, architecture: Architecture) -> Option<u32> {
    const LIBC6: u32 = 3;
    let wide = elf.class == ElfClass::Bits64;
    if (elf.data == ElfData::Big) != (architecture == Architecture::S390x) {
        return None;
    }
    let machine = match (architecture, elf.machine, wide) {
        (Architecture::X86_64, 62, true) => 0x0300,
        (Architecture::X86_64, 62, false) => 0x0800,
        (Architecture::X86_64, 3, false) | (Architecture::S390x, 22, false) => 0,
        (Architecture::Aarch64, 183, true) => 0x0a00,
        (Architecture::Riscv64, 243, true) => 0x1000,
        (Architecture::Ppc64le, 21, true) => 0x0500,
        (Architecture::S390x, 22, true) => 0x0400,
        (Architecture::Armv7, 40, false) => 0x0900,
        _ => return None,
    };
    Some(machine | LIBC6)
}

/// Debian's multiarch triplet.
fn triplet(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "x86_64-linux-gnu",
        Architecture::Aarch64 => "aarch64-linux-gnu",
        Architecture::Riscv64 => "riscv64-linux-gnu",
        Architecture::Ppc64le => "powerpc64le-linux-gnu",
        Architecture::S390x => "s390x-linux-gnu",
        Architecture::Armv7 => "arm-linux-gnueabihf",
    }
}

/// A shell pattern of `*` and `?`; a leading dot is only matched by a dot (glob(7)).
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.starts_with(b".") && !pattern.starts_with(b".") {
        return false;
    }
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => (star, p) = (Some((p + 1, n)), p + 1),
            Some(c) if *c == b'?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            // The last star takes one more character.
            _ => match star {
                Some((after, from)) => (p, n, star) = (after, from + 1, Some((after, from + 1))),
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, name, fits) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.dpkg-old", false),
            ("*", ".x", false),
            ("a?c", "abc", true),
            ("*b*c", "abbcxc", true),
            ("*b", "ab-", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn libraries_are_told_by_their_names() {
        for (name, fits) in [("libc.so.6", true), ("ld-linux-x86-64.so.2", true), ("ld64.so.1", true), ("libc.a", false), ("x.so", false)] {
            assert_eq!(is_library(name), fits, "{name}");
        }
    }
}
