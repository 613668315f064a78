//! What whoever looks at a layer reads.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender};

use super::{Hashing, Piece, copy_out};

/// The content as it arrives. Reading is possible in place, so skipping costs nothing.
pub(in crate::verify) struct Content {
    pub(super) pieces: Receiver<Piece>,
    pub(super) to_hash: SyncSender<Hashing>,
    pub(super) piece: Piece,
    pub(super) at: usize,
}

impl Content {
    /// Takes in what nobody read.
    pub(super) fn finish(mut self) {
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
