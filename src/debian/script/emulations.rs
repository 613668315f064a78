//! What is done instead of scripts that cannot be evaluated: data, from `emulations.toml` and from the user.

use std::collections::BTreeSet;

use super::Call;
use super::shell::Shell;
use crate::error::Result;

/// A collection of emulations. The built-in one is [`Emulations::builtin`].
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Emulations {}

#[derive(Debug)]
pub(super) struct Emulation {}

impl Emulation {
    pub(super) fn no_ops(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }

    pub(super) fn replace(&self, _shell: &mut Shell<'_>) -> bool {
        false
    }
}

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

    pub(super) fn of(&self, _call: &Call<'_>) -> Emulation {
        Emulation {}
    }
}
