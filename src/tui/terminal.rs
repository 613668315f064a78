//! The terminal: entered, drawn to, and always given back as it was, whatever happens.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange};
use crossterm::queue;
use crossterm::terminal::{EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use tokio::sync::mpsc::UnboundedSender;

use super::model::Model;
use super::painter::Painter;
use super::writer::{Writer, write_at_last, write_now};

/// Whether the terminal is ours now. Global because a panic hook has no other way to know.
static OURS: AtomicBool = AtomicBool::new(false);

/// Presses, releases, the wheel and motion while a button is down, in SGR coordinates (xterm 1002 and 1006); no other motion, which
/// nothing here needs.
const MOUSE_ON: &[u8] = b"\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1002l";

/// The terminal while it is ours. Dropping it gives it back.
pub struct Terminal {
    painter: Painter,
    writer: Writer,
    mouse: bool,
    streaming: bool,
}

impl Terminal {
    /// Takes the terminal over.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        // Released crossterm writes an empty SGR when NO_COLOR is set, which also resets bold and reverse, so that
        // the selection disappears. Without colours is one of our own themes.
        crossterm::style::force_color_output(true);
        let mut terminal = Terminal { painter: Painter::default(), writer: Writer::start(&OURS)?, mouse, streaming: false };
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
        self.painter.forget();
        self.streaming = false;
        write_now(&bytes)
    }

    /// Takes the terminal over again after something else stopped and continued us: nobody gave it back before, and
    /// the shell has set it as it likes it. crossterm takes its own word for raw mode, so that has to be ended first.
    pub fn reclaim(&mut self, streaming: bool) -> io::Result<()> {
        disable_raw_mode()?;
        self.resume()?;
        if streaming { self.set_streaming(true) } else { Ok(()) }
    }

    /// Gives the terminal back; whether it took what that needs.
    pub fn leave(&mut self) -> bool {
        restore()
    }

    /// Listens to the mouse, or leaves it to the terminal.
    pub fn set_mouse(&mut self, on: bool) {
        self.mouse = on;
        self.writer.write(if on { MOUSE_ON } else { MOUSE_OFF }.to_vec());
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
        self.painter.forget();
        self.writer.write(bytes);
        Ok(())
    }

    /// Writes `lines`, each ended by `\r\n`, below the others, while streaming.
    pub fn stream(&mut self, lines: String) {
        if !lines.is_empty() {
            self.writer.write(lines.into_bytes());
        }
    }

    /// The next frame is drawn in full.
    pub fn redraw(&mut self) {
        self.painter.forget();
    }

    /// Whether the terminal has taken everything so far. Until then nothing more should be written: that is what keeps memory flat, and
    /// keys answered, on a slow line.
    pub fn is_ready(&self) -> bool {
        self.writer.is_idle()
    }

    /// Waits until something has been written; says how long the terminal took to take it. Never ends when nothing is being written.
    pub async fn written(&mut self) -> io::Result<Duration> {
        self.writer.written().await
    }

    /// Begins to draw `model`: what has changed, in one synchronized update; nothing when nothing has changed. Says how many bytes it takes.
    pub fn draw(&mut self, model: &Model) -> io::Result<usize> {
        if self.streaming {
            return Ok(0);
        }
        let bytes = self.painter.paint(model)?;
        let length = bytes.len();
        if length > 0 {
            self.writer.write(bytes);
        }
        Ok(length)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back, once: mouse off before raw mode ends, or its reports would be typed into the shell. What was being drawn is
/// broken off. Whether the terminal took it: one that takes nothing cannot be told anything, and nobody is kept waiting for it.
fn restore() -> bool {
    if !OURS.swap(false, Ordering::SeqCst) {
        return true;
    }
    let mut bytes = Vec::new();
    // Writing into memory cannot fail.
    let _ = queue!(bytes, EndSynchronizedUpdate);
    bytes.extend_from_slice(MOUSE_OFF);
    let _ = queue!(bytes, DisableFocusChange, DisableBracketedPaste, Show, LeaveAlternateScreen);
    let taken = write_at_last(bytes);
    // What the mouse sent until now would be typed into the shell. A terminal that has gone away has no size and no shell,
    // and crossterm (0.29) reads its end of file in an endless loop.
    while crossterm::terminal::size().is_ok()
        && crossterm::event::poll(Duration::from_millis(10)).unwrap_or(false)
        && crossterm::event::read().is_ok()
    {}
    // The terminal being gone is no reason to stop restoring.
    let _ = disable_raw_mode();
    taken
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
            write_at_last(b"\x1b[?2026l\x1b[?1006l\x1b[?1002l\x1b[?1004l\x1b[?2004l\x1b[?25h\x1b[?1049l".to_vec());
            let _ = disable_raw_mode();
        }
        before(panic);
    }));
}
