//! A layer's blob as a stream: read, decompressed and hashed by threads that hand pieces on, never whole in memory.
//!
//! ```text
//! blob ─► decompress ─► content ─► whoever reads it ─► hash ─► (pieces are used again)
//!              └────────── the blob's own bytes ────────►┘
//! ```
//!
//! Decompressing is the slow part and has a thread of its own, so that a layer takes as long as that alone.

mod content;
mod decode;

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};

pub(super) use self::content::Content;
use self::decode::{Decoded, decode};
use super::usage::Usage;
use crate::image::{Blobs, Compression, Descriptor, Digest, Hasher};
use crate::{Error, Result};

/// A layer that decompresses to more is not read on: 64 GiB is far beyond what engines unpack, and a bomb ends there.
pub(super) const MAX_UNCOMPRESSED: u64 = 64 << 30;
/// How much is handed on at a time.
const PIECE: usize = 256 << 10;
/// Pieces that wait for the next thread; with [`PIECE`] this bounds what is held of a layer.
const WAITING: usize = 3;
/// The largest window of a zstd frame, as a power of two: 32 MiB. Writers of images stay at 8 MiB (RFC 8878, 3.1.1.1.2), the
/// strongest levels of some go to 32.
const MAX_WINDOW: u32 = 25;

/// What was learnt of a blob on the way.
pub(super) struct Streamed {
    /// Of everything that was read; `None` when that was not all, or more than the descriptor says.
    pub digest: Option<Digest>,
    /// Bytes read: at most one more than the descriptor says.
    pub size: u64,
    /// By its own bytes.
    pub compression: Compression,
    /// The digest of the content, as far as it could be read.
    pub diff_id: Digest,
    /// Length of the content.
    pub uncompressed_size: u64,
    /// Why the content could not be read to its end.
    pub damage: Option<String>,
}

/// Streams `blob` to its end, with `look` at its content; what `look` leaves unread is read all the same.
///
/// Damage is a fact, not an error, and so is a blob that is not there. Errors are what says nothing about the blob: no network,
/// no permission to look ([`Error::is_outage`]).
pub(super) fn stream<T>(
    blobs: &dyn Blobs,
    blob: &Descriptor,
    usage: &Usage<'_>,
    cancelled: &(dyn Fn() -> bool + Sync),
    look: impl FnOnce(&mut Content) -> T,
) -> Result<(Streamed, T)> {
    let (to_look, contents) = sync_channel(WAITING);
    let (to_hash, pieces) = sync_channel(WAITING);
    let (spare, spares) = channel();
    std::thread::scope(|scope| {
        let blob_to_hash = to_hash.clone();
        let decoder = scope.spawn(move || decode(blobs, blob, to_look, blob_to_hash, spares, usage, cancelled));
        let hasher = scope.spawn(move || hash(pieces, &spare));
        let mut content = Content { pieces: contents, to_hash, piece: Piece::default(), at: 0 };
        let seen = look(&mut content);
        content.finish();
        let broken = || Error::failed(format!("reading the layer {} broke off", blob.digest));
        let decoded = decoder.join().map_err(|_| broken())??;
        let hashed = hasher.join().map_err(|_| broken())?;
        let Decoded { whole, size, compression, damage } = decoded;
        let digest = if compression == Compression::None { hashed.content } else { hashed.blob };
        let digest = (whole && size <= blob.size).then_some(digest);
        let streamed = Streamed { digest, size, compression, diff_id: hashed.content, uncompressed_size: hashed.content_size, damage };
        Ok((streamed, seen))
    })
}

/// Some bytes, in a buffer that is used again and again.
#[derive(Default)]
struct Piece {
    buffer: Vec<u8>,
    filled: usize,
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Fills it from its beginning; what came before an error is there.
    fn fill(&mut self, from: &mut dyn Read) -> io::Result<()> {
        self.buffer.resize(PIECE, 0);
        self.filled = 0;
        while self.filled < PIECE {
            match from.read(&mut self.buffer[self.filled..]) {
                Ok(0) => break,
                Ok(n) => self.filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What comes to the thread that hashes.
enum Hashing {
    Blob(Piece),
    Content(Piece),
}

struct Hashed {
    blob: Digest,
    content: Digest,
    content_size: u64,
}

fn hash(pieces: Receiver<Hashing>, spare: &Sender<Piece>) -> Hashed {
    let (mut blob, mut content, mut content_size) = (Hasher::new(), Hasher::new(), 0);
    for piece in pieces {
        let piece = match piece {
            Hashing::Blob(piece) => {
                blob.update(piece.bytes());
                piece
            }
            Hashing::Content(piece) => {
                content.update(piece.bytes());
                content_size += piece.filled as u64;
                piece
            }
        };
        // Nobody takes it any more when the blob has come to its end.
        let _ = spare.send(piece);
    }
    Hashed { blob: blob.finish(), content: content.finish(), content_size }
}

fn copy_out(from: &mut dyn BufRead, into: &mut [u8]) -> io::Result<usize> {
    let available = from.fill_buf()?;
    let n = available.len().min(into.len());
    into[..n].copy_from_slice(&available[..n]);
    from.consume(n);
    Ok(n)
}
