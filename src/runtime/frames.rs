//! What a container writes, as engines send it: frames of an eight-byte head (channel, three zeros, length, big-endian) and as many bytes
//! (Docker Engine API, "Attach to a container", stream format).

use crate::{Error, Result};

/// Where a container has written something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Takes frames apart as they come in, in pieces of any length. Keeps at most a head.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The head that comes in, and how much of it is there.
    head: [u8; 8],
    have: usize,
    /// The frame whose bytes come in, and how many of them are missing.
    open: Option<(Channel, u32)>,
}

impl Frames {
    /// Takes in a piece, and hands out what it has of each frame.
    ///
    /// # Errors
    /// This is no such stream.
    pub fn feed(&mut self, mut piece: &[u8], written: &mut dyn FnMut(Channel, &[u8])) -> Result<()> {
        while !piece.is_empty() {
            if let Some((channel, missing)) = self.open {
                let n = piece.len().min(missing as usize);
                written(channel, &piece[..n]);
                piece = &piece[n..];
                let missing = missing - n as u32;
                self.open = (missing > 0).then_some((channel, missing));
                continue;
            }
            let n = piece.len().min(self.head.len() - self.have);
            self.head[self.have..self.have + n].copy_from_slice(&piece[..n]);
            self.have += n;
            piece = &piece[n..];
            if self.have == self.head.len() {
                self.have = 0;
                let [channel, 0, 0, 0, a, b, c, d] = self.head else { return Err(garbled()) };
                let channel = match channel {
                    // What an engine has to say itself (3) comes as an error of the container would.
                    0 | 1 => Channel::Out,
                    2 | 3 => Channel::Err,
                    _ => return Err(garbled()),
                };
                let length = u32::from_be_bytes([a, b, c, d]);
                self.open = (length > 0).then_some((channel, length));
            }
        }
        Ok(())
    }
}

fn garbled() -> Error {
    Error::network("what the engine sends is no output of a container")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(channel: u8, bytes: &[u8]) -> Vec<u8> {
        [&[channel, 0, 0, 0][..], &u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
    }

    /// What was written to each channel.
    fn read(pieces: &[&[u8]]) -> Result<[Vec<u8>; 2]> {
        let (mut frames, mut got) = (Frames::default(), [Vec::new(), Vec::new()]);
        for piece in pieces {
            frames.feed(piece, &mut |channel, bytes| got[channel as usize].extend_from_slice(bytes))?;
        }
        Ok(got)
    }

    proptest! {
        #[test]
        fn frames_come_out_the_same_however_they_are_cut(
            frames in prop::collection::vec((1u8..=2, prop::collection::vec(any::<u8>(), 0..50)), 0..20),
            size in 1usize..40,
        ) {
            let stream: Vec<u8> = frames.iter().flat_map(|(channel, bytes)| frame(*channel, bytes)).collect();
            let of = |wanted: u8| -> Vec<u8> { frames.iter().filter(|(channel, _)| *channel == wanted).flat_map(|(_, bytes)| bytes.clone()).collect() };
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            prop_assert_eq!(read(&pieces).unwrap(), [of(1), of(2)]);
        }

        #[test]
        fn any_bytes_end_in_an_answer_that_is_no_longer_than_they_are(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1usize..40) {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            if let Ok([out, err]) = read(&pieces) {
                prop_assert!(out.len() + err.len() <= bytes.len());
            }
        }
    }

    #[test]
    fn a_length_that_nothing_follows_takes_no_memory() {
        assert_eq!(read(&[&[1, 0, 0, 0, 255, 255, 255, 255], b"abc"]).unwrap()[0], b"abc");
        assert!(read(&[b"HTTP/1.1"]).is_err());
    }
}
