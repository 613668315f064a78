//! Files as a script sees them: those of the image, and temporary ones, which live in the evaluation only.

use super::perhaps::UNKNOWN;
use super::state::{Shell, Status, Value};
use crate::debian::script::{Effect, Kind};

impl Shell<'_> {
    /// `path` as an absolute path, without doubled slashes, `.` and a slash at the end.
    pub(in super::super) fn path(&self, path: &str) -> String {
        let parts = if path.starts_with('/') { "" } else { self.state.folder.as_str() };
        let mut out = String::new();
        for part in parts.split('/').chain(path.split('/')).filter(|p| !p.is_empty() && *p != ".") {
            out.push('/');
            out.push_str(part);
        }
        if out.is_empty() { "/".into() } else { out }
    }

    /// Whether `path` is a temporary file or folder, or in one.
    pub(in super::super) fn is_scratch(&self, path: &str) -> bool {
        let inside = |folder: &String| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.state.scratch.contains_key(path) || self.state.scratch_folders.iter().any(inside)
    }

    /// What is at a path, links followed.
    pub(in super::super) fn kind(&self, path: &str) -> Option<Kind> {
        if self.is_scratch(path) {
            if self.state.scratch_folders.contains(path) {
                return Some(Kind::Directory);
            }
            let size = self.state.scratch.get(path)?.as_ref().map_or(1, String::len) as u64;
            let mode = self.state.scratch_modes.get(path).copied().unwrap_or(0o600);
            return Some(Kind::File { mode, size });
        }
        if self.is_withheld(path) {
            return Some(Kind::File { mode: 0o600, size: 1 });
        }
        match path {
            "/dev/null" | "/dev/tty" | "/dev/stdin" | "/dev/stdout" | "/dev/stderr" | "/dev/zero" | "/dev/urandom" => Some(Kind::Special),
            _ => self.system.kind(path),
        }
    }

    /// A file's text. The outer `None`: there is none.
    pub(in super::super) fn read(&self, path: &str) -> Option<Value> {
        if path == "/dev/null" {
            return Some(Some(String::new()));
        }
        if self.is_scratch(path) {
            let text = self.state.scratch.get(path).cloned();
            self.spend(text.as_ref().and_then(Option::as_ref).map_or(0, String::len));
            return text;
        }
        if self.may_be_otherwise(path) {
            return Some(None);
        }
        match self.kind(path)? {
            Kind::File { size: 0, .. } => Some(Some(String::new())),
            Kind::File { .. } => {
                let bytes = self.system.read(path);
                self.spend(bytes.as_ref().map_or(0, Vec::len));
                Some(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
            }
            Kind::Directory => None,
            Kind::Special => Some(None),
        }
    }

    /// Writes a file: a temporary one in here, any other as an effect.
    pub(in super::super) fn write_file(&mut self, path: &str, text: Value) -> Status {
        if path.starts_with("/dev/") || path.starts_with("/proc/") || path.starts_with("/sys/") {
            return Some(0);
        }
        if self.is_scratch(path) {
            // What is made beside mktemp, in a temporary folder, has the usual mode.
            if !self.state.scratch.contains_key(path) {
                self.state.scratch_modes.insert(path.to_owned(), 0o666 & !self.state.umask);
            }
            self.state.scratch.insert(path.to_owned(), text);
            return Some(0);
        }
        match text {
            Some(text) if !text.contains(UNKNOWN) => {
                self.apply(Effect::File { path: path.to_owned(), bytes: text.into_bytes(), mode: None, owner: Default::default() })
            }
            _ => {
                self.leave_open(&Effect::File { path: path.to_owned(), bytes: Vec::new(), mode: None, owner: Default::default() });
                self.refuse(format!("what it writes to {path} is not known"))
            }
        }
    }

    /// The name of a new temporary file.
    pub(in super::super) fn temporary_name(&mut self) -> String {
        self.temporary += 1;
        format!("/tmp/tmp.{:010}", self.temporary)
    }
}
