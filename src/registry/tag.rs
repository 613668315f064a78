//! Tags: several with one request where the registry can, one request each where it cannot.

use std::sync::PoisonError;

use bytes::Bytes;
use futures_util::future::join_all;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap};

use super::auth::Scope;
use super::body::bounded;
use super::client::Registry;
use super::failure::Failure;
use super::manifest::Stored;
use crate::Result;
use crate::image::Digest;

/// Tags of one request: every registry that can do it at all takes ten (distribution-spec, "Pushing manifests with tags").
const TAGS: usize = 10;

impl Registry {
    /// Makes every one of `tags` name the manifest `bytes` of the media type `kind`, whose blobs are there.
    ///
    /// `PUT …/manifests/DIGEST?tag=A&tag=B` where the registry answers with `OCI-Tag`; a registry that knows nothing of it
    /// stores the manifest by digest, which changes nothing, and then gets one request for each tag, as it does for a lone one.
    pub async fn put_tags(&self, repository: &str, kind: &str, bytes: &[u8], tags: &[&str]) -> Result<Stored> {
        let mut left: Vec<&str> = tags.to_vec();
        if left.len() > 1 {
            let mut first = None;
            let asked = self.0.several_tags.get_or_try_init(|| async {
                let set = self.put_with_tags(repository, kind, bytes, &tags[..tags.len().min(TAGS)]).await?;
                let knows = !set.is_empty();
                first = Some(set);
                Ok::<_, Failure>(knows)
            });
            let knows = *asked.await?;
            for some in tags.chunks(TAGS).filter(|_| knows) {
                let set = match first.take() {
                    Some(set) => set,
                    None => self.put_with_tags(repository, kind, bytes, some).await?,
                };
                left.retain(|tag| !set.iter().any(|s| s == tag));
            }
        }
        // Every one is waited for, also after one has failed: a request that was let go may still have set its tag.
        let mut end = Stored::Yes;
        for stored in join_all(left.iter().map(|tag| self.put_manifest(repository, tag, kind, bytes))).await {
            if let missing @ Stored::MissesBlobs(_) = stored? {
                end = missing;
            }
        }
        Ok(end)
    }

    /// The tags the registry says it has set. None when it refuses such a request: then it is asked in the old way.
    async fn put_with_tags(&self, repository: &str, kind: &str, bytes: &[u8], tags: &[&str]) -> Result<Vec<String>, Failure> {
        let digest = Digest::of(bytes);
        let doing = format!("tagging {} as {}", self.name(repository, &digest.to_string()), tags.join(", "));
        let mut url = self.0.endpoint.url(repository, &["manifests", &digest.to_string()]);
        url.query_pairs_mut().extend_pairs(tags.iter().map(|tag| ("tag", tag)));
        let body = Bytes::copy_from_slice(bytes);
        let shape = move |request: reqwest::RequestBuilder| request.header(CONTENT_TYPE, kind).body(body.clone());
        let response = self.request(&Scope::push(repository), Method::PUT, &url, &doing, &shape).await?;
        let set = if response.status().is_success() { tags_of(response.headers()) } else { Vec::new() };
        let _ = bounded(response, 64 << 10).await;
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        set.iter().for_each(|tag| drop(seen.remove(&(repository.to_owned(), tag.clone()))));
        Ok(set)
    }
}

/// Every tag of the `OCI-Tag` headers; some write one header each, some one with commas.
fn tags_of(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all("oci-tag").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
}
