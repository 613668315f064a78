//! GVariant: types, and values as they are serialised (the GVariant specification, "Serialisation Format"), little-endian.

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// One of `b y n q i u x t h d s o g`.
    Basic(u8),
    /// `v`
    Variant,
    /// `a…`
    Array(Box<Type>),
    /// `m…`
    Maybe(Box<Type>),
    /// `(…)`
    Tuple(Vec<Type>),
    /// `{..}`
    Entry(Box<(Type, Type)>),
}

/// How deep types and values may be in each other.
pub(super) const DEPTH: usize = 64;

impl Type {
    /// What `text` says, if that is one type.
    pub(super) fn parse(text: &str) -> Option<Type> {
        let mut rest = text.as_bytes();
        let read = Self::read(&mut rest, DEPTH)?;
        rest.is_empty().then_some(read)
    }

    fn read(rest: &mut &[u8], depth: usize) -> Option<Type> {
        let depth = depth.checked_sub(1)?;
        let (first, after) = rest.split_first()?;
        *rest = after;
        Some(match first {
            b'v' => Type::Variant,
            b'a' => Type::Array(Box::new(Self::read(rest, depth)?)),
            b'm' => Type::Maybe(Box::new(Self::read(rest, depth)?)),
            b'(' => {
                let mut members = Vec::new();
                while rest.first()? != &b')' {
                    members.push(Self::read(rest, depth)?);
                }
                *rest = &rest[1..];
                Type::Tuple(members)
            }
            b'{' => {
                let entry = (Self::read(rest, depth)?, Self::read(rest, depth)?);
                *rest = rest.strip_prefix(b"}")?;
                matches!(entry.0, Type::Basic(_)).then(|| Type::Entry(Box::new(entry)))?
            }
            letter if b"bynqiuxthdsog".contains(letter) => Type::Basic(*letter),
            _ => return None,
        })
    }

    /// The type as text.
    pub(super) fn text(&self) -> String {
        match self {
            Type::Basic(letter) => char::from(*letter).to_string(),
            Type::Variant => "v".into(),
            Type::Array(of) => format!("a{}", of.text()),
            Type::Maybe(of) => format!("m{}", of.text()),
            Type::Tuple(members) => format!("({})", members.iter().map(Type::text).collect::<String>()),
            Type::Entry(entry) => format!("{{{}{}}}", entry.0.text(), entry.1.text()),
        }
    }

    fn members(&self) -> Vec<&Type> {
        match self {
            Type::Tuple(members) => members.iter().collect(),
            Type::Entry(entry) => vec![&entry.0, &entry.1],
            _ => Vec::new(),
        }
    }

    fn alignment(&self) -> usize {
        match self {
            Type::Basic(b'n' | b'q') => 2,
            Type::Basic(b'i' | b'u' | b'h') => 4,
            Type::Basic(b'x' | b't' | b'd') | Type::Variant => 8,
            Type::Basic(_) => 1,
            Type::Array(of) | Type::Maybe(of) => of.alignment(),
            Type::Tuple(_) | Type::Entry(_) => self.members().into_iter().map(Type::alignment).max().unwrap_or(1),
        }
    }

    /// Whether every value takes the same room.
    fn is_fixed(&self) -> bool {
        match self {
            Type::Basic(letter) => !b"sog".contains(letter),
            Type::Variant | Type::Array(_) | Type::Maybe(_) => false,
            Type::Tuple(_) | Type::Entry(_) => self.members().into_iter().all(Type::is_fixed),
        }
    }
}

/// A value and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub of: Type,
    pub bytes: Vec<u8>,
}

impl Value {
    /// A value of one byte.
    pub(super) fn byte(byte: u8) -> Value {
        Value { of: Type::Basic(b'y'), bytes: vec![byte] }
    }

    /// A text, which holds no NUL.
    pub(super) fn string(text: &str) -> Value {
        Value { of: Type::Basic(b's'), bytes: [text.as_bytes(), b"\0"].concat() }
    }

    /// A number, however it is stored.
    pub(super) fn number(&self) -> Option<f64> {
        let Type::Basic(letter) = self.of else { return None };
        let bytes = &self.bytes;
        let wide = |extend: u8| -> Option<[u8; 16]> {
            let mut wide = [extend; 16];
            wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(wide)
        };
        let is_negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
        Some(match letter {
            b'y' | b'q' | b'u' | b't' => u128::from_le_bytes(wide(0)?) as f64,
            b'n' | b'i' | b'x' => i128::from_le_bytes(wide(if is_negative { 0xff } else { 0 })?) as f64,
            b'd' => f64::from_le_bytes(bytes.as_slice().try_into().ok()?),
            _ => return None,
        })
    }

    /// `value` as a variant.
    pub(super) fn variant(value: Value) -> Value {
        Value { of: Type::Variant, bytes: [value.bytes.as_slice(), b"\0", value.of.text().as_bytes()].concat() }
    }

    /// Nothing, or `value`, of the type `of`.
    pub(super) fn maybe(of: Type, value: Option<Value>) -> Value {
        let end = if of.is_fixed() { &b""[..] } else { b"\0" };
        let bytes = value.map(|value| [value.bytes.as_slice(), end].concat()).unwrap_or_default();
        Value { of: Type::Maybe(Box::new(of)), bytes }
    }

    /// An array of `of`, which all of `values` are.
    pub(super) fn array(of: Type, values: Vec<Value>) -> Value {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for value in values {
            pad(&mut bytes, of.alignment());
            bytes.extend(value.bytes);
            ends.push(bytes.len());
        }
        if !of.is_fixed() {
            frame(&mut bytes, &ends);
        }
        Value { of: Type::Array(Box::new(of)), bytes }
    }

    /// A tuple.
    pub(super) fn tuple(values: Vec<Value>) -> Value {
        let bytes = sequence(&values);
        Value { of: Type::Tuple(values.into_iter().map(|value| value.of).collect()), bytes }
    }

    /// An entry of a dictionary.
    pub(super) fn entry(key: Value, value: Value) -> Value {
        let values = [key, value];
        let bytes = sequence(&values);
        let [key, value] = values;
        Value { of: Type::Entry(Box::new((key.of, value.of))), bytes }
    }
}

/// The members of a tuple or an entry. Where each ends that is not of a fixed size stands behind them, the last one's first; where the
/// last member ends is known anyway.
fn sequence(values: &[Value]) -> Vec<u8> {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for (at, value) in values.iter().enumerate() {
        pad(&mut bytes, value.of.alignment());
        bytes.extend_from_slice(&value.bytes);
        if !value.of.is_fixed() && at + 1 < values.len() {
            ends.push(bytes.len());
        }
    }
    if values.iter().all(|value| value.of.is_fixed()) {
        pad(&mut bytes, values.iter().map(|value| value.of.alignment()).max().unwrap_or(1));
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    ends.reverse();
    frame(&mut bytes, &ends);
    bytes
}

fn pad(bytes: &mut Vec<u8>, alignment: usize) {
    bytes.resize(bytes.len().next_multiple_of(alignment), 0);
}

/// Adds offsets, each as wide as the whole needs.
fn frame(bytes: &mut Vec<u8>, offsets: &[usize]) {
    let fits = |width: &usize| *width == 8 || bytes.len() + offsets.len() * width < 1 << (8 * width);
    let width = [1, 2, 4, 8].into_iter().find(fits).unwrap_or(8);
    for offset in offsets {
        bytes.extend_from_slice(&offset.to_le_bytes()[..width]);
    }
}
