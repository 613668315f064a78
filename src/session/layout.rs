//! `copy` into an OCI layout: blobs that are not there, checked while they are written, then manifests, then the name.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::engine::{Work, blocking};
use crate::error::{IoContext, read_error};
use crate::image::{BlobWriter, Descriptor, Store, Tree};
use crate::progress::Unit;
use crate::{Error, Result};

impl Work {
    /// Brings `tree` into the layout in `folder`, under `name`, and says how many bytes were written.
    pub(super) async fn to_layout(&self, tree: Tree, folder: &Path, name: Option<&str>) -> Result<u64> {
        let (folder, name, token, progress) = (folder.to_owned(), name.map(str::to_owned), self.token.clone(), Arc::clone(&self.progress));
        blocking(move || {
            let store = Store::open(folder)?;
            let total = Descriptor::total(&tree.contents());
            let (mut done, mut moved) = (0, 0);
            for blob in tree.contents() {
                if !store.has(&blob) {
                    write_blob(&store, &tree, &blob, &token, &mut |n| {
                        done += n;
                        moved += n;
                        progress.amount(done, total, Unit::Bytes);
                    })?;
                } else {
                    done += blob.size;
                    progress.amount(done, total, Unit::Bytes);
                }
            }
            for manifest in tree.manifests() {
                store.put(&manifest.bytes)?;
            }
            let top = &tree.top().descriptor;
            let mut entry = Descriptor::new(top.media_type.clone(), top.digest, top.size);
            entry.platform.clone_from(&top.platform);
            store.enter(name.as_deref(), entry)?;
            Ok(moved)
        })
        .await
    }
}

/// Writes one blob of `tree` into `store`, checked.
fn write_blob(store: &Store, tree: &Tree, blob: &Descriptor, token: &CancellationToken, moved: &mut dyn FnMut(u64)) -> Result<()> {
    let mut reader = tree.blobs.open(blob)?.take(blob.size.saturating_add(1));
    let mut writer = store.writer()?;
    pour(&mut reader, &mut writer, store, blob, token, moved)?;
    match writer.finish()? {
        (digest, size) if digest == blob.digest && size == blob.size => Ok(()),
        (digest, size) => Err(tree
            .blobs
            .why_other(blob)
            .unwrap_or_else(|| Error::failed(format!("blob {} turned out to be {digest} with {size} bytes", blob.digest)))),
    }
}

/// Reads `reader` to its end into `writer`, unless someone cancels.
pub(super) fn pour(
    reader: &mut dyn Read,
    writer: &mut BlobWriter,
    store: &Store,
    blob: &Descriptor,
    token: &CancellationToken,
    moved: &mut dyn FnMut(u64),
) -> Result<()> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        if token.is_cancelled() {
            return Err(Error::interrupted());
        }
        let n = reader.read(&mut buffer).map_err(|error| read_error(error, format_args!("reading blob {}", blob.digest)))?;
        if n == 0 {
            return Ok(());
        }
        writer.write_all(&buffer[..n]).at("writing a blob to", store.root())?;
        moved(n as u64);
    }
}
