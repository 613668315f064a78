//! Blobs that another repository of the registry has, though it is no part of the release: they are mounted, not sent.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use crate::image::Digest;
use crate::registry::Registry;

/// How many repositories are asked for a blob.
const MAX_ASKED: usize = 8;
/// Smaller blobs are sent faster than found.
const MIN_SIZE: u64 = 256 << 10;

/// Where each of `missing` (digest and size) is, as `host/path`, for those that one of `repositories` (paths below the host) has.
///
/// A repository that cannot be asked, or may not be, has nothing: then the blob is sent.
pub(super) async fn find(registry: &Registry, repositories: &[String], missing: &BTreeSet<(Digest, u64)>) -> BTreeMap<Digest, String> {
    let worth = missing.iter().filter(|(_, size)| *size >= MIN_SIZE);
    let looks = worth.map(|(digest, _)| async move {
        for path in repositories.iter().take(MAX_ASKED) {
            if registry.find_blob(path, digest).await.is_ok_and(|found| found.is_some()) {
                return Some((*digest, format!("{}/{path}", registry.host())));
            }
        }
        None
    });
    join_all(looks).await.into_iter().flatten().collect()
}
