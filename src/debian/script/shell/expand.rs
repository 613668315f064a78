//! Expansion of words (XCU 2.6): parameters, substitutions, fields, file names.

use super::ast::{Operation, Part, Word};
use super::pattern::{is_pattern, matches, quoted, unquoted};
use super::state::{Flow, Shell, Value};
use crate::debian::script::Kind;

/// How many names one pattern may find.
const NAMES: usize = 4096;

/// A word that is one unquoted literal.
pub(super) fn literal(word: &Word) -> Option<&str> {
    match word.as_slice() {
        [Part::Literal(text)] => Some(text),
        _ => None,
    }
}

/// Fields being made: text as a pattern, with quoted characters escaped.
#[derive(Default)]
struct Fields {
    done: Vec<Value>,
    current: Option<Value>,
}

impl Fields {
    fn add(&mut self, text: Value) {
        self.current = Some(match (self.current.take(), text) {
            (None, text) => text,
            (Some(Some(before)), Some(text)) => Some(before + &text),
            _ => None,
        });
    }

    fn end(&mut self) {
        self.done.extend(self.current.take());
    }
}

impl Shell<'_> {
    /// The fields of a word, with file names for patterns. An unknown part makes its field unknown.
    pub(super) fn fields(&mut self, word: &Word) -> Vec<Value> {
        let mut fields = Fields::default();
        self.expand(word, false, &mut fields);
        fields.end();
        self.spend(fields.done.iter().flatten().map(String::len).sum());
        let mut out = Vec::new();
        for field in fields.done {
            match field {
                Some(pattern) if is_pattern(&pattern) => match self.names(&pattern) {
                    found if self.may_find_more(&pattern) => out.extend(found.into_iter().map(Some).chain([None])),
                    found if found.is_empty() => out.push(Some(unquoted(&pattern))),
                    found => out.extend(found.into_iter().map(Some)),
                },
                other => out.push(other.map(|text| unquoted(&text))),
            }
        }
        out
    }

    /// A word as one text: no fields, no file names.
    pub(super) fn text(&mut self, word: &Word) -> Value {
        self.pattern(word).map(|pattern| unquoted(&pattern))
    }

    /// A word as a pattern, quoted characters escaped.
    pub(super) fn pattern(&mut self, word: &Word) -> Value {
        let mut out = Some(String::new());
        for (number, part) in word.iter().enumerate() {
            let piece = match part {
                Part::Literal(text) if number == 0 => Some(self.home(text, word.len() == 1)),
                Part::Literal(text) => Some(text.clone()),
                Part::Quoted(inside) => self.quoted(inside).map(|text| quoted(&text)),
                other => self.part(other),
            };
            out = match (out, piece) {
                (Some(before), Some(piece)) => Some(before + &piece),
                _ => None,
            };
        }
        out
    }

    /// What is between double quotes, as one text.
    fn quoted(&mut self, word: &Word) -> Value {
        let mut out = Some(String::new());
        for part in word {
            let piece = match part {
                Part::Literal(text) => Some(text.clone()),
                Part::Quoted(inside) => self.quoted(inside),
                other => self.part(other),
            };
            out = match (out, piece) {
                (Some(before), Some(piece)) => Some(before + &piece),
                _ => None,
            };
        }
        out
    }

    /// The literal that a word begins with, with the home of whom it names (XCU 2.6.1, "Tilde Expansion"), if it is a user.
    fn home(&self, text: &str, whole: bool) -> String {
        let home = text.strip_prefix('~').and_then(|rest| {
            let end = rest.find('/').or(whole.then_some(rest.len()))?;
            let (name, below) = rest.split_at(end);
            let home = if name.is_empty() { "/root".to_owned() } else { self.system.user(name)?.2 };
            Some(quoted(&home) + below)
        });
        home.unwrap_or_else(|| text.to_owned())
    }

    fn expand(&mut self, word: &Word, in_quotes: bool, fields: &mut Fields) {
        for (number, part) in word.iter().enumerate() {
            match part {
                Part::Literal(text) if in_quotes => fields.add(Some(quoted(text))),
                Part::Literal(text) if number == 0 => fields.add(Some(self.home(text, word.len() == 1))),
                Part::Literal(text) => fields.add(Some(text.clone())),
                Part::Quoted(inside) => {
                    let is_all = |p: &Part| matches!(p, Part::Parameter { name, operation: Operation::Value } if name == "@");
                    if inside.iter().any(is_all) {
                        self.expand(inside, true, fields);
                    } else {
                        let text = self.quoted(inside).map(|text| quoted(&text));
                        fields.add(text);
                    }
                }
                Part::Parameter { name, operation: Operation::Value } if name == "@" || (name == "*" && !in_quotes) => {
                    for (number, value) in self.state.positional.clone().into_iter().enumerate() {
                        if number > 0 {
                            fields.end();
                        }
                        match value {
                            value if in_quotes => fields.add(value.map(|text| quoted(&text))),
                            value => self.split(value, fields),
                        }
                    }
                }
                Part::Parameter { name, operation: Operation::Default { sign, colon, word } } if !in_quotes => {
                    // The word's own quotes count, as in `${ROOT:+--root="$ROOT"}`.
                    match (self.set_and_filled(name, *colon), sign) {
                        (Some(true), '+') | (Some(false), '-') => self.expand(word, false, fields),
                        (Some(false), '+') => {}
                        _ => {
                            let value = self.part(part);
                            self.split(value, fields);
                        }
                    }
                }
                other => {
                    let value = self.part(other);
                    if in_quotes { fields.add(value.map(|text| quoted(&text))) } else { self.split(value, fields) }
                }
            }
        }
    }

    /// Adds an unquoted value, split at the separators.
    fn split(&mut self, value: Value, fields: &mut Fields) {
        let Some(text) = value else { return fields.add(None) };
        let separators = self.get("IFS").unwrap_or_else(|| " \t\n".into());
        let mut rest = text.as_str();
        loop {
            let end = rest.find(|c| separators.contains(c)).unwrap_or(rest.len());
            if end > 0 {
                fields.add(Some(rest[..end].to_owned()));
            }
            let Some(separator) = rest[end..].chars().next() else { return };
            if fields.current.is_some() || !separator.is_whitespace() {
                if fields.current.is_none() {
                    fields.add(Some(String::new()));
                }
                fields.end();
            }
            rest = &rest[end + separator.len_utf8()..];
        }
    }

    /// The value of a part that is neither literal nor quoted.
    fn part(&mut self, part: &Part) -> Value {
        match part {
            Part::Literal(text) => Some(text.clone()),
            Part::Quoted(inside) => self.quoted(inside),
            Part::Foreign => None,
            Part::Arithmetic(inside) => {
                let text = self.quoted(inside)?;
                // A bare name is a variable.
                let mut replaced = String::new();
                let mut rest = text.as_str();
                while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_') {
                    let digits_before = rest[..at].ends_with(|c: char| c.is_ascii_digit());
                    let length = rest[at..].bytes().take_while(|c| c.is_ascii_alphanumeric() || *c == b'_').count();
                    replaced.push_str(&rest[..at]);
                    let name = &rest[at..at + length];
                    match digits_before {
                        true => replaced.push_str(name),
                        false => match self.get(name)?.as_str() {
                            "" => replaced.push('0'),
                            value => replaced.push_str(value),
                        },
                    }
                    rest = &rest[at + length..];
                }
                replaced.push_str(rest);
                super::arithmetic::evaluate(&replaced).map(|value| value.to_string())
            }
            Part::Command(list) => self.substitute(list),
            Part::Parameter { name, operation } => self.parameter(name, operation),
        }
    }

    fn substitute(&mut self, list: &super::ast::List) -> Value {
        if !self.enter() {
            self.depth -= 1;
            self.give_up();
            return None;
        }
        let (outer, command, level) = (self.streams.clone(), self.command.clone(), self.doubt.len());
        let kept = self.streams.keep(1, Some(String::new()), level);
        // Whoever asks a question by a substitution may get no for an answer: that ends nothing.
        let conditions = std::mem::replace(&mut self.conditions, 1);
        self.substitutions += 1;
        self.in_subshell(|shell| shell.list(list));
        self.substitutions -= 1;
        self.conditions = conditions;
        self.streams = outer;
        self.command = command;
        self.depth -= 1;
        self.substituted = Some(self.status);
        let text = kept.borrow_mut().text.take();
        text.map(|text| text.trim_end_matches('\n').to_owned())
    }

    /// Whether a parameter is set (and, with `filled`, not empty); `None`: not known.
    fn set_and_filled(&self, name: &str, filled: bool) -> Option<bool> {
        match self.lookup(name) {
            None => Some(false),
            Some(value) => match (value, filled) {
                (Some(text), true) => Some(!text.is_empty()),
                (None, true) => None,
                (_, false) => Some(true),
            },
        }
    }

    fn parameter(&mut self, name: &str, operation: &Operation) -> Value {
        match operation {
            Operation::Value => self.get(name),
            Operation::Length => self.get(name).map(|text| text.chars().count().to_string()),
            Operation::Default { sign, colon, word } => match (self.set_and_filled(name, *colon)?, sign) {
                (true, '+') | (false, '-') => self.text(word),
                (false, '+') => Some(String::new()),
                (true, _) => self.get(name),
                (false, '=') => {
                    let value = self.text(word);
                    self.set(name, value.clone());
                    value
                }
                (false, _) => None,
            },
            Operation::Trim { end, longest, pattern } => {
                let (text, pattern) = (self.get(name)?, self.pattern(pattern)?);
                let mut cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
                if *end != *longest {
                    cuts.reverse();
                }
                let found = cuts.into_iter().find(|at| matches(&pattern, if *end { &text[*at..] } else { &text[..*at] }));
                Some(match found {
                    Some(at) if *end => text[..at].to_owned(),
                    Some(at) => text[at..].to_owned(),
                    None => text,
                })
            }
            Operation::Replace { all, pattern, text: with } => {
                let (text, pattern, with) = (self.get(name)?, self.pattern(pattern)?, self.text(with)?);
                if is_pattern(&pattern) {
                    return None;
                }
                let pattern = unquoted(&pattern);
                Some(if *all { text.replace(&pattern, &with) } else { text.replacen(&pattern, &with, 1) })
            }
        }
    }

    /// A parameter: the outer `None` when it is not set.
    fn lookup(&self, name: &str) -> Option<Value> {
        match name {
            "#" => return Some(Some(self.state.positional.len().to_string())),
            "?" => return Some(self.status.map(|s| s.to_string())),
            "$" => return Some(Some("1".into())),
            "0" => return Some(Some(self.state.name.clone())),
            "-" => return Some(Some(if self.state.errexit { "e" } else { "" }.into())),
            "!" => return Some(None),
            "*" | "@" => {
                if self.state.positional.is_empty() {
                    return None;
                }
                let all: Option<Vec<String>> = self.state.positional.iter().cloned().collect();
                return Some(all.map(|all| all.join(" ")));
            }
            _ => {}
        }
        match name.parse::<usize>() {
            Ok(number) => self.state.positional.get(number.checked_sub(1)?).cloned(),
            Err(_) => self.state.variables.get(name).cloned(),
        }
    }

    /// A parameter's value; what is not set is empty.
    pub(in super::super) fn get(&self, name: &str) -> Value {
        self.lookup(name).unwrap_or_else(|| Some(String::new()))
    }

    pub(in super::super) fn set(&mut self, name: &str, value: Value) {
        // A text that grows without end in a loop is not a value any more.
        let value = value.filter(|text| text.len() <= 1 << 20);
        self.spend(value.as_ref().map_or(0, String::len));
        self.state.variables.insert(name.to_owned(), value);
    }

    /// The names a pattern finds, sorted.
    fn names(&self, pattern: &str) -> Vec<String> {
        let absolute = pattern.starts_with('/');
        let mut found = vec![if absolute { "/".to_owned() } else { String::new() }];
        for (number, part) in pattern.split('/').filter(|p| !p.is_empty()).enumerate() {
            let mut next = Vec::new();
            for folder in &found {
                let join =
                    |name: &str| if number == 0 || folder.ends_with('/') { format!("{folder}{name}") } else { format!("{folder}/{name}") };
                if is_pattern(part) {
                    let names = self.entries(&self.path(if folder.is_empty() { "." } else { folder }));
                    self.spend(names.iter().map(String::len).sum());
                    next.extend(names.iter().filter(|n| n.starts_with('.') == part.starts_with('.') && matches(part, n)).map(|n| join(n)));
                } else {
                    let path = join(&unquoted(part));
                    if self.kind(&self.path(&path)).is_some() || self.system.link(&self.path(&path)).is_some() {
                        next.push(path);
                    }
                }
                if next.len() > NAMES {
                    break;
                }
            }
            self.spend(next.iter().map(String::len).sum());
            found = next;
        }
        found
    }

    /// The names in a folder, temporary ones too.
    pub(in super::super) fn entries(&self, folder: &str) -> Vec<String> {
        if !self.is_scratch(folder) {
            return if self.kind(folder) == Some(Kind::Directory) { self.system.list(folder) } else { Vec::new() };
        }
        let prefix = format!("{folder}/");
        let files = self.state.scratch.keys().chain(&self.state.scratch_folders);
        files.filter_map(|path| path.strip_prefix(&prefix)).filter(|name| !name.contains('/')).map(str::to_owned).collect()
    }

    /// Runs `list` as the body of a function called with `arguments`.
    pub(super) fn call_with(&mut self, arguments: Vec<Value>, inside: impl FnOnce(&mut Self) -> Flow) -> Flow {
        let positional = std::mem::replace(&mut self.state.positional, arguments);
        let after = self.after[1].take();
        self.locals.push(Vec::new());
        let flow = inside(self);
        for (name, value) in self.locals.pop().unwrap_or_default().into_iter().rev() {
            match value {
                Some(value) => self.state.variables.insert(name, value),
                None => self.state.variables.remove(&name),
            };
        }
        self.after[1] = after;
        self.state.positional = positional;
        if flow == Flow::Return { Flow::Next } else { flow }
    }
}
