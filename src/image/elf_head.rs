//! The beginning of an ELF file while it is held, compressed beyond its first bytes.
//!
//! Strings lie anywhere in the first megabytes, and only a few of them are wanted in the end. Compressed, what is held of a
//! large program is a third, for some milliseconds of work.

/// Bytes that are compressed together, and those at the beginning that are not compressed.
const CHUNK: usize = 256 << 10;
/// Speed matters more than size.
const LEVEL: i32 = 1;

/// Bytes from the beginning of a file, in order.
#[derive(Debug, Default)]
pub(super) struct Head {
    first: Vec<u8>,
    /// Chunks of [`CHUNK`] bytes each that follow the first.
    packed: Vec<Box<[u8]>>,
    /// What is not yet a whole chunk.
    open: Vec<u8>,
}

impl Head {
    /// Forgets everything but the memory it took.
    pub fn clear(&mut self) {
        self.first.clear();
        self.packed = Vec::new();
        self.open.clear();
    }

    /// How many bytes are held.
    pub fn len(&self) -> u64 {
        (self.first.len() + self.packed.len() * CHUNK + self.open.len()) as u64
    }

    /// The first bytes, as many as there are or 256 KiB.
    pub fn first(&self) -> &[u8] {
        &self.first
    }

    /// The next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        let (first, mut rest) = bytes.split_at((CHUNK - self.first.len()).min(bytes.len()));
        self.first.extend_from_slice(first);
        while !rest.is_empty() {
            let (next, after) = rest.split_at((CHUNK - self.open.len()).min(rest.len()));
            self.open.extend_from_slice(next);
            if self.open.len() == CHUNK {
                // An empty chunk cannot be opened again: what lies in it is not known then.
                // Boxed: what comes out of the compressor has room for a chunk that does not get smaller.
                self.packed.push(zstd::bulk::compress(&self.open, LEVEL).unwrap_or_default().into_boxed_slice());
                self.open.clear();
            }
            rest = after;
        }
    }

    /// A reader of its bytes anywhere.
    pub fn opened(&self) -> Opened<'_> {
        Opened { head: self, chunk: None }
    }
}

/// Reads a [`Head`]; the chunk that was opened last stays open.
pub(super) struct Opened<'a> {
    head: &'a Head,
    chunk: Option<(usize, Vec<u8>)>,
}

impl Opened<'_> {
    /// Up to `most` bytes from `at` on; none from beyond the end.
    pub fn read(&mut self, at: u64, most: usize) -> Vec<u8> {
        let Ok(mut at) = usize::try_from(at) else { return Vec::new() };
        let mut out = Vec::new();
        while out.len() < most {
            let (number, within) = (at / CHUNK, at % CHUNK);
            let piece = self.chunk(number).get(within..).unwrap_or_default();
            let piece = &piece[..piece.len().min(most - out.len())];
            if piece.is_empty() {
                break;
            }
            out.extend_from_slice(piece);
            at += piece.len();
        }
        out
    }

    fn chunk(&mut self, number: usize) -> &[u8] {
        let head = self.head;
        if number == 0 {
            return &head.first;
        }
        match head.packed.get(number - 1) {
            None if number - 1 == head.packed.len() => &head.open,
            None => &[],
            Some(packed) => {
                if self.chunk.as_ref().is_none_or(|(open, _)| *open != number) {
                    self.chunk = Some((number, zstd::bulk::decompress(packed, CHUNK).unwrap_or_default()));
                }
                self.chunk.as_ref().map_or(&[], |(_, bytes)| bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_went_in_comes_out_anywhere(length in 0usize..4 * CHUNK, step in 1000usize..CHUNK * 2, reads in proptest::collection::vec((0usize..5 * CHUNK, 0usize..10_000), 1..20)) {
            let bytes: Vec<u8> = (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 20) as u8).collect();
            let mut head = Head::default();
            head.push(b"the file before");
            head.clear();
            bytes.chunks(step).for_each(|piece| head.push(piece));
            prop_assert_eq!(head.len(), length as u64);
            prop_assert_eq!(head.first(), &bytes[..length.min(CHUNK)]);
            let mut opened = head.opened();
            for (at, most) in reads {
                let wanted = bytes.get(at..).unwrap_or_default();
                prop_assert_eq!(opened.read(at as u64, most), &wanted[..wanted.len().min(most)]);
            }
        }
    }
}
