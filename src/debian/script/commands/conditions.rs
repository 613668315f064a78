//! `test`, `[` and bash's `[[`, with a third answer: not known.

use std::cmp::Ordering;

use crate::debian::script::Kind;
use crate::debian::script::shell::{Shell, Status, UNKNOWN, Value, matches};

/// A question's answer.
type Answer = Option<bool>;

pub(super) fn test(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    evaluate(shell, arguments, false)
}

pub(super) fn bracket(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    evaluate(shell, &arguments[..arguments.len().saturating_sub(1)], false)
}

pub(super) fn double_bracket(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    evaluate(shell, &arguments[..arguments.len().saturating_sub(1)], true)
}

fn evaluate(shell: &mut Shell<'_>, words: &[Value], double: bool) -> Status {
    let mut reader = Reader { shell, words, at: 0, double, depth: 0 };
    let answer = match words {
        [] => Some(false),
        // One word is never an operator, whatever it looks like (POSIX); so with three and a binary operator in the middle.
        [one] => one.as_ref().map(|text| !text.is_empty()),
        _ => reader.any(),
    };
    answer.map(|yes| u8::from(!yes))
}

struct Reader<'r, 'a> {
    shell: &'r mut Shell<'a>,
    words: &'r [Value],
    at: usize,
    double: bool,
    depth: usize,
}

impl Reader<'_, '_> {
    fn peek(&self, ahead: usize) -> Option<&str> {
        self.words.get(self.at + ahead).and_then(|w| w.as_deref())
    }

    fn take(&mut self, words: [&str; 2]) -> bool {
        let there = self.peek(0).is_some_and(|w| words.contains(&w));
        self.at += usize::from(there);
        there
    }

    fn any(&mut self) -> Answer {
        let mut answer = self.all();
        while self.take(["-o", "||"]) {
            answer = match (answer, self.all()) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
        }
        answer
    }

    fn all(&mut self) -> Answer {
        let mut answer = self.one();
        while self.take(["-a", "&&"]) {
            answer = match (answer, self.one()) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        answer
    }

    fn one(&mut self) -> Answer {
        self.depth += 1;
        if self.depth > 100 {
            return None;
        }
        let answer = self.primary();
        self.depth -= 1;
        answer
    }

    fn primary(&mut self) -> Answer {
        if self.peek(1).is_some_and(is_binary) && self.at + 2 < self.words.len() {
            let (left, right) = (self.words[self.at].clone(), self.words[self.at + 2].clone());
            let operator = self.peek(1).unwrap_or_default().to_owned();
            self.at += 3;
            return self.binary(&operator, left, right);
        }
        if self.peek(0) == Some("!") && self.at + 1 < self.words.len() {
            self.at += 1;
            return self.one().map(|yes| !yes);
        }
        if self.peek(0) == Some("(") {
            self.at += 1;
            let answer = self.any();
            self.take([")", ")"]);
            return answer;
        }
        let unary = self.peek(0).filter(|w| w.len() == 2 && w.starts_with('-')).map(str::to_owned);
        if let (Some(operator), Some(operand)) = (unary, self.words.get(self.at + 1).cloned()) {
            self.at += 2;
            return self.unary(&operator, operand);
        }
        let word = self.words.get(self.at).cloned();
        self.at += 1;
        word.flatten().map(|text| !text.is_empty())
    }

    fn unary(&mut self, operator: &str, operand: Value) -> Answer {
        let text = operand?;
        if matches!(operator, "-n" | "-z") {
            return Some((operator == "-z") == text.is_empty());
        }
        if operator == "-t" {
            return Some(false);
        }
        if operator == "-v" {
            return Some(self.shell.state.variables.contains_key(&text));
        }
        if text.is_empty() {
            return Some(false);
        }
        let path = self.shell.path(&text);
        if self.shell.is_open(&path) {
            return None;
        }
        let kind = self.shell.kind(&path);
        let mode = match kind {
            Some(Kind::File { mode, .. }) => Some(mode),
            _ => None,
        };
        match operator {
            "-e" | "-a" => Some(kind.is_some()),
            "-f" => Some(mode.is_some()),
            "-d" => Some(kind == Some(Kind::Directory)),
            // Root may do everything.
            "-r" | "-w" if self.shell.state.ids.0 == 0 => Some(kind.is_some()),
            "-O" | "-G" if !self.shell.is_scratch(&path) => Some(self.shell.owner(&path).is_some_and(|(uid, gid)| {
                let (user, group) = self.shell.state.ids;
                if operator == "-O" { uid == user } else { gid == group }
            })),
            "-x" => Some(kind == Some(Kind::Directory) || mode.is_some_and(|mode| mode & 0o111 != 0)),
            "-s" if self.shell.may_be_otherwise(&path) => None,
            "-s" => Some(match kind {
                Some(Kind::File { size, .. }) => size > 0,
                other => other.is_some(),
            }),
            "-L" | "-h" => Some(self.shell.system.link(&path).is_some()),
            "-u" if kind != Some(Kind::Directory) => Some(mode.is_some_and(|mode| mode & 0o4000 != 0)),
            "-g" if kind != Some(Kind::Directory) => Some(mode.is_some_and(|mode| mode & 0o2000 != 0)),
            "-b" | "-c" | "-p" => {
                if kind == Some(Kind::Special) {
                    None
                } else {
                    Some(false)
                }
            }
            // No socket is in a package, and none was made.
            "-S" => Some(false),
            _ if kind.is_none() => Some(false),
            _ => None,
        }
    }

    fn binary(&mut self, operator: &str, left: Value, right: Value) -> Answer {
        let (left, right) = (left?, right?);
        if left.contains(UNKNOWN) || right.contains(UNKNOWN) {
            return None;
        }
        let numbers = || Some(left.trim().parse::<i64>().ok()?.cmp(&right.trim().parse::<i64>().ok()?));
        match operator {
            "=" | "==" if self.double => Some(matches(&right, &left)),
            "!=" if self.double => Some(!matches(&right, &left)),
            "=" | "==" => Some(left == right),
            "!=" => Some(left != right),
            "<" => Some(left < right),
            ">" => Some(left > right),
            "-eq" => numbers().map(Ordering::is_eq),
            "-ne" => numbers().map(Ordering::is_ne),
            "-lt" => numbers().map(Ordering::is_lt),
            "-le" => numbers().map(Ordering::is_le),
            "-gt" => numbers().map(Ordering::is_gt),
            "-ge" => numbers().map(Ordering::is_ge),
            "-nt" | "-ot" => {
                let (left, right) = (self.shell.path(&left), self.shell.path(&right));
                if self.shell.is_open(&left) || self.shell.is_open(&right) {
                    return None;
                }
                match (self.shell.kind(&left).is_some(), self.shell.kind(&right).is_some()) {
                    (true, false) => Some(operator == "-nt"),
                    (false, true) => Some(operator == "-ot"),
                    (false, false) => Some(false),
                    // Times are not kept here.
                    (true, true) => None,
                }
            }
            _ => None,
        }
    }
}

fn is_binary(word: &str) -> bool {
    ["=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "=~"].contains(&word)
}
