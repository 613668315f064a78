//! The terminal: entered, drawn to, and always given back as it was, whatever happens.

use std::io::{self, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{Command as _, queue};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tokio::sync::mpsc::UnboundedSender;

use super::model::Model;
use super::view::view;

/// Whether the terminal is ours now. Global because a panic hook has no other way to know.
static OURS: AtomicBool = AtomicBool::new(false);

/// Presses, releases, the wheel and motion while a button is down, in SGR coordinates (xterm 1002 and 1006); no other motion, which
/// nothing here needs.
const MOUSE_ON: &[u8] = b"\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1002l";

/// The terminal while it is ours. Dropping it gives it back.
pub struct Terminal {
    shown: Buffer,
    cursor: Option<Position>,
    everything: bool,
    mouse: bool,
    streaming: bool,
}

impl Terminal {
    /// Takes the terminal over.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        // Released crossterm writes an empty SGR when NO_COLOR is set, which also resets bold and reverse, so that
        // the selection disappears. Without colours is one of our own themes.
        crossterm::style::force_color_output(true);
        let mut terminal = Terminal { shown: Buffer::empty(Rect::ZERO), cursor: None, everything: true, mouse, streaming: false };
        terminal.resume()?;
        Ok(terminal)
    }

    /// Takes the terminal over again, after [`Terminal::leave`].
    pub fn resume(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        OURS.store(true, Ordering::SeqCst);
        let mut bytes = Vec::new();
        queue!(bytes, EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange, Hide)?;
        if self.mouse {
            bytes.extend_from_slice(MOUSE_ON);
        }
        self.everything = true;
        self.streaming = false;
        write_once(&bytes)
    }

    /// Takes the terminal over again after something else stopped and continued us: nobody gave it back before, and
    /// the shell has set it as it likes it. crossterm takes its own word for raw mode, so that has to be ended first.
    pub fn reclaim(&mut self, streaming: bool) -> io::Result<()> {
        disable_raw_mode()?;
        self.resume()?;
        if streaming { self.set_streaming(true) } else { Ok(()) }
    }

    /// Gives the terminal back.
    pub fn leave(&mut self) {
        restore();
    }

    /// Listens to the mouse, or leaves it to the terminal.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        write_once(if on { MOUSE_ON } else { MOUSE_OFF })
    }

    /// Leaves the alternate screen to stream lines, still reading keys; or comes back.
    pub fn set_streaming(&mut self, on: bool) -> io::Result<()> {
        let mut bytes = Vec::new();
        if on {
            bytes.extend_from_slice(MOUSE_OFF);
            queue!(bytes, LeaveAlternateScreen)?;
        } else {
            queue!(bytes, EnterAlternateScreen, Hide)?;
            if self.mouse {
                bytes.extend_from_slice(MOUSE_ON);
            }
        }
        self.streaming = on;
        self.everything = true;
        write_once(&bytes)
    }

    /// Writes a line below the others, while streaming.
    pub fn stream(&mut self, line: &str) -> io::Result<()> {
        write_once(format!("{line}\r\n").as_bytes())
    }

    /// The next frame is drawn in full.
    pub fn redraw(&mut self) {
        self.everything = true;
    }

    /// Draws `model`: what has changed, in one write, in one synchronized update; nothing when nothing has changed.
    pub fn draw(&mut self, model: &Model) -> io::Result<()> {
        if self.streaming {
            return Ok(());
        }
        let area = Rect::new(0, 0, model.width, model.height);
        let mut next = Buffer::empty(area);
        let cursor = view(model, &mut next);
        let mut bytes = Vec::with_capacity(16 * 1024);
        queue!(bytes, BeginSynchronizedUpdate)?;
        let start = bytes.len();
        if self.everything || self.shown.area != area {
            queue!(bytes, Clear(ClearType::All))?;
            self.shown = Buffer::empty(area);
        }
        let changes = self.shown.diff(&next);
        if !changes.is_empty() {
            if self.cursor.is_some() {
                queue!(bytes, Hide)?;
            }
            CrosstermBackend::new(&mut bytes).draw(changes.into_iter())?;
        }
        if bytes.len() > start || cursor != self.cursor {
            match cursor {
                Some(position) => queue!(bytes, MoveTo(position.x, position.y), Show)?,
                None => queue!(bytes, Hide)?,
            }
            queue!(bytes, EndSynchronizedUpdate)?;
            write_once(&bytes)?;
        }
        (self.shown, self.cursor, self.everything) = (next, cursor, false);
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back, once: mouse off before raw mode ends, or its reports would be typed into the shell.
fn restore() {
    if !OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut text = String::new();
    // Formatting into a string cannot fail; the terminal being gone is no reason to stop restoring.
    let _ = EndSynchronizedUpdate.write_ansi(&mut text);
    let _ = write_once(&[text.as_bytes(), MOUSE_OFF].concat());
    text.clear();
    let _ = DisableFocusChange.write_ansi(&mut text);
    let _ = DisableBracketedPaste.write_ansi(&mut text);
    let _ = Show.write_ansi(&mut text);
    let _ = LeaveAlternateScreen.write_ansi(&mut text);
    let _ = write_once(text.as_bytes());
    // What the mouse sent until now would be typed into the shell. A terminal that has gone away has no size and no shell,
    // and crossterm (0.29) reads its end of file in an endless loop.
    while crossterm::terminal::size().is_ok()
        && crossterm::event::poll(std::time::Duration::from_millis(10)).unwrap_or(false)
        && crossterm::event::read().is_ok()
    {}
    let _ = disable_raw_mode();
}

fn write_once(bytes: &[u8]) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// A panic on this thread gives the terminal back before it is printed. A panic elsewhere leaves the dashboard
/// running, so it must not touch the terminal: it is told as a message instead.
pub fn install_panic_hook(told: UnboundedSender<String>) {
    let before = std::panic::take_hook();
    let ui = std::thread::current().id();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() != ui && OURS.load(Ordering::SeqCst) {
            let _ = told.send(panic.to_string());
            return;
        }
        // Only the escape sequences: reading the rest of the input could wait on a lock this thread holds.
        if OURS.swap(false, Ordering::SeqCst) {
            let _ = write_once(b"\x1b[?2026l\x1b[?1006l\x1b[?1002l\x1b[?1004l\x1b[?2004l\x1b[?25h\x1b[?1049l");
            let _ = disable_raw_mode();
        }
        before(panic);
    }));
}
