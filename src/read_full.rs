//! A buffer filled as far as a reader goes: belongs to everyone.

use std::io::{self, Read};

/// Reads until `buffer` is full or there is no more, in as few reads as the reader allows (`read_to_end` would begin with small ones);
/// says how much there was.
///
/// # Errors
/// The reader's own, but for being interrupted.
pub fn read_full(reader: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time, and is interrupted before each.
    struct Slow(Vec<u8>, bool);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let Some(byte) = self.0.pop() else { return Ok(0) };
            buffer[0] = byte;
            Ok(1)
        }
    }

    #[test]
    fn a_buffer_is_full_or_the_reader_at_its_end() {
        let mut buffer = [0; 3];
        let mut slow = Slow(b"dcba".to_vec(), false);
        assert_eq!((read_full(&mut slow, &mut buffer).unwrap(), &buffer), (3, b"abc"));
        assert_eq!((read_full(&mut slow, &mut buffer).unwrap(), buffer[0]), (1, b'd'));
        assert_eq!(read_full(&mut slow, &mut buffer).unwrap(), 0);
    }
}
