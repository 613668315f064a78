//! A stage's instructions, one after the other, as Docker would apply them to an image's config.

use std::collections::{BTreeMap, BTreeSet};

use super::commands::{Script, script, short};
use super::form::{Command, Form, MALFORMED, exec_form, is_malformed};
use super::lines::Instruction;
use super::variables::Variables;
use super::words::{Word, fill, words};
use super::{Found, Mistake, Note, files};
use crate::catalog::is_port;

/// An image that comes about.
pub(super) struct Stage<'p> {
    pub(super) found: Found,
    /// Whether a path of the project is a folder.
    pub(super) is_folder: &'p dyn Fn(&str) -> bool,
    /// The ARGs before the first FROM.
    global: &'p BTreeMap<String, String>,
    /// What ENTRYPOINT and CMD said.
    entrypoint: Option<Command>,
    cmd: Option<Command>,
    /// The stage that is being read said CMD itself, and has it from no image before.
    has_cmd: bool,
}

impl<'p> Stage<'p> {
    pub fn new(is_folder: &'p dyn Fn(&str) -> bool, global: &'p BTreeMap<String, String>) -> Self {
        Stage { found: Found::default(), is_folder, global, entrypoint: None, cmd: None, has_cmd: false }
    }

    /// Another stage begins, from what there is so far.
    pub fn begin(&mut self) {
        self.has_cmd = false;
    }

    /// Tells what is not taken over.
    pub(super) fn note(&mut self, line: usize, text: impl Into<String>) {
        self.found.notes.push(Note { line, text: text.into() });
    }

    /// The image that all begins from: `debian:trixie-slim`, `docker.io/library/debian:13`, another's.
    pub fn base(&mut self, line: usize, image: &str) {
        let reference = image.split_once('@').map_or(image, |(reference, _)| reference);
        let path =
            ["docker.io/", "index.docker.io/", "library/"].iter().fold(reference, |path, prefix| path.strip_prefix(prefix).unwrap_or(path));
        let (name, tag) = match path.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (path, ""),
        };
        let suite = tag.split(['-', '.']).find_map(suite_called);
        if name == "debian" {
            let numbered = tag.split(['-', '.']).next().and_then(|number| match number {
                "12" => Some("bookworm"),
                "13" => Some("trixie"),
                "14" => Some("forky"),
                _ => None,
            });
            self.found.suite = suite.or(numbered).map(str::to_owned);
            if self.found.suite.is_none() && !matches!(tag, "" | "latest") {
                self.note(line, format!("FROM {}: no suite that is known here; `[debian] suite` names one", short(image)));
            }
        } else {
            self.found.suite = suite.map(str::to_owned);
            let what = match name {
                "scratch" => "what it has not, a base of Debian packages has",
                _ => "what it brings along is not known; name the Debian packages that bring the same",
            };
            self.note(line, format!("FROM {}: {what}", short(image)));
        }
    }

    /// Applies an instruction.
    pub fn take(&mut self, instruction: &Instruction, variables: &mut Variables) -> Result<(), Mistake> {
        let Instruction { line, keyword, arguments, .. } = instruction;
        match *keyword {
            "RUN" => self.run(instruction, variables)?,
            "ARG" => argument(instruction, variables, self.global)?,
            "ENV" => self.env(*line, arguments, variables)?,
            "LABEL" => {
                let pairs = pairs(&words(arguments, variables)?);
                let known = self.known(*line, "LABEL", pairs);
                self.found.labels.extend(known);
            }
            "USER" => self.found.user = self.filled(*line, "USER", arguments, variables)?,
            "WORKDIR" => {
                let folder = self.filled(*line, "WORKDIR", arguments, variables)?;
                self.found.workdir =
                    folder.map(|folder| files::absolute(self.found.workdir.as_deref(), &folder)).or(self.found.workdir.take());
            }
            "EXPOSE" => {
                for Word { text, known } in words(arguments, variables)? {
                    let port = text.to_ascii_lowercase();
                    match known {
                        true if is_port(&port) => self.found.expose.push(port),
                        true if text.contains('-') => self.note(*line, format!("EXPOSE {}: ports are named one by one", short(&text))),
                        true => self.note(*line, format!("EXPOSE {}: a port is `8080`, `8080/tcp` or `53/udp`", short(&text))),
                        false => self.note(*line, format!("EXPOSE {}: not known before it is built", short(&text))),
                    }
                }
            }
            "VOLUME" if is_malformed(arguments) => self.note(*line, format!("VOLUME {}: {MALFORMED}", short(arguments))),
            "VOLUME" => {
                let folders = match exec_form(arguments) {
                    Some(folders) => folders,
                    None => words(arguments, variables)?.into_iter().map(|word| word.text).collect(),
                };
                self.found.volumes.extend(folders.iter().map(|folder| files::absolute(None, folder)));
            }
            "ENTRYPOINT" => {
                self.entrypoint = self.command(instruction, variables)?;
                // As Docker does: an ENTRYPOINT takes back the CMD of the images before, but not one of its own stage.
                self.cmd = self.cmd.take().filter(|_| self.has_cmd);
            }
            "CMD" => {
                self.cmd = self.command(instruction, variables)?;
                self.has_cmd = true;
            }
            "COPY" | "ADD" => files::copy(self, instruction, variables)?,
            "MAINTAINER" => self.note(*line, "MAINTAINER: the label `org.opencontainers.image.authors` says it"),
            "HEALTHCHECK" => self.note(*line, "HEALTHCHECK: OCI images have none; whoever runs it checks it"),
            "STOPSIGNAL" => self.note(*line, format!("STOPSIGNAL {}: SIGTERM stops it", short(arguments))),
            other => self.note(*line, format!("{other} {}: there is nothing like it here", short(arguments))),
        }
        Ok(())
    }

    fn run(&mut self, instruction: &Instruction, variables: &mut Variables) -> Result<(), Mistake> {
        let arguments = without_options(&instruction.arguments);
        let text = match (exec_form(arguments), instruction.heredocs.first()) {
            (Some(words), _) => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
            (None, Some(heredoc)) if arguments.starts_with("<<") && !arguments.contains([' ', '\t']) => {
                match heredoc.body.strip_prefix("#!").and_then(|body| body.split_once('\n')) {
                    Some((interpreter, _)) if !interpreter.trim_end().ends_with("sh") => {
                        self.note(instruction.line, format!("a script for {}: no commands run in an image made here", short(interpreter)));
                        return Ok(());
                    }
                    _ => heredoc.body.clone(),
                }
            }
            (None, Some(_)) => {
                self.note(instruction.line, format!("`{}`: no commands run in an image made here", short(arguments)));
                return Ok(());
            }
            (None, None) => arguments.to_owned(),
        };
        let Script { packages, recommends, removed, left } = script(&text, variables)?;
        self.found.packages.extend(packages);
        self.found.recommends |= recommends;
        if !removed.is_empty() {
            let there: BTreeSet<&String> = self.found.packages.iter().collect();
            let (gone, others): (BTreeSet<String>, BTreeSet<String>) = removed.into_iter().partition(|name| there.contains(name));
            self.found.packages.retain(|package| !gone.contains(package));
            for name in others {
                self.note(instruction.line, format!("removing {}: no package is removed that others brought along", short(&name)));
            }
        }
        left.into_iter().for_each(|text| self.note(instruction.line, text));
        Ok(())
    }

    /// `ENV name=value …`, or the older `ENV name value`.
    fn env(&mut self, line: usize, arguments: &str, variables: &mut Variables) -> Result<(), Mistake> {
        let first = arguments.split_whitespace().next().unwrap_or_default();
        let pairs = match first.contains('=') {
            true => pairs(&words(arguments, variables)?),
            false => {
                let value = arguments.trim_start().strip_prefix(first).unwrap_or_default().trim();
                vec![(first.to_owned(), fill(value, variables)?)]
            }
        };
        for (name, value) in self.known(line, "ENV", pairs) {
            variables.set(&name, &value);
            match name.as_str() {
                "DEBIAN_FRONTEND" => self.note(line, "ENV DEBIAN_FRONTEND: nothing asks questions here"),
                _ => drop(self.found.env.insert(name, value)),
            }
        }
        Ok(())
    }

    /// Those of `pairs` whose values are known; the others are told.
    fn known(&mut self, line: usize, keyword: &str, pairs: Vec<(String, Word)>) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for (name, value) in pairs {
            match value.known {
                true => out.push((name, value.text)),
                false => self.note(line, format!("{keyword} {}={}: not known before it is built", short(&name), short(&value.text))),
            }
        }
        out
    }

    /// The one value of an instruction, if it is known.
    fn filled(&mut self, line: usize, keyword: &str, arguments: &str, variables: &mut Variables) -> Result<Option<String>, Mistake> {
        let found = words(arguments, variables)?;
        let known = found.iter().all(|word| word.known);
        let text = found.into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ");
        if !known {
            self.note(line, format!("{keyword} {}: not known before it is built", short(&text)));
        }
        Ok(known.then_some(text))
    }

    /// ENTRYPOINT's or CMD's command, unless it is in neither of their forms.
    fn command(&mut self, instruction: &Instruction, variables: &mut Variables) -> Result<Option<Command>, Mistake> {
        let Instruction { line, keyword, arguments, .. } = instruction;
        if is_malformed(arguments) {
            self.note(*line, format!("{keyword} {}: {MALFORMED}", short(arguments)));
            return Ok(None);
        }
        let command = Command::read(*line, arguments, variables)?;
        Ok(Some(command).filter(|command| !command.is_empty()))
    }

    /// The words of `command`. Its shell is left out where it would only start one program, unless `with_shell`.
    fn words_of(&mut self, command: Command, with_shell: bool) -> Vec<String> {
        let line = command.line;
        match command.form {
            Form::Exec(words) => words,
            Form::Shell { text, words: Some(words) } if !with_shell => {
                self.note(line, format!("the shell of `{}`: it would only start that one program", short(&text)));
                words
            }
            Form::Shell { text, .. } => {
                if !self.found.packages.iter().any(|package| package == "dash") {
                    self.found.packages.push("dash".into());
                    self.note(line, "a shell runs this command: `dash` is among the packages for it");
                }
                vec!["/bin/sh".into(), "-c".into(), text]
            }
        }
    }

    /// ENTRYPOINT and CMD as they belong together (Dockerfile reference, "Understand how CMD and ENTRYPOINT interact").
    fn commands(&mut self) -> (Vec<String>, Vec<String>) {
        let (entrypoint, mut cmd) = (self.entrypoint.take(), self.cmd.take());
        if let Some(Command { form: Form::Shell { text, .. }, .. }) = &entrypoint
            && let Some(Command { line, .. }) = cmd.take()
        {
            self.note(line, format!("CMD: it has no effect, the shell form of ENTRYPOINT (`{}`) takes no arguments", short(text)));
        }
        let cmd = cmd.map(|cmd| self.words_of(cmd, entrypoint.is_some())).unwrap_or_default();
        match entrypoint {
            Some(entrypoint) => (self.words_of(entrypoint, false), cmd),
            // An image made here always has an entrypoint: the command's program is it, where there was only a command.
            None => {
                let mut words = cmd;
                let behind = words.split_off(words.len().min(1));
                (words, behind)
            }
        }
    }

    /// What all of it comes to.
    pub fn finish(mut self) -> Found {
        let (mut entrypoint, cmd) = self.commands();
        if let Some(program) = entrypoint.first_mut()
            && program.contains('/')
        {
            *program = files::absolute(self.found.workdir.as_deref(), program);
        }
        (self.found.entrypoint, self.found.cmd) = (entrypoint, cmd);
        self.found.notes.sort_by_key(|note| note.line);
        for list in [&mut self.found.packages, &mut self.found.expose, &mut self.found.volumes] {
            let mut seen = BTreeSet::new();
            list.retain(|item| seen.insert(item.clone()));
        }
        self.found
    }
}

/// `ARG name[=value] …`. One without a value has that of before the first FROM.
pub(super) fn argument(instruction: &Instruction, variables: &mut Variables, global: &BTreeMap<String, String>) -> Result<(), Mistake> {
    for word in words(&instruction.arguments, variables)? {
        match word.text.split_once('=') {
            Some((name, value)) if word.known => variables.set(name, value),
            Some(_) => {}
            None => {
                if let Some(value) = global.get(&word.text) {
                    variables.set(&word.text, value);
                }
            }
        }
    }
    Ok(())
}

/// A suite by its name.
fn suite_called(word: &str) -> Option<&'static str> {
    ["bookworm", "trixie", "forky", "sid"].into_iter().find(|suite| *suite == word)
}

/// `name=value` words; those without a value are nothing.
fn pairs(words: &[Word]) -> Vec<(String, Word)> {
    let pair = |word: &Word| {
        let (name, value) = word.text.split_once('=')?;
        Some((name.to_owned(), Word { text: value.to_owned(), known: word.known }))
    };
    words.iter().filter_map(pair).collect()
}

/// What comes after `--mount=…` and its like.
pub(super) fn without_options(arguments: &str) -> &str {
    let mut rest = arguments.trim_start();
    while rest.starts_with("--") {
        rest = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
    }
    rest
}

/// A word that a shell reads as one.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
