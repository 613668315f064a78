//! The parser's part for compound commands, simple commands and redirections.

use std::cell::OnceCell;
use std::rc::Rc;

use super::ast::{Kind, List, Part, Redirect, Target, Word};
use super::parse::{Parser, Syntax};

impl Parser<'_> {
    pub(super) fn conditional(&mut self) -> Syntax<Kind> {
        let mut branches = Vec::new();
        loop {
            let condition = self.list(&["then"])?;
            self.expect("then")?;
            branches.push((condition, self.list(&["elif", "else", "fi"])?));
            self.lines()?;
            if self.reserved("elif") {
                self.at += 4;
                continue;
            }
            let mut otherwise = None;
            if self.reserved("else") {
                self.at += 4;
                otherwise = Some(self.list(&["fi"])?);
            }
            self.expect("fi")?;
            return Ok(Kind::If { branches, otherwise });
        }
    }

    pub(super) fn case(&mut self) -> Syntax<Kind> {
        self.blanks();
        let subject = self.word()?;
        self.expect("in")?;
        let mut arms = Vec::new();
        loop {
            self.lines()?;
            if self.reserved("esac") {
                self.at += 4;
                return Ok(Kind::Case { subject, arms });
            }
            self.take("(");
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                patterns.push(self.word()?);
                self.blanks();
                if !self.take("|") {
                    break;
                }
            }
            if !self.take(")") {
                return Err(self.error("a pattern of `case` does not end"));
            }
            arms.push((patterns, self.list(&["esac"])?));
            self.lines()?;
            if !self.take(";;") && !self.reserved("esac") {
                return Err(self.error("`;;` or `esac` is missing"));
            }
        }
    }

    pub(super) fn each(&mut self) -> Syntax<Kind> {
        self.blanks();
        let name = self.name().ok_or_else(|| self.error("`for` needs a name"))?;
        self.lines()?;
        let mut words = None;
        if self.reserved("in") {
            self.at += 2;
            let mut list = Vec::new();
            loop {
                self.blanks();
                if matches!(self.peek(), b'\n' | b';' | 0) {
                    break;
                }
                list.push(self.word()?);
            }
            words = Some(list);
        }
        self.blanks();
        self.take(";");
        Ok(Kind::For { name, words, body: self.body()? })
    }

    pub(super) fn body(&mut self) -> Syntax<List> {
        self.expect("do")?;
        let body = self.list(&["done"])?;
        self.expect("done")?;
        Ok(body)
    }

    /// `NAME ()` or `function NAME`, passed over when it is there.
    pub(super) fn function_name(&mut self) -> Option<String> {
        let from = self.at;
        let marked = self.reserved("function");
        if marked {
            self.at += 8;
            self.blanks();
        }
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(|c| c.is_ascii_alphanumeric() || b"_-.:+@".contains(c)).count();
        let name = &rest[..length];
        self.at += length;
        self.blanks();
        if length > 0 && self.take("(") {
            self.blanks();
            if self.take(")") {
                return Some(name.to_owned());
            }
        } else if length > 0 && marked {
            return Some(name.to_owned());
        }
        self.at = from;
        None
    }

    pub(super) fn simple(&mut self) -> Syntax<(Kind, Vec<Redirect>)> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        let from = self.at;
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if matches!(self.peek(), 0 | b'\n' | b';' | b'&' | b'|' | b'(' | b')') {
                break;
            }
            if words.is_empty() {
                let before = self.at;
                if let Some(name) = self.name()
                    && self.take("=")
                {
                    assignments.push((name, self.assigned()?));
                    continue;
                }
                self.at = before;
                if self.reserved("[[") {
                    words = self.double_bracket()?;
                    break;
                }
            }
            words.push(self.word()?);
        }
        if self.at == from {
            return Err(self.error("a command is missing"));
        }
        Ok((Kind::Simple { assignments, words }, redirects))
    }

    /// bash's `[[ … ]]` as the words of one command, its operators among them.
    fn double_bracket(&mut self) -> Syntax<Vec<Word>> {
        let mut words = Vec::new();
        loop {
            self.lines()?;
            let operator = ["&&", "||", "(", ")", "<", ">"].into_iter().find(|o| self.starts(o));
            if let Some(operator) = operator {
                self.at += operator.len();
                words.push(vec![Part::Literal(operator.to_owned())]);
                continue;
            }
            let end = self.reserved("]]");
            words.push(self.word()?);
            if end {
                return Ok(words);
            }
        }
    }

    pub(super) fn redirect(&mut self) -> Syntax<Option<Redirect>> {
        let digits = self.text[self.at..].bytes().take_while(u8::is_ascii_digit).count();
        // `&>file` is bash's for both outputs.
        let both = self.starts("&>");
        let sign = if both { b'>' } else { self.byte(digits) };
        if !matches!(sign, b'<' | b'>') {
            return Ok(None);
        }
        let descriptor = self.text[self.at..self.at + digits].parse().unwrap_or(u32::from(sign == b'>'));
        self.at += digits + usize::from(both) + 1;
        let target = if sign == b'<' && self.take("<<") {
            self.blanks();
            Target::HereString(self.word()?)
        } else if sign == b'<' && self.take("<") {
            let tabs = self.take("-");
            self.blanks();
            let (end, literal) = self.document_end()?;
            let document = Rc::new(OnceCell::new());
            self.pending.push((document.clone(), end, tabs, literal));
            Target::Here(document)
        } else if self.take("&") {
            self.blanks();
            Target::Duplicate(self.word()?)
        } else {
            let append = sign == b'>' && self.take(">");
            let _ = self.take("|") || (sign == b'<' && self.take(">"));
            self.blanks();
            let word = self.word()?;
            match (sign, append) {
                (b'<', _) => Target::Read(word),
                (_, true) => Target::Append(word),
                (_, false) => Target::Write(word),
            }
        };
        Ok(Some(Redirect { descriptor, target }))
    }

    /// The word that ends a here-document, and whether it was quoted.
    fn document_end(&mut self) -> Syntax<(String, bool)> {
        let from = self.at;
        self.word()?;
        let raw = &self.text[from..self.at];
        let end: String = raw.chars().filter(|c| !matches!(c, '\'' | '"' | '\\')).collect();
        let quoted = end.len() != raw.len();
        Ok((end, quoted))
    }
}
