//! Words: quotes, parameters, substitutions.

use std::rc::Rc;

use super::ast::{Operation, Part, Word};
use super::parse::{Parser, Syntax};

/// Where a word is, which decides what ends it and what a backslash does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Outside quotes.
    Plain,
    /// Between double quotes.
    Quotes,
    /// In `${x:-…}`, outside quotes; a slash ends it too in `${x/…}`.
    Braces { slash: bool },
    /// In a here-document.
    Document,
    /// In `$(( … ))`.
    Arithmetic,
}

impl Parser<'_> {
    /// One word outside quotes; an error when there is none.
    pub(super) fn word(&mut self) -> Syntax<Word> {
        let from = self.at;
        let word = self.parts(Place::Plain)?;
        if self.at == from { Err(self.error("a word is missing")) } else { Ok(word) }
    }

    /// What is assigned: a word, or nothing.
    pub(super) fn assigned(&mut self) -> Syntax<Word> {
        self.parts(Place::Plain)
    }

    /// The body of a here-document.
    pub(super) fn document(&mut self, body: &str) -> Syntax<Word> {
        self.inner(body).parts(Place::Document)
    }

    fn parts(&mut self, place: Place) -> Syntax<Word> {
        let mut parts = Word::new();
        let mut literal = String::new();
        // Parentheses of an arithmetic expression.
        let mut open = 0usize;
        while !self.ended() {
            let c = self.peek();
            let ends = match place {
                Place::Plain => matches!(c, b' ' | b'\t' | b'\n' | b'\r' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')'),
                Place::Quotes => c == b'"',
                Place::Braces { slash } => c == b'}' || (slash && c == b'/'),
                Place::Document => false,
                Place::Arithmetic => open == 0 && self.starts("))"),
            };
            if ends {
                break;
            }
            let special = match c {
                b'\\' => self.backslash(place, &mut literal),
                b'\'' if matches!(place, Place::Plain | Place::Braces { .. }) => Some(self.single_quoted()?),
                b'"' if place != Place::Document => Some(self.double_quoted()?),
                b'$' => self.dollar(&mut literal)?,
                b'`' => Some(self.backquoted()?),
                b'(' | b')' if place == Place::Arithmetic => {
                    open = if c == b'(' { open + 1 } else { open.saturating_sub(1) };
                    literal.push(char::from(c));
                    self.at += 1;
                    None
                }
                _ => {
                    let rest = &self.text[self.at..];
                    let width = rest.chars().next().map_or(1, char::len_utf8);
                    literal.push_str(&rest[..width]);
                    self.at += width;
                    None
                }
            };
            push(&mut parts, &mut literal, special);
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(parts)
    }

    fn backslash(&mut self, place: Place, literal: &mut String) -> Option<Part> {
        self.at += 1;
        if self.ended() {
            literal.push('\\');
            return None;
        }
        let rest = &self.text[self.at..];
        let c = rest.chars().next().unwrap_or('\\');
        self.at += c.len_utf8();
        if c == '\n' {
            return None;
        }
        let escapes = match place {
            Place::Plain | Place::Braces { .. } => true,
            Place::Quotes => matches!(c, '$' | '`' | '"' | '\\'),
            Place::Document | Place::Arithmetic => matches!(c, '$' | '`' | '\\'),
        };
        if !escapes {
            literal.push('\\');
            literal.push(c);
            return None;
        }
        Some(Part::Quoted(vec![Part::Literal(c.to_string())]))
    }

    fn single_quoted(&mut self) -> Syntax<Part> {
        self.at += 1;
        let rest = &self.text[self.at..];
        let end = rest.find('\'').ok_or_else(|| self.error("a quote is not closed"))?;
        self.at += end + 1;
        Ok(Part::Quoted(vec![Part::Literal(rest[..end].to_owned())]))
    }

    fn double_quoted(&mut self) -> Syntax<Part> {
        self.at += 1;
        let inside = self.nested(|p| p.parts(Place::Quotes))?;
        if !self.take("\"") {
            return Err(self.error("a double quote is not closed"));
        }
        Ok(Part::Quoted(inside))
    }

    fn backquoted(&mut self) -> Syntax<Part> {
        self.at += 1;
        let mut text = String::new();
        loop {
            if self.ended() {
                return Err(self.error("a backquote is not closed"));
            }
            let rest = &self.text[self.at..];
            let c = rest.chars().next().unwrap_or('`');
            self.at += c.len_utf8();
            match c {
                '`' => break,
                '\\' if matches!(self.peek(), b'`' | b'\\' | b'$') => {
                    text.push(char::from(self.peek()));
                    self.at += 1;
                }
                c => text.push(c),
            }
        }
        let list = self.nested(|p| p.inner(&text).list(&[]))?;
        Ok(Part::Command(Rc::new(list)))
    }

    /// After `$`: a part, or a literal dollar.
    fn dollar(&mut self, literal: &mut String) -> Syntax<Option<Part>> {
        self.at += 1;
        if self.starts("((") {
            self.at += 2;
            let inside = self.nested(|p| p.parts(Place::Arithmetic))?;
            if !self.take("))") {
                return Err(self.error("`))` is missing"));
            }
            return Ok(Some(Part::Arithmetic(inside)));
        }
        if self.take("(") {
            let list = self.nested(|p| p.list(&[]))?;
            if !self.take(")") {
                return Err(self.error("`)` is missing"));
            }
            return Ok(Some(Part::Command(Rc::new(list))));
        }
        if self.take("{") {
            return self.nested(Self::braces).map(Some);
        }
        if let Some(name) = self.name() {
            return Ok(Some(Part::Parameter { name, operation: Operation::Value }));
        }
        let c = self.peek();
        if c.is_ascii_digit() || (c != 0 && b"@*#?-$!".contains(&c)) {
            self.at += 1;
            return Ok(Some(Part::Parameter { name: char::from(c).to_string(), operation: Operation::Value }));
        }
        literal.push('$');
        Ok(None)
    }

    fn braces(&mut self) -> Syntax<Part> {
        let length = self.peek() == b'#' && self.byte(1) != b'}' && !matches!(self.byte(1), b'#' | b'%' | b':');
        if length {
            self.at += 1;
        }
        let digits = self.text[self.at..].bytes().take_while(u8::is_ascii_digit).count();
        let name = if digits > 0 {
            self.at += digits;
            self.text[self.at - digits..self.at].to_owned()
        } else if let Some(name) = self.name() {
            name
        } else if self.peek() != 0 && b"@*#?-$!".contains(&self.peek()) && self.peek() != b'!' {
            self.at += 1;
            self.text[self.at - 1..self.at].to_owned()
        } else {
            return self.foreign();
        };
        if length {
            return if self.take("}") { Ok(Part::Parameter { name, operation: Operation::Length }) } else { self.foreign() };
        }
        let colon = matches!(self.byte(1), b'-' | b'=' | b'?' | b'+') && self.take(":");
        let sign = self.peek();
        let operation = match sign {
            b'}' => Operation::Value,
            b'-' | b'=' | b'?' | b'+' => {
                self.at += 1;
                Operation::Default { sign: char::from(sign), colon, word: self.parts(Place::Braces { slash: false })? }
            }
            b'#' | b'%' => {
                self.at += 1;
                let longest = self.take(if sign == b'#' { "#" } else { "%" });
                Operation::Trim { end: sign == b'%', longest, pattern: self.parts(Place::Braces { slash: false })? }
            }
            b'/' => {
                self.at += 1;
                let all = self.take("/");
                let pattern = self.parts(Place::Braces { slash: true })?;
                let text = if self.take("/") { self.parts(Place::Braces { slash: false })? } else { Word::new() };
                Operation::Replace { all, pattern, text }
            }
            _ => return self.foreign(),
        };
        if self.take("}") { Ok(Part::Parameter { name, operation }) } else { Err(self.error("`}` is missing")) }
    }

    /// An expansion this parser has no word for, passed over.
    fn foreign(&mut self) -> Syntax<Part> {
        self.parts(Place::Braces { slash: false })?;
        if self.take("}") { Ok(Part::Foreign) } else { Err(self.error("`}` is missing")) }
    }
}

/// Adds `special` after what is pending in `literal`.
fn push(parts: &mut Word, literal: &mut String, special: Option<Part>) {
    if let Some(part) = special {
        if !literal.is_empty() {
            parts.push(Part::Literal(std::mem::take(literal)));
        }
        parts.push(part);
    }
}
