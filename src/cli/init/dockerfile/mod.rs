//! A Dockerfile as a container of `containers.toml`: what can be said there is taken over, the rest is told with its line.
//!
//! Nothing is run and nothing is fetched; the last stage counts, with those it is made from.

mod commands;
mod files;
mod form;
mod lines;
mod stage;
mod variables;
mod words;

use std::collections::BTreeMap;

use crate::{Error, Result};
use lines::{Instruction, instructions};
use stage::Stage;
use variables::Variables;

/// The largest Dockerfile that is read; people write some hundred lines.
pub(super) const MAX_BYTES: u64 = 128 << 10;

/// The search path of Debian's images, which `ENV PATH=…:$PATH` adds to.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is wrong with a Dockerfile.
#[derive(Debug)]
struct Mistake {
    line: usize,
    message: String,
    hint: String,
}

impl Mistake {
    /// Of the instruction on `line`.
    fn on(mut self, line: usize) -> Self {
        self.line = line;
        self
    }
}

/// What a Dockerfile's last stage says about its image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The suite of Debian it begins from, if it begins from Debian's image.
    pub suite: Option<String>,
    pub packages: Vec<String>,
    /// Packages were installed with what they recommend.
    pub recommends: bool,
    /// The command and its fixed arguments.
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub user: Option<String>,
    pub workdir: Option<String>,
    pub expose: Vec<String>,
    pub volumes: Vec<String>,
    pub files: Vec<File>,
    /// What is not taken over.
    pub notes: Vec<Note>,
}

/// A file or folder for the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Where it comes from, or what it holds.
    pub content: Content,
    pub to: String,
    pub mode: Option<String>,
    pub owner: Option<String>,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A path of the project.
    From(String),
    /// This text.
    Text(String),
}

/// Something that is not taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// The line of the Dockerfile.
    pub line: usize,
    /// What, and why.
    pub text: String,
}

/// Reads `text`, a Dockerfile that errors call `name`. `is_folder` tells whether a path of the project is one.
///
/// # Errors
/// A usage error with the line, when it is no Dockerfile.
pub(super) fn read(name: &str, text: &str, is_folder: &dyn Fn(&str) -> bool) -> Result<Found> {
    parsed(text, is_folder).map_err(|mistake| {
        let Mistake { line, message, hint } = mistake;
        Error::usage(format!("{name}:{line}: {message}; nothing was written")).hint(hint)
    })
}

fn parsed(text: &str, is_folder: &dyn Fn(&str) -> bool) -> Result<Found, Mistake> {
    let instructions = instructions(text)?;
    let stages = stages(&instructions);
    let Some(last) = stages.last() else {
        let message = "it has no FROM".into();
        return Err(Mistake { line: 1, message, hint: "is it a Dockerfile? `--dockerfile` names one".into() });
    };
    let mut variables = Variables::default();
    let before_all: Vec<&Instruction> = instructions.iter().take_while(|i| i.keyword != "FROM").collect();
    for instruction in before_all.iter().filter(|i| i.keyword == "ARG") {
        stage::argument(instruction, &mut variables, &BTreeMap::new()).map_err(|mistake| mistake.on(instruction.line))?;
    }
    let global = variables.all();
    // Which stages the last one is made from, itself first.
    let mut chain = vec![last];
    loop {
        let first = chain[chain.len() - 1];
        let from = words::words(&first.from.arguments, &mut variables).map_err(|mistake| mistake.on(first.from.line))?;
        let base = from.iter().map(|word| word.text.as_str()).find(|word| !word.starts_with("--")).unwrap_or_default();
        let earlier = stages.iter().take_while(|stage| stage.from.line < first.from.line);
        match earlier.filter(|stage| stage.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(base))).last() {
            Some(stage) => chain.push(stage),
            None => {
                let mut stage = Stage::new(is_folder, &global);
                stage.base(first.from.line, base);
                for part in chain.iter().rev() {
                    // A stage has what ENV said in those it is made from, but not what ARG said there.
                    let mut inherited = BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]);
                    inherited.extend(stage.found.env.clone());
                    variables.restart(inherited);
                    stage.begin();
                    for instruction in part.instructions {
                        stage.take(instruction, &mut variables).map_err(|mistake| mistake.on(instruction.line))?;
                    }
                }
                return Ok(stage.finish());
            }
        }
    }
}

/// A stage of the file: its FROM, its name, and what follows.
struct Part<'i> {
    from: &'i Instruction,
    name: Option<String>,
    instructions: &'i [Instruction],
}

fn stages(instructions: &[Instruction]) -> Vec<Part<'_>> {
    let starts: Vec<usize> = instructions.iter().enumerate().filter(|(_, i)| i.keyword == "FROM").map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([instructions.len()]);
    let part = |(start, end): (&usize, usize)| {
        let from = &instructions[*start];
        let words: Vec<&str> = from.arguments.split_whitespace().collect();
        let name = words.iter().position(|word| word.eq_ignore_ascii_case("as")).and_then(|at| words.get(at + 1));
        Part { from, name: name.map(|name| (*name).to_owned()), instructions: &instructions[start + 1..end] }
    };
    starts.iter().zip(ends).map(part).collect()
}

#[cfg(test)]
mod tests;
