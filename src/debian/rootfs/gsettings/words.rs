//! The words a key may have: an enumeration, flags, or choices, with other names for them (`strinfo.c` of GLib).

use super::variant::{Type, Value};

/// What words are for: the letter they have in a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Use {
    /// `<choices>`: numbers mean nothing.
    #[default]
    Choices,
    /// `<enum>`
    Enum,
    /// `<flags>`: any number of the words.
    Flags,
}

impl Use {
    pub(super) fn letter(self) -> u8 {
        match self {
            Use::Choices => b'c',
            Use::Enum => b'e',
            Use::Flags => b'f',
        }
    }
}

/// The words.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub of: Use,
    words: Vec<Word>,
    /// Its length so far, in units of four bytes.
    length: u32,
}

#[derive(Clone, Debug)]
struct Word {
    text: String,
    is_alias: bool,
    /// What it stands for; of an alias, where the number of its word is.
    number: u32,
    /// Where its own number is.
    at: u32,
}

impl Words {
    /// None yet.
    pub(super) fn new(of: Use) -> Self {
        Words { of, ..Words::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether `text` is one of the words; an alias is not.
    pub(super) fn has(&self, text: &str) -> bool {
        self.words.iter().any(|word| !word.is_alias && word.text == text)
    }

    /// Adds a word; false when there is one already.
    pub(super) fn add(&mut self, text: &str, number: u32) -> bool {
        self.push(text, false, number)
    }

    /// Adds another name for `target`; false when that is none of the words.
    pub(super) fn add_alias(&mut self, text: &str, target: &str) -> bool {
        let target = self.words.iter().find(|word| !word.is_alias && word.text == target).map(|word| word.at);
        target.is_some_and(|at| self.push(text, true, at))
    }

    fn push(&mut self, text: &str, is_alias: bool, number: u32) -> bool {
        let is_new = !self.words.iter().any(|word| word.text == text);
        if is_new {
            self.words.push(Word { text: text.to_owned(), is_alias, number, at: self.length });
            self.length += 1 + units(text) as u32;
        }
        is_new
    }

    /// As an array of numbers: each word's number, and the word with a byte at either end that no text has, filled up with zeros.
    pub(super) fn value(&self) -> Value {
        let mut bytes = Vec::new();
        for word in &self.words {
            let end = bytes.len() + 4 + 4 * units(&word.text);
            bytes.extend_from_slice(&word.number.to_le_bytes());
            bytes.push(if word.is_alias { 0xfe } else { 0xff });
            bytes.extend_from_slice(word.text.as_bytes());
            bytes.resize(end - 1, 0);
            bytes.push(0xff);
        }
        Value { of: Type::Array(Box::new(Type::Basic(b'u'))), bytes }
    }
}

/// How many units of four bytes a word takes: its text, a byte at either end, one zero at least, and never one unit alone.
fn units(text: &str) -> usize {
    ((text.len() + 6) / 4).max(2)
}
