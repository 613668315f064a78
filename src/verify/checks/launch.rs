//! How a command becomes a running program inside of an image: found on `PATH` as runc finds it, scripts followed to
//! their interpreters as the kernel follows them (execve(2), "Interpreter scripts"), and through env(1).

use super::Subject;
use super::identity::{EXECUTE, Identity, READ, described};
use crate::image::{Elf, EntryKind, EntryRef};
use crate::verify::rootfs::{Lookup, MergedRoot};

/// What engines set when the config does not (runc, Docker).
pub(super) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The kernel gives up after this many interpreters of interpreters.
const MAX_SCRIPTS: usize = 4;

/// Why something cannot be started.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// What cannot: a path, or the name that was looked for.
    pub path: String,
    pub expected: String,
    pub found: String,
    pub advice: &'static str,
}

impl Problem {
    /// Says which `script` names what cannot be started, when it is not what was asked for.
    fn named_by(mut self, script: Option<&str>) -> Self {
        if let Some(script) = script {
            self.found.push_str(&format!("; /{script} names it as its interpreter"));
        }
        self
    }
}

/// The program at the end of the way.
#[derive(Clone, Debug)]
pub(super) struct Program<'a> {
    /// The command, the interpreters in between, the program.
    pub way: Vec<String>,
    /// The program's real path.
    pub path: String,
    pub elf: &'a Elf,
}

/// Finds programs in an image.
pub(super) struct Launcher<'a> {
    root: &'a MergedRoot<'a>,
    /// `PATH` as a process in the image has it.
    path: &'a str,
    workdir: &'a str,
    /// Who starts it; for nobody in particular, what anybody may run counts.
    identity: Option<&'a Identity>,
}

impl<'a> Launcher<'a> {
    pub(super) fn of(subject: &Subject<'a>) -> Self {
        let config = &subject.image.config.config;
        let path = config.env.iter().rev().find_map(|variable| variable.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
        Launcher { root: subject.root, path, workdir: config.working_dir.as_deref().unwrap_or("/"), identity: None }
    }

    /// Only what `identity` may run.
    pub(super) fn run_by(self, identity: &'a Identity) -> Self {
        Launcher { identity: Some(identity), ..self }
    }

    /// The folders of `PATH`, in order.
    pub(super) fn folders(&self) -> impl Iterator<Item = &'a str> {
        self.path.split(':').filter(|folder| !folder.is_empty())
    }

    /// The way from `command` over scripts to the program that runs.
    pub(super) fn start(&self, command: &str) -> Result<Program<'a>, Problem> {
        let mut way = vec![command.to_owned()];
        let (mut command, mut script) = (command.to_owned(), None);
        for _ in 0..=MAX_SCRIPTS {
            let (path, entry) = self.find(&command).map_err(|problem| problem.named_by(script.as_deref()))?;
            if way.last().is_some_and(|last| last.trim_start_matches('/') != path) {
                way.push(format!("/{path}"));
            }
            match entry.kind {
                EntryKind::File { elf: Some(elf), .. } => return Ok(Program { way, path, elf }),
                EntryKind::File { shebang: Some(line), .. } => {
                    self.may_read(&path, &entry)?;
                    command = self.interpreter(&path, line)?;
                    way.push(command.clone());
                    script = Some(path);
                }
                EntryKind::File { size, .. } => {
                    let found = if size == 0 { "an empty file" } else { "neither" }.to_owned();
                    let advice = "the kernel cannot run it: begin a script with `#!` and its interpreter, or name a program";
                    return Err(Problem { path, expected: "an ELF file or a script with a `#!` line".into(), found, advice });
                }
                _ => {
                    let advice = "name a program in the config";
                    return Err(Problem { path, expected: "a program".into(), found: "no regular file".into(), advice });
                }
            }
        }
        let found = "scripts that are each other's interpreters".to_owned();
        let advice = "name a program as interpreter";
        Err(Problem { path: command, expected: "a program at the end of the scripts".into(), found, advice })
    }

    /// The command that runs the script at `path` with this interpreter `line`: the interpreter, or what env(1) is told to look for.
    pub(super) fn interpreter(&self, path: &str, line: &str) -> Result<String, Problem> {
        // The kernel cuts the line at the first space: a name, and one argument with all the rest.
        let (interpreter, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let problem = |expected: &str, advice| Problem {
            path: path.to_owned(),
            expected: expected.to_owned(),
            found: format!("`#!{}`", line.escape_debug()),
            advice,
        };
        if interpreter.ends_with('\r') || argument.ends_with('\r') {
            let advice =
                "the line ends as in DOS, and the kernel takes the carriage return for a part of it: save the file with Unix line ends";
            return Err(problem("an interpreter line that ends with a line feed alone", advice));
        }
        if !interpreter.starts_with('/') {
            let advice = "write the interpreter's absolute path into the script's first line";
            return Err(problem("an interpreter with an absolute path", advice));
        }
        if !interpreter.ends_with("/env") {
            return Ok(interpreter.to_owned());
        }
        let argument = argument.trim_matches([' ', '\t']);
        let words = match split_argument(argument) {
            Some(words) => words,
            None if argument.contains([' ', '\t']) => {
                let advice = "env gets all of that as one name and finds no such program: write `#!/usr/bin/env -S NAME ARGUMENT`";
                return Err(problem("one name for env to look for", advice));
            }
            None => argument,
        };
        // Options and NAME=VALUE stand before the program.
        let name = words.split([' ', '\t']).find(|word| !word.is_empty() && !word.starts_with('-') && !word.contains('='));
        match name {
            Some(name) => {
                self.find(interpreter)?;
                Ok(name.to_owned())
            }
            None => Ok(interpreter.to_owned()),
        }
    }

    /// Why the file `entry`, which `path` leads to, cannot be run, and what to do.
    fn refusal(&self, path: &str, entry: &EntryRef<'_>) -> Option<(String, &'static str)> {
        if entry.mode & 0o111 == 0 {
            let advice = "make the file executable in the layer that adds it";
            return Some((format!("mode {:04o} without execute permission", entry.mode), advice));
        }
        let identity = self.identity?;
        if let Some((folder, shut)) = identity.shut_out(&self.root.folders_to(path)) {
            let advice = "open the folder to the user the image runs as, or run it as another";
            return Some((format!("/{folder} has {}, which {identity} may not enter", described(&shut)), advice));
        }
        let advice = "give the file to the user the image runs as, open it to others, or run it as another";
        (!identity.may(EXECUTE, entry)).then(|| (format!("{}, which {identity} may not run", described(entry)), advice))
    }

    /// The kernel runs a script that its user may not read, and the interpreter then cannot open it.
    fn may_read(&self, path: &str, entry: &EntryRef<'_>) -> Result<(), Problem> {
        match self.identity {
            Some(identity) if !identity.may(READ, entry) => Err(Problem {
                path: path.to_owned(),
                expected: "a script that its interpreter can read".into(),
                found: format!("{}, which {identity} may not read", described(entry)),
                advice: "a script has to be readable, too: open it to the user the image runs as",
            }),
            _ => Ok(()),
        }
    }

    /// The executable file that `command` names, with its real path.
    fn find(&self, command: &str) -> Result<(String, EntryRef<'a>), Problem> {
        let candidates: Vec<String> = match command {
            "" => Vec::new(),
            c if c.starts_with('/') => vec![c.to_owned()],
            c if c.contains('/') => vec![format!("{}/{c}", self.workdir)],
            c => self.folders().map(|folder| format!("{folder}/{c}")).collect(),
        };
        let shown = |command: &str| if command.is_empty() { "an empty name".to_owned() } else { format!("`{command}`") };
        let mut problem = None;
        for candidate in &candidates {
            let (found, advice) = match self.root.lookup(candidate) {
                Lookup::Found(path, node) => match node.entry {
                    Some(entry) if matches!(entry.kind, EntryKind::File { .. }) => {
                        let Some(refusal) = self.refusal(candidate, &entry) else { return Ok((path, entry)) };
                        refusal
                    }
                    Some(entry) if entry.kind != EntryKind::Directory => ("no regular file".to_owned(), "name a program"),
                    _ => ("a folder".to_owned(), "name a program"),
                },
                // On PATH, a folder without it is nothing to tell.
                Lookup::Missing(_) | Lookup::NotAFolder(_) if candidates.len() > 1 => continue,
                Lookup::Missing(at) => (format!("/{at} does not exist"), "add the package that has it, or correct what names it"),
                Lookup::NotAFolder(at) => (format!("/{at} is no folder"), "correct what names it"),
                Lookup::Loop => ("symbolic links that lead to each other".to_owned(), "correct the links"),
            };
            problem.get_or_insert(Problem { path: candidate.clone(), expected: "an executable file".into(), found, advice });
        }
        Err(problem.unwrap_or_else(|| Problem {
            path: command.to_owned(),
            expected: format!("{} on the image's PATH", shown(command)),
            found: format!("it is in none of {}", self.path),
            advice: "add the package that has it, or correct what names it or PATH",
        }))
    }
}

/// What env's `-S` (alone, joined with its text, or with other short options before it) makes words of.
fn split_argument(argument: &str) -> Option<&str> {
    if let Some(rest) = argument.strip_prefix("--split-string") {
        return Some(rest.strip_prefix('=').unwrap_or(rest));
    }
    let options = argument.strip_prefix('-')?;
    let (before, rest) = options.split_once('S')?;
    before.bytes().all(|c| matches!(c, b'i' | b'v' | b'0')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::split_argument;

    #[test]
    fn env_splits_only_when_asked_to() {
        assert_eq!(split_argument("-S perl -w"), Some(" perl -w"));
        assert_eq!(split_argument("-vSperl -w"), Some("perl -w"));
        assert_eq!(split_argument("--split-string=perl -w"), Some("perl -w"));
        assert_eq!(split_argument("-i perl"), None);
        assert_eq!(split_argument("perl -S x"), None);
    }
}
