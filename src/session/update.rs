//! Renewing the lock, or saying what a renewal would change.

use super::UpdateRequest;
use super::engine::Work;
use super::event::EventKind;
use crate::Result;
use crate::debian::{Renewal, Update};

impl Work {
    /// Holds the newest versions against `containers.lock`, and writes them into it unless it is a dry run.
    pub(super) async fn update(&self, request: &UpdateRequest) -> Result<()> {
        let catalog = self.catalog()?;
        let archive = self.archive(&catalog)?;
        let how = Update { write: !request.dry_run, allow_downgrades: request.allow_downgrades };
        let Renewal { lock, changes, warnings } =
            archive.update(&catalog, &request.containers, how, self.progress.as_ref(), &self.token).await?;
        let (path, written, packages) = (catalog.lock_path(), !request.dry_run && !changes.is_empty(), lock.packages.len());
        self.emit(EventKind::LockCompared { path, written, packages, changes, warnings }).await;
        Ok(())
    }
}
