//! Containers that `containers.toml` leaves to a flake.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use crate::catalog::{self, Catalog, Container};
use crate::nix::{Evaluation, Nix};
use crate::progress::{Progress, Silent};
use crate::{Error, Result};

/// The catalog of the file at `path`, with the containers of its flake where it defines none of its own. Waits for Nix then: for threads
/// that may.
///
/// # Errors
/// The file is wrong, or its flake cannot be evaluated.
pub fn load_catalog(path: &Path) -> Result<Catalog> {
    let mut catalog = catalog::load(path)?;
    if catalog.is_left_to_flake() {
        catalog.containers = containers(&catalog, Arc::new(Silent), CancellationToken::new())?;
    }
    Ok(catalog)
}

/// The containers of the catalog's flake.
pub(super) fn containers(catalog: &Catalog, progress: Arc<dyn Progress>, cancel: CancellationToken) -> Result<Vec<Container>> {
    let (settings, folder) = (catalog.nix.clone(), catalog.folder().to_owned());
    let cannot = |error| Error::failed("cannot start").source(error);
    // A thread with a runtime of its own: the one that asks may belong to another, for which it cannot wait.
    let evaluate = move || {
        Builder::new_current_thread().enable_all().build().map_err(cannot)?.block_on(async {
            let nix = Nix::find(&folder, &cancel).await?;
            Evaluation { nix: &nix, settings: &settings, progress: progress.as_ref(), cancel: &cancel }.containers().await
        })
    };
    std::thread::spawn(evaluate).join().unwrap_or_else(|_| Err(Error::bug("the evaluation of the flake stopped unexpectedly")))
}
