//! What is done instead of scripts that cannot be evaluated: data, from `emulations.toml` and from the user.

use crate::error::Result;

/// A collection of emulations. The built-in one is [`Emulations::builtin`].
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Emulations {}

impl Emulations {
    /// Those that come with the program.
    pub(in super::super) fn builtin() -> Self {
        Emulations::default()
    }

    /// Reads a collection in the format that the head of `emulations.toml` describes.
    pub(in super::super) fn parse(_text: &str) -> Result<Self> {
        Ok(Emulations::default())
    }

    /// These and `other`, whose word counts first.
    #[must_use]
    pub(in super::super) fn with(self, _other: Emulations) -> Self {
        self
    }
}
