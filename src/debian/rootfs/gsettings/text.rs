//! What is written in the GVariant text format of GLib, made a value of a type.

use super::parse::Parser;
use super::variant::{Type, Value};

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
        Parser::read(text)
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
