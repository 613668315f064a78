//! The syntax tree of a shell script (POSIX.1-2024, XCU 2), with the few words of bash that maintainer scripts use.

use std::cell::OnceCell;
use std::rc::Rc;

/// Commands that run one after another.
pub(in super::super) type List = Vec<AndOr>;

/// Pipelines joined by `&&` and `||`.
#[derive(Debug)]
pub(in super::super) struct AndOr {
    pub first: Pipeline,
    /// `true` is `&&`.
    pub rest: Vec<(bool, Pipeline)>,
}

/// Commands joined by `|`.
#[derive(Debug)]
pub(in super::super) struct Pipeline {
    pub negated: bool,
    pub commands: Vec<Rc<Command>>,
}

/// A command with its redirections.
#[derive(Debug)]
pub(in super::super) struct Command {
    pub kind: Kind,
    pub redirects: Vec<Redirect>,
    /// As written, on one line, shortened.
    pub text: Box<str>,
}

#[derive(Debug)]
pub(in super::super) enum Kind {
    Simple {
        assignments: Vec<(String, Word)>,
        words: Vec<Word>,
    },
    Group(List),
    Subshell(List),
    If {
        branches: Vec<(List, List)>,
        otherwise: Option<List>,
    },
    Case {
        subject: Word,
        arms: Vec<(Vec<Word>, List)>,
    },
    /// Without words: over the positional parameters.
    For {
        name: String,
        words: Option<Vec<Word>>,
        body: List,
    },
    While {
        until: bool,
        condition: List,
        body: List,
    },
    Function {
        name: String,
        body: Rc<Command>,
    },
}

/// `2>&1`, `> file`, `<<EOF`.
#[derive(Debug)]
pub(in super::super) struct Redirect {
    pub descriptor: u32,
    pub target: Target,
}

#[derive(Debug)]
pub(in super::super) enum Target {
    Read(Word),
    Write(Word),
    Append(Word),
    /// `>&WORD`, `<&WORD`: a descriptor or `-`.
    Duplicate(Word),
    /// A here-document; its text comes after the line, so it is filled in later.
    Here(Rc<OnceCell<Word>>),
    /// `<<< WORD`.
    HereString(Word),
}

/// A word before expansion.
pub(in super::super) type Word = Vec<Part>;

#[derive(Debug)]
pub(in super::super) enum Part {
    Literal(String),
    /// Inside quotes of either sort, or after a backslash: not split, and no pattern.
    Quoted(Word),
    Parameter {
        name: String,
        operation: Operation,
    },
    Command(Rc<List>),
    Arithmetic(Word),
    /// Something that only other shells have: its value is not known.
    Foreign,
}

#[derive(Debug)]
pub(in super::super) enum Operation {
    /// `${x}`
    Value,
    /// `${#x}`
    Length,
    /// `${x:-word}`, `=`, `?`, `+`; with `colon`, an empty value counts as unset.
    Default { sign: char, colon: bool, word: Word },
    /// `${x#pattern}`, `%`; `longest` when doubled.
    Trim { end: bool, longest: bool, pattern: Word },
    /// `${x/pattern/text}`; `all` when the first slash is doubled.
    Replace { all: bool, pattern: Word, text: Word },
}
