//! Tags: several with one request where the registry can, one request each where it cannot, and never more than that.
//!
//! distribution-spec, "Pushing manifests with tags": `PUT …/manifests/DIGEST?tag=A&tag=B`, answered with `OCI-Tag`. A registry that
//! knows nothing of it stores the manifest by digest, where it is already, and the request was for nothing. So the first request asks
//! in the other form, `PUT …/manifests/A?tag=B`: whoever knows nothing of it has set `A`, which had to be done anyway. Of those that know,
//! zot refuses this form (400: only "when pushing a manifest by digest"), and is then asked in the specification's, once and for all.

use futures_util::future::join_all;

use super::client::Registry;
use super::failure::Failure;
use super::manifest::{Stored, misses_blobs, stored};
use crate::Result;
use crate::image::Digest;

/// Tags of one request: every registry that can do it at all takes ten (distribution-spec, "Pushing manifests with tags").
const TAGS: usize = 10;

/// How a registry sets several tags with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SeveralTags {
    /// `PUT …/manifests/DIGEST?tag=A&tag=B`, as specified.
    ByDigest,
    /// `PUT …/manifests/A?tag=B`.
    BesideOne,
    /// Not at all.
    No,
}

/// One manifest, and where it goes.
struct Tagged<'a> {
    repository: &'a str,
    kind: &'a str,
    bytes: &'a [u8],
}

impl Registry {
    /// Makes every one of `tags` name the manifest `bytes` of the media type `kind`, whose blobs are there.
    ///
    /// One request for ten tags where the registry answers with `OCI-Tag`, one for each tag where it does not. How it is with this
    /// registry the first request for several tags shows: it sets one of them in any case.
    pub async fn put_tags(&self, repository: &str, kind: &str, bytes: &[u8], tags: &[&str]) -> Result<Stored> {
        let manifest = Tagged { repository, kind, bytes };
        let left = match self.put_several(&manifest, tags).await {
            Ok(left) => left,
            Err(failure) => return stored(Err(failure)),
        };
        // Every one is waited for, also after one has failed: a request that was let go may still have set its tag.
        let mut end = Stored::Yes;
        for stored in join_all(left.iter().map(|tag| self.put_manifest(repository, tag, kind, bytes))).await {
            if let missing @ Stored::MissesBlobs(_) = stored? {
                end = missing;
            }
        }
        Ok(end)
    }

    /// Sets as many of `tags` as go several at a time, and gives those that are left.
    async fn put_several<'a>(&self, manifest: &Tagged<'_>, tags: &[&'a str]) -> Result<Vec<&'a str>, Failure> {
        let mut left = tags.to_vec();
        if left.len() < 2 {
            return Ok(left);
        }
        let mut first = Vec::new();
        let asked = self.0.several_tags.get_or_try_init(|| async {
            let (way, set) = self.find_way(manifest, &tags[..tags.len().min(TAGS)]).await?;
            first = set;
            Ok::<_, Failure>(way)
        });
        let way = *asked.await?;
        left.retain(|tag| !first.iter().any(|set| set == tag));
        for some in left.clone().chunks(TAGS).filter(|some| some.len() > 1) {
            let set = match way {
                SeveralTags::ByDigest => self.put_by_digest(manifest, some).await?,
                SeveralTags::BesideOne => self.put_beside_one(manifest, some).await?,
                SeveralTags::No => break,
            };
            left.retain(|tag| !set.iter().any(|set| set == tag));
        }
        Ok(left)
    }

    /// Sets at least one of several tags, and finds out how this registry sets more of them at once.
    async fn find_way(&self, manifest: &Tagged<'_>, tags: &[&str]) -> Result<(SeveralTags, Vec<String>), Failure> {
        let refused = |failure: &Failure| failure.status.is_some() && !failure.transient && !misses_blobs(failure);
        match self.put_beside_one(manifest, tags).await {
            // The tag of the path is set. One that confirms no other knows the header, and will take what is specified.
            Ok(set) if set.len() > 1 => {
                let others = set.iter().any(|set| tags[1..].contains(&set.as_str()));
                Ok((if others { SeveralTags::BesideOne } else { SeveralTags::ByDigest }, set))
            }
            Ok(set) => Ok((SeveralTags::No, set)),
            Err(failure) if refused(&failure) => match self.put_by_digest(manifest, tags).await {
                Ok(set) if !set.is_empty() => Ok((SeveralTags::ByDigest, set)),
                Err(failure) if !refused(&failure) => Err(failure),
                _ => Ok((SeveralTags::No, Vec::new())),
            },
            Err(failure) => Err(failure),
        }
    }

    async fn put_by_digest(&self, manifest: &Tagged<'_>, tags: &[&str]) -> Result<Vec<String>, Failure> {
        let Tagged { repository, kind, bytes } = *manifest;
        self.put_manifest_raw(repository, &Digest::of(bytes).to_string(), kind, bytes, tags).await
    }

    /// The first of `tags` by the path, the others beside it. The first is set whatever the answer says.
    async fn put_beside_one(&self, manifest: &Tagged<'_>, tags: &[&str]) -> Result<Vec<String>, Failure> {
        let Tagged { repository, kind, bytes } = *manifest;
        let Some((first, others)) = tags.split_first() else { return Ok(Vec::new()) };
        let mut set = self.put_manifest_raw(repository, first, kind, bytes, others).await?;
        set.push((*first).to_owned());
        Ok(set)
    }
}
