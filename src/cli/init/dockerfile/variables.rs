//! The variables of a Dockerfile's stage, as far as they are known.

use std::collections::BTreeMap;

use super::Mistake;

/// ARG and ENV, and what a script sets itself.
#[derive(Clone, Debug)]
pub(super) struct Variables {
    values: BTreeMap<String, String>,
    /// What filling in may still make, in bytes: a variable that is made of itself twice grows without end.
    room: usize,
}

/// A whole Dockerfile never fills in more than this.
const ROOM: usize = 1 << 20;

impl Default for Variables {
    fn default() -> Self {
        Variables { values: BTreeMap::new(), room: ROOM }
    }
}

impl Variables {
    /// `name` is `value` from here on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<String, String> {
        self.values.clone()
    }

    /// These and no others; the room stays what it is.
    pub fn restart(&mut self, values: BTreeMap<String, String>) {
        self.values = values;
    }

    /// Makes room for `bytes` that are filled in.
    pub fn take_room(&mut self, bytes: usize) -> Result<(), Mistake> {
        let too_large = || Mistake {
            line: 0,
            message: format!("with its variables filled in it is larger than {ROOM} bytes"),
            hint: "is a variable made of itself?".into(),
        };
        self.room = self.room.checked_sub(bytes).ok_or_else(too_large)?;
        Ok(())
    }
}
