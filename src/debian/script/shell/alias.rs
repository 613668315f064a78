//! Aliases (XCU 2.3.1). dash replaces them while it reads a script; here the command word is replaced when the command runs, which is
//! the same for every command that stands after its `alias`.

use super::ast::{Kind, List, Pipeline, Word};
use super::expand::literal;
use super::state::{Flow, Shell, Value};

impl Shell<'_> {
    /// `alias NAME=TEXT …`.
    pub(in super::super) fn define_aliases(&mut self, arguments: &[Value]) {
        if self.state.bash {
            return;
        }
        for (name, text) in arguments.iter().flatten().filter_map(|argument| argument.split_once('=')) {
            self.state.aliases.insert(name.to_owned(), text.to_owned());
        }
    }

    /// What the command word stands for, when it is an alias.
    pub(super) fn alias(&self, words: &[Word]) -> Option<String> {
        self.state.aliases.get(literal(words.first()?)?).cloned()
    }

    /// Runs a command whose first word stands for `text`.
    pub(super) fn aliased(&mut self, text: &str, assignments: &[(String, Word)], words: &[Word]) -> Flow {
        let list = super::parse(text).unwrap_or_default();
        let Some(Kind::Simple { assignments: before, words: first }) = one_command(&list) else {
            self.met_stranger();
            let status = self.refuse("what its alias stands for is not one simple command");
            return self.set_status(status);
        };
        self.plain(assignments.iter().chain(before), first.iter().chain(&words[1..]))
    }
}

/// The command that is all of `list`.
fn one_command(list: &List) -> Option<&Kind> {
    let [item] = list.as_slice() else { return None };
    let Pipeline { negated: false, commands } = &item.first else { return None };
    let [command] = commands.as_slice() else { return None };
    (item.rest.is_empty() && command.redirects.is_empty()).then_some(&command.kind)
}
