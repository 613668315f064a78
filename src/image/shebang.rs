//! Interpreter lines of scripts.

/// How much of a file's head [`read_shebang`] looks at: `#!` and the longest line that is kept.
pub const SHEBANG_HEAD: usize = 257;

/// The interpreter line of a script (see [`EntryKind::File`](super::EntryKind::File)); `None` when `head` does not begin with `#!`.
pub fn read_shebang(head: &[u8]) -> Option<String> {
    let line = head[..head.len().min(SHEBANG_HEAD)].strip_prefix(b"#!")?.split(|b| *b == b'\n').next()?;
    // Spaces and tabs only, as the kernel does: a carriage return belongs to the interpreter's name, which then does not exist.
    let text = String::from_utf8_lossy(line);
    Some(text.trim_matches([' ', '\t']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_counts_and_it_ends_after_255_bytes() {
        assert_eq!(read_shebang(b"#! /bin/sh -e\nexit"), Some("/bin/sh -e".into()));
        assert_eq!(read_shebang(b"#!").as_deref(), Some(""));
        assert_eq!(read_shebang(b"#!\t/bin/sh\r\n").as_deref(), Some("/bin/sh\r"));
        assert_eq!(read_shebang(b"# !/bin/sh"), None);
        assert_eq!(read_shebang(&[b"#!/".as_slice(), &[b'x'; 1000]].concat()).map(|line| line.len()), Some(255));
    }
}
