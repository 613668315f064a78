//! Facts about the files of a layer: what `verify` needs, read once.
//!
//! The Debian builder keeps them beside each cached segment; `verify` gathers them from any layer's tar.

use serde::{Deserialize, Serialize};

use super::FileCapabilities;

/// One entry of a layer's tar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Path in the image, without leading or trailing slash and without `.` components: `usr/bin/fdfind`.
    /// Bytes that are no UTF-8 are shown as `\xff`.
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

/// What a layer entry is. `T` is how texts are held, `E` an ELF header, and `C` capabilities: owned, or borrowed ([`super::KindRef`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", bound(deserialize = "T: Deserialize<'de>, E: Deserialize<'de>, C: Deserialize<'de>"))]
pub enum EntryKind<T = String, E = Elf, C = Box<FileCapabilities>> {
    /// A regular file.
    File {
        /// Its length in bytes.
        size: u64,
        /// Its ELF header, when it is an ELF file.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        elf: Option<E>,
        /// The interpreter line, when it starts with `#!` (without those two bytes, trimmed, at most 255 bytes).
        #[serde(skip_serializing_if = "Option::is_none", default)]
        shebang: Option<T>,
        /// Its capabilities, when it has some.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        capabilities: Option<C>,
    },
    /// A directory.
    Directory,
    /// A symbolic link, with its target as written.
    Symlink {
        /// As written: absolute or relative to the link's folder.
        target: T,
    },
    /// A hard link to an earlier path of the same layer (normalised like [`Entry::path`]).
    HardLink {
        /// The other path.
        target: T,
    },
    /// A character or block device, or a fifo.
    Special,
    /// `.wh.NAME`: the path (already without the prefix) is removed from the layers below.
    Whiteout,
    /// `.wh..wh..opq`: everything below this directory in lower layers is hidden.
    Opaque,
}

impl<T, E, C> EntryKind<T, E, C> {
    /// The capabilities of a file that has some.
    pub fn capabilities(&self) -> Option<&C> {
        match self {
            EntryKind::File { capabilities, .. } => capabilities.as_ref(),
            _ => None,
        }
    }
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
    /// `e_flags`: of some processors, the ABI.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub flags: u32,
    /// `PT_INTERP`: the dynamic linker it asks for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interpreter: Option<String>,
    /// Whether it has a dynamic section (`PT_DYNAMIC`).
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub dynamic: bool,
    /// `DT_FLAGS_1`.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub flags_1: u32,
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

/// What an ELF file is to those who load it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElfKind {
    /// A program that the kernel starts by way of a dynamic linker. Some libraries are one too (glibc's libc.so.6).
    Program,
    /// A program that needs nothing else, at fixed addresses or not (`static-pie`).
    StaticProgram,
    /// Loaded by programs and other libraries.
    Library,
    /// Relocatable, core and other files, which nothing loads.
    Other,
}

impl Elf {
    /// `DF_1_NODEFLIB` of [`Elf::flags_1`]: the loader does not look into its own folders.
    pub const NO_DEFAULT_FOLDERS: u32 = 0x800;
    /// `DF_1_PIE` of [`Elf::flags_1`]: a program and no library.
    pub const PIE: u32 = 0x0800_0000;

    /// What it is to those who load it.
    pub fn kind(&self) -> ElfKind {
        match self.object_type {
            2 | 3 if self.interpreter.is_some() => ElfKind::Program,
            2 => ElfKind::StaticProgram,
            3 if self.flags_1 & Self::PIE != 0 => ElfKind::StaticProgram,
            3 => ElfKind::Library,
            _ => ElfKind::Other,
        }
    }

    /// How many bytes of memory its texts take.
    pub fn memory(&self) -> usize {
        let one = [&self.interpreter, &self.soname, &self.rpath, &self.runpath, &self.damage];
        let needed = self.needed.iter().flatten().map(|name| size_of_val(name) + name.len());
        one.into_iter().flatten().map(String::len).chain(needed).sum()
    }
}

fn is_zero(n: &u32) -> bool {
    *n == 0
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
