//! The content of a local file: known by its hash before it is read into a layer.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use serde::Serialize;

use crate::error::IoContext;
use crate::image::{Digest, Hasher};
use crate::{Error, Result};

/// How much is read at a time.
const PIECE: usize = 1 << 17;

/// What a local file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in super::super) enum Content {
    /// Written in `containers.toml`.
    Text(String),
    /// A file, as it was when it was gathered.
    File {
        /// Where it is. Not part of what decides an image: the same project may lie anywhere.
        #[serde(skip)]
        path: PathBuf,
        /// Its length.
        size: u64,
        /// SHA-256 of its content.
        digest: Digest,
    },
}

impl Content {
    /// Its length.
    pub(in super::super) fn size(&self) -> u64 {
        match self {
            Content::Text(text) => text.len() as u64,
            Content::File { size, .. } => *size,
        }
    }

    /// SHA-256 of the content.
    pub(in super::super) fn digest(&self) -> Digest {
        match self {
            Content::Text(text) => Digest::of(text.as_bytes()),
            Content::File { digest, .. } => *digest,
        }
    }

    /// Hands the content on in pieces.
    ///
    /// # Errors
    /// When the file is no longer what was gathered: the image would not be what its inputs say.
    pub(in super::super) fn read(&self, push: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let (path, size, digest) = match self {
            Content::Text(text) => return push(text.as_bytes()),
            Content::File { path, size, digest } => (path, *size, *digest),
        };
        let changed = || Error::failed(format!("{} was changed while it was put into an image", path.display())).hint("build again");
        let mut file = File::open(path).at("opening", path)?.take(size + 1);
        let (mut hasher, mut length, mut buffer) = (Hasher::new(), 0, vec![0; PIECE]);
        loop {
            let n = file.read(&mut buffer).at("reading", path)?;
            length += n as u64;
            if n == 0 || length > size {
                break;
            }
            hasher.update(&buffer[..n]);
            push(&buffer[..n])?;
        }
        if (length, hasher.finish()) == (size, digest) { Ok(()) } else { Err(changed()) }
    }
}
