//! Layers that an engine has kept as plain tars, or that nix2container describes as such, are compressed on their way to a registry or
//! a layout.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::engine::{Work, blocking};
use crate::image::{Blobs, CompressedRecords, Compressing, Descriptor, Digest, Reference, Store, Tree};
use crate::progress::Unit;
use crate::registry::Registry;
use crate::{Error, Result};

/// Layers that are compressed at a time: each has a thread that does nothing else.
const AT_A_TIME: usize = 4;

/// Where compressed layers go.
pub(super) enum Place<'a> {
    /// A repository, into which they are sent while they are compressed.
    Registry(&'a Registry, &'a str),
    /// A layout.
    Layout(Store),
}

/// Whether an image of `source` may have plain layers only because nobody has compressed them: engines unpack layers, and nix2container
/// writes down what they are made of.
pub(super) fn comes_plain(source: &Reference) -> bool {
    matches!(source, Reference::DockerArchive { .. } | Reference::DockerDaemon(_) | Reference::ContainersStorage(_) | Reference::Nix(_))
}

impl Work {
    /// `tree` with its plain layers compressed, and how many bytes were brought to `place` for it. Those whose compressed form is
    /// known from an earlier copy are left to whoever brings the rest: they may be there.
    pub(super) async fn compressed(&self, tree: Tree, place: &Place<'_>) -> Result<(Tree, u64)> {
        let layers = tree.plain_layers();
        if layers.is_empty() {
            return Ok((tree, 0));
        }
        let records = CompressedRecords::new(self.context.options.folders.compressed());
        let maker: Arc<dyn Blobs> = Arc::new(Compressing(Arc::clone(&tree.blobs)));
        let moved = AtomicU64::new(0);
        let (records, maker, moved) = (&records, &maker, &moved);
        // Collected first: a stream over the iterator would not be nameable where this is spawned.
        let work: Vec<_> = layers
            .into_iter()
            .map(|layer| async move {
                if let Some(known) = records.load(&layer) {
                    return Ok((layer, known));
                }
                let (digest, size) = self.compress(&layer, maker, place, moved).await?;
                let compressed = records.keep(&layer, digest, size)?;
                Ok::<_, Error>((layer, compressed))
            })
            .collect();
        let layers: Vec<(Descriptor, Descriptor)> = stream::iter(work).buffered(AT_A_TIME).try_collect().await?;
        Ok((tree.with_compressed(&layers)?, moved.load(Ordering::Relaxed)))
    }

    async fn compress(&self, layer: &Descriptor, maker: &Arc<dyn Blobs>, place: &Place<'_>, moved: &AtomicU64) -> Result<(Digest, u64)> {
        let made = match place {
            Place::Registry(registry, repository) => {
                let before = AtomicU64::new(0);
                let progress = |sent: u64| {
                    // A send that starts anew has less than it had.
                    let more = sent.saturating_sub(before.fetch_max(sent, Ordering::Relaxed));
                    self.progress.amount(moved.fetch_add(more, Ordering::Relaxed) + more, 0, Unit::Bytes);
                };
                let made = registry.put_made(repository, layer, maker, &progress).await?;
                progress(made.1);
                made
            }
            Place::Layout(store) => {
                let (store, layer, maker, token) = (store.clone(), layer.clone(), Arc::clone(maker), self.token.clone());
                let made = blocking(move || {
                    let mut reader = maker.open(&layer)?;
                    let mut writer = store.writer()?;
                    super::layout::pour(&mut *reader, &mut writer, &store, &layer, &token, &mut |_| {})?;
                    writer.finish()
                })
                .await?;
                self.progress.amount(moved.fetch_add(made.1, Ordering::Relaxed) + made.1, 0, Unit::Bytes);
                made
            }
        };
        Ok(made)
    }
}
