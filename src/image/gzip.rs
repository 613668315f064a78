//! Gzip members: a layer's blob is a sequence of whole members (RFC 1952, 2.2), each over at most [`GZIP_MEMBER`] bytes.
//!
//! libdeflate works on whole buffers; that fits members and is three times zlib's speed at a better ratio.

use std::cell::RefCell;
use std::io::{self, Read};
use std::sync::Arc;

use libdeflater::{CompressionLvl, Compressor};

use super::{Blobs, Descriptor, Hasher};
use crate::{Error, Result};

/// How much one member holds at most.
pub const GZIP_MEMBER: usize = 1 << 20;

/// The level of everything we write. Measured over what fd-find, bash and coreutils depend on, trixie, amd64 and arm64 (2 × 23
/// packages), building with the packages fetched, medians of five in turn on an idle machine of two cores:
///
/// | level | 1 | 3 |
/// |---|---|---|
/// | seconds | 1.58 | 1.79 |
/// | CPU s | 2.82 | 3.27 |
/// | MB | 49.3 | 46.5 |
///
/// An earlier run over more packages has the levels between and above: 2 is as slow as 3, and 4 to 7 take 5 to 35 % more time for 0.4 to 2.3 %
/// fewer bytes. Level 1 is what crane and ko choose too, and what comes of it here is smaller: 24.6 MB for an image of which crane
/// makes 26.6 MB. Who wants fewer bytes writes `compression = "zstd"`, which is smaller than any of these, and faster.
const LEVEL: i32 = 1;

thread_local! {
    // Its tables are large; it holds nothing from one member to the next.
    static COMPRESSOR: RefCell<Option<Compressor>> = const { RefCell::new(None) };
}

/// Puts `raw` as one gzip member into `out`, with no name and no time in its header.
pub fn gzip_member(raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        let compressor = match compressor {
            Some(compressor) => compressor,
            none => {
                let level = CompressionLvl::new(LEVEL).map_err(|error| Error::failed(format!("gzip level {LEVEL}: {error:?}")))?;
                none.insert(Compressor::new(level))
            }
        };
        out.resize(compressor.gzip_compress_bound(raw.len()), 0);
        let length = compressor.gzip_compress(raw, out).map_err(|error| Error::failed("cannot compress").source(error))?;
        out.truncate(length);
        Ok(())
    })
}

/// A blob, compressed while it is read: one member for every [`GZIP_MEMBER`] bytes of it, so the same blob is always the same
/// bytes, however it is read.
///
/// Its last member is handed out only when the blob was what its descriptor says.
pub(super) struct GzipReader {
    /// What knows more of the blob when it is not what it should be.
    blobs: Arc<dyn Blobs>,
    source: Box<dyn Read + Send>,
    blob: Descriptor,
    hasher: Hasher,
    /// Bytes of the blob that were read.
    read: u64,
    raw: Vec<u8>,
    member: Vec<u8>,
    /// How much of `member` was handed out.
    at: usize,
}

impl GzipReader {
    /// Compresses `blob` of `blobs`.
    pub fn open(blobs: &Arc<dyn Blobs>, blob: &Descriptor) -> Result<Self> {
        let (source, blobs, blob) = (blobs.open(blob)?, Arc::clone(blobs), blob.clone());
        Ok(GzipReader { blobs, source, blob, hasher: Hasher::new(), read: 0, raw: Vec::new(), member: Vec::new(), at: 0 })
    }

    /// Compresses the next piece. An empty blob is one member too.
    fn advance(&mut self) -> io::Result<()> {
        let left = self.blob.size - self.read;
        let piece = left.min(GZIP_MEMBER as u64);
        self.raw.clear();
        (&mut self.source).take(piece).read_to_end(&mut self.raw)?;
        self.hasher.update(&self.raw);
        self.read += self.raw.len() as u64;
        if self.raw.len() as u64 != piece {
            return Err(self.wrong(format!("it has {} of its {} bytes", self.read, self.blob.size)));
        }
        if piece == left {
            let found = self.hasher.clone().finish();
            if found != self.blob.digest {
                return Err(self.wrong(format!("its content has the digest {found}")));
            }
            if self.source.read(&mut [0])? != 0 {
                return Err(self.wrong(format!("it has more than its {} bytes", self.blob.size)));
            }
        }
        gzip_member(&self.raw, &mut self.member).map_err(io::Error::other)?;
        self.at = 0;
        Ok(())
    }

    fn wrong(&self, found: String) -> io::Error {
        match self.blobs.why_other(&self.blob) {
            Some(why) => io::Error::other(why),
            None => io::Error::new(io::ErrorKind::InvalidData, format!("layer {} is damaged: {found}", self.blob.digest)),
        }
    }
}

impl Read for GzipReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let begun = !self.member.is_empty();
        if self.at == self.member.len() && (!begun || self.read < self.blob.size) {
            self.advance()?;
        }
        let n = buffer.len().min(self.member.len() - self.at);
        buffer[..n].copy_from_slice(&self.member[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug)]
    struct Fixed(Vec<u8>);

    impl Blobs for Fixed {
        fn open(&self, _: &Descriptor) -> Result<Box<dyn Read + Send>> {
            Ok(Box::new(io::Cursor::new(self.0.clone())))
        }
    }

    fn reader(content: Vec<u8>, blob: Descriptor) -> GzipReader {
        let blobs: Arc<dyn Blobs> = Arc::new(Fixed(content));
        GzipReader::open(&blobs, &blob).unwrap()
    }

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n * n % 251) as u8).collect()
    }

    #[test]
    fn every_length_comes_back_and_is_the_members_one_after_the_other() {
        for length in [0, 1, GZIP_MEMBER - 1, GZIP_MEMBER, GZIP_MEMBER + 1, 3 * GZIP_MEMBER] {
            let content = content(length);
            let mut packed = Vec::new();
            reader(content.clone(), Descriptor::of("", &content)).read_to_end(&mut packed).unwrap();
            let (mut expected, mut member) = (Vec::new(), Vec::new());
            for piece in content.chunks(GZIP_MEMBER).chain((length == 0).then_some(&content[..])) {
                gzip_member(piece, &mut member).unwrap();
                expected.extend_from_slice(&member);
            }
            assert!(packed == expected, "{length}");
            let mut plain = Vec::new();
            flate2::read::MultiGzDecoder::new(&packed[..]).read_to_end(&mut plain).unwrap();
            assert!(plain == content, "{length}");
        }
    }

    #[test]
    fn a_layer_that_is_not_what_it_should_be_never_ends_well() {
        let good = content(GZIP_MEMBER + 10);
        let blob = Descriptor::of("", &good);
        let (mut flipped, longer) = (good.clone(), [&good[..], b"x"].concat());
        flipped[5] ^= 1;
        for bad in [flipped, longer, good[..GZIP_MEMBER].to_vec(), Vec::new()] {
            let error = reader(bad, blob.clone()).read_to_end(&mut Vec::new()).unwrap_err();
            assert!(error.to_string().contains("is damaged"), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn it_does_not_matter_how_it_is_read(length in 0..3_000_000_usize, step in 1..200_000_usize) {
            let content = content(length);
            let blob = Descriptor::of("", &content);
            let mut at_once = Vec::new();
            reader(content.clone(), blob.clone()).read_to_end(&mut at_once).unwrap();
            let (mut in_steps, mut buffer, mut reader) = (Vec::new(), vec![0; step], reader(content, blob));
            loop {
                let n = reader.read(&mut buffer).unwrap();
                if n == 0 {
                    break;
                }
                in_steps.extend_from_slice(&buffer[..n]);
            }
            prop_assert!(at_once == in_steps);
        }
    }
}
