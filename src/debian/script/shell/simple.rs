//! Simple commands: functions, the shell's own commands, and the table of all others.

use super::ast::Word;
use super::pattern::matches;
use super::state::{Flow, Shell, State, Status, Value};
use crate::debian::script::commands::{Treatment, generate, treatment};

impl Shell<'_> {
    pub(super) fn simple(&mut self, assignments: &[(String, Word)], words: &[Word]) -> Flow {
        match self.alias(words) {
            Some(text) => self.aliased(&text, assignments, words),
            None => self.plain(assignments.iter(), words.iter()),
        }
    }

    /// A simple command without aliases.
    pub(super) fn plain<'w>(
        &mut self,
        assignments: impl Iterator<Item = &'w (String, Word)> + Clone,
        words: impl Iterator<Item = &'w Word>,
    ) -> Flow {
        let command = self.command.clone();
        self.substituted = None;
        let fields: Vec<Value> = words.flat_map(|word| self.fields(word)).collect();
        if self.locals.is_empty() && !fields.is_empty() {
            let said: Vec<&str> = fields.iter().map(|field| field.as_deref().unwrap_or("…")).collect();
            self.outermost = super::parse::shortened(&said.join(" ")).into();
        }
        if fields.is_empty() {
            for (name, word) in assignments {
                let value = self.text(word);
                self.set(name, value);
            }
            self.command = command;
            self.status = self.substituted.take().unwrap_or(Some(0));
            return Flow::Next;
        }
        let mut saved = Vec::new();
        for (name, word) in assignments.clone() {
            let value = self.text(word);
            saved.push((name, self.state.variables.get(name).cloned()));
            self.set(name, value);
        }
        self.command = command;
        self.temporary_names = assignments.clone().map(|(name, _)| name.clone()).collect();
        let flow = self.invoke(&fields);
        for (name, before) in saved {
            match before {
                Some(value) => self.state.variables.insert(name.clone(), value),
                None => self.state.variables.remove(name),
            };
        }
        flow
    }

    /// Runs a command given as fields: its name and arguments.
    pub(in super::super) fn invoke(&mut self, fields: &[Value]) -> Flow {
        let Some((name, arguments)) = fields.split_first() else {
            self.status = Some(0);
            return Flow::Next;
        };
        let Some(name) = name else {
            self.print(None);
            self.met_stranger();
            self.status = self.refuse("which command it runs is not known");
            return Flow::Next;
        };
        if !self.enter() {
            self.depth -= 1;
            return self.give_up();
        }
        let flow = self.dispatch(name, arguments);
        self.depth -= 1;
        flow
    }

    fn dispatch(&mut self, name: &str, arguments: &[Value]) -> Flow {
        if let Some(function) = self.state.functions.get(name).cloned() {
            return self.call_with(arguments.to_vec(), |shell| shell.function(&function));
        }
        if let Some(flow) = self.own(name, arguments) {
            return flow;
        }
        let base = name.rsplit('/').next().unwrap_or(name);
        if self.no_ops.iter().any(|pattern| matches(pattern, name) || matches(pattern, base)) {
            self.status = Some(0);
            return Flow::Next;
        }
        let treatment = match treatment(name) {
            Some(Treatment::Installed(_)) if self.find(name).is_none() => {
                self.status = Some(127);
                return Flow::Next;
            }
            Some(Treatment::Installed(treatment)) => Some(*treatment),
            treatment => treatment,
        };
        self.status = match treatment {
            Some(Treatment::Nothing(_)) => Some(0),
            Some(Treatment::Refused(why)) => {
                self.print(None);
                self.refuse(why)
            }
            Some(Treatment::Generator) => generate(self, base),
            Some(Treatment::Words(run)) => run(self, arguments),
            Some(Treatment::Act(run)) => match known(arguments) {
                Some(arguments) => run(self, &arguments),
                None => self.refuse("one of its arguments is not known"),
            },
            Some(Treatment::Query(run)) => match known(arguments) {
                Some(arguments) => run(self, &arguments),
                None => {
                    self.print(None);
                    None
                }
            },
            Some(Treatment::Installed(_)) | None => return self.foreign(name, arguments),
        };
        Flow::Next
    }

    fn function(&mut self, function: &super::state::Function) -> Flow {
        self.command_of(&function.0)
    }

    /// A program this interpreter has no word for: a shell script of the image is interpreted, all else is not handled.
    fn foreign(&mut self, name: &str, arguments: &[Value]) -> Flow {
        let Some(path) = self.find(name) else {
            self.status = Some(127);
            return Flow::Next;
        };
        let text = self.read(&path).flatten().filter(|text| is_shell(text));
        let bash = text.as_deref().is_some_and(is_bash);
        let list = text.and_then(|text| super::parse(&text).ok());
        let Some(list) = list else {
            self.print(None);
            self.met_stranger();
            self.status = self.refuse(format!("what `{}` does is not known", name.rsplit('/').next().unwrap_or(name)));
            return Flow::Next;
        };
        let temporary = self.temporary_names.clone();
        self.in_subshell(|shell| {
            let functions = std::mem::take(&mut shell.state.functions);
            shell.state.aliases.clear();
            shell.state.bash = bash;
            shell.state.name = path;
            let State { variables, exported, .. } = &mut shell.state;
            variables.retain(|name, _| exported.contains(name) || temporary.contains(name));
            let errexit = std::mem::replace(&mut shell.state.errexit, false);
            let flow = shell.call_with(arguments.to_vec(), |shell| shell.list(&list));
            (shell.state.functions, shell.state.errexit) = (functions, errexit);
            flow
        });
        Flow::Next
    }

    /// Where a program is.
    pub(in super::super) fn find(&self, name: &str) -> Option<String> {
        let runs = |path: &String| matches!(self.kind(path), Some(crate::debian::script::Kind::File { .. }));
        if name.contains('/') {
            return Some(self.path(name)).filter(runs);
        }
        let path = self.get("PATH").unwrap_or_default();
        path.split(':').map(|folder| format!("{folder}/{name}")).find(runs)
    }

    /// Interprets `text` in this shell: `eval` and `.`.
    pub(in super::super) fn source(&mut self, text: &str) -> Flow {
        // Parsing takes longer than copying.
        self.spend(text.len() * 4);
        match super::parse(text) {
            Ok(list) => self.list(&list),
            Err(why) => {
                self.status = self.refuse(format!("it cannot be parsed: {why}"));
                Flow::Next
            }
        }
    }

    /// Remembers a variable for the end of the running function.
    pub(in super::super) fn localise(&mut self, name: &str) {
        let before = self.state.variables.get(name).cloned();
        if let Some(frame) = self.locals.last_mut() {
            frame.push((name.to_owned(), before));
        }
    }

    pub(in super::super) fn set_status(&mut self, status: Status) -> Flow {
        self.status = status;
        Flow::Next
    }
}

/// Whether a file is a shell script.
pub(in super::super) fn is_shell(text: &str) -> bool {
    matches!(interpreter(text), "sh" | "bash" | "dash" | "ash")
}

/// Whether it is one that bash reads.
pub(in super::super) fn is_bash(text: &str) -> bool {
    interpreter(text) == "bash"
}

/// The name of the program that the first line asks for.
fn interpreter(text: &str) -> &str {
    let first = text.lines().next().unwrap_or_default();
    let program = first.strip_prefix("#!").map(str::trim).unwrap_or_default();
    let program = program.strip_prefix("/usr/bin/env ").unwrap_or(program);
    program.split_whitespace().next().unwrap_or_default().rsplit('/').next().unwrap_or_default()
}

fn known(values: &[Value]) -> Option<Vec<String>> {
    values.iter().cloned().collect()
}
