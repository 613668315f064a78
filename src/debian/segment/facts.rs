//! What is known of a segment without opening it, and where segments are kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::Hex;
use super::contents::Contents;
use super::scripts::Script;
use crate::catalog::LayerCompression;
use crate::image::{Digest, Entry, record};

/// Changes whenever the bytes or the facts of a segment would: a part of its file name, so older ones are just not found.
pub(super) const FORMAT: u32 = 8;

/// The facts of one segment; its sidecar on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Segment {
    /// [`FORMAT`] of its maker.
    pub format: u32,
    /// SHA-256 of the .deb.
    pub sha256: Hex,
    /// Binary package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Its architecture in Debian's words.
    pub architecture: String,
    /// Length of the .deb.
    pub deb_size: u64,
    /// Length of the tar entries, uncompressed.
    pub raw_size: u64,
    /// Length of the members together.
    pub size: u64,
    /// How its members are compressed.
    #[serde(default)]
    pub compression: LayerCompression,
    /// Each member; all but the last hold [`super::member::MEMBER`] bytes.
    pub members: Vec<Member>,
    /// Newest modification time of its files, seconds since 1970.
    pub newest: u64,
    /// Its non-directory entries, in the order of the tar.
    pub entries: Vec<Entry>,
    /// The directories the .deb lists, at their physical paths, sorted.
    pub directories: Vec<Directory>,
    /// The control stanza, as it goes into the image.
    pub control: String,
    /// The `md5sums` control file with physical paths, empty when the package has none.
    pub md5sums: String,
    /// Its maintainer scripts, triggers, conffiles and debconf templates.
    pub scripts: BTreeMap<String, Script>,
    /// Files that generated files are made from, and those that its scripts name.
    pub contents: Contents,
}

/// One member of a segment, and how it is known again: the checksums say that a disk gave back what was written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Member {
    /// Length, compressed.
    #[serde(rename = "n")]
    pub length: u32,
    /// CRC-32 of it, compressed.
    #[serde(rename = "c")]
    pub crc: u32,
    /// CRC-32 of what is in it.
    #[serde(rename = "r")]
    pub raw_crc: u32,
}

/// Where a segment is.
pub(in super::super) struct Places {
    /// Its members, one behind the other.
    pub members: PathBuf,
    /// What is in them, uncompressed. May be missing: it is in the members as well.
    pub plain: PathBuf,
    /// Its facts.
    pub facts: PathBuf,
}

/// A directory a .deb lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Directory {
    /// Path, without slashes at the ends.
    pub path: String,
    /// `0o7777` bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Modification time.
    pub mtime: u64,
}

impl Segment {
    /// Where the segment of the .deb `sha256` is below `folder`. What is in it does not depend on how it is compressed.
    pub(in super::super) fn places(folder: &Path, sha256: &Digest, how: LayerCompression) -> Places {
        let (stem, suffix) = (format!("{}-v{FORMAT}", sha256.hex()), how.suffix());
        let file = |name| folder.join(name);
        Places {
            members: file(format!("{stem}.{suffix}")),
            plain: file(format!("{stem}.tar")),
            facts: file(format!("{stem}.{suffix}.json")),
        }
    }

    /// The facts of a cached segment, if it is there whole. A damaged one counts as missing and is made again.
    pub(in super::super) fn load(folder: &Path, sha256: &Digest, how: LayerCompression) -> Option<Self> {
        let places = Self::places(folder, sha256, how);
        let segment: Segment = record::read(&places.facts, sha256)?;
        let length = fs::metadata(places.members).ok()?.len();
        let listed: u64 = segment.members.iter().map(|member| u64::from(member.length)).sum();
        let right = segment.format == FORMAT && segment.sha256.0 == *sha256 && segment.compression == how;
        (right && segment.size == length && listed == length).then_some(segment)
    }
}
