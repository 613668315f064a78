//! From text to syntax tree.
//!
//! Our own parser, because the scripts come from outside and the one library (brush-parser 0.4, a PEG) recurses without a limit: ten
//! thousand opening braces overflow the stack and end the process, which nobody can catch; and it needs up to 11 ms for one script.
//! Here nesting is limited, the time is linear, and quoting is resolved in the same pass.

use std::cell::OnceCell;
use std::rc::Rc;

use super::ast::{AndOr, Command, Kind, List, Part, Pipeline, Redirect, Word};

/// How deep constructs may be nested; real scripts stay below ten.
const DEPTH: usize = 40;

/// What could not be parsed: `line 3: …`.
pub(in super::super) type Syntax<T> = Result<T, String>;

/// Reads a whole script.
pub(in super::super) fn parse(text: &str) -> Syntax<List> {
    let mut parser = Parser { text, at: 0, depth: 0, pending: Vec::new() };
    let list = parser.list(&[])?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(parser.error("something is closed here that was not opened"));
    }
    Ok(list)
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) depth: usize,
    /// Here-documents whose bodies begin after this line: where to, end, whether tabs are stripped, whether it is literal.
    pub(super) pending: Vec<(Rc<OnceCell<Word>>, String, bool, bool)>,
}

impl Parser<'_> {
    /// A parser for a part of the script that was taken out of its place: a backquote, a here-document.
    pub(super) fn inner<'b>(&self, text: &'b str) -> Parser<'b> {
        Parser { text, at: 0, depth: self.depth, pending: Vec::new() }
    }

    pub(super) fn error(&self, what: &str) -> String {
        let line = self.text.as_bytes()[..self.at.min(self.text.len())].iter().filter(|c| **c == b'\n').count() + 1;
        format!("line {line}: {what}")
    }

    pub(super) fn peek(&self) -> u8 {
        self.byte(0)
    }

    /// The byte `ahead` of here; 0 at the end.
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    pub(super) fn ended(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn starts(&self, with: &str) -> bool {
        self.text.as_bytes()[self.at..].starts_with(with.as_bytes())
    }

    pub(super) fn take(&mut self, what: &str) -> bool {
        let there = self.starts(what);
        if there {
            self.at += what.len();
        }
        there
    }

    /// Runs `inside` one level deeper.
    pub(super) fn nested<T>(&mut self, inside: impl FnOnce(&mut Self) -> Syntax<T>) -> Syntax<T> {
        if self.depth >= DEPTH {
            return Err(self.error("nested too deeply"));
        }
        self.depth += 1;
        let done = inside(self);
        self.depth -= 1;
        done
    }

    /// Spaces, continued lines, comments.
    pub(super) fn blanks(&mut self) {
        loop {
            match self.peek() {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' if self.byte(1) == b'\n' => self.at += 2,
                b'#' => self.at = self.text[self.at..].find('\n').map_or(self.text.len(), |end| self.at + end),
                _ => return,
            }
        }
    }

    /// Blanks and line ends.
    pub(super) fn lines(&mut self) -> Syntax<()> {
        loop {
            self.blanks();
            if self.peek() != b'\n' {
                return Ok(());
            }
            self.newline()?;
        }
    }

    fn newline(&mut self) -> Syntax<()> {
        self.at += 1;
        for (document, end, tabs, literal) in std::mem::take(&mut self.pending) {
            let mut body = String::new();
            while !self.ended() {
                let rest = &self.text[self.at..];
                let line = rest.split_inclusive('\n').next().unwrap_or(rest);
                self.at += line.len();
                let line = if tabs { line.trim_start_matches('\t') } else { line };
                if line.trim_end_matches('\n') == end {
                    break;
                }
                body.push_str(line);
            }
            let word = if literal { vec![Part::Literal(body)] } else { self.nested(|p| p.document(&body))? };
            // Each document is pending once.
            let _ = document.set(word);
        }
        Ok(())
    }

    /// Whether the reserved word `word` comes next.
    pub(super) fn reserved(&self, word: &str) -> bool {
        self.starts(word)
            && matches!(self.byte(word.len()), 0 | b' ' | b'\t' | b'\n' | b'\r' | b';' | b'&' | b'|' | b')' | b'(' | b'<' | b'>' | b'#')
    }

    pub(super) fn expect(&mut self, word: &str) -> Syntax<()> {
        self.lines()?;
        if !self.reserved(word) {
            return Err(self.error(&format!("`{word}` is missing")));
        }
        self.at += word.len();
        Ok(())
    }

    /// Commands up to one of the reserved words `ends`, a closing parenthesis, `;;` or the end.
    pub(super) fn list(&mut self, ends: &[&str]) -> Syntax<List> {
        let mut list = List::new();
        loop {
            self.lines()?;
            if self.ended() || self.peek() == b')' || self.starts(";;") || ends.iter().any(|e| self.reserved(e)) {
                return Ok(list);
            }
            list.push(self.and_or()?);
            self.blanks();
            match self.peek() {
                b';' if self.byte(1) != b';' => self.at += 1,
                b'&' => self.at += 1,
                b'\n' | b')' | b';' | 0 => {}
                // `if …; then ( … ) fi`: what closes a compound command separates too.
                _ if ends.iter().any(|e| self.reserved(e)) => {}
                _ => return Err(self.error("a command ends in an unexpected way")),
            }
        }
    }

    fn and_or(&mut self) -> Syntax<AndOr> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let and = self.starts("&&");
            if !and && !self.starts("||") {
                return Ok(AndOr { first, rest });
            }
            self.at += 2;
            self.lines()?;
            rest.push((and, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Syntax<Pipeline> {
        let mut negated = false;
        while self.reserved("!") {
            negated = !negated;
            self.at += 1;
            self.blanks();
        }
        let mut commands = vec![Rc::new(self.command()?)];
        loop {
            self.blanks();
            if self.peek() != b'|' || self.byte(1) == b'|' {
                return Ok(Pipeline { negated, commands });
            }
            self.at += 1;
            self.lines()?;
            commands.push(Rc::new(self.command()?));
        }
    }

    fn command(&mut self) -> Syntax<Command> {
        let from = self.at;
        let (kind, mut redirects) = self.nested(Self::kind)?;
        loop {
            self.blanks();
            match self.redirect()? {
                Some(redirect) => redirects.push(redirect),
                None => break,
            }
        }
        Ok(Command { kind, redirects, text: shortened(&self.text[from..self.at]).into() })
    }

    fn kind(&mut self) -> Syntax<(Kind, Vec<Redirect>)> {
        let compound = if self.take("(") {
            let list = self.list(&[])?;
            if !self.take(")") {
                return Err(self.error("`)` is missing"));
            }
            Kind::Subshell(list)
        } else if self.reserved("{") {
            self.at += 1;
            let list = self.list(&["}"])?;
            self.expect("}")?;
            Kind::Group(list)
        } else if self.reserved("if") {
            self.at += 2;
            self.conditional()?
        } else if self.reserved("case") {
            self.at += 4;
            self.case()?
        } else if self.reserved("for") {
            self.at += 3;
            self.each()?
        } else if self.reserved("while") || self.reserved("until") {
            let until = self.peek() == b'u';
            self.at += 5;
            let condition = self.list(&["do"])?;
            Kind::While { until, condition, body: self.body()? }
        } else if let Some(name) = self.function_name() {
            self.lines()?;
            Kind::Function { name, body: Rc::new(self.command()?) }
        } else {
            return self.simple();
        };
        Ok((compound, Vec::new()))
    }

    /// A variable's name.
    pub(super) fn name(&mut self) -> Option<String> {
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(|c| c.is_ascii_alphanumeric() || *c == b'_').count();
        if length == 0 || rest.as_bytes()[0].is_ascii_digit() {
            return None;
        }
        self.at += length;
        Some(rest[..length].to_owned())
    }
}

/// `text` on one line, at most 120 characters of it.
pub(super) fn shortened(text: &str) -> String {
    let mut out = String::new();
    for (number, c) in text.trim().chars().enumerate() {
        if number == 120 {
            out.push('…');
            break;
        }
        match c {
            '\n' | '\t' | '\r' | ' ' if out.ends_with(' ') => {}
            '\n' | '\t' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
