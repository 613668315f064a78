//! JSON as Go's `encoding/json` reads it: keys in any case, and `null` for what is absent.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::{Error, Result};

/// More values than any image has: more than 20,000 store paths with a permission each. A value may take a hundred bytes.
const MAX_VALUES: usize = 250_000;

/// A value, with the keys of objects in their order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Reads a whole document; at most [`MAX_VALUES`] values of it.
    pub(super) fn parse(bytes: &[u8]) -> serde_json::Result<Node> {
        let left = Cell::new(MAX_VALUES);
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let node = Reading(&left).deserialize(&mut reader)?;
        reader.end()?;
        Ok(node)
    }

    fn word(&self) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Bool(_) => "a truth value",
            Node::Number(_) => "a number",
            Node::Text(_) => "a string",
            Node::List(_) => "a list",
            Node::Object(_) => "an object",
        }
    }
}

struct Reading<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        match self.0.get().checked_sub(1) {
            Some(left) => self.0.set(left),
            None => return Err(D::Error::custom(format_args!("it has more than {MAX_VALUES} values"))),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Reading(self.0))? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            entries.push((key, map.next_value_seed(Reading(self.0))?));
        }
        Ok(Node::Object(entries))
    }
}

/// The fields of an object, taken out one by one; what is left at the end nobody has asked for. Whatever is `null` counts as absent.
pub(super) struct Fields {
    /// Where the object stands, in errors: `layers[2]`; empty for the whole document.
    at: String,
    entries: Vec<(String, Node)>,
}

impl Fields {
    /// The fields of `node`, which stands at `at`.
    pub(super) fn of(node: Node, at: String) -> Result<Self> {
        match node {
            Node::Object(entries) => Ok(Fields { at, entries }),
            other => Err(unexpected(&at, "an object", &other)),
        }
    }

    /// Whether `key` is there, even if it is `null`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| same_key(name, key))
    }

    /// The value of `key`, in whatever case it is written.
    ///
    /// # Errors
    /// It is there twice: Go takes the last, others the first, and nobody writes such a thing by mistake.
    pub(super) fn take(&mut self, key: &str) -> Result<Option<Node>> {
        let Some(at) = self.entries.iter().position(|(name, _)| same_key(name, key)) else { return Ok(None) };
        let (_, node) = self.entries.remove(at);
        match self.entries.iter().any(|(name, _)| same_key(name, key)) {
            true => Err(Error::failed(format!("`{}` is there twice", self.path(key)))),
            false => Ok(Some(node).filter(|node| *node != Node::Null)),
        }
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>> {
        match self.take(key)? {
            None => Ok(None),
            Some(Node::Text(text)) => Ok(Some(text)),
            Some(other) => Err(unexpected(&self.path(key), "a string", &other)),
        }
    }

    pub(super) fn truth(&mut self, key: &str) -> Result<bool> {
        match self.take(key)? {
            None => Ok(false),
            Some(Node::Bool(truth)) => Ok(truth),
            Some(other) => Err(unexpected(&self.path(key), "a truth value", &other)),
        }
    }

    pub(super) fn integer(&mut self, key: &str) -> Result<Option<i64>> {
        let node = self.take(key)?;
        match node {
            None => Ok(None),
            Some(Node::Number(number)) if number.is_i64() => Ok(number.as_i64()),
            Some(other) => Err(unexpected(&self.path(key), "a whole number", &other)),
        }
    }

    pub(super) fn list(&mut self, key: &str) -> Result<Vec<Node>> {
        match self.take(key)? {
            None => Ok(Vec::new()),
            Some(Node::List(list)) => Ok(list),
            Some(other) => Err(unexpected(&self.path(key), "a list", &other)),
        }
    }

    pub(super) fn texts(&mut self, key: &str) -> Result<Vec<String>> {
        let at = self.path(key);
        let text = |node| match node {
            Node::Text(text) => Ok(text),
            // Go leaves a string as it was, which is empty.
            Node::Null => Ok(String::new()),
            other => Err(unexpected(&at, "a list of strings", &other)),
        };
        self.list(key)?.into_iter().map(text).collect()
    }

    pub(super) fn object(&mut self, key: &str) -> Result<Option<Fields>> {
        let at = self.path(key);
        self.take(key)?.map(|node| Fields::of(node, at)).transpose()
    }

    /// The entries of a map whose keys are for users to name; of two that are the same, the last.
    pub(super) fn map(&mut self, key: &str) -> Result<Vec<(String, Node)>> {
        Ok(self.object(key)?.map(|fields| fields.entries).unwrap_or_default())
    }

    /// Where `key` stands.
    pub(super) fn path(&self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at) }
    }

    /// Where what is left stands.
    pub(super) fn left(&self) -> impl Iterator<Item = String> + '_ {
        self.entries.iter().map(|(key, _)| self.path(key))
    }

    /// Refuses what is left: it may change the bytes of a layer.
    pub(super) fn end(self) -> Result<()> {
        match self.left().next() {
            None => Ok(()),
            Some(unknown) => Err(Error::failed(format!("`{unknown}` is not understood")).hint(
                "it may change what is in the layer: it is of a later or another nix2container than this version of catamaran knows",
            )),
        }
    }
}

pub(super) fn unexpected(at: &str, expected: &str, found: &Node) -> Error {
    let at = if at.is_empty() { "it".to_owned() } else { format!("`{at}`") };
    Error::failed(format!("{at} should be {expected} and is {}", found.word()))
}

/// As Go folds: beside ASCII, two letters have ASCII ones as their other case.
fn same_key(written: &str, key: &str) -> bool {
    let fold = |c: char| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    written.chars().map(fold).eq(key.chars().map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields {
        Fields::of(Node::parse(text.as_bytes()).unwrap(), "x".into()).unwrap()
    }

    #[test]
    fn keys_are_found_in_any_case_and_null_is_nothing() {
        let mut fields = fields(r#"{"ABC":"1","layerſ":null,"n":-3,"t":["a",null]}"#);
        assert_eq!(fields.text("abc").unwrap().as_deref(), Some("1"));
        assert_eq!(fields.take("Layers").unwrap(), None);
        assert_eq!(fields.integer("n").unwrap(), Some(-3));
        assert_eq!(fields.texts("t").unwrap(), ["a", ""]);
        fields.end().unwrap();
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        assert_eq!(fields(r#"{"a":1,"A":2}"#).take("a").unwrap_err().message(), "`x.a` is there twice");
        assert_eq!(fields(r#"{"a":1.5}"#).integer("a").unwrap_err().message(), "`x.a` should be a whole number and is a number");
        assert_eq!(fields(r#"{"new":1}"#).end().unwrap_err().message(), "`x.new` is not understood");
        assert!(Node::parse(b"{} {}").is_err() && Node::parse(b"[1,").is_err());
    }

    #[test]
    fn more_values_than_anybody_has_are_refused() {
        let many = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert!(Node::parse(many.as_bytes()).unwrap_err().to_string().contains("more than"));
    }
}
