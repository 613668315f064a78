//! When `containers.toml` has to be read again.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossterm::event::Event as Input;

use super::model::Model;
use crate::session::{Command, Event, EventKind};

/// How often the file is looked at while nothing else happens.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Notices that `containers.toml` was changed by somebody else. It looks once a second, and when something is asked of the engine.
/// A look is one `stat`: nothing is drawn and nothing read unless the file is another.
#[derive(Default)]
pub(super) struct CatalogWatch {
    /// The file, as far as it was known at the start: one that cannot be read is mended, too.
    path: Option<PathBuf>,
    /// How the file was when it was read last; `None` before it was.
    known: Option<Stamp>,
    /// When it was looked at last.
    looked: Option<Instant>,
    /// It is time to look.
    wanted: bool,
    /// It was not there at the last look: editors that replace a file take it away for a moment.
    missing: bool,
}

/// Modification time and length; `None` when the file cannot be looked at.
type Stamp = Option<(std::time::SystemTime, u64)>;

impl CatalogWatch {
    /// Watches the file at `path`, or the one the engine will name.
    pub fn of(path: Option<PathBuf>) -> Self {
        CatalogWatch { path, looked: Some(Instant::now()), ..CatalogWatch::default() }
    }

    /// When it is time to look again.
    pub fn next_look(&self) -> Instant {
        self.looked.unwrap_or_else(Instant::now) + LOOK_EVERY
    }

    fn path<'a>(&'a self, model: &'a Model) -> Option<&'a Path> {
        model.state.catalog.as_deref().or(self.path.as_deref())
    }

    /// It is looked at before the next thing is done.
    pub fn look(&mut self) {
        (self.wanted, self.looked) = (true, Some(Instant::now()));
    }

    fn stamp(path: &Path) -> Stamp {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }

    /// The user did something.
    pub fn touched(&mut self, event: &Option<std::io::Result<Input>>) {
        let focused = matches!(event, Some(Ok(Input::FocusGained)));
        let rested = self.looked.is_none_or(|at| at.elapsed() >= Duration::from_secs(1));
        self.wanted |= focused || (rested && matches!(event, Some(Ok(Input::Key(_) | Input::Mouse(_) | Input::Paste(_)))));
    }

    /// Whether the file has to be read again before `commands` are sent.
    pub fn due(&mut self, model: &Model, commands: &[Command]) -> bool {
        let reads = |c: &Command| {
            matches!(c, Command::Build(_) | Command::Verify(_) | Command::Plan(_) | Command::Publish { .. } | Command::Release(_))
        };
        if !std::mem::take(&mut self.wanted) && !commands.iter().any(reads) {
            return false;
        }
        let (Some(path), Some(known)) = (self.path(model), self.known) else { return false };
        let stamp = Self::stamp(path);
        self.looked = Some(Instant::now());
        let missed_before = std::mem::replace(&mut self.missing, stamp.is_none());
        if stamp.is_none() && known.is_some() && !missed_before && !commands.iter().any(reads) {
            return false;
        }
        stamp != known && !commands.iter().any(|c| matches!(c, Command::LoadCatalog))
    }

    /// The file is about to be read: what is written from now on is a change.
    pub fn reading(&mut self, model: &Model) {
        if let Some(path) = self.path(model) {
            self.known = Some(Self::stamp(path));
        }
    }

    /// The first answer says which file it is.
    pub fn saw(&mut self, event: &Event) {
        if let (None, EventKind::CatalogLoaded { path, .. }) = (&self.known, &event.kind) {
            self.known = Some(Self::stamp(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_that_was_edited_is_read_before_it_is_built_and_only_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("containers.toml");
        std::fs::write(&path, "a").unwrap();
        let mut model = Model::with_theme("auto").unwrap();
        let mut watch = CatalogWatch::default();
        let build = [Command::Build(crate::session::BuildRequest::default())];
        assert!(!watch.due(&model, &build));
        model.state.catalog = Some(path.clone());
        watch.reading(&model);
        assert!(!watch.due(&model, &build));
        std::fs::write(&path, "ab").unwrap();
        assert!(!watch.due(&model, &[]));
        assert!(watch.due(&model, &build));
        watch.touched(&Some(Ok(Input::FocusGained)));
        assert!(watch.due(&model, &[]));
        watch.look();
        assert!(watch.due(&model, &[]), "it is still another file");
        watch.reading(&model);
        watch.look();
        assert!(!watch.due(&model, &[]));
        assert!(!watch.due(&model, &build));
        std::fs::remove_file(&path).unwrap();
        assert!(watch.due(&model, &build));
    }

    #[test]
    fn a_catalog_that_could_never_be_read_is_watched_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("containers.toml");
        std::fs::write(&path, "broken").unwrap();
        let model = Model::with_theme("auto").unwrap();
        let mut watch = CatalogWatch::of(Some(path.clone()));
        watch.reading(&model);
        watch.look();
        assert!(!watch.due(&model, &[]));
        std::fs::write(&path, "[containers]").unwrap();
        watch.look();
        assert!(watch.due(&model, &[]));
    }

    #[test]
    fn a_file_that_is_away_for_a_moment_is_not_called_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("containers.toml");
        std::fs::write(&path, "a").unwrap();
        let model = Model::with_theme("auto").unwrap();
        let mut watch = CatalogWatch::of(Some(path.clone()));
        watch.reading(&model);
        std::fs::remove_file(&path).unwrap();
        let mut seen = || {
            watch.look();
            watch.due(&model, &[])
        };
        assert!(!seen(), "an editor may be about to put it back");
        assert!(seen(), "it is gone");
        std::fs::write(&path, "ab").unwrap();
        assert!(seen(), "and there again");
    }
}
