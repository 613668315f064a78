//! Words as a shell and as Docker's own instructions split them, with the variables that are known filled in.

use super::Mistake;
use super::variables::Variables;

/// A word, and whether all of it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// What it says. What is not known stands there as it was written.
    pub text: String,
    /// Nothing of it depends on what only a build would tell: unknown variables, `$(…)`.
    pub known: bool,
}

/// A word, or what stands between commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    /// `&&`, `;`, `|`, a line end, a bracket.
    Separator,
    /// `||`: what follows may not be run.
    Otherwise,
    /// `>`, `<`: the next word is a file, or the number of a stream.
    Redirection {
        /// It makes or changes the file.
        writes: bool,
    },
}

/// The words of an instruction: quotes and variables, but no operators.
pub(super) fn words(text: &str, variables: &mut Variables) -> Result<Vec<Word>, Mistake> {
    let tokens = Lexer { rest: text, variables, shell: false }.tokens()?;
    Ok(tokens.into_iter().filter_map(|token| if let Token::Word(word) = token { Some(word) } else { None }).collect())
}

/// `text` with variables filled in; quotes stay.
pub(super) fn fill(text: &str, variables: &mut Variables) -> Result<Word, Mistake> {
    let mut word = Word { text: String::new(), known: true };
    let mut lexer = Lexer { rest: text, variables, shell: false };
    while let Some(c) = lexer.next() {
        match c {
            '$' => {
                let (value, known) = lexer.variable()?;
                word.text.push_str(&value);
                word.known &= known;
            }
            c => word.text.push(c),
        }
    }
    Ok(word)
}

/// The tokens of a shell's command line.
pub(super) fn shell(text: &str, variables: &mut Variables) -> Result<Vec<Token>, Mistake> {
    Lexer { rest: text, variables, shell: true }.tokens()
}

struct Lexer<'t, 'v> {
    rest: &'t str,
    variables: &'v mut Variables,
    /// A shell's: operators, comments, and fields made of variables without quotes.
    shell: bool,
}

/// A word that is being read; `None` between words.
type Current = Option<Word>;

fn part_of(current: &mut Current) -> &mut Word {
    current.get_or_insert_with(|| Word { text: String::new(), known: true })
}

impl Lexer<'_, '_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn next_if(&mut self, wanted: char) -> bool {
        let found = self.rest.starts_with(wanted);
        if found {
            self.next();
        }
        found
    }

    fn tokens(mut self) -> Result<Vec<Token>, Mistake> {
        let mut out = Vec::new();
        let mut current: Current = None;
        while let Some(c) = self.next() {
            match c {
                '\n' if self.shell => {
                    out.extend(current.take().map(Token::Word));
                    out.push(Token::Separator);
                }
                c if c.is_whitespace() => out.extend(current.take().map(Token::Word)),
                '#' if self.shell && current.is_none() => self.rest = self.rest.find('\n').map_or("", |end| &self.rest[end..]),
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(c) => part_of(&mut current).text.push(c),
                },
                '\'' => {
                    let (inside, behind) = self.rest.split_once('\'').unwrap_or((self.rest, ""));
                    part_of(&mut current).text.push_str(inside);
                    self.rest = behind;
                }
                '"' => self.double_quoted(part_of(&mut current))?,
                '$' | '`' => {
                    let (value, known) = if c == '$' { self.variable()? } else { (self.until('`'), false) };
                    if self.shell && known {
                        split_into(&value, &mut current, &mut out);
                    } else {
                        let word = part_of(&mut current);
                        word.text.push_str(&value);
                        word.known &= known;
                    }
                }
                '&' | ';' | '|' | '(' | ')' | '<' | '>' if self.shell => {
                    // The number of a stream is no word: `2>`.
                    let number = |word: &Word| !word.text.is_empty() && word.text.bytes().all(|b| b.is_ascii_digit());
                    let word = current.take().filter(|word| !(matches!(c, '<' | '>') && number(word)));
                    out.extend(word.map(Token::Word));
                    out.push(self.operator(c));
                }
                c => part_of(&mut current).text.push(c),
            }
        }
        out.extend(current.map(Token::Word));
        Ok(out)
    }

    fn operator(&mut self, c: char) -> Token {
        match c {
            '|' if self.next_if('|') => Token::Otherwise,
            '&' if self.next_if('>') => {
                self.next_if('>');
                Token::Redirection { writes: true }
            }
            '<' | '>' => {
                let mut writes = c == '>';
                while self.next_if('<') || self.next_if('>') {}
                if self.next_if('&') {
                    // `>&2` and `>&-` are streams; `>&file` is a file for a bash.
                    writes &= !self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '-');
                } else if writes {
                    // `>|` writes whatever the shell is set to.
                    self.next_if('|');
                }
                Token::Redirection { writes }
            }
            c => {
                self.next_if(c);
                Token::Separator
            }
        }
    }

    fn double_quoted(&mut self, word: &mut Word) -> Result<(), Mistake> {
        while let Some(c) = self.next() {
            match c {
                '"' => break,
                '\\' => match self.next() {
                    Some(c @ ('$' | '`' | '"' | '\\')) => word.text.push(c),
                    Some('\n') | None => {}
                    Some(c) => word.text.extend(['\\', c]),
                },
                '$' => {
                    let (value, known) = self.variable()?;
                    word.text.push_str(&value);
                    word.known &= known;
                }
                '`' => {
                    word.text.push_str(&self.until('`'));
                    word.known = false;
                }
                c => word.text.push(c),
            }
        }
        Ok(())
    }

    /// Everything up to `end`, which goes too; shown as it was written.
    fn until(&mut self, end: char) -> String {
        let (inside, behind) = self.rest.split_once(end).unwrap_or((self.rest, ""));
        self.rest = behind;
        format!("{end}{inside}{end}")
    }

    /// What follows a `$`: its value, and whether it is known.
    fn variable(&mut self) -> Result<(String, bool), Mistake> {
        let rest = self.rest;
        if rest.starts_with('(') {
            let end = closing(rest, '(', ')');
            self.rest = &rest[end..];
            return Ok((format!("${}", &rest[..end]), false));
        }
        let (name, default) = if rest.starts_with('{') {
            let end = closing(rest, '{', '}');
            self.rest = &rest[end..];
            let inside = rest[1..end].strip_suffix('}').unwrap_or(&rest[1..end]);
            let length = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
            (&inside[..length], Some(&inside[length..]).filter(|operator| !operator.is_empty()))
        } else {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            // `$1`, `$$` and a `$` that stands alone.
            if length == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
                return Ok(("$".into(), false));
            }
            self.rest = &rest[length..];
            (&rest[..length], None)
        };
        let as_written = &rest[..rest.len() - self.rest.len()];
        let value = self.variables.get(name);
        let filled = match default {
            None => value,
            Some(operator) => {
                let set = value.filter(|value| !value.is_empty() || !operator.starts_with(':'));
                match operator.strip_prefix(':').unwrap_or(operator).split_at_checked(1) {
                    Some(("-", word)) if !word.contains('$') => set.or(Some(word)),
                    Some(("+", word)) if !word.contains('$') => Some(if set.is_some() { word } else { "" }),
                    _ => None,
                }
            }
        };
        let Some(filled) = filled.map(str::to_owned) else { return Ok((format!("${as_written}"), false)) };
        self.variables.take_room(filled.len())?;
        Ok((filled, true))
    }
}

/// Fields of a variable without quotes: its spaces separate words.
fn split_into(value: &str, current: &mut Current, out: &mut Vec<Token>) {
    for (at, field) in value.split(char::is_whitespace).enumerate() {
        if at > 0 {
            out.extend(current.take().map(Token::Word));
        }
        if !field.is_empty() {
            part_of(current).text.push_str(field);
        }
    }
}

/// The length of what begins with `open`, to the bracket that closes it, or to the end.
fn closing(text: &str, open: char, close: char) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return at + c.len_utf8();
            }
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let mut variables = Variables::default();
        variables.set("TOOLS", "curl  git");
        variables.set("V", "1.2");
        variables.set("EMPTY", "");
        variables
    }

    /// Words between bars, unknown ones with a question mark, separators as they stand in shells.
    fn shown(text: &str) -> String {
        let show = |token: &Token| match token {
            Token::Word(word) => format!("[{}]{}", word.text, if word.known { "" } else { "?" }),
            Token::Separator => ";".into(),
            Token::Otherwise => "||".into(),
            Token::Redirection { writes } => if *writes { ">" } else { "<" }.into(),
        };
        shell(text, &mut variables()).unwrap().iter().map(show).collect()
    }

    #[test]
    fn a_shells_words_and_operators() {
        assert_eq!(shown("a && b;c | d || e & f\ng # no\n"), "[a];[b];[c];[d]||[e];[f];[g];");
        assert_eq!(shown(r#"a 'b $V' "c $V" d\ e x#y "#), "[a][b $V][c 1.2][d e][x#y]");
        assert_eq!(shown("a >/dev/null 2>&1 b &> c"), "[a]>[/dev/null]<[1][b]>[c]");
        assert_eq!(shown("a <b >>c >|d >&- >&e"), "[a]<[b]>[c]>[d]<[-]>[e]");
        assert_eq!(shown("(a)"), ";[a];");
    }

    #[test]
    fn variables_are_filled_in_and_split_outside_of_quotes() {
        assert_eq!(shown(r#"x $TOOLS y"$TOOLS" pkg=$V"#), "[x][curl][git][ycurl  git][pkg=1.2]");
        assert_eq!(shown("${V} ${NO:-a} ${EMPTY:-b} ${EMPTY-c} ${V:+d} ${NO:+e}"), "[1.2][a][b][d]");
        assert_eq!(shown("$NO ${NO} $(ls $(x)) `ls` $1 ${V%.*}"), "[$NO]?[${NO}]?[$(ls $(x))]?[`ls`]?[$1]?[${V%.*}]?");
    }

    #[test]
    fn an_instructions_words_have_no_operators() {
        let words = words(r#"A=1 B="x y" C=a\ b D=$V;# E='$V'"#, &mut variables()).unwrap();
        assert_eq!(words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>(), ["A=1", "B=x y", "C=a b", "D=1.2;#", "E=$V"]);
        assert_eq!(fill("\"$V\" $NO", &mut variables()).unwrap(), Word { text: "\"1.2\" $NO".into(), known: false });
    }

    #[test]
    fn a_variable_made_of_itself_does_not_grow_without_end() {
        let mut variables = Variables::default();
        variables.set("A", "0123456789");
        let grown = (0..64).try_for_each(|_| {
            let twice = fill("$A$A", &mut variables)?;
            variables.set("A", &twice.text);
            Ok::<(), Mistake>(())
        });
        assert!(grown.unwrap_err().message.contains("larger than"));
    }
}
