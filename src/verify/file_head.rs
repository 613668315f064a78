//! The head of a file in a layer's tar, as far as checks look at it.

use std::io::{self, BufRead};

use super::sparse::Piece;
use super::tarball::Members;
use crate::image::{Elf, ElfReader};

/// The head of a file, put together from its stored pieces when it is sparse.
pub(super) struct FileHead<'a, R> {
    pub members: &'a mut Members<R>,
    pub pieces: Option<Vec<Piece>>,
    /// How many stored bytes were read.
    pub stored_at: u64,
    pub size: u64,
}

impl<R: BufRead> FileHead<'_, R> {
    /// Reads the ELF file that begins with `head` on to where it names its libraries. Of a sparse file the head alone is read.
    pub fn elf(&mut self, head: &[u8], reader: &mut ElfReader) -> io::Result<Option<Elf>> {
        reader.begin();
        reader.push(head);
        if self.pieces.is_none() {
            self.members.stream(|piece| {
                reader.push(piece);
                reader.wants_more()
            })?;
        }
        Ok(reader.finish(self.size))
    }

    /// Makes `head` the file's first `length` bytes, or all of it when it is shorter.
    pub fn grow(&mut self, head: &mut Vec<u8>, length: u64) -> io::Result<()> {
        let length = length.min(self.size);
        let Some(pieces) = &self.pieces else {
            return self.members.head(head, length.saturating_sub(head.len() as u64));
        };
        // Where the stored bytes of each piece begin is the sum of those before it.
        let mut stored = 0;
        for piece in pieces {
            let end = piece.offset.saturating_add(piece.length).min(length);
            let have = head.len() as u64;
            if end > have && piece.offset < length {
                if piece.offset > have {
                    head.resize(piece.offset as usize, 0);
                }
                let from = stored + (head.len() as u64).saturating_sub(piece.offset);
                self.members.pass(from.saturating_sub(self.stored_at))?;
                let wanted = end - head.len() as u64;
                self.members.head(head, wanted)?;
                self.stored_at = from + wanted;
            }
            stored += piece.length;
        }
        if (head.len() as u64) < length {
            head.resize(length as usize, 0);
        }
        Ok(())
    }
}
