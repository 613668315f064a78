//! Facts about the files of a layer: what `verify` needs, read once.
//!
//! The Debian builder keeps them beside each cached segment; `verify` gathers them from any layer's tar.

use serde::{Deserialize, Serialize};

/// One entry of a layer's tar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Path in the image, without leading or trailing slash and without `.` components: `usr/bin/fdfind`.
    /// Bytes that are no UTF-8 are shown as U+FFFD.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, with setuid, setgid and sticky (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
}

/// What a layer entry is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A regular file.
    File {
        /// Its length in bytes.
        size: u64,
        /// Its ELF header, when it is an ELF file.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        elf: Option<Elf>,
        /// The interpreter line, when it starts with `#!` (without those two bytes, trimmed, at most 255 bytes).
        #[serde(skip_serializing_if = "Option::is_none", default)]
        shebang: Option<String>,
    },
    /// A directory.
    Directory,
    /// A symbolic link, with its target as written.
    Symlink {
        /// As written: absolute or relative to the link's folder.
        target: String,
    },
    /// A hard link to an earlier path of the same layer (normalised like [`Entry::path`]).
    HardLink {
        /// The other path.
        target: String,
    },
    /// A character or block device, or a fifo.
    Special,
    /// `.wh.NAME`: the path (already without the prefix) is removed from the layers below.
    Whiteout,
    /// `.wh..wh..opq`: everything below this directory in lower layers is hidden.
    Opaque,
}

/// ELF class, `EI_CLASS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ElfClass {
    /// `ELFCLASS32`.
    #[serde(rename = "32")]
    Bits32,
    /// `ELFCLASS64`.
    #[serde(rename = "64")]
    Bits64,
}

/// ELF byte order, `EI_DATA`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElfData {
    /// `ELFDATA2LSB`.
    Little,
    /// `ELFDATA2MSB`.
    Big,
}

/// What an ELF header says (gABI, "ELF Header" and "Program Header").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elf {
    /// Word size.
    pub class: ElfClass,
    /// Byte order.
    pub data: ElfData,
    /// `e_machine`.
    pub machine: u16,
    /// `e_type`: 1 relocatable, 2 executable, 3 shared object or position-independent executable, 4 core.
    #[serde(rename = "type")]
    pub object_type: u16,
    /// `PT_INTERP`: the dynamic linker it asks for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interpreter: Option<String>,
    /// `DT_NEEDED` libraries, in order; `None` where the reader did not look.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub needed: Option<Vec<String>>,
    /// `DT_SONAME`: what others call this library.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub soname: Option<String>,
    /// `DT_RPATH`, folders separated by colons.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rpath: Option<String>,
    /// `DT_RUNPATH`, folders separated by colons.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub runpath: Option<String>,
    /// What is wrong with the header, when the file starts like ELF but cannot be read further.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub damage: Option<String>,
}

impl Elf {
    /// How many bytes its texts have together.
    pub fn text(&self) -> usize {
        let one = [&self.interpreter, &self.soname, &self.rpath, &self.runpath, &self.damage];
        one.into_iter().flatten().chain(self.needed.iter().flatten()).map(String::len).sum()
    }
}

/// A package as its metadata in the image names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstalledPackage {
    /// Binary package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture in the packaging system's own words (`amd64`, `all`).
    pub architecture: String,
}
