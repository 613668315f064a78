//! Manifests and indexes at a registry (distribution-spec, "Pulling manifests" and "Pushing Manifests").

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::auth::Scope;
use super::body::{bounded, is_web_page};
use super::client::Registry;
use super::failure::Failure;
use crate::image::{Descriptor, Digest, media_type};
use crate::{Error, Result};

/// The largest manifest that registries must accept (distribution-spec, "Pushing Manifests").
const MAX_MANIFEST: usize = 4 << 20;

/// Everything we can read.
const ACCEPTED: [&str; 4] = [media_type::INDEX, media_type::MANIFEST, media_type::DOCKER_LIST, media_type::DOCKER_MANIFEST];

/// The error codes of a manifest whose blobs are not all there (distribution-spec, "Error Codes").
const BLOB_MISSING: [&str; 2] = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"];

/// What a tag or a digest names at a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which manifest or index.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Its media type.
    pub media_type: String,
}

/// What a registry did with a manifest.
#[derive(Debug)]
pub enum Stored {
    /// It took it.
    Yes,
    /// It says that it does not have every blob of it, though they were sent or found: seen at GHCR right after uploads.
    /// They can be sent again; the error says what it said.
    MissesBlobs(Error),
}

/// A manifest or an index, read and checked.
#[derive(Clone, Debug)]
pub struct FetchedManifest {
    /// What it is.
    pub descriptor: Descriptor,
    /// Its exact bytes.
    pub bytes: Bytes,
}

impl Registry {
    /// What `reference` (a tag or a digest) names in `repository`; `None` when there is nothing.
    pub async fn find_manifest(&self, repository: &str, reference: &str) -> Result<Option<Found>> {
        let doing = format!("looking for {}", self.name(repository, reference));
        let url = self.0.endpoint.url(repository, &["manifests", reference]);
        let scope = Scope::push(repository);
        let response = self.request(&scope, Method::HEAD, &url, &doing, &|r| r.header(ACCEPT, ACCEPTED.join(", "))).await?;
        let found = match response.status() {
            StatusCode::NOT_FOUND => None,
            status if status.is_success() => Some(match heading(response.headers()) {
                Some(found) => found,
                // A registry that does not say the digest is asked for the bytes.
                None => {
                    drop(response);
                    let fetched = self.manifest_in(&scope, repository, reference).await?;
                    Found { digest: fetched.descriptor.digest, size: fetched.descriptor.size, media_type: fetched.descriptor.media_type }
                }
            }),
            _ => return Err(self.declined(response, &doing, repository).await.into()),
        };
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // What a tag names is there by its digest too.
        seen.extend(found.iter().map(|f| ((repository.to_owned(), f.digest.to_string()), (now, Some(f.clone())))));
        seen.insert((repository.to_owned(), reference.to_owned()), (now, found.clone()));
        Ok(found)
    }

    /// What `reference` named when it was last looked at, if that is less than `age` ago.
    pub fn seen_manifest(&self, repository: &str, reference: &str, age: Duration) -> Option<Option<Found>> {
        let seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, found) = seen.get(&(repository.to_owned(), reference.to_owned()))?;
        (at.elapsed() < age).then(|| found.clone())
    }

    /// Reads the manifest or index `reference` names: at most 4 MiB, its digest checked.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Result<FetchedManifest> {
        self.manifest_in(&Scope::pull(repository), repository, reference).await
    }

    async fn manifest_in(&self, scope: &Scope, repository: &str, reference: &str) -> Result<FetchedManifest> {
        let name = self.name(repository, reference);
        let doing = format!("reading {name}");
        let url = self.0.endpoint.url(repository, &["manifests", reference]);
        let fetched = self.0.patience.retry(|| self.manifest_once(scope, &url, repository, &name, &doing)).await?;
        let expected = reference.parse::<Digest>().ok();
        match expected.filter(|digest| *digest != fetched.descriptor.digest) {
            Some(_) => Err(Error::network(format!("{name} turned out to be {}", fetched.descriptor.digest))
                .as_answer()
                .hint("the registry or something before it changes content; nothing of it is used")),
            None => Ok(fetched),
        }
    }

    async fn manifest_once(
        &self,
        scope: &Scope,
        url: &url::Url,
        repository: &str,
        name: &str,
        doing: &str,
    ) -> Result<FetchedManifest, Failure> {
        let response = self.exchange(scope, Method::GET, url, doing, &|r| r.header(ACCEPT, ACCEPTED.join(", "))).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Err(Failure::answer(response, self.host(), doing)
                .await
                .answered()
                .hint(format!("{name} does not exist, or these credentials may not see it")));
        }
        if !response.status().is_success() {
            return Err(self.declined(response, doing, repository).await);
        }
        let declared = heading(response.headers());
        let kind = content_type(response.headers());
        let bytes = bounded(response, MAX_MANIFEST + 1).await.map_err(|cut| Failure::cut(cut, self.host(), doing))?;
        if bytes.len() > MAX_MANIFEST {
            return Err(Error::network(format!("{doing}: it is larger than {MAX_MANIFEST} bytes")).into());
        }
        if is_web_page(&bytes) {
            return Err(Failure::web_page(doing));
        }
        let mut descriptor = Descriptor::of("", &bytes);
        if let Some(declared) = declared.filter(|d| d.digest != descriptor.digest) {
            let (declared, got) = (declared.digest, descriptor.digest);
            return Err(Failure::from(Error::network(format!("{doing}: the registry says {declared}, but sent {got}"))).transient());
        }
        // What the content says of itself counts; the header serves those that say nothing.
        descriptor.media_type = own_media_type(&bytes).or(kind).unwrap_or_else(|| media_type::MANIFEST.to_owned());
        Ok(FetchedManifest { descriptor, bytes: bytes.into() })
    }

    /// Stores `bytes` with the media type `kind` under `reference`: a tag, or their digest.
    pub async fn put_manifest(&self, repository: &str, reference: &str, kind: &str, bytes: &[u8]) -> Result<Stored> {
        stored(self.put_manifest_raw(repository, reference, kind, bytes, &[]).await.map(drop))
    }

    /// The same, and asks that `tags` name it too; gives the tags that the registry says it has set (`OCI-Tag`).
    pub(super) async fn put_manifest_raw(
        &self,
        repository: &str,
        reference: &str,
        kind: &str,
        bytes: &[u8],
        tags: &[&str],
    ) -> Result<Vec<String>, Failure> {
        let also = if tags.is_empty() { String::new() } else { format!(" and tagging it {}", tags.join(", ")) };
        let doing = format!("writing {}{also}", self.name(repository, reference));
        let mut url = self.0.endpoint.url(repository, &["manifests", reference]);
        if !tags.is_empty() {
            url.query_pairs_mut().extend_pairs(tags.iter().map(|tag| ("tag", tag)));
        }
        let body = Bytes::copy_from_slice(bytes);
        let shape = move |request: reqwest::RequestBuilder| request.header(CONTENT_TYPE, kind).body(body.clone());
        let response = self.request(&Scope::push(repository), Method::PUT, &url, &doing, &shape).await?;
        if !response.status().is_success() {
            return Err(self.declined(response, &doing, repository).await);
        }
        let expected = Digest::of(bytes);
        if let Some(stored) = digest(response.headers()).filter(|d| *d != expected) {
            return Err(Error::network(format!("{doing}: the registry stored {stored} instead of {expected}"))
                .hint("the registry or something before it changes manifests; its content cannot be trusted")
                .into());
        }
        let set = tags_of(response.headers());
        // Read to its end, so that the connection can serve the next request.
        let _ = bounded(response, 64 << 10).await;
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for named in set.iter().map(String::as_str).chain([reference]) {
            seen.remove(&(repository.to_owned(), named.to_owned()));
        }
        Ok(set)
    }

    /// Deletes a tag (distribution-spec, "Deleting tags"), never a manifest; says whether the registry did: many do not.
    pub async fn delete_tag(&self, repository: &str, tag: &str) -> Result<bool> {
        if tag.contains(':') {
            return Err(Error::usage(format!("`{tag}` is not a tag")));
        }
        let doing = format!("deleting {}", self.name(repository, tag));
        let url = self.0.endpoint.url(repository, &["manifests", tag]);
        let response = self.request(&Scope::push(repository), Method::DELETE, &url, &doing, &|r| r).await?;
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.remove(&(repository.to_owned(), tag.to_owned()));
        Ok(response.status().is_success())
    }

    /// `host/repository:tag` or `host/repository@digest`.
    pub(super) fn name(&self, repository: &str, reference: &str) -> String {
        let separator = if reference.contains(':') { '@' } else { ':' };
        format!("{}/{repository}{separator}{reference}", self.host())
    }
}

/// What became of a manifest that was sent.
pub(super) fn stored(answer: Result<(), Failure>) -> Result<Stored> {
    match answer {
        Ok(()) => Ok(Stored::Yes),
        Err(failure) if misses_blobs(&failure) => Ok(Stored::MissesBlobs(failure.into())),
        Err(failure) => Err(failure.into()),
    }
}

/// Whether a manifest was refused because not all of its blobs are there.
pub(super) fn misses_blobs(failure: &Failure) -> bool {
    BLOB_MISSING.iter().any(|code| failure.has_code(code))
}

/// Every tag of the `OCI-Tag` headers; some write one header each, some one with commas.
pub(super) fn tags_of(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all("oci-tag").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
}

fn digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get("docker-content-digest")?.to_str().ok()?.parse().ok()
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_owned()).filter(|v| !v.is_empty())
}

/// What the headers of an answer say about a manifest.
fn heading(headers: &HeaderMap) -> Option<Found> {
    let size = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    Some(Found { digest: digest(headers)?, size, media_type: content_type(headers)? })
}

fn own_media_type(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Own {
        #[serde(rename = "mediaType")]
        media_type: Option<String>,
        manifests: Option<serde::de::IgnoredAny>,
    }
    let own: Own = serde_json::from_slice(bytes).ok()?;
    own.media_type.or_else(|| own.manifests.map(|_| media_type::INDEX.to_owned()))
}
