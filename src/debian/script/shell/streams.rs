//! Where output goes and input comes from.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::Value;

/// What is written and kept may be this long; beyond, it is not known.
const LIMIT: usize = 1 << 20;

/// Output that is kept.
#[derive(Debug)]
pub(in super::super) struct Buffer {
    pub text: Value,
    /// How many doubts there were when it was made: whoever writes in greater doubt makes it unknown.
    level: usize,
}

/// Input, read line by line or at once.
#[derive(Debug, Default)]
pub(in super::super) struct Reader {
    text: Value,
    at: usize,
}

/// Standard input, shared by all who read it.
pub(in super::super) type Input = Rc<RefCell<Reader>>;

impl Reader {
    pub(in super::super) fn of(text: Value) -> Input {
        Rc::new(RefCell::new(Reader { text, at: 0 }))
    }

    pub(in super::super) fn rest(&mut self) -> Value {
        let text = self.text.as_ref()?;
        let rest = text[self.at..].to_owned();
        self.at = text.len();
        Some(rest)
    }

    /// The next line; `Some(None)` at the end, `None` when the input is not known.
    pub(in super::super) fn line(&mut self) -> Option<Option<String>> {
        let text = self.text.as_ref()?;
        let rest = &text[self.at..];
        let Some(line) = rest.split_inclusive('\n').next() else { return Some(None) };
        self.at += line.len();
        Some(Some(line.trim_end_matches('\n').to_owned()))
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    /// Kept outputs by descriptor; the others go nowhere.
    outputs: BTreeMap<u32, Rc<RefCell<Buffer>>>,
    pub input: Input,
}

impl Streams {
    /// Keeps what goes to `descriptor`, after `text`.
    pub(super) fn keep(&mut self, descriptor: u32, text: Value, level: usize) -> Rc<RefCell<Buffer>> {
        let buffer = Rc::new(RefCell::new(Buffer { text, level }));
        self.outputs.insert(descriptor, buffer.clone());
        buffer
    }

    pub(super) fn discard(&mut self, descriptor: u32) {
        self.outputs.remove(&descriptor);
    }

    /// `descriptor` goes where `other` goes.
    pub(super) fn duplicate(&mut self, descriptor: u32, other: u32) {
        match self.outputs.get(&other).cloned() {
            Some(buffer) => {
                self.outputs.insert(descriptor, buffer);
            }
            None => self.discard(descriptor),
        }
    }

    pub(super) fn write(&mut self, descriptor: u32, text: Value, level: usize) {
        let Some(buffer) = self.outputs.get(&descriptor) else { return };
        let mut buffer = buffer.borrow_mut();
        let sure = level <= buffer.level;
        buffer.text = match (buffer.text.take(), text) {
            (Some(mut before), Some(text)) if sure && before.len() + text.len() <= LIMIT => {
                before.push_str(&text);
                Some(before)
            }
            _ => None,
        };
    }
}
