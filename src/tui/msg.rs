//! Everything that can reach [`super::update()`], and everything it can ask of the terminal.

use std::path::PathBuf;

use crossterm::event::{KeyEvent, MouseEvent};

use super::log_file::{Page, Wanted};
use crate::session::{Event, RunId};

/// Something that happened to the dashboard.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has a new size: columns, lines.
    Resize(u16, u16),
    /// The engine says something.
    Engine(Box<Event>),
    /// The session is this many milliseconds old.
    Tick(u64),
    /// A command was handed over and got this run.
    Sent(Request, RunId),
    /// A part of a log file was read, or why it could not be.
    LogRead(Result<Page, String>),
    /// Something the terminal side wants to tell.
    Notice(Level, String),
}

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// It worked.
    Success,
    /// It did not.
    Error,
}

/// What a run was asked for, as far as screens wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Reading the catalog.
    Catalog,
    /// Building.
    Build,
    /// Checking these subjects.
    Verify(Vec<String>),
    /// Reading this subject.
    Inspect(String),
    /// Listing the files of this subject.
    ListFiles(String),
    /// Comparing the architectures of this subject.
    Compare(String),
    /// Planning a release.
    Plan,
    /// Publishing.
    Publish,
    /// Nothing a screen waits for.
    Other,
}

impl Request {
    /// What `command` asks for.
    pub fn of(command: &crate::session::Command) -> Self {
        use crate::session::Command as C;
        match command {
            C::LoadCatalog => Request::Catalog,
            C::Build(_) => Request::Build,
            C::Verify(request) => Request::Verify(request.references.iter().map(ToString::to_string).collect()),
            C::Inspect(reference) => Request::Inspect(reference.to_string()),
            C::ListFiles(reference) => Request::ListFiles(reference.to_string()),
            C::Plan(_) | C::PlanIndex(_) => Request::Plan,
            C::Publish { .. } => Request::Publish,
            C::Compare(request) => Request::Compare(request.left.to_string()),
            C::SurveyCache
            | C::PruneCache(_)
            | C::Propose(_)
            | C::Add(_)
            | C::Copy(_)
            | C::Load(_)
            | C::Test(_)
            | C::Diagnose(_)
            | C::Update(_)
            | C::Release(_)
            | C::Cancel { .. } => Request::Other,
        }
    }
}

/// What only the side that holds the terminal can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Put text on the clipboard; the number is how it is called: `42 lines`.
    Copy {
        /// What.
        text: String,
        /// How it is called in the message.
        what: String,
    },
    /// Back to the shell until `fg`.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Listen to the mouse, or not.
    Mouse(bool),
    /// Open a file in `$EDITOR` at a line (from 1), and read the catalog again.
    Edit(PathBuf, usize),
    /// Write a catalog to begin with, where there is none, and read it.
    Begin(PathBuf),
    /// Write a new file in the folder one works in.
    Write {
        /// Which.
        path: PathBuf,
        /// What.
        text: String,
    },
    /// Write into the user's `config.toml` that the dashboard begins with a theme.
    KeepTheme {
        /// The file.
        config: PathBuf,
        /// The theme's name.
        theme: String,
    },
    /// Open a file in `$PAGER`.
    Page(PathBuf),
    /// Read a part of a log file.
    ReadLog(PathBuf, Wanted),
    /// Put a whole file on the clipboard.
    CopyFile(PathBuf),
    /// Leave the screen and stream logs to it, or come back.
    Stream(bool),
}
