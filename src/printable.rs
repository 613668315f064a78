//! Words from outside that are shown: belongs to everyone.

/// `text` on one line, at most `most` characters of it: what others send must not drive the terminal.
pub fn printable(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
}
