//! Schemas and what `glib-compile-schemas` writes of them.

use super::super::glib_table::Table;
use super::gvdb::{Database, Entry};
use super::text::Text;
use super::variant::{Type, Value};
use super::words::Words;

/// A schema.
#[derive(Debug, Default)]
pub(super) struct Schema {
    pub path: Option<String>,
    pub domain: Option<String>,
    pub extends: Option<String>,
    pub list_of: Option<String>,
    pub members: Table<Member>,
}

/// What a schema has.
#[derive(Debug)]
pub(super) enum Member {
    /// A key.
    Key(Box<Key>),
    /// A child, by the name of its schema.
    Child(String),
}

/// A key, or another default for one of the schema that is extended.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub of: Type,
    /// `None` as long as it is not known.
    pub default: Option<Value>,
    /// Whether it is translated as a message (`m`) or a time (`t`), and the default as translators see it.
    pub translated: Option<(u8, String)>,
    pub words: Words,
    pub range: Option<(Value, Value)>,
    /// Defaults on single desktops.
    pub desktops: Table<Value>,
}

impl Key {
    pub(super) fn new(of: Type, words: Words) -> Self {
        Key { of, default: None, translated: None, words, range: None, desktops: Table::default() }
    }

    /// `text` as a value that the key allows.
    pub(super) fn value(&self, text: &str) -> Option<Value> {
        let text = Text::parse(text)?;
        let value = text.value(&self.of)?;
        let is_word = self.words.is_empty() || text.strings().iter().all(|word| self.words.has(word));
        let inside = |(least, greatest): &(Value, Value)| match (least.number(), value.number(), greatest.number()) {
            (Some(least), Some(number), Some(greatest)) => least <= number && number <= greatest,
            _ => false,
        };
        (is_word && self.range.as_ref().is_none_or(inside)).then_some(value)
    }

    fn entry(&self) -> Option<Value> {
        let tagged = |tag: u8, value: Value| Value::tuple(vec![Value::byte(tag), value]);
        let mut parts = vec![self.default.clone()?];
        if let Some((kind, text)) = &self.translated {
            parts.push(tagged(b'l', Value::tuple(vec![Value::byte(*kind), Value::string(text)])));
        }
        if !self.words.is_empty() {
            parts.push(tagged(self.words.of.letter(), self.words.value()));
        }
        if let Some((least, greatest)) = &self.range {
            parts.push(tagged(b'r', Value::tuple(vec![least.clone(), greatest.clone()])));
        }
        if self.desktops.len() > 0 {
            let entry = |(desktop, value): (&str, &Value)| Value::entry(Value::string(desktop), Value::variant(value.clone()));
            let of = Type::Entry(Box::new((Type::Basic(b's'), Type::Variant)));
            parts.push(tagged(b'd', Value::array(of, self.desktops.iter().map(entry).collect())));
        }
        Some(Value::tuple(parts))
    }
}

/// `gschemas.compiled`.
pub(super) fn compiled(schemas: &Table<Schema>) -> Vec<u8> {
    let mut all = Database::new();
    for (id, schema) in schemas.iter() {
        let mut one = Database::new();
        let mut is_translated = false;
        for (name, member) in schema.members.iter() {
            let value = match member {
                Member::Child(schema) => Some(Value::string(schema)),
                Member::Key(key) => {
                    is_translated |= key.translated.is_some();
                    key.entry()
                }
            };
            if let Some(value) = value {
                one.insert(name, true, Entry::Value(value));
            }
        }
        let domain = schema.domain.as_ref().filter(|_| is_translated);
        let more = [
            (".path", schema.path.as_ref()),
            (".extends", schema.extends.as_ref()),
            (".list-of", schema.list_of.as_ref()),
            (".gettext-domain", domain),
        ];
        for (name, text) in more {
            if let Some(text) = text {
                one.insert(name, false, Entry::Value(Value::string(text)));
            }
        }
        all.insert(id, true, Entry::Table(one));
    }
    all.file()
}
