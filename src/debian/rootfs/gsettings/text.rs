//! GVariant text (the GVariant text format of GLib): parsed, and made a value of a type.

use super::variant::{DEPTH, Type, Value};

/// A value as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Text {
    /// `true`, `false`
    Bool(bool),
    /// `1`, `0x10`, `1.5`, `inf`
    Number(String),
    /// `'a'`
    String(String),
    /// `b'a'`
    Bytes(Vec<u8>),
    /// `[…]`
    Array(Vec<Text>),
    /// `(…)`
    Tuple(Vec<Text>),
    /// `{a: b, …}`
    Dictionary(Vec<(Text, Text)>),
    /// `{a, b}`
    Entry(Box<(Text, Text)>),
    /// `<…>`
    Variant(Box<Text>),
    /// `just …`, `nothing`
    Maybe(Option<Box<Text>>),
    /// `@as […]`, `uint32 5`
    Typed(Type, Box<Text>),
}

impl Text {
    /// The one value in `text`.
    pub(super) fn parse(text: &str) -> Option<Text> {
        let mut parser = Parser { rest: text };
        let read = parser.value(DEPTH)?;
        parser.skip();
        parser.rest.is_empty().then_some(read)
    }

    /// This as a value of the type `of`.
    pub(super) fn value(&self, of: &Type) -> Option<Value> {
        let all = |texts: &[Text], of: &Type| texts.iter().map(|text| text.value(of)).collect::<Option<Vec<Value>>>();
        match (self, of) {
            (Text::Typed(said, text), of) if said == of => text.value(of),
            (Text::Maybe(None), Type::Maybe(of)) => Some(Value::maybe((**of).clone(), None)),
            (Text::Maybe(Some(text)), Type::Maybe(of)) => Some(Value::maybe((**of).clone(), Some(text.value(of)?))),
            (text, Type::Maybe(of)) => Some(Value::maybe((**of).clone(), Some(text.value(of)?))),
            (Text::Variant(text), Type::Variant) => Some(Value::variant(text.value(&text.of()?)?)),
            (Text::Bool(is), Type::Basic(b'b')) => Some(Value { of: of.clone(), bytes: vec![u8::from(*is)] }),
            (Text::Number(text), Type::Basic(letter)) => Some(Value { of: of.clone(), bytes: number(text, *letter)? }),
            (Text::String(text), Type::Basic(b's' | b'o' | b'g')) => Some(Value { of: of.clone(), ..Value::string(text) }),
            (Text::Bytes(bytes), Type::Array(element)) if **element == Type::Basic(b'y') => {
                Some(Value { of: of.clone(), bytes: [bytes.as_slice(), b"\0"].concat() })
            }
            (Text::Array(texts), Type::Array(of)) => Some(Value::array((**of).clone(), all(texts, of)?)),
            (Text::Tuple(texts), Type::Tuple(of)) if texts.len() == of.len() => {
                Some(Value::tuple(texts.iter().zip(of).map(|(text, of)| text.value(of)).collect::<Option<_>>()?))
            }
            (Text::Entry(entry), Type::Entry(of)) => Some(Value::entry(entry.0.value(&of.0)?, entry.1.value(&of.1)?)),
            (Text::Dictionary(entries), Type::Array(element)) => {
                let Type::Entry(of) = &**element else { return None };
                let entry = |(key, value): &(Text, Text)| Some(Value::entry(key.value(&of.0)?, value.value(&of.1)?));
                Some(Value::array((**element).clone(), entries.iter().map(entry).collect::<Option<_>>()?))
            }
            _ => None,
        }
    }

    /// The type it has where none is asked for, in a variant.
    fn of(&self) -> Option<Type> {
        let same = |mut types: Vec<Option<Type>>| {
            let first = types.pop()??;
            types.into_iter().all(|of| of.as_ref() == Some(&first)).then_some(first)
        };
        Some(match self {
            Text::Bool(_) => Type::Basic(b'b'),
            Text::Number(text) if is_integer(text) => Type::Basic(b'i'),
            Text::Number(_) => Type::Basic(b'd'),
            Text::String(_) => Type::Basic(b's'),
            Text::Bytes(_) => Type::Array(Box::new(Type::Basic(b'y'))),
            Text::Array(texts) => Type::Array(Box::new(same(texts.iter().map(Text::of).collect())?)),
            Text::Tuple(texts) => Type::Tuple(texts.iter().map(Text::of).collect::<Option<_>>()?),
            Text::Dictionary(entries) => {
                let key = same(entries.iter().map(|(key, _)| key.of()).collect())?;
                let value = same(entries.iter().map(|(_, value)| value.of()).collect())?;
                Type::Array(Box::new(Type::Entry(Box::new((key, value)))))
            }
            Text::Entry(entry) => Type::Entry(Box::new((entry.0.of()?, entry.1.of()?))),
            Text::Variant(_) => Type::Variant,
            Text::Maybe(text) => Type::Maybe(Box::new(text.as_ref()?.of()?)),
            Text::Typed(of, _) => of.clone(),
        })
    }

    /// Every text in it, also in arrays: what has to be one of the choices.
    pub(super) fn strings(&self) -> Vec<&str> {
        match self {
            Text::String(text) => vec![text],
            Text::Array(texts) => texts.iter().flat_map(Text::strings).collect(),
            Text::Maybe(Some(text)) | Text::Typed(_, text) => text.strings(),
            _ => Vec::new(),
        }
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    digits.starts_with("0x") || digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number as `letter` has it.
fn number(text: &str, letter: u8) -> Option<Vec<u8>> {
    if letter == b'd' {
        return Some(text.parse::<f64>().ok()?.to_le_bytes().to_vec());
    }
    let digits = text.trim_start_matches(['-', '+']);
    let size = match (digits.strip_prefix("0x"), digits.strip_prefix('0')) {
        (Some(digits), _) => i128::from_str_radix(digits, 16).ok()?,
        (None, Some(digits)) if !digits.is_empty() => i128::from_str_radix(digits, 8).ok()?,
        _ => digits.parse::<i128>().ok()?,
    };
    let number = if text.starts_with('-') { -size } else { size };
    Some(match letter {
        b'y' => u8::try_from(number).ok()?.to_le_bytes().to_vec(),
        b'n' => i16::try_from(number).ok()?.to_le_bytes().to_vec(),
        b'q' => u16::try_from(number).ok()?.to_le_bytes().to_vec(),
        b'i' | b'h' => i32::try_from(number).ok()?.to_le_bytes().to_vec(),
        b'u' => u32::try_from(number).ok()?.to_le_bytes().to_vec(),
        b'x' => i64::try_from(number).ok()?.to_le_bytes().to_vec(),
        b't' => u64::try_from(number).ok()?.to_le_bytes().to_vec(),
        _ => return None,
    })
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
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
