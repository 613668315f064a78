//! The two forms of ENTRYPOINT and CMD: a list of words, and a shell's command.

use super::Mistake;
use super::variables::Variables;
use super::words::words;

/// What an ENTRYPOINT or a CMD said.
pub(super) struct Command {
    pub line: usize,
    pub form: Form,
}

pub(super) enum Form {
    /// `["jq", "."]`.
    Exec(Vec<String>),
    /// `jq .`: a shell runs it.
    Shell {
        /// As it stands there.
        text: String,
        /// Its words, where the shell would only start one command with them.
        words: Option<Vec<String>>,
    },
}

/// Words of the shell itself: no program is called so.
const BUILTINS: [&str; 9] = ["exec", "cd", ".", "source", "export", "if", "while", "for", "eval"];

impl Command {
    /// Of the arguments of the instruction on `line`.
    pub fn read(line: usize, arguments: &str, variables: &mut Variables) -> Result<Self, Mistake> {
        if let Some(words) = exec_form(arguments) {
            return Ok(Command { line, form: Form::Exec(words) });
        }
        let plain = !arguments.contains(['$', '`', ';', '&', '|', '<', '>', '(', ')', '*', '?', '~', '\n']);
        let words: Vec<String> = words(arguments, variables)?.into_iter().map(|word| word.text).collect();
        let begins_with_program = words.first().is_none_or(|word| !BUILTINS.contains(&word.as_str()) && !word.contains('='));
        let words = (plain && begins_with_program).then_some(words);
        Ok(Command { line, form: Form::Shell { text: arguments.to_owned(), words } })
    }

    /// `ENTRYPOINT []` takes back what was said before.
    pub fn is_empty(&self) -> bool {
        match &self.form {
            Form::Exec(words) => words.is_empty(),
            Form::Shell { text, .. } => text.is_empty(),
        }
    }
}

/// `["a", "b"]`, if that is what it is.
pub(super) fn exec_form(arguments: &str) -> Option<Vec<String>> {
    arguments.trim_start().starts_with('[').then(|| serde_json::from_str(arguments).ok()).flatten()
}

/// Why such a list is not taken over.
pub(super) const MALFORMED: &str = "it begins as a list, but is no JSON array of strings; those have double quotes";

/// It begins as the exec form does, but is none: `['a']` is no JSON, and Docker gives it to a shell that knows no such command.
pub(super) fn is_malformed(arguments: &str) -> bool {
    arguments.trim_start().starts_with('[') && exec_form(arguments).is_none()
}
