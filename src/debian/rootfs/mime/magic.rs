//! What files of a type begin with (`<magic>`), and what folders of a type hold (`<treemagic>`).

use super::element::{Element, FREEDESKTOP};

/// What files of a type have in them.
#[derive(Clone, Debug)]
pub(super) struct Magic {
    pub of: String,
    pub priority: u32,
    /// It is there to take away what others say of the type.
    pub deletes: bool,
    pub matches: Vec<Match>,
}

/// Bytes at a place, and what has to be there besides.
#[derive(Clone, Debug)]
pub(super) struct Match {
    pub start: u32,
    pub length: u32,
    pub word: u32,
    pub data: Vec<u8>,
    pub mask: Option<Vec<u8>>,
    pub matches: Vec<Match>,
}

/// What folders of a type have in them.
#[derive(Clone, Debug)]
pub(super) struct TreeMagic {
    pub of: String,
    pub priority: u32,
    matches: Vec<TreeMatch>,
}

/// A path, what is to be there, and what has to be there besides.
#[derive(Clone, Debug)]
struct TreeMatch {
    line: String,
    matches: Vec<TreeMatch>,
}

/// What is in `magic` instead of bytes, for a type whose other magic does not count.
const NO_MAGIC: &str = "__NOMAGIC__";

/// A number from 0 to 100; 50 when it is not given.
pub(super) fn importance(element: &Element, attribute: &str) -> Result<u32, String> {
    let Some(text) = element.attribute(attribute) else { return Ok(50) };
    text.trim_ascii_start().parse().ok().filter(|number| *number <= 100).ok_or_else(|| format!("a bad {attribute} ({text})"))
}

impl Magic {
    pub(super) fn read(of: &str, element: &Element) -> Result<Magic, String> {
        let (priority, matches) = (importance(element, "priority")?, each(element, "match", Match::read)?);
        if matches.is_empty() {
            return Err("an incomplete <magic>".into());
        }
        Ok(Magic { of: of.to_owned(), priority, deletes: false, matches })
    }

    /// Takes away what others say of the type.
    pub(super) fn deleting(of: &str) -> Magic {
        let nothing = Match { start: 0, length: 1, word: 1, data: NO_MAGIC.into(), mask: None, matches: Vec::new() };
        Magic { of: of.to_owned(), priority: 0, deletes: true, matches: vec![nothing] }
    }

    /// As it is in the file `magic`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(format!("[{}:{}]\n", self.priority, self.of).into_bytes());
        self.matches.iter().for_each(|one| one.write(out, 0));
    }
}

/// Every child, which all have to be called `name`.
fn each<T>(element: &Element, name: &str, read: fn(&Element) -> Result<T, String>) -> Result<Vec<T>, String> {
    let one = |element: &Element| match element.namespace == FREEDESKTOP && element.local_name() == name {
        true => read(element),
        false => Err(format!("<{}> instead of <{name}>", element.name)),
    };
    element.elements().map(one).collect()
}

impl Match {
    fn read(element: &Element) -> Result<Match, String> {
        let given =
            |name: &str| element.attribute(name).filter(|value| !value.is_empty()).ok_or_else(|| format!("a <match> without {name}"));
        let (offset, of, value) = (given("offset")?, given("type")?, given("value")?);
        let bad = || format!("a <match> of {of} {value} at {offset}");
        let (start, end) = offset.split_once(':').unwrap_or((offset, offset));
        let (start, end): (u32, u32) = (start.parse().map_err(|_| bad())?, end.parse().map_err(|_| bad())?);
        let length = end.checked_sub(start).and_then(|more| more.checked_add(1)).ok_or_else(bad)?;
        let mask = element.attribute("mask");
        let size = match of {
            "string" => {
                let data = unescaped(value);
                let mask = mask.map(|mask| hexadecimal(mask, data.len()).ok_or_else(bad)).transpose()?;
                if data.is_empty() || data.len() > usize::from(u16::MAX) {
                    return Err(bad());
                }
                return Ok(Match { start, length, word: 1, data, mask, matches: each(element, "match", Match::read)? });
            }
            "byte" => 1,
            "big16" | "little16" | "host16" => 2,
            "big32" | "little32" | "host32" => 4,
            _ => return Err(bad()),
        };
        let bytes = |text: &str| -> Option<(u64, Vec<u8>)> {
            let number = number(text)?;
            let mut bytes = number.to_le_bytes()[..size].to_vec();
            if !of.starts_with('l') {
                bytes.reverse();
            }
            Some((number, bytes))
        };
        let (_, data) = bytes(value).filter(|(number, _)| size == 4 || number >> (8 * size) == 0).ok_or_else(bad)?;
        let mask = mask.map(|mask| bytes(mask).map(|(_, mask)| mask).ok_or_else(bad)).transpose()?;
        let word = if of.starts_with("host") { size as u32 } else { 1 };
        Ok(Match { start, length, word, data, mask, matches: each(element, "match", Match::read)? })
    }

    fn write(&self, out: &mut Vec<u8>, depth: usize) {
        if depth > 0 {
            out.extend(depth.to_string().into_bytes());
        }
        out.extend(format!(">{}=", self.start).into_bytes());
        out.extend((self.data.len() as u16).to_be_bytes());
        out.extend_from_slice(&self.data);
        if let Some(mask) = &self.mask {
            out.push(b'&');
            out.extend_from_slice(mask);
        }
        if self.word != 1 {
            out.extend(format!("~{}", self.word).into_bytes());
        }
        if self.length != 1 {
            out.extend(format!("+{}", self.length).into_bytes());
        }
        out.push(b'\n');
        self.matches.iter().for_each(|one| one.write(out, depth + 1));
    }
}

impl TreeMagic {
    pub(super) fn read(of: &str, element: &Element) -> Result<TreeMagic, String> {
        Ok(TreeMagic {
            of: of.to_owned(),
            priority: importance(element, "priority")?,
            matches: each(element, "treematch", TreeMatch::read)?,
        })
    }

    /// As it is in the file `treemagic`.
    pub(super) fn write(&self, out: &mut String) {
        out.push_str(&format!("[{}:{}]\n", self.priority, self.of));
        self.matches.iter().for_each(|one| one.write(out, 0));
    }
}

impl TreeMatch {
    fn read(element: &Element) -> Result<TreeMatch, String> {
        let path = element.attribute("path").ok_or("a <treematch> without path")?;
        let of = match element.attribute("type") {
            None => "any",
            Some(of @ ("file" | "directory" | "link")) => of,
            Some(other) => return Err(format!("a <treematch> of {other}")),
        };
        let mut line = format!(">\"{path}\"={of}");
        for flag in ["match-case", "executable", "non-empty"] {
            if element.attribute(flag) == Some("true") {
                line = line + "," + flag;
            }
        }
        if let Some(of) = element.attribute("mimetype") {
            line = line + "," + of;
        }
        Ok(TreeMatch { line, matches: each(element, "treematch", TreeMatch::read)? })
    }

    fn write(&self, out: &mut String, depth: usize) {
        if depth > 0 {
            out.push_str(&depth.to_string());
        }
        out.push_str(&self.line);
        out.push('\n');
        self.matches.iter().for_each(|one| one.write(out, depth + 1));
    }
}

/// A number of C: decimal, `0x…`, or octal after a zero.
fn number(text: &str) -> Option<u64> {
    match (text.strip_prefix("0x").or(text.strip_prefix("0X")), text.strip_prefix('0')) {
        (Some(digits), _) => u64::from_str_radix(digits, 16).ok(),
        (None, Some(digits)) if !digits.is_empty() => u64::from_str_radix(digits, 8).ok(),
        _ => text.parse().ok(),
    }
}

/// A mask `0x…` of at most `length` bytes, filled up with zeros.
fn hexadecimal(text: &str, length: usize) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?;
    let mut mask = vec![0; length];
    for (at, digit) in digits.chars().enumerate() {
        let digit = u8::try_from(digit.to_digit(16)?).ok()?;
        *mask.get_mut(at / 2)? |= if at % 2 == 0 { digit << 4 } else { digit };
    }
    Some(mask)
}

/// A text with C's escapes.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes().peekable();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
        } else if let Some(value) = digits(&mut bytes, 8, 3) {
            out.push(value);
        } else {
            out.extend(bytes.next().map(|letter| match letter {
                b'x' => digits(&mut bytes, 16, 2).unwrap_or(b'x'),
                b'n' => b'\n',
                b'r' => b'\r',
                b'b' => 8,
                b't' => b'\t',
                b'f' => 12,
                b'v' => 11,
                letter => letter,
            }));
        }
    }
    out
}

/// The number that at most `most` digits say, as far as a byte holds it.
fn digits(bytes: &mut std::iter::Peekable<std::str::Bytes<'_>>, base: u32, most: usize) -> Option<u8> {
    let mut value: Option<u32> = None;
    for _ in 0..most {
        let Some(digit) = bytes.peek().and_then(|byte| char::from(*byte).to_digit(base)) else { break };
        value = Some(value.unwrap_or(0) * base + digit);
        bytes.next();
    }
    value.map(|value| value as u8)
}
