//! A layer's blob as a stream: read, decompressed and hashed by threads that hand pieces on, never whole in memory.
//!
//! ```text
//! blob ─► decompress ─► content ─► whoever reads it ─► hash ─► (pieces are used again)
//!              └────────── the blob's own bytes ────────►┘
//! ```
//!
//! Decompressing is the slow part and has a thread of its own, so that a layer takes as long as that alone.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use super::usage::Usage;
use crate::error::Kind;
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
/// Damage is a fact, not an error. Errors are what says nothing about the blob: no network, no permission to look.
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

struct Decoded {
    /// All of the blob was read, unless it is longer than its descriptor says.
    whole: bool,
    size: u64,
    compression: Compression,
    damage: Option<String>,
}

fn decode(
    blobs: &dyn Blobs,
    blob: &Descriptor,
    to_look: SyncSender<Piece>,
    to_hash: SyncSender<Hashing>,
    spares: Receiver<Piece>,
    usage: &Usage<'_>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Decoded> {
    let reader = match blobs.open(blob) {
        Ok(reader) => reader.take(blob.size.saturating_add(1)),
        Err(error) if matches!(error.kind(), Kind::Network | Kind::Interrupted) => return Err(error),
        Err(error) => {
            return Ok(Decoded { whole: false, size: 0, compression: Compression::None, damage: Some(error.message()) });
        }
    };
    let mut source = Source { reader, piece: Piece::default(), at: 0, to_hash: None, spares: &spares, size: 0, usage, failure: None };
    // The first read of a stream may be short; a magic number is at most four bytes.
    let mut head = Vec::with_capacity(4);
    let begun = (&mut source).take(4).read_to_end(&mut head);
    let compression = Compression::of_bytes(&head);
    if compression != Compression::None {
        source.to_hash = Some(to_hash);
    }
    let decompressed = begun.and_then(|_| decompress(&mut source, &head, compression, &to_look, &spares, cancelled));
    let mut damage = decompressed.err().map(|error| error.to_string());
    // A plain blob that was given up is not hashed to its end.
    let whole = compression != Compression::None || damage.is_none();
    if !cancelled()
        && let Err(error) = source.drain()
    {
        damage.get_or_insert(error.to_string());
    }
    if let Some(failure) = source.failure {
        damage = Some(format!("the blob cannot be read: {failure}"));
        return Ok(Decoded { whole: false, size: source.size, compression, damage });
    }
    Ok(Decoded { whole, size: source.size, compression, damage })
}

fn decompress(
    source: &mut Source<'_>,
    head: &[u8],
    compression: Compression,
    to_look: &SyncSender<Piece>,
    spares: &Receiver<Piece>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> io::Result<()> {
    let mut input = head.chain(source);
    match compression {
        Compression::None => pump(&mut input, to_look, spares, cancelled),
        Compression::Gzip => pump(&mut flate2::bufread::MultiGzDecoder::new(input), to_look, spares, cancelled),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&mut input)?;
            decoder.window_log_max(MAX_WINDOW)?;
            pump(&mut decoder, to_look, spares, cancelled)
        }
    }
    .map_err(|error| match (error.kind(), compression) {
        (io::ErrorKind::UnexpectedEof, c) => io::Error::other(format!("the {} stream ends too early", c.word())),
        (_, Compression::None) => error,
        (_, c) => io::Error::other(format!("the {} stream is damaged: {error}", c.word())),
    })
}

fn pump(
    content: &mut dyn Read,
    to_look: &SyncSender<Piece>,
    spares: &Receiver<Piece>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> io::Result<()> {
    let mut total = 0u64;
    loop {
        if cancelled() {
            return Err(io::Error::other("interrupted"));
        }
        let mut piece = spares.try_recv().unwrap_or_default();
        let filled = piece.fill(content);
        let end = piece.filled < PIECE;
        total += piece.filled as u64;
        // What came before an error still counts: every file that can be read is looked at.
        let heard = piece.filled == 0 || to_look.send(piece).is_ok();
        filled?;
        if end || !heard {
            return Ok(());
        }
        if total > MAX_UNCOMPRESSED {
            return Err(io::Error::other(format!("it decompresses to more than {} GiB", MAX_UNCOMPRESSED >> 30)));
        }
    }
}

/// The blob itself, counted as it is read. Decompressors read it in place; when they are done with a piece, it is hashed.
struct Source<'a> {
    reader: io::Take<Box<dyn Read + Send>>,
    piece: Piece,
    at: usize,
    /// `None` until it is known that the blob is compressed: the digest of a plain one is that of its content.
    to_hash: Option<SyncSender<Hashing>>,
    spares: &'a Receiver<Piece>,
    size: u64,
    usage: &'a Usage<'a>,
    /// Reading failed: what follows is the disk's or the network's fault and not the content's.
    failure: Option<String>,
}

impl Source<'_> {
    /// Reads what the decompressor left.
    fn drain(&mut self) -> io::Result<()> {
        loop {
            let n = self.fill_buf()?.len();
            if n == 0 {
                return Ok(());
            }
            self.consume(n);
        }
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.piece.filled {
            let mut next = match &self.to_hash {
                Some(to_hash) => {
                    let used = std::mem::replace(&mut self.piece, self.spares.try_recv().unwrap_or_default());
                    if used.filled > 0 {
                        let _ = to_hash.send(Hashing::Blob(used));
                    }
                    std::mem::take(&mut self.piece)
                }
                None => std::mem::take(&mut self.piece),
            };
            self.at = 0;
            let filled = next.fill(&mut self.reader);
            self.piece = next;
            self.size += self.piece.filled as u64;
            self.usage.read(self.piece.filled as u64);
            if let Err(error) = filled {
                self.failure.get_or_insert(error.to_string());
                if self.piece.filled == 0 {
                    return Err(error);
                }
            }
        }
        Ok(&self.piece.bytes()[self.at..])
    }

    fn consume(&mut self, n: usize) {
        self.at = (self.at + n).min(self.piece.filled);
    }
}

impl Read for Source<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        copy_out(self, into)
    }
}

/// The content as it arrives. Reading is possible in place, so skipping costs nothing.
pub(super) struct Content {
    pieces: Receiver<Piece>,
    to_hash: SyncSender<Hashing>,
    piece: Piece,
    at: usize,
}

impl Content {
    /// Takes in what nobody read.
    fn finish(mut self) {
        self.at = self.piece.filled;
        while self.next_piece() {}
    }

    fn next_piece(&mut self) -> bool {
        let next = self.pieces.recv().ok();
        let more = next.is_some();
        let used = std::mem::replace(&mut self.piece, next.unwrap_or_default());
        if used.filled > 0 {
            let _ = self.to_hash.send(Hashing::Content(used));
        }
        self.at = 0;
        more
    }
}

impl Read for Content {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        copy_out(self, into)
    }
}

impl BufRead for Content {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.piece.filled && self.next_piece() {}
        Ok(&self.piece.bytes()[self.at..])
    }

    fn consume(&mut self, n: usize) {
        self.at = (self.at + n).min(self.piece.filled);
    }
}

fn copy_out(from: &mut dyn BufRead, into: &mut [u8]) -> io::Result<usize> {
    let available = from.fill_buf()?;
    let n = available.len().min(into.len());
    into[..n].copy_from_slice(&available[..n]);
    from.consume(n);
    Ok(n)
}
