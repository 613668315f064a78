//! How layers are compressed (image-spec, "Image Layer Filesystem Changeset", media types).

use serde::{Deserialize, Serialize};

/// How a blob is compressed, by its own first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952, one or more members.
    Gzip,
    /// RFC 8878, one or more frames.
    Zstd,
}

impl Compression {
    /// The word, as printed.
    pub const fn word(self) -> &'static str {
        match self {
            Compression::None => "uncompressed",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }

    /// What the media type promises; `None` for media types that are no layer's.
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        if !media_type.contains("layer") && !media_type.contains("rootfs") {
            return None;
        }
        match media_type {
            t if t.ends_with("gzip") => Some(Compression::Gzip),
            t if t.ends_with("+zstd") => Some(Compression::Zstd),
            t if t.ends_with(".tar") => Some(Compression::None),
            _ => None,
        }
    }

    /// What the first bytes of a blob say; four are enough.
    pub fn of_bytes(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }
}
