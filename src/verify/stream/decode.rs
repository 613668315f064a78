//! The thread that reads and decompresses.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender};

use super::{Hashing, MAX_UNCOMPRESSED, MAX_WINDOW, PIECE, Piece, copy_out};
use crate::error::read_error;
use crate::image::{Blobs, Compression, Descriptor};
use crate::verify::usage::Usage;
use crate::{Error, Result};

pub(super) struct Decoded {
    /// All of the blob was read, unless it is longer than its descriptor says.
    pub whole: bool,
    pub size: u64,
    pub compression: Compression,
    pub damage: Option<String>,
}

pub(super) fn decode(
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
        Err(error) if error.is_outage() || error.is_interrupted() => return Err(error),
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
        // The disk's fault, and what a registry has instead of the blob, are told of the image; of a connection that was cut,
        // nothing can be.
        if failure.is_outage() || failure.is_interrupted() {
            return Err(failure.context(blob.digest));
        }
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
        // `ZSTD_error_frameParameter_windowTooLarge`, which has no kind of its own.
        (_, Compression::Zstd) if error.to_string().contains("too much memory") => {
            io::Error::other(format!("a zstd frame wants a window of more than {} MiB, and no more is given", (1_u64 << MAX_WINDOW) >> 20))
        }
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
    failure: Option<Error>,
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
                let failure = read_error(error, "reading the blob");
                let shown = failure.message();
                self.failure.get_or_insert(failure);
                if self.piece.filled == 0 {
                    return Err(io::Error::other(shown));
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
