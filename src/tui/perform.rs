//! Effects: what only the side with the terminal can do.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use crossterm::event::EventStream;
use tokio::sync::mpsc::UnboundedSender;

use super::clipboard;
use super::log_file;
use super::model::Model;
use super::msg::{Effect, Level, Msg};
use super::preferences::keep_theme;
use super::run::{BATCH, Link};
use super::terminal::Terminal;
use super::text;
use super::theme::Glyph;
use super::update::update;
use crate::Error;
use crate::catalog::{Starter, Target};
use crate::session::{Command, Event, EventKind, Outcome};

/// Does `effect`; what has to be asked of the engine afterwards.
pub(super) async fn perform(
    effect: Effect,
    model: &mut Model,
    terminal: &mut Terminal,
    input: &mut EventStream,
    link: &mut Link,
    told: &UnboundedSender<Msg>,
) -> std::io::Result<Option<Command>> {
    match effect {
        // Files may be large and disks slow: the answer comes when it comes.
        Effect::ReadLog(path, wanted) => {
            let told = told.clone();
            tokio::task::spawn_blocking(move || {
                let page = log_file::read(&path, &wanted).map_err(|error| format!("{}: {error}", path.display()));
                let _ = told.send(Msg::LogRead(page));
            });
        }
        Effect::CopyFile(path) => {
            let told = told.clone();
            tokio::task::spawn_blocking(move || {
                let _ = told.send(match log_file::whole(&path).map(|text| plain(&text)) {
                    Ok(text) => copied(&text, &text::count(text.lines().count(), "line")),
                    Err(error) => Msg::Notice(Level::Error, format!("not copied: {error}")),
                });
            });
        }
        Effect::Redraw => terminal.redraw(),
        Effect::Mouse(on) => terminal.set_mouse(on),
        Effect::Stream(on) => {
            terminal.set_streaming(on)?;
            if on {
                terminal.stream("-- streaming; S returns to the dashboard --\r\n".into());
            }
        }
        Effect::Copy { text, what } => {
            let told = told.clone();
            tokio::task::spawn_blocking(move || drop(told.send(copied(&text, &what))));
        }
        Effect::Suspend => {
            terminal.leave();
            // There is no safe call that stops this process; the shell's own `kill` does it. `fg` comes back here.
            let stopped = std::process::Command::new("sh").args(["-c", "kill -TSTP $PPID"]).status();
            if let Err(error) = stopped {
                update(model, Msg::Notice(Level::Error, format!("cannot suspend: {error}")));
            }
            terminal.resume()?;
            resize(model);
        }
        Effect::Edit(path, line) => {
            let editor = std::env::var("VISUAL").or_else(|_| std::env::var("EDITOR")).unwrap_or_else(|_| "vi".into());
            outside(&editor, &[format!("+{line}"), path.display().to_string()], model, terminal, input, link).await?;
            return Ok(Some(Command::LoadCatalog));
        }
        Effect::Begin(path) => {
            update(model, written(&path, &Starter::example().to_string(), format!("{} was begun; e edits it", path.display())));
            (model.begin, model.file) = (None, Some(path));
            return Ok(Some(Command::LoadCatalog));
        }
        Effect::Write { path, text } => {
            update(model, written(&path, &text, format!("written to {}", path.display())));
        }
        Effect::KeepTheme { config, theme } => {
            let said = match keep_theme(&config, &theme) {
                Ok(()) => Msg::Notice(Level::Success, format!("kept: theme = \"{theme}\" in {}", config.display())),
                Err(error) => Msg::Notice(Level::Error, format!("the theme is not kept: {}", in_words(&error))),
            };
            update(model, said);
        }
        Effect::Page(path) => {
            let pager = std::env::var("PAGER").unwrap_or_else(|_| "less".into());
            outside(&pager, &[path.display().to_string()], model, terminal, input, link).await?;
        }
    }
    Ok(None)
}

/// A log without its colours, as all that is copied.
fn plain(log: &str) -> String {
    log.lines().map(|line| text::printable(line) + "\n").collect()
}

/// An error, and what to do about it.
fn in_words(error: &Error) -> String {
    match error.advice() {
        Some(advice) => format!("{error}; {advice}"),
        None => error.to_string(),
    }
}

/// Puts `text`, which is called `what`, on the clipboard; what to say of it.
fn copied(text: &str, what: &str) -> Msg {
    match clipboard::copy(text) {
        Ok(way) => Msg::Notice(Level::Success, format!("copied {what} (via {way})")),
        Err(why) => Msg::Notice(Level::Error, format!("not copied: {why}")),
    }
}

/// Writes a file where there is none; `done`, or why not.
fn written(path: &Path, text: &str, done: String) -> Msg {
    match File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Msg::Notice(Level::Success, done),
        Err(error) => Msg::Notice(Level::Error, format!("cannot write {}: {error}", path.display())),
    }
}

/// Runs another program in the terminal; the engine goes on, and what it says is not lost.
async fn outside(
    program: &str,
    args: &[String],
    model: &mut Model,
    terminal: &mut Terminal,
    input: &mut EventStream,
    link: &mut Link,
) -> std::io::Result<()> {
    let mut words = program.split_whitespace();
    let Some(name) = words.next() else { return Ok(()) };
    terminal.leave();
    // The stream's reader would take the other program's keys; a fresh one starts when it is over.
    let (old, mut batch) = (std::mem::replace(input, EventStream::new()), Vec::new());
    drop(old);
    let child = tokio::process::Command::new(name).args(words).args(args).spawn();
    match child {
        Ok(mut child) => loop {
            tokio::select! {
                ended = child.wait() => {
                    ended?;
                    break;
                }
                n = link.events.recv_many(&mut batch, BATCH) => {
                    for event in batch.drain(..) {
                        model.feed(&event);
                    }
                    if n == 0 {
                        child.wait().await?;
                        break;
                    }
                }
            }
        },
        Err(error) => drop(update(model, Msg::Notice(Level::Error, format!("cannot run {name}: {error}")))),
    }
    terminal.resume()?;
    resize(model);
    Ok(())
}

/// Appends what an event says to `out`, as lines for a terminal in raw mode, while logs stream.
pub(super) fn stream(model: &Model, event: &Event, out: &mut String) {
    if !model.streaming {
        return;
    }
    let bar = model.theme.glyph(Glyph::Vertical);
    // Writing into a string cannot fail.
    let mut say = |target: &Target, what: &str| {
        let _ = write!(out, "{}.{} {bar} {what}\r\n", target.container, target.architecture);
    };
    match &event.kind {
        EventKind::OutputReceived { target, lines } => lines.iter().for_each(|line| say(target, &text::printable(line))),
        EventKind::RunOutput { lines } => lines.iter().for_each(|line| out.extend([&*text::printable(line), "\r\n"])),
        EventKind::BuildFinished { target, outcome, took } => {
            let word = match outcome {
                Outcome::Succeeded { .. } => "built",
                Outcome::Cached { .. } => "unchanged",
                Outcome::Failed(_) => "failed",
                Outcome::Cancelled => "cancelled",
            };
            say(target, &format!("{word} after {}", text::clock(*took)));
        }
        _ => {}
    }
}

/// Takes in the size that the terminal has now.
pub(super) fn resize(model: &mut Model) {
    if let Ok((width, height)) = crossterm::terminal::size() {
        update(model, Msg::Resize(width, height));
    }
}
