//! Building once more, apart from everything that was built before: only the lock and the fetched packages are the same.

use std::fs;
use std::sync::Arc;

use super::build::{Files, is_current};
use super::engine::Work;
use super::subject::Named;
use crate::Result;
use crate::catalog::{BuilderKind, Catalog, Target};
use crate::debian::{Builder, Lock};
use crate::error::IoContext;
use crate::image::{LayerRecords, Store, Witnessed};
use crate::verify::Rebuild;

/// A builder with a cache of its own, on the same disk as the user's. Dropping it removes what it made.
pub(super) struct Rebuilder {
    catalog: Catalog,
    lock: Lock,
    builder: Builder,
    store: Store,
    files: Files,
    _folder: tempfile::TempDir,
}

impl Work {
    /// Makes ready to build `targets` once more, with the lock as it is.
    pub(super) async fn rebuilder(&self, targets: &[Target]) -> Result<Rebuilder> {
        let catalog = self.catalog()?;
        let debian: Vec<Target> = targets.iter().filter(|target| catalog.builder_of(target) == BuilderKind::Debian).cloned().collect();
        let lock = self.lock(&catalog, &debian, true).await?;
        let cache = &self.context.options.folders.cache;
        fs::create_dir_all(cache).at("creating", cache)?;
        let folder = tempfile::Builder::new().prefix("rebuild-").tempdir_in(cache).at("creating a folder in", cache)?;
        let store = Store::open(folder.path().join("images"))?;
        let records = LayerRecords::new(folder.path().join("content"));
        let builder = Builder::new(folder.path().to_owned(), store.clone(), records, Witnessed::default());
        let files = Files { fetcher: self.archive(&catalog)?.fetcher().of(&lock) };
        Ok(Rebuilder { catalog, lock, builder, store, files, _folder: folder })
    }

    /// Builds the target of `named` once more; images that are no target of ours cannot be.
    pub(super) async fn rebuild(&self, rebuilder: Option<&Rebuilder>, named: &Named) -> Result<Rebuild> {
        let (Some(rebuilder), Some(target)) = (rebuilder, &named.target) else {
            return Ok(Rebuild::Impossible("only containers of containers.toml can be built once more: name one".into()));
        };
        let Rebuilder { catalog, lock, builder, store, files, .. } = rebuilder;
        if catalog.builder_of(target) == BuilderKind::Nix {
            let advice = "Nix built it: `nix build --rebuild` of its derivation builds it once more and compares";
            return Ok(Rebuild::Impossible(advice.into()));
        }
        let progress = Arc::clone(&self.progress);
        let made = self.or_cancelled(builder.build(catalog, target, lock, files, progress, &self.token)).await;
        let image = store.image(&made.map_err(|error| error.context(format!("{target} could not be built once more")))?)?;
        let inputs = Builder::inputs(catalog, target, lock, &self.context.options.folders.cache)?;
        Ok(Rebuild::Done { image: Box::new(image), inputs_changed: !is_current(&named.image.descriptor, inputs) })
    }
}
