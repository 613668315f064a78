//! The few small text files whose content checks read.

/// Larger ones are not kept. Fifty thousand accounts fit.
pub const MAX_KEPT_TEXT: u64 = 2 << 20;

/// Where the files are whose content is kept: passwd(5) and group(5).
pub const KEPT_TEXTS: [&str; 2] = ["etc/passwd", "etc/group"];

/// Whether the content of a file at `path` is kept.
pub fn is_kept_text(path: &str) -> bool {
    KEPT_TEXTS.contains(&path)
}

/// The text of a file at `path` with these `bytes`, when it is kept. Bytes that are no UTF-8 become U+FFFD.
pub fn kept_text(path: &str, bytes: &[u8]) -> Option<String> {
    let kept = is_kept_text(path) && bytes.len() as u64 <= MAX_KEPT_TEXT && !bytes.starts_with(b"\x7fELF");
    kept.then(|| String::from_utf8_lossy(bytes).into_owned())
}
