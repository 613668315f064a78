//! Gzip members back to what is in them; `image/gzip.rs` makes them.

use std::cell::RefCell;

use libdeflater::Decompressor;

use super::member::MEMBER;
use crate::{Error, Result};

thread_local! {
    // Its tables are large; it holds nothing from one member to the next.
    static DECOMPRESSOR: RefCell<Decompressor> = RefCell::new(Decompressor::new());
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
