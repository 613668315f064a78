//! What is wrong with `containers.toml`, shown in the file: message, line and column, caret, help; all problems at once.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

use crate::Error;

/// Problems shown in full; a broken file can have thousands, and nobody reads those.
const MAX_SHOWN: usize = 20;

/// One thing that is wrong with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// Where: a byte range of the source; `None` when the file could not be read at all.
    pub span: Option<Range<usize>>,
    /// What to write under the caret; may be empty.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
}

/// The message of a file that is right, and has no containers yet.
pub(super) const NO_CONTAINERS: &str = "this file defines no containers";

/// Everything that is wrong with one file, in file order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub source: String,
    /// The problems; never empty.
    pub problems: Vec<Problem>,
}

impl Problems {
    /// The problems as text for people, in the manner of rustc.
    pub fn render(&self, color: bool) -> String {
        let path = self.path.display().to_string();
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut parts: Vec<String> = Vec::new();
        for problem in self.problems.iter().take(MAX_SHOWN) {
            let title = Level::ERROR.primary_title(normalize_untrusted_str(&problem.message));
            let mut group = match &problem.span {
                Some(span) => {
                    let span = self.whole_characters(span);
                    let mark = AnnotationKind::Primary.span(span);
                    let mark = if problem.label.is_empty() { mark } else { mark.label(normalize_untrusted_str(&problem.label)) };
                    title.element(Snippet::source(self.source.as_str()).path(path.as_str()).annotation(mark))
                }
                None => Group::with_title(title),
            };
            if let Some(help) = &problem.help {
                group = group.element(Level::HELP.message(normalize_untrusted_str(help)));
            }
            parts.push(renderer.render(&[group]));
        }
        if self.problems.len() > MAX_SHOWN {
            parts.push(format!("… and {} more", self.problems.len() - MAX_SHOWN));
        }
        parts.join("\n\n")
    }

    /// Whether nothing is wrong with the file but that it has no containers yet.
    pub fn is_only_empty(&self) -> bool {
        matches!(self.problems.as_slice(), [problem] if problem.message == NO_CONTAINERS)
    }

    /// Line and column (in characters) of a byte offset, both from 1.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        position(&self.source, offset)
    }

    /// `span` within the source and on character boundaries; the renderer panics on anything else.
    fn whole_characters(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.source.floor_char_boundary(span.start);
        let end = self.source.ceil_char_boundary(span.end.max(start));
        start..end
    }
}

/// Line and column (in characters) of a byte offset of `source`, both from 1.
pub(super) fn position(source: &str, offset: usize) -> (usize, usize) {
    let before = &source[..source.floor_char_boundary(offset)];
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

impl From<Problems> for Error {
    /// A usage error: first how many problems there are, then each as [`Problems::render`] shows it.
    fn from(problems: Problems) -> Self {
        let count = match problems.problems.len() {
            1 => "1 problem".to_owned(),
            n => format!("{n} problems"),
        };
        Error::usage(format!("{} has {count}\n\n{}", problems.path.display(), problems.render(false)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(source: &str, span: Option<Range<usize>>) -> Problems {
        let problem = Problem { message: "no".into(), span, label: "here".into(), help: Some("do".into()) };
        Problems { path: "containers.toml".into(), source: source.into(), problems: vec![problem] }
    }

    #[test]
    fn line_column_caret_and_help_are_shown() {
        insta::assert_snapshot!(problems("a = 1\nb = \"ä\"\n", Some(10..14)).render(false), @r###"
        error: no
         --> containers.toml:2:5
          |
        2 | b = "ä"
          |     ^^^ here
          |
          = help: do
        "###);
    }

    #[test]
    fn colour_is_optional() {
        assert!(problems("a", Some(0..1)).render(true).contains('\u{1b}'));
        assert!(!problems("a", Some(0..1)).render(false).contains('\u{1b}'));
    }

    #[test]
    fn spans_outside_the_text_do_not_panic() {
        for source in ["", "ä", "\n", "\r\n\t", "a\u{1b}[31m\n"] {
            for span in [0..0, 0..1, 1..1, 1..99, 99..100] {
                let text = problems(source, Some(span.clone())).render(false);
                assert!(text.contains("containers.toml:"), "{source:?} {span:?} {text}");
                assert!(!text.contains('\u{1b}'));
            }
        }
        assert!(problems("", None).render(false).contains("help: do"));
    }
}
