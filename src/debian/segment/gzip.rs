//! Gzip members: a layer's blob is a sequence of whole members (RFC 1952, 2.2), each over at most 1 MiB.
//!
//! libdeflate works on whole buffers; that fits members and is three times zlib's speed at a better ratio.

use std::cell::RefCell;

use libdeflater::{CompressionLvl, Compressor, Decompressor};

use super::member::MEMBER;
use crate::{Error, Result};

/// The level of everything we write. Measured over fd-find, bash, coreutils, openssl and ca-certificates with all they
/// depend on, trixie, amd64 and arm64 (2 × 28 packages), whole cold build, CPU seconds and bytes of all segments:
///
/// | level | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
/// |---|---|---|---|---|---|---|---|
/// | CPU s | 2.70 | 2.89 | 2.83 | 2.96 | 3.20 | 3.46 | 3.79 |
/// | MB | 55.9 | 53.3 | 52.9 | 52.7 | 52.0 | 51.8 | 51.7 |
///
/// One run each (level 3: the middle of five, 2.77 to 2.96) on a busy machine, some 0.25 s of the measuring program's own
/// included, so differences under 0.1 s mean nothing. Level 3 is where the curve bends: about the size of `gzip -6`, which everyone else publishes.
const LEVEL: i32 = 3;

thread_local! {
    // Their tables are large; they hold nothing from one member to the next.
    static COMPRESSOR: RefCell<Option<Compressor>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Decompressor> = RefCell::new(Decompressor::new());
}

/// Puts `raw` as one gzip member into `out`, with no name and no time in its header.
pub(super) fn compress(raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
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

/// Puts the content of one whole member into `out`, at most [`MEMBER`] bytes.
pub(super) fn decompress(member: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.resize(MEMBER, 0);
    let length = DECOMPRESSOR
        .with_borrow_mut(|decompressor| decompressor.gzip_decompress(member, out))
        .map_err(|error| Error::failed(format!("a cached segment does not decompress: {error}")))?;
    out.truncate(length);
    Ok(())
}
