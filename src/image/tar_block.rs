//! What every tar is made of, whoever writes it: blocks, and the records of POSIX's extended headers (pax(1), "pax Interchange Format").

/// Bytes of a block.
pub const BLOCK: usize = 512;

/// How many zero bytes follow `size` bytes of content.
pub fn padding(size: u64) -> usize {
    (size.wrapping_neg() % BLOCK as u64) as usize
}

/// Appends a record: its own length, which counts its own digits, a key and a value.
pub fn pax_record(key: &str, value: &[u8], out: &mut Vec<u8>) {
    // A space, an equals sign and a line end.
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    // One digit more may make the number itself longer.
    length = rest + length.to_string().len();
    out.extend_from_slice(format!("{length} {key}=").as_bytes());
    out.extend_from_slice(value);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        for (length, expected) in
            [(1, "9 path=x\n"), (2, "11 path=xx\n"), (90, "99 path"), (91, "101 path"), (989, "999 path"), (990, "1001 path")]
        {
            let mut out = Vec::new();
            pax_record("path", "x".repeat(length).as_bytes(), &mut out);
            let text = String::from_utf8(out).unwrap();
            assert!(text.starts_with(expected), "{length}: {text}");
            assert_eq!(text.split(' ').next().unwrap(), text.len().to_string(), "{length}");
        }
        for (value, expected) in [(1, 6), (4, 9), (5, 11), (92, 98), (93, 99), (94, 101), (991, 998)] {
            let mut out = Vec::new();
            pax_record("k", &vec![b'x'; value], &mut out);
            assert_eq!((out.len(), out.starts_with(format!("{expected} k=").as_bytes())), (expected, true), "{value}");
        }
    }

    #[test]
    fn content_is_filled_up_to_blocks() {
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
    }
}
