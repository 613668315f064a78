//! The GVariant text format of GLib, parsed.

use super::text::Text;
use super::variant::{DEPTH, Type};

/// What is left to be read.
pub(super) struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// The one value in `text`.
    pub(super) fn read(text: &'a str) -> Option<Text> {
        let mut parser = Parser { rest: text };
        let read = parser.value(DEPTH)?;
        parser.skip();
        parser.rest.is_empty().then_some(read)
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    }

    fn take(&mut self, what: char) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(what);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let (word, rest) = self.rest.split_at(self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    fn value(&mut self, depth: usize) -> Option<Text> {
        let depth = depth.checked_sub(1)?;
        self.skip();
        let first = self.rest.chars().next()?;
        Some(match first {
            '[' => Text::Array(self.list('[', ']', depth)?.0),
            '(' => match self.list('(', ')', depth)? {
                (texts, false) if texts.len() == 1 => return None,
                (texts, _) => Text::Tuple(texts),
            },
            '{' => self.dictionary(depth)?,
            '<' => {
                self.take('<');
                let inner = self.value(depth)?;
                self.take('>').then(|| Text::Variant(Box::new(inner)))?
            }
            '@' => {
                let said = self.word(|c| !matches!(c, ' ' | '\t' | '\n' | '\r' | ',' | ':' | '>' | ']'));
                Text::Typed(Type::parse(&said[1..])?, Box::new(self.value(depth)?))
            }
            '\'' | '"' => Text::String(self.string()?),
            'b' if self.rest[1..].starts_with(['\'', '"']) => {
                self.rest = &self.rest[1..];
                Text::Bytes(self.bytes()?)
            }
            '0'..='9' | '-' | '+' | '.' => Text::Number(self.word(|c| c.is_ascii_alphanumeric() || "-+.".contains(c)).to_owned()),
            _ => self.keyword(depth)?,
        })
    }

    fn keyword(&mut self, depth: usize) -> Option<Text> {
        let letter = match self.word(|c| c.is_ascii_alphanumeric()) {
            "true" => return Some(Text::Bool(true)),
            "false" => return Some(Text::Bool(false)),
            "nothing" => return Some(Text::Maybe(None)),
            "just" => return Some(Text::Maybe(Some(Box::new(self.value(depth)?)))),
            word @ ("inf" | "nan") => return Some(Text::Number(word.to_owned())),
            "boolean" => b'b',
            "byte" => b'y',
            "int16" => b'n',
            "uint16" => b'q',
            "int32" => b'i',
            "handle" => b'h',
            "uint32" => b'u',
            "int64" => b'x',
            "uint64" => b't',
            "double" => b'd',
            "string" => b's',
            "objectpath" => b'o',
            "signature" => b'g',
            _ => return None,
        };
        Some(Text::Typed(Type::Basic(letter), Box::new(self.value(depth)?)))
    }

    /// Values separated by commas, and whether a comma follows the last one, as in a tuple of one.
    fn list(&mut self, open: char, close: char, depth: usize) -> Option<(Vec<Text>, bool)> {
        self.take(open);
        let mut texts = Vec::new();
        if self.take(close) {
            return Some((texts, false));
        }
        loop {
            texts.push(self.value(depth)?);
            if self.take(close) {
                return Some((texts, false));
            }
            if !self.take(',') {
                return None;
            }
            if texts.len() == 1 && close == ')' && self.take(close) {
                return Some((texts, true));
            }
        }
    }

    fn dictionary(&mut self, depth: usize) -> Option<Text> {
        self.take('{');
        let mut entries = Vec::new();
        loop {
            if entries.is_empty() && self.take('}') {
                return Some(Text::Dictionary(entries));
            }
            let key = self.value(depth)?;
            if entries.is_empty() && self.take(',') {
                let value = self.value(depth)?;
                return self.take('}').then(|| Text::Entry(Box::new((key, value))));
            }
            if !self.take(':') {
                return None;
            }
            entries.push((key, self.value(depth)?));
            if self.take('}') {
                return Some(Text::Dictionary(entries));
            }
            if !self.take(',') {
                return None;
            }
        }
    }

    /// What is in quotes, still escaped.
    fn quoted(&mut self) -> Option<&'a str> {
        let quote = self.rest.chars().next()?;
        let mut escaped = false;
        let end = self.rest[1..].find(|c| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        let (inside, rest) = (&self.rest[1..=end], &self.rest[end + 2..]);
        self.rest = rest;
        Some(inside)
    }

    fn string(&mut self) -> Option<String> {
        let mut chars = self.quoted()?.chars();
        let mut out = String::new();
        while let Some(c) = chars.next() {
            let digits = match c {
                '\\' => match chars.next()? {
                    'u' => 4,
                    'U' => 8,
                    '\n' => continue,
                    c => {
                        out.push(control(c).map_or(c, char::from));
                        continue;
                    }
                },
                c => {
                    out.push(c);
                    continue;
                }
            };
            let code: String = chars.by_ref().take(digits).collect();
            out.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
        }
        (!out.contains('\0')).then_some(out)
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let mut bytes = self.quoted()?.bytes().peekable();
        let mut out = Vec::new();
        while let Some(byte) = bytes.next() {
            if byte != b'\\' {
                out.push(byte);
                continue;
            }
            match bytes.next()? {
                b'\n' => {}
                digit @ b'0'..=b'7' => {
                    let mut octal = u32::from(digit - b'0');
                    for _ in 0..2 {
                        let Some(digit) = bytes.next_if(|byte| (b'0'..=b'7').contains(byte)) else { break };
                        octal = octal * 8 + u32::from(digit - b'0');
                    }
                    out.push(octal as u8);
                }
                byte => out.push(control(char::from(byte)).unwrap_or(byte)),
            }
        }
        Some(out)
    }
}

/// `\n` and the like.
fn control(c: char) -> Option<u8> {
    Some(match c {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        _ => return None,
    })
}
