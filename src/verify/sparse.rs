//! Sparse members of a tar: which stored bytes belong where (GNU tar manual, "Storing Sparse Files").
//!
//! Only a file's head is ever put together, so only the pieces that begin in it are kept: a map of any length costs
//! nothing.

use std::io::{self, BufRead};

use tar::{GnuExtSparseHeader, GnuHeader, GnuSparseHeader};

use super::tarball::{cut, read_block};
use crate::image::ELF_HEAD;

/// Stored bytes and where in the file they belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub offset: u64,
    pub length: u64,
}

fn keep(pieces: &mut Vec<Piece>, piece: Piece) {
    // Pieces come in order and empty ones only mark the end, so those that matter are few.
    if piece.length > 0 && piece.offset < ELF_HEAD as u64 && pieces.len() < ELF_HEAD / 512 {
        pieces.push(piece);
    }
}

/// The old GNU format: four pieces in the header, more in the blocks that follow it.
pub(super) fn read_gnu(header: &GnuHeader, input: &mut impl BufRead) -> io::Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut add = |part: &GnuSparseHeader| -> io::Result<()> {
        if !part.is_empty() {
            keep(&mut pieces, Piece { offset: part.offset()?, length: part.length()? });
        }
        Ok(())
    };
    header.sparse.iter().try_for_each(&mut add)?;
    let mut more = header.is_extended();
    while more {
        let mut block = GnuExtSparseHeader::new();
        if !read_block(input, block.as_mut_bytes())? {
            return Err(cut());
        }
        block.sparse.iter().try_for_each(&mut add)?;
        more = block.is_extended();
    }
    Ok(pieces)
}

/// The PAX formats 0.0, 0.1 and 1.0: what their records say.
#[derive(Default)]
pub(super) struct Pax {
    pub name: Option<Vec<u8>>,
    pub real_size: Option<u64>,
    pub pieces: Vec<Piece>,
    major: u64,
    offset: u64,
}

impl Pax {
    /// Takes in the record `GNU.sparse.KEY`; `None` when it is malformed.
    pub(super) fn record(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let text = std::str::from_utf8(value).ok();
        let number = || text?.parse::<u64>().ok();
        match key {
            b"name" => self.name = Some(value.to_vec()),
            b"major" => self.major = number()?,
            b"realsize" | b"size" => self.real_size = Some(number()?),
            b"offset" => self.offset = number()?,
            b"numbytes" => keep(&mut self.pieces, Piece { offset: self.offset, length: number()? }),
            b"map" => {
                let mut numbers = text?.split(',').map(|n| n.parse::<u64>().ok());
                while let Some(offset) = numbers.next() {
                    keep(&mut self.pieces, Piece { offset: offset?, length: numbers.next()?? });
                }
            }
            _ => {}
        }
        Some(())
    }

    pub(super) fn is_used(&self) -> bool {
        self.real_size.is_some()
    }

    /// Format 1.0: the map stands before the data.
    pub(super) fn map_in_data(&self) -> bool {
        self.major == 1
    }
}

/// Reads the map of format 1.0: decimal lines (count, then offset and length of each piece), filled up to whole blocks.
/// Returns the pieces and how many bytes the map took of the `data` there are.
pub(super) fn read_map(input: &mut impl BufRead, data: u64) -> io::Result<(Vec<Piece>, u64)> {
    let bad = || io::Error::other("a sparse file's map is malformed");
    let (mut pieces, mut used) = (Vec::new(), 0);
    let (mut number, mut digits) = (0u64, false);
    let (mut missing, mut offset) = (None::<u64>, None::<u64>);
    loop {
        let mut block = [0; 512];
        if used + 512 > data.next_multiple_of(512) || !read_block(input, &mut block)? {
            return Err(bad());
        }
        used += 512;
        for byte in block {
            match byte {
                b'0'..=b'9' => {
                    number = number.checked_mul(10).and_then(|n| n.checked_add(u64::from(byte - b'0'))).ok_or_else(bad)?;
                    digits = true;
                    continue;
                }
                b'\n' if digits => {}
                _ => return Err(bad()),
            }
            match (missing, offset.take()) {
                (None, _) => missing = Some(number),
                (Some(_), None) => offset = Some(number),
                (Some(left), Some(offset)) => {
                    keep(&mut pieces, Piece { offset, length: number });
                    missing = Some(left - 1);
                }
            }
            (number, digits) = (0, false);
            if missing == Some(0) {
                return Ok((pieces, used.min(data)));
            }
        }
    }
}
