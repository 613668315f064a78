//! A stream cut into lines of bounded length.

/// The longest line that is kept, in bytes. A trace of an evaluation error of Nix is one; what is longer tells nobody anything.
const MAX_LINE: usize = 1 << 20;

/// Cuts what it is fed into lines. Of a longer line only the beginning is kept, so that memory stays bounded.
#[derive(Debug, Default)]
pub struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Takes in a piece and hands out every line that ends in it, without its end.
    pub fn feed(&mut self, piece: &[u8], line: &mut dyn FnMut(&[u8])) {
        let mut rest = piece;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            if self.begun.is_empty() {
                line(&rest[..end.min(MAX_LINE)]);
            } else {
                self.keep(&rest[..end]);
                line(&self.begun);
                self.begun.clear();
            }
            rest = &rest[end + 1..];
        }
        self.keep(rest);
    }

    /// The last line, when it has no end.
    pub fn finish(&mut self, line: &mut dyn FnMut(&[u8])) {
        if !self.begun.is_empty() {
            line(&self.begun);
            self.begun.clear();
        }
    }

    fn keep(&mut self, more: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.begun.len());
        self.begun.extend_from_slice(&more[..more.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let text = b"one\n\ntwo\nthree";
        for size in 1..text.len() {
            let (mut lines, mut seen) = (Lines::default(), Vec::new());
            let mut line = |line: &[u8]| seen.push(String::from_utf8_lossy(line).into_owned());
            text.chunks(size).for_each(|piece| lines.feed(piece, &mut line));
            lines.finish(&mut line);
            assert_eq!(seen, ["one", "", "two", "three"], "in pieces of {size}");
        }
    }

    #[test]
    fn a_line_without_end_takes_bounded_memory() {
        let (mut lines, mut lengths) = (Lines::default(), Vec::new());
        for _ in 0..300 {
            lines.feed(&[b'x'; 1 << 16], &mut |line| lengths.push(line.len()));
            assert!(lines.begun.capacity() <= 2 * MAX_LINE);
        }
        lines.feed(b"\nnext\n", &mut |line| lengths.push(line.len()));
        assert_eq!(lengths, [MAX_LINE, 4]);
    }
}
