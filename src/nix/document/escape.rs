//! JSON as Go's `encoding/json` writes it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

use crate::{Error, Result};

/// Compact JSON with what Go escapes in strings beside what everybody does: `<`, `>` and `&` for the sake of HTML, and the line ends of
/// JavaScript.
///
/// # Errors
/// `value` has keys that are no strings, which none of ours has.
pub(in crate::nix) fn to_bytes(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, Escaping);
    value.serialize(&mut writer).map_err(|error| Error::bug("JSON cannot be written").source(error))?;
    Ok(bytes)
}

struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut done = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')) {
            write!(writer, "{}\\u{:04x}", &fragment[done..at], u32::from(c))?;
            done = at + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[done..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does() {
        let text = "<a>&\u{2028}\u{2029}\u{7f}é\"\\\n\r\t\u{8}\u{c}\u{1f}";
        let written = String::from_utf8(to_bytes(&text).unwrap()).unwrap();
        assert_eq!(written, "\"\\u003ca\\u003e\\u0026\\u2028\\u2029\u{7f}é\\\"\\\\\\n\\r\\t\\b\\f\\u001f\"");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
