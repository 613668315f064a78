//! The compressed half of a scan: reads a blob once, hashes it and hands out what it decompresses to.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender};

use super::scan::Usage;
use crate::error::read_error;
use crate::image::{Blobs, Compression, Descriptor, Digest, Hasher};
use crate::{Error, Result};

/// A layer that decompresses to more is not read on: 64 GiB is far beyond what engines unpack, and a bomb ends there.
pub(super) const MAX_UNCOMPRESSED: u64 = 64 << 30;
/// One piece of decompressed content between the two threads of a scan.
pub(super) const CHUNK: usize = 256 << 10;
/// Pieces under way at the same time; with [`CHUNK`] this bounds what a scan holds of a layer.
pub(super) const CHUNKS: usize = 4;

/// What the compressed side of a scan learnt.
pub(super) struct Decoded {
    /// Of everything that was read; `None` when not all of it was.
    pub digest: Option<Digest>,
    /// Bytes read.
    pub size: u64,
    pub compression: Compression,
    /// Why the content could not be read to its end.
    pub damage: Option<String>,
}

/// Reads `blob` to its end, sending its decompressed content in pieces. Used pieces come back through `spare`.
///
/// Damage is a fact, not an error, and so is a blob that is not there. Errors are what says nothing about the blob: no network,
/// no permission to look ([`Error::is_outage`]).
pub(super) fn decode(
    blobs: &dyn Blobs,
    blob: &Descriptor,
    pieces: SyncSender<Vec<u8>>,
    spare: Receiver<Vec<u8>>,
    usage: &Usage<'_>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Decoded> {
    let mut source = match blobs.open(blob) {
        Ok(reader) => Source { reader: reader.take(blob.size.saturating_add(1)), hasher: Hasher::new(), size: 0, usage, failure: None },
        Err(error) if error.is_outage() || error.is_interrupted() => return Err(error),
        Err(error) => {
            return Ok(Decoded { digest: None, size: 0, compression: Compression::None, damage: Some(error.message()) });
        }
    };
    let mut compression = Compression::None;
    let mut damage = decompress(&mut source, &mut compression, pieces, spare, cancelled).err().map(|error| error.to_string());
    if let Err(error) = io::copy(&mut source, &mut io::sink()) {
        damage.get_or_insert(error.to_string());
    }
    if let Some(failure) = source.failure {
        // The disk's fault, and what a registry has instead of the blob, are told of the image; of a connection that was cut,
        // nothing can be.
        if failure.is_outage() || failure.is_interrupted() {
            return Err(failure.context(blob.digest));
        }
        damage = Some(format!("the blob cannot be read: {failure}"));
        return Ok(Decoded { digest: None, size: source.size, compression, damage });
    }
    let digest = (source.size <= blob.size).then(|| source.hasher.finish());
    Ok(Decoded { digest, size: source.size, compression, damage })
}

fn decompress(
    source: &mut Source<'_>,
    compression: &mut Compression,
    pieces: SyncSender<Vec<u8>>,
    spare: Receiver<Vec<u8>>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> io::Result<()> {
    let mut input = BufReader::with_capacity(128 << 10, source);
    // The first read of a stream may be short; a magic number is at most four bytes.
    let mut head = Vec::with_capacity(4);
    (&mut input).take(4).read_to_end(&mut head)?;
    *compression = Compression::of_bytes(&head);
    let mut input = io::Cursor::new(head).chain(input);
    match compression {
        Compression::None => pump(&mut input, pieces, spare, cancelled),
        Compression::Gzip => pump(&mut flate2::bufread::MultiGzDecoder::new(input), pieces, spare, cancelled),
        Compression::Zstd => {
            // The default window limit (2^27, 128 MiB) is also what other readers allow.
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&mut input)?;
            pump(&mut decoder, pieces, spare, cancelled)
        }
    }
    .map_err(|error| match (error.kind(), &compression) {
        (io::ErrorKind::UnexpectedEof, c) => io::Error::other(format!("the {} stream ends too early", c.word())),
        (_, Compression::None) => error,
        (_, c) => io::Error::other(format!("the {} stream is damaged: {error}", c.word())),
    })
}

fn pump(
    content: &mut dyn Read,
    pieces: SyncSender<Vec<u8>>,
    spare: Receiver<Vec<u8>>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> io::Result<()> {
    let mut total = 0u64;
    loop {
        if cancelled() {
            return Err(io::Error::other("interrupted"));
        }
        let mut piece = spare.try_recv().unwrap_or_else(|_| vec![0; CHUNK]);
        piece.resize(CHUNK, 0);
        let mut filled = 0;
        let end = loop {
            match content.read(&mut piece[filled..]) {
                Ok(0) => break Some(Ok(())),
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => break Some(Err(error)),
            }
            if filled == piece.len() {
                break None;
            }
        };
        piece.truncate(filled);
        total += filled as u64;
        // What came before an error still counts: every file that can be read is looked at.
        let heard = filled == 0 || pieces.send(piece).is_ok();
        if let Some(end) = end {
            return end;
        }
        if !heard {
            return Ok(());
        }
        if total > MAX_UNCOMPRESSED {
            return Err(io::Error::other(format!("it decompresses to more than {} GiB", MAX_UNCOMPRESSED >> 30)));
        }
    }
}

/// The blob itself: hashed and counted as it is read.
struct Source<'a> {
    reader: io::Take<Box<dyn Read + Send>>,
    hasher: Hasher,
    size: u64,
    usage: &'a Usage<'a>,
    /// Reading failed: what follows is the disk's or the network's fault and not the content's.
    failure: Option<Error>,
}

impl Read for Source<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = match self.reader.read(into) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                let failure = read_error(error, "reading the blob");
                let shown = failure.message();
                self.failure.get_or_insert(failure);
                return Err(io::Error::other(shown));
            }
        };
        self.hasher.update(&into[..n]);
        self.size += n as u64;
        self.usage.read(n as u64);
        Ok(n)
    }
}

/// The other half: decompressed content as it arrives, hashed. Reading is possible in place, so skipping costs nothing.
pub(super) struct Content {
    pieces: Receiver<Vec<u8>>,
    spare: Sender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
    hasher: Hasher,
    size: u64,
}

impl Content {
    pub(super) fn new(pieces: Receiver<Vec<u8>>, spare: Sender<Vec<u8>>) -> Self {
        Content { pieces, spare, piece: Vec::new(), at: 0, hasher: Hasher::new(), size: 0 }
    }

    /// Takes in what nobody read, and says digest and length of all content.
    pub(super) fn finish(mut self) -> (Digest, u64) {
        self.at = self.piece.len();
        while self.next_piece() {}
        (self.hasher.finish(), self.size)
    }

    fn next_piece(&mut self) -> bool {
        let Ok(piece) = self.pieces.recv() else { return false };
        self.hasher.update(&piece);
        self.size += piece.len() as u64;
        let _ = self.spare.send(std::mem::replace(&mut self.piece, piece));
        self.at = 0;
        true
    }
}

impl Read for Content {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(into.len());
        into[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Content {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.piece.len() && self.next_piece() {}
        Ok(&self.piece[self.at..])
    }

    fn consume(&mut self, n: usize) {
        self.at = (self.at + n).min(self.piece.len());
    }
}
