//! What is not known which way it goes.

use std::collections::BTreeMap;

use super::state::{Flow, Shell, Status};
use super::{State, Value};

/// One of several ways a script may go.
pub(super) type Way<'w, 'a> = &'w dyn Fn(&mut Shell<'a>) -> Flow;

impl<'a> Shell<'a> {
    /// Runs something of which it is not known whether it may: it is asked, and nothing of it is done.
    pub(in super::super) fn in_doubt<T>(&mut self, on: &str, run: impl FnOnce(&mut Self) -> T) -> T {
        let level = self.doubt.len();
        self.doubt.push(on.to_owned());
        let result = run(self);
        self.doubt.truncate(level);
        result
    }

    /// Goes every way in doubt, because it is not known which one is right; then keeps what is the same after all of them.
    pub(super) fn alternatives(&mut self, on: &str, ways: &[Way<'_, 'a>]) -> Flow {
        let (before, after, level) = (self.state.clone(), self.after.clone(), self.doubt.len());
        let mut outcomes: Vec<(usize, Flow, Status, State)> = Vec::new();
        let mut said = Vec::new();
        for (number, way) in ways.iter().enumerate() {
            self.spend(before.weight());
            self.state = before.clone();
            let (mark, kept) = (self.unhandled.len(), self.after.clone());
            self.doubt.push(on.to_owned());
            let flow = way(self);
            self.doubt.truncate(level);
            let new = self.unhandled.split_off(mark);
            if flow == Flow::Exit && self.subshells == 0 && matches!(self.status, Some(1..)) {
                // The installation would have failed.
                self.after = kept;
                self.failed = None;
                continue;
            }
            said.extend(new);
            outcomes.push((number, flow, self.status, std::mem::take(&mut self.state)));
        }
        if outcomes.len() == 1 && ways.len() > 1 {
            (self.state, self.after) = (before, after);
            return ways[outcomes[0].0](self);
        }
        self.unhandled.extend(said);
        // What follows is reached by those ways that go on.
        let goes_on = outcomes.iter().any(|(_, flow, ..)| *flow == Flow::Next);
        let ends: Vec<Flow> = outcomes.iter().map(|(_, flow, ..)| *flow).filter(|flow| *flow != Flow::Next).collect();
        let mut merged: Option<(Flow, Status, State)> = None;
        for (_, flow, status, state) in outcomes.into_iter().filter(|(_, flow, ..)| !goes_on || *flow == Flow::Next) {
            merged = Some(match merged {
                None => (flow, status, state),
                Some((first, before, mut all)) => {
                    all.merge(state);
                    (first, if before == status { status } else { None }, all)
                }
            });
        }
        let Some((flow, status, state)) = merged else {
            self.state = before;
            self.status = Some(1);
            return Flow::Exit;
        };
        (self.state, self.status) = (state, status);
        if ends.iter().all(|end| *end == flow) {
            return flow;
        }
        for end in ends {
            self.after[slot_of(end)] = Some(on.to_owned());
        }
        Flow::Next
    }
}

/// Which end takes away the doubt that a possible `flow` leaves.
fn slot_of(flow: Flow) -> usize {
    match flow {
        Flow::Exit => 0,
        Flow::Return => 1,
        Flow::Break(_) | Flow::Continue(_) | Flow::Next => 2,
    }
}

impl State {
    /// What differs is not known.
    pub(super) fn merge(&mut self, other: State) {
        fn join(mine: &mut BTreeMap<String, Value>, other: BTreeMap<String, Value>) {
            for (name, value) in mine.iter_mut() {
                if other.get(name) != Some(value) {
                    *value = None;
                }
            }
            for name in other.into_keys() {
                mine.entry(name).or_insert(None);
            }
        }
        join(&mut self.variables, other.variables);
        join(&mut self.scratch, other.scratch);
        join(&mut self.answers, other.answers);
        self.scratch_modes.extend(other.scratch_modes);
        self.scratch_folders.extend(other.scratch_folders);
        self.functions.extend(other.functions);
        self.exported.extend(other.exported);
        if self.positional != other.positional {
            let longest = self.positional.len().max(other.positional.len());
            self.positional = vec![None; longest];
        }
        self.errexit |= other.errexit;
        self.aliases.extend(other.aliases);
        self.perhaps.merge(other.perhaps);
    }
}
