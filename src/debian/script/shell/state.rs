//! What the interpreter keeps.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::ast::Command;
use super::perhaps::Perhaps;
use super::streams::{Input, Streams};
use crate::debian::script::{Call, Effect, System, Unhandled};

/// A text; `None` when it is not known.
pub(in super::super) type Value = Option<String>;
/// An exit status; `None` when it is not known.
pub(in super::super) type Status = Option<u8>;

/// What comes after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Flow {
    Next,
    /// Out of so many loops.
    Break(u32),
    /// To the next turn of the so manieth loop.
    Continue(u32),
    Return,
    Exit,
}

/// Whatever a subshell has a copy of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct State {
    pub variables: BTreeMap<String, Value>,
    /// Which of them other programs see.
    pub exported: BTreeSet<String>,
    pub positional: Vec<Value>,
    pub(super) functions: BTreeMap<String, Function>,
    pub folder: String,
    pub umask: u32,
    /// Who runs it: user and group.
    pub ids: (u32, u32),
    /// `set -e`
    pub errexit: bool,
    /// Temporary files, which live only in here, by path.
    pub scratch: BTreeMap<String, Value>,
    /// Their modes, where they are not mktemp's.
    pub scratch_modes: BTreeMap<String, u32>,
    /// `$0`
    pub name: String,
    /// Temporary folders.
    pub scratch_folders: BTreeSet<String>,
    /// Answers to debconf's questions.
    pub answers: BTreeMap<String, Value>,
    /// `alias NAME=TEXT`
    pub aliases: BTreeMap<String, String>,
    /// Whether bash reads it, which has no aliases in scripts.
    pub bash: bool,
    pub perhaps: Perhaps,
}

#[derive(Clone, Debug)]
pub(super) struct Function(pub Rc<Command>);

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl State {
    pub(in super::super) fn functions_remove(&mut self, name: &str) {
        self.functions.remove(name);
    }

    pub(in super::super) fn has_function(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }
}

/// A running script.
pub(in super::super) struct Shell<'a> {
    pub system: &'a mut dyn System,
    pub call: &'a Call<'a>,
    /// Commands that do nothing for this script: patterns of names, from the emulations.
    pub no_ops: &'a BTreeSet<String>,
    pub state: State,
    pub status: Status,
    /// The status of the last command substitution in the words being expanded.
    pub(super) substituted: Option<Status>,
    pub(super) streams: Streams,
    /// The running command, as written.
    pub command: Rc<str>,
    /// What came of it.
    pub unhandled: Vec<Unhandled>,
    pub effects: usize,
    /// What the present commands hang on that is not known.
    pub(super) doubt: Vec<String>,
    /// The same for everything after a possible `exit`, `return`, `break`.
    pub(super) after: [Option<String>; 3],
    /// Saved variables of the running functions' `local`s.
    pub(super) locals: Vec<Vec<(String, Option<Value>)>>,
    /// How many conditions are being evaluated, in which failing is no failure.
    pub(super) conditions: usize,
    pub(super) subshells: usize,
    /// How many command substitutions, whose output is asked for.
    pub(super) substitutions: usize,
    /// How much it has done.
    pub(super) work: Cell<u64>,
    pub(super) depth: usize,
    /// The running command of the script itself, not of a function in it, with its words as they came out.
    pub(super) outermost: Rc<str>,
    /// Where the script was left because it did too much, and why.
    pub too_much: Option<(Rc<str>, &'static str)>,
    /// The command whose failure ended the script.
    pub failed: Option<Rc<str>>,
    pub(super) temporary: usize,
    /// The names set for the running command only, which it sees.
    pub(super) temporary_names: Vec<String>,
    /// Whether debconf's `config` has run.
    pub configured: bool,
}

impl<'a> Shell<'a> {
    pub(in super::super) fn new(call: &'a Call<'a>, system: &'a mut dyn System, no_ops: &'a BTreeSet<String>) -> Self {
        let mut state = State {
            folder: "/".into(),
            umask: 0o022,
            name: format!("/var/lib/dpkg/info/{}.{}", call.package, call.script),
            perhaps: Perhaps::after(std::mem::take(system.withheld())),
            ..State::default()
        };
        let given = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("DPKG_MAINTSCRIPT_PACKAGE", call.package),
            ("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1"),
            ("DPKG_MAINTSCRIPT_NAME", call.script),
            ("DPKG_MAINTSCRIPT_ARCH", system.architecture()),
            ("DPKG_ADMINDIR", "/var/lib/dpkg"),
            ("DPKG_RUNNING_VERSION", "1.22.0"),
            ("DEBIAN_FRONTEND", "noninteractive"),
            ("HOME", "/root"),
            ("PWD", "/"),
            ("IFS", " \t\n"),
        ];
        state.exported.extend(given.map(|(name, _)| name.to_owned()));
        state.variables.extend(given.map(|(name, value)| (name.to_owned(), Some(value.to_owned()))));
        state.positional = call.arguments.iter().map(|a| Some((*a).to_owned())).collect();
        Shell {
            system,
            call,
            no_ops,
            state,
            status: Some(0),
            substituted: None,
            streams: Streams::default(),
            command: "".into(),
            unhandled: Vec::new(),
            effects: 0,
            doubt: Vec::new(),
            after: [None, None, None],
            locals: Vec::new(),
            conditions: 0,
            subshells: 0,
            substitutions: 0,
            work: Cell::new(0),
            depth: 0,
            outermost: "".into(),
            too_much: None,
            failed: None,
            temporary: 0,
            temporary_names: Vec::new(),
            configured: false,
        }
    }

    /// What the running command hangs on that is not known.
    pub(super) fn doubtful(&self) -> Option<&str> {
        self.doubt.last().or_else(|| self.after.iter().flatten().next()).map(String::as_str)
    }

    /// Whether it is certain that the running command runs.
    pub(in super::super) fn certain(&self) -> bool {
        self.doubtful().is_none()
    }

    /// Says that the running command was not done.
    pub(in super::super) fn refuse(&mut self, why: impl Into<String>) -> Status {
        let said = Unhandled { command: self.command.to_string(), why: why.into() };
        // The same command in a loop is said once; and a list without end helps nobody.
        if !self.unhandled.contains(&said) && self.unhandled.len() < 200 {
            self.unhandled.push(said);
        }
        None
    }

    /// Does it, or says why not.
    pub(in super::super) fn apply(&mut self, effect: Effect) -> Status {
        if self.concerns_withheld(&effect) {
            return Some(0);
        }
        if let Some(on) = self.doubtful() {
            let why = format!("whether it runs depends on `{on}`, which is not known");
            self.refuse(why);
            self.leave_open(&effect);
            return Some(0);
        }
        match self.system.apply(effect.clone()) {
            Ok(()) => {
                // Who is called by a trigger says himself what he does.
                self.effects += usize::from(!matches!(effect, Effect::Trigger(_)));
                self.state.perhaps.settle(&effect);
                Some(0)
            }
            Err(why) => {
                self.leave_open(&effect);
                self.refuse(why)
            }
        }
    }

    /// Writes to standard output.
    pub(in super::super) fn print(&mut self, text: Value) {
        self.write(1, text);
    }

    pub(super) fn write(&mut self, descriptor: u32, text: Value) {
        let level = self.doubt.len();
        self.spend(text.as_ref().map_or(0, String::len));
        self.streams.write(descriptor, text, level);
    }

    /// Everything that is left of standard input.
    pub(in super::super) fn input(&mut self) -> Value {
        self.streams.input.borrow_mut().rest()
    }

    /// Standard input itself.
    pub(in super::super) fn reader(&self) -> Input {
        self.streams.input.clone()
    }
}
