//! Owns stdout and stderr: what goes where, when in colour, and what happens when nobody reads any more.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::args::{Color, Global, Output};
use crate::{Error, Result};

/// What a piece of text means; colour only repeats what a glyph or a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Good,
    Warn,
    Bad,
    Dim,
    Bold,
}

impl Ink {
    /// SGR parameters (ECMA-48): the sixteen colours, which every theme of a terminal keeps readable.
    const fn code(self) -> &'static str {
        match self {
            Ink::Good => "32",
            Ink::Warn => "33",
            Ink::Bad => "1;31",
            Ink::Dim => "2",
            Ink::Bold => "1",
        }
    }

    /// `text` in this ink, or as it is.
    pub fn paint(self, text: &str, color: bool) -> String {
        if color && !text.is_empty() { format!("\u{1b}[{}m{text}\u{1b}[0m", self.code()) } else { text.to_owned() }
    }
}

/// What a run prints as its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Results {
    /// Text for people.
    Text,
    /// One JSON document.
    Document,
    /// Nothing: stdout carries the events.
    Events,
}

/// How progress is shown, once decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Bars,
    Plain,
    Json,
    Quiet,
}

type Stream = Arc<Mutex<Box<dyn Write + Send>>>;

/// The two streams and how to write to them. Cheap to clone.
#[derive(Clone)]
pub struct Printer {
    out: Stream,
    err: Stream,
    pub(super) out_color: bool,
    pub(super) err_color: bool,
    pub(super) results: Results,
    pub(super) mode: Mode,
    /// Somebody is there to answer a question.
    pub(super) interactive: bool,
    /// A result could not be written.
    failed: Arc<AtomicBool>,
}

/// What surroundings decide; gathered once, so that the decisions are pure.
#[derive(Clone, Copy, Debug, Default)]
struct Surroundings {
    no_color: bool,
    dumb: bool,
    ci: bool,
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

impl Surroundings {
    fn of_this_process() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        Surroundings {
            no_color: set("NO_COLOR"),
            dumb: std::env::var_os("TERM").is_some_and(|t| t == "dumb"),
            ci: std::env::var_os("CI").is_some_and(|v| !v.is_empty() && v != "false" && v != "0"),
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
        }
    }

    fn color(self, asked: Color, terminal: bool) -> bool {
        match asked {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !self.no_color && !self.dumb,
        }
    }

    fn mode(self, asked: Output) -> Mode {
        match asked {
            Output::Auto if self.stderr && !self.dumb && !self.ci => Mode::Bars,
            // Bars need a terminal that can move its cursor; asked for elsewhere, they would show nothing at all.
            Output::Bars if self.stderr => Mode::Bars,
            Output::Auto | Output::Bars | Output::Plain => Mode::Plain,
            Output::Json => Mode::Json,
            Output::Quiet => Mode::Quiet,
        }
    }
}

impl Printer {
    /// Decides from the options and the surroundings of this process.
    ///
    /// # Errors
    /// `--json` with `--output json`: both would write to stdout.
    pub fn new(global: &Global) -> Result<Self> {
        let around = Surroundings::of_this_process();
        let results = results(global)?;
        Ok(Printer {
            out: Arc::new(Mutex::new(Box::new(io::stdout()))),
            err: Arc::new(Mutex::new(Box::new(io::stderr()))),
            out_color: around.color(global.color, around.stdout),
            err_color: around.color(global.color, around.stderr),
            results,
            mode: around.mode(global.output),
            interactive: around.stdin && around.stderr && !around.ci,
            failed: Arc::default(),
        })
    }

    /// For an error that comes before [`Printer::new`] could succeed: text on stderr, nothing else.
    pub fn fallback() -> Self {
        let around = Surroundings::of_this_process();
        Printer {
            out: Arc::new(Mutex::new(Box::new(io::stdout()))),
            err: Arc::new(Mutex::new(Box::new(io::stderr()))),
            out_color: false,
            err_color: around.color(Color::Auto, around.stderr),
            results: Results::Text,
            mode: Mode::Plain,
            interactive: false,
            failed: Arc::default(),
        }
    }

    /// Writes result text to stdout; a line end is added.
    pub fn result(&self, text: &str) {
        if let Err(error) = write(&self.out, text)
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.failed.store(true, Ordering::Relaxed);
            self.note(&format!("error: the result could not be written: {error}"));
        }
    }

    /// Whether a result could not be written (a full disk, not a reader that went away).
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Writes a note to stderr; a line end is added.
    pub fn note(&self, text: &str) {
        let _ = write(&self.err, text);
    }

    /// Writes a question to stderr, without line end.
    pub(super) fn prompt(&self, text: &str) {
        let mut stream = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    }

    /// Writes a JSON document to stdout.
    ///
    /// # Errors
    /// The document cannot be serialised.
    pub fn document<T: Serialize>(&self, document: &T) -> Result<()> {
        let text = serde_json::to_string_pretty(document).map_err(|e| Error::failed("cannot write the result as JSON").source(e))?;
        self.result(&text);
        Ok(())
    }

    /// Writes an error and its hint to stderr: `error: …`, `hint: …`.
    pub fn error(&self, error: &Error) {
        let mut text = format!("{} {}", Ink::Bad.paint("error:", self.err_color), clean(&error.message()));
        if let Some(advice) = error.advice() {
            text.push_str(&format!("\n{} {}", Ink::Bold.paint("hint:", self.err_color), clean(advice)));
        }
        self.note(&text);
    }

    /// A printer that keeps what it is given: stdout and stderr.
    #[cfg(test)]
    pub(super) fn captured(results: Results, mode: Mode) -> (Self, Captured, Captured) {
        let (out, err) = (Captured::default(), Captured::default());
        let stream = |captured: &Captured| -> Stream { Arc::new(Mutex::new(Box::new(captured.clone()))) };
        let printer = Printer {
            out: stream(&out),
            err: stream(&err),
            out_color: false,
            err_color: false,
            results,
            mode,
            interactive: false,
            failed: Arc::default(),
        };
        (printer, out, err)
    }
}

fn results(global: &Global) -> Result<Results> {
    match (global.json, global.output) {
        (true, Output::Json) => Err(Error::usage("`--json` and `--output json` both write to stdout")
            .hint("`--json` prints one document at the end, `--output json` every event as it happens; choose one")),
        (true, _) => Ok(Results::Document),
        (false, Output::Json) => Ok(Results::Events),
        (false, _) => Ok(Results::Text),
    }
}

/// Writes a line. A reader that went away (`| head`) is no error of ours: the work goes on, unread.
fn write(stream: &Stream, text: &str) -> io::Result<()> {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    let newline: &[u8] = if text.ends_with('\n') { b"" } else { b"\n" };
    stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(newline)).and_then(|()| stream.flush())
}

/// [`clean`], on one line: a file's name must not forge lines of a report.
pub(super) fn clean_line(text: &str) -> String {
    clean(text).replace('\n', "\u{fffd}")
}

/// `text` without control characters but line end and tab: what comes from images, logs and servers could otherwise
/// move the cursor, set the title or hide what it says.
pub(super) fn clean(text: &str) -> String {
    let keep = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    // Colour codes are common in logs and carry no words; drop them whole rather than show `[31m`.
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.peek() == Some(&'[') {
            chars.next();
            // ECMA-48: parameters and intermediates, then one final byte.
            while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
            chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
        } else if is_override(c) || !keep(c) {
            out.push('\u{fffd}');
        } else {
            out.push(c);
        }
    }
    out
}

/// Bidirectional overrides and isolates: they make text read differently from what it is.
fn is_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What a captured stream was given.
#[cfg(test)]
#[derive(Clone, Default)]
pub(super) struct Captured(Arc<Mutex<Vec<u8>>>);

#[cfg(test)]
impl Captured {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[cfg(test)]
impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surroundings_decide_colour_and_mode() {
        let terminal = Surroundings { stdin: true, stdout: true, stderr: true, ..Surroundings::default() };
        assert_eq!(terminal.mode(Output::Auto), Mode::Bars);
        assert_eq!(Surroundings { ci: true, ..terminal }.mode(Output::Auto), Mode::Plain);
        assert_eq!(Surroundings { dumb: true, ..terminal }.mode(Output::Auto), Mode::Plain);
        assert_eq!(Surroundings { stderr: false, ..terminal }.mode(Output::Bars), Mode::Plain);
        assert!(terminal.color(Color::Auto, true));
        assert!(!terminal.color(Color::Auto, false));
        assert!(!Surroundings { no_color: true, ..terminal }.color(Color::Auto, true));
        assert!(Surroundings { no_color: true, ..terminal }.color(Color::Always, false));
    }

    #[test]
    fn two_owners_of_stdout_are_refused() {
        let both = Global { json: true, output: Output::Json, ..Global::default() };
        assert_eq!(results(&both).unwrap_err().kind(), crate::Kind::Usage);
    }

    #[test]
    fn outside_text_cannot_drive_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mred\u{1b}[0m\tb\n"), "ared\tb\n");
        assert_eq!(clean("\u{1b}]0;title\u{7}x\r\u{202e}y"), "\u{fffd}]0;title\u{fffd}x\u{fffd}\u{fffd}y");
    }

    #[test]
    fn an_error_shows_its_hint() {
        let (printer, _, err) = Printer::captured(Results::Text, Mode::Plain);
        printer.error(&Error::usage("no").hint("do"));
        assert_eq!(err.text(), "error: no\nhint: do\n");
    }
}
