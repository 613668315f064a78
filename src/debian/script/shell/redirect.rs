//! Redirections.

use std::cell::RefCell;
use std::rc::Rc;

use super::ast::{Redirect, Target};
use super::state::Shell;
use super::streams::{Buffer, Reader};

impl Shell<'_> {
    /// Sets up one redirection; `false` when the shell could not.
    pub(super) fn redirect(&mut self, redirect: &Redirect, files: &mut Vec<(String, Rc<RefCell<Buffer>>)>) -> bool {
        let level = self.doubt.len();
        match &redirect.target {
            Target::Here(document) => {
                let text = document.get().map_or(Some(String::new()), |word| self.text(word));
                self.streams.input = Reader::of(text);
            }
            Target::HereString(word) => {
                let text = self.text(word).map(|t| t + "\n");
                self.streams.input = Reader::of(text);
            }
            Target::Duplicate(word) => match self.text(word).as_deref() {
                Some("-") => self.streams.discard(redirect.descriptor),
                Some(other) if redirect.descriptor != 0 => match other.parse() {
                    Ok(other) => self.streams.duplicate(redirect.descriptor, other),
                    Err(_) => self.streams.discard(redirect.descriptor),
                },
                _ => {}
            },
            Target::Read(word) => {
                let Some(path) = self.text(word) else {
                    self.streams.input = Reader::of(None);
                    return true;
                };
                let path = self.path(&path);
                match self.read(&path) {
                    Some(text) => self.streams.input = Reader::of(text),
                    None => return false,
                }
            }
            Target::Write(word) | Target::Append(word) => {
                let Some(path) = self.text(word) else {
                    self.refuse("the file it writes to is not known");
                    self.streams.discard(redirect.descriptor);
                    return true;
                };
                let path = self.path(&path);
                if path.starts_with("/dev/") || path.starts_with("/proc/") || path.starts_with("/sys/") {
                    self.streams.discard(redirect.descriptor);
                    return true;
                }
                let append = matches!(redirect.target, Target::Append(_));
                let before = if append { self.read(&path).unwrap_or(Some(String::new())) } else { Some(String::new()) };
                files.push((path, self.streams.keep(redirect.descriptor, before, level)));
            }
        }
        true
    }
}
