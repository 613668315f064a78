//! Turns the model into what has to be written for the terminal to show it.

use std::io;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::model::Model;
use super::view::view;

/// Knows what the terminal shows, and writes only what is different.
pub struct Painter {
    shown: Buffer,
    /// The buffer of the frame before last, to draw the next one into.
    spare: Buffer,
    cursor: Option<Position>,
    everything: bool,
}

impl Default for Painter {
    fn default() -> Self {
        Painter { shown: Buffer::empty(Rect::ZERO), spare: Buffer::empty(Rect::ZERO), cursor: None, everything: true }
    }
}

impl Painter {
    /// The next frame is drawn in full: nobody knows what the terminal shows.
    pub fn forget(&mut self) {
        self.everything = true;
    }

    /// What makes the terminal show `model`, as one synchronized update; nothing when it does already.
    ///
    /// # Errors
    /// None in practice: writing into memory does not fail.
    pub fn paint(&mut self, model: &Model) -> io::Result<Vec<u8>> {
        let area = Rect::new(0, 0, model.width, model.height);
        let mut next = std::mem::take(&mut self.spare);
        next.resize(area);
        next.reset();
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
        } else {
            bytes.clear();
        }
        self.spare = std::mem::replace(&mut self.shown, next);
        (self.cursor, self.everything) = (cursor, false);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_already_is_not_written_again() {
        let mut model = Model::with_theme("auto").unwrap();
        let mut painter = Painter::default();
        let first = painter.paint(&model).unwrap();
        assert!(first.len() > 500, "{}", first.len());
        assert_eq!(painter.paint(&model).unwrap(), b"");
        (model.width, model.height) = (60, 20);
        assert!(!painter.paint(&model).unwrap().is_empty());
        assert_eq!(painter.paint(&model).unwrap(), b"");
        painter.forget();
        let again = painter.paint(&model).unwrap();
        assert!(again.starts_with(b"\x1b[?2026h\x1b[2J") && again.ends_with(b"\x1b[?2026l"), "{}", again.escape_ascii());
    }
}
