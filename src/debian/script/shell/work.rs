//! How much one script may do: counted and not timed, so that it comes to the same end on any machine.

use super::State;
use super::state::{Flow, Shell};

/// Commands, turns of loops, substitutions and what they copy: five times what php8.4-common does, the most of any script known. It
/// enables sixteen modules for six programs.
const WORK: u64 = 4_000_000;
/// So many bytes that are copied or kept count as one; this bounds memory too.
const BYTES: usize = 64;
/// How deep functions, files and constructs may call each other.
const DEPTH: usize = 120;

impl Shell<'_> {
    /// Counts one step deeper; `false` when the script does too much.
    pub(super) fn enter(&mut self) -> bool {
        self.spend(BYTES);
        self.depth += 1;
        self.too_much.is_none() && self.work.get() <= WORK && self.depth <= DEPTH
    }

    /// Counts bytes that are copied or kept.
    pub(in super::super) fn spend(&self, bytes: usize) {
        self.work.set(self.work.get() + bytes.div_ceil(BYTES) as u64);
    }

    /// A script that does too much ends here.
    pub(super) fn give_up(&mut self) -> Flow {
        if self.too_much.is_none() {
            let why =
                if self.depth >= DEPTH { "it calls itself without end" } else { "it does not end, or does more than any script known" };
            self.too_much = Some((self.outermost.clone(), why));
        }
        self.status = None;
        Flow::Exit
    }
}

impl State {
    /// About how many bytes a copy of it takes.
    pub(super) fn weight(&self) -> usize {
        const EACH: usize = 64;
        let of = |name: &String, value: &super::Value| name.len() + value.as_ref().map_or(0, String::len) + EACH;
        let values = self.variables.iter().chain(&self.scratch).chain(&self.answers).map(|(name, value)| of(name, value));
        let words = self.positional.iter().flatten().map(|word| word.len() + EACH);
        values.chain(words).sum::<usize>() + (self.functions.len() + self.exported.len() + self.scratch_modes.len()) * EACH
    }
}
