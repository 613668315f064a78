//! Blobs to a registry (distribution-spec, "Pushing blobs"): one POST, one PUT that streams; chunks where that is refused.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};
use url::Url;

use super::auth::Scope;
use super::blob_stream::{BlobStream, BlobWatch};
use super::client::{Registry, SMALL_TIME_LIMIT};
use super::failure::{Failure, bounded};
use crate::image::{Blobs, Descriptor, Digest};
use crate::{Error, Result};

/// One chunk of a chunked upload: GHCR refuses larger ones.
const CHUNK: usize = 4 << 20;
/// How long an upload may stand still.
const STALL_LIMIT: Duration = Duration::from_secs(60);
/// How long a registry may take to put a whole blob away.
const COMMIT_LIMIT: Duration = Duration::from_secs(300);
/// How often an upload's progress is looked at.
const TICK: Duration = Duration::from_millis(100);

/// How a blob got there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It was sent.
    Sent,
    /// It was there already, or the registry took it from another of its repositories; nothing was sent.
    Present,
}

/// Where the registry wants a blob.
enum Opened {
    Session(Url),
    Mounted,
}

impl Registry {
    /// The length of the blob `digest` in `repository`; `None` when it is not there.
    pub async fn find_blob(&self, repository: &str, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.find_blob_raw(repository, digest).await?)
    }

    async fn find_blob_raw(&self, repository: &str, digest: &Digest) -> Result<Option<u64>, Failure> {
        let doing = format!("looking for blob {} in {}/{repository}", digest.short(), self.host());
        let url = self.0.endpoint.url(repository, &["blobs", &digest.to_string()]);
        let response = self.exchange(&Scope::push(repository), Method::HEAD, &url, &doing, &|r| r).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                Ok(Some(response.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok()).unwrap_or_default()))
            }
            _ => Err(self.declined(response, &doing, repository).await),
        }
    }

    /// Brings `blob` to `repository`, reading it from `blobs`; `mount` names a repository of this registry that has it.
    ///
    /// `progress` hears how many bytes have been handed over, at most ten times a second; it starts again from 0 when the
    /// upload has to. What is read is checked against the descriptor before the last byte leaves.
    ///
    /// # Errors
    /// The blob is not what its descriptor says (kind failed), or the registry does not take it (kind network).
    pub async fn put_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        blobs: &Arc<dyn Blobs>,
        mount: Option<&str>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Arrival> {
        // The semaphore is never closed; if it were, going on without a permit would be right.
        let _permit = self.0.uploads.acquire().await.ok();
        let tries = std::sync::atomic::AtomicUsize::new(0);
        let chunked = std::sync::atomic::AtomicBool::new(false);
        use std::sync::atomic::Ordering::Relaxed;
        let attempt = || async {
            // A lost answer may have been a good one.
            if tries.fetch_add(1, Relaxed) > 0 && self.find_blob_raw(repository, &blob.digest).await?.is_some() {
                return Ok(Arrival::Sent);
            }
            let mount = mount.filter(|_| tries.load(Relaxed) == 1);
            let session = match self.open_upload(repository, blob, mount).await? {
                Opened::Mounted => return Ok(Arrival::Present),
                Opened::Session(url) => url,
            };
            if !chunked.load(Relaxed) {
                match self.put_whole(repository, blob, blobs, session, progress).await {
                    Err(failure) if refuses_whole_blobs(&failure) => chunked.store(true, Relaxed),
                    other => return other.map(|()| Arrival::Sent),
                }
                let session = match self.open_upload(repository, blob, None).await? {
                    Opened::Mounted => return Ok(Arrival::Present),
                    Opened::Session(url) => url,
                };
                return self.put_chunks(repository, blob, blobs, session, progress).await.map(|()| Arrival::Sent);
            }
            self.put_chunks(repository, blob, blobs, session, progress).await.map(|()| Arrival::Sent)
        };
        Ok(self.0.patience.retry(attempt).await?)
    }

    /// Asks for an upload; the registry may answer that it took the blob from `mount` instead.
    async fn open_upload(&self, repository: &str, blob: &Descriptor, mount: Option<&str>) -> Result<Opened, Failure> {
        let doing = self.doing(blob, repository);
        let mut url = self.0.endpoint.url(repository, &["blobs", "uploads", ""]);
        let mut scope = Scope::push(repository);
        if let Some(from) = mount {
            url.query_pairs_mut().append_pair("mount", &blob.digest.to_string()).append_pair("from", from);
            scope.from = Some(from.to_owned());
        }
        let response = self.exchange(&scope, Method::POST, &url, &doing, &|r| r.header(CONTENT_LENGTH, 0)).await?;
        match response.status() {
            StatusCode::CREATED if mount.is_some() => Ok(Opened::Mounted),
            StatusCode::ACCEPTED => self.location(&response, &url, &doing).map(Opened::Session),
            _ => Err(self.declined(response, &doing, repository).await),
        }
    }

    fn location(&self, response: &Response, asked: &Url, doing: &str) -> Result<Url, Failure> {
        let location = response.headers().get(LOCATION).and_then(|v| v.to_str().ok());
        let Some(location) = location else {
            return Err(Error::network(format!("{doing}: {} opened an upload but does not say where (no Location header)", self.host()))
                .hint("is something between us and the registry dropping headers?")
                .into());
        };
        Ok(self.0.endpoint.location(asked, location)?)
    }

    /// The whole blob in one request.
    async fn put_whole(
        &self,
        repository: &str,
        blob: &Descriptor,
        blobs: &Arc<dyn Blobs>,
        session: Url,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), Failure> {
        let doing = self.doing(blob, repository);
        let url = closing(session, &blob.digest);
        let stream = BlobStream::open(Arc::clone(blobs), blob.clone());
        let watch = stream.watch();
        let request = self
            .authorised(&Scope::push(repository), self.0.http.put(url.clone()), &url)
            .await?
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, blob.size)
            .body(Body::wrap_stream(stream.into_stream()));
        let sent = self.watched(request, &watch, blob.size, &doing, progress).await;
        if let Some(trouble) = watch.trouble() {
            return Err(trouble.context(format!("sending to {}/{repository}", self.host())).into());
        }
        self.stored(sent?, blob, repository, &doing).await
    }

    /// Sends, reports progress, and gives up when nothing moves.
    async fn watched(
        &self,
        request: RequestBuilder,
        watch: &BlobWatch,
        size: u64,
        doing: &str,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Response, Failure> {
        let send = self.send_once(request, doing);
        tokio::pin!(send);
        let mut ticks = tokio::time::interval(TICK);
        let (mut reported, mut moved) = (None, tokio::time::Instant::now());
        loop {
            tokio::select! {
                answer = &mut send => return answer,
                now = ticks.tick() => {
                    let taken = watch.taken();
                    if reported != Some(taken) {
                        (reported, moved) = (Some(taken), now);
                        progress(taken);
                    }
                    let limit = if taken >= size { COMMIT_LIMIT } else { STALL_LIMIT };
                    if now.duration_since(moved) > limit {
                        let still = format!("{doing}: nothing has moved for {} seconds", limit.as_secs());
                        return Err(Failure::from(Error::network(still)).transient());
                    }
                }
            }
        }
    }

    /// The blob in chunks, each sent where the answer to the one before says.
    async fn put_chunks(
        &self,
        repository: &str,
        blob: &Descriptor,
        blobs: &Arc<dyn Blobs>,
        mut session: Url,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), Failure> {
        let doing = self.doing(blob, repository);
        let scope = Scope::push(repository);
        let mut stream = BlobStream::open(Arc::clone(blobs), blob.clone());
        let (mut sent, mut over) = (0_u64, false);
        while !over {
            let mut chunk = BytesMut::with_capacity(CHUNK);
            while chunk.len() + (256 << 10) <= CHUNK {
                match stream.next().await {
                    Some(Ok(bytes)) => chunk.extend_from_slice(&bytes),
                    Some(Err(_)) | None => {
                        over = true;
                        break;
                    }
                }
            }
            if let Some(trouble) = stream.watch().trouble() {
                return Err(trouble.context(format!("sending to {}/{repository}", self.host())).into());
            }
            if chunk.is_empty() {
                break;
            }
            let end = sent + chunk.len() as u64;
            let chunk: Bytes = chunk.freeze();
            let response = self
                .put_piece(&scope, Method::PATCH, &session, &doing, &|r| {
                    r.header(CONTENT_TYPE, "application/octet-stream")
                        .header(CONTENT_RANGE, format!("{sent}-{}", end - 1))
                        .header(CONTENT_LENGTH, chunk.len())
                        .body(chunk.clone())
                })
                .await?;
            if !response.status().is_success() {
                return Err(self.declined(response, &doing, repository).await);
            }
            let kept = response.headers().get(RANGE).and_then(|v| v.to_str().ok()?.rsplit('-').next()?.trim().parse::<u64>().ok());
            if kept.is_some_and(|last| last + 1 != end) {
                let short = format!("{doing}: the registry kept only a part of what was sent");
                return Err(Failure::from(Error::network(short)).transient());
            }
            session = self.location(&response, &session, &doing)?;
            sent = end;
            progress(sent);
        }
        let url = closing(session, &blob.digest);
        let response = self.put_piece(&scope, Method::PUT, &url, &doing, &|r| r.header(CONTENT_LENGTH, 0)).await?;
        self.stored(response, blob, repository, &doing).await
    }

    /// One request of a chunked upload. Not retried alone: the upload starts anew.
    async fn put_piece(
        &self,
        scope: &Scope,
        method: Method,
        url: &Url,
        doing: &str,
        shape: &(dyn Fn(RequestBuilder) -> RequestBuilder + Send + Sync),
    ) -> Result<Response, Failure> {
        let request = shape(self.0.http.request(method, url.clone()).timeout(SMALL_TIME_LIMIT * 5));
        let response = self.send_once(self.authorised(scope, request, url).await?, doing).await?;
        self.fresh(response, scope, url, doing).await
    }

    /// A token that ended on the way is worth another try with a new one.
    async fn fresh(&self, response: Response, scope: &Scope, url: &Url, doing: &str) -> Result<Response, Failure> {
        if response.status() == StatusCode::UNAUTHORIZED && self.0.endpoint.is_own(url) {
            self.0.authority.refused(Some(scope), response.headers()).await?;
            return Err(self.declined(response, doing, &scope.repository).await.transient());
        }
        Ok(response)
    }

    /// Makes sure that the closing answer is a good one.
    async fn stored(&self, response: Response, blob: &Descriptor, repository: &str, doing: &str) -> Result<(), Failure> {
        let url = response.url().clone();
        let response = self.fresh(response, &Scope::push(repository), &url, doing).await?;
        if !response.status().is_success() || response.status() == StatusCode::ACCEPTED {
            return Err(self.declined(response, doing, repository).await);
        }
        let stored: Option<Digest> = response.headers().get("docker-content-digest").and_then(|v| v.to_str().ok()?.parse().ok());
        if let Some(other) = stored.filter(|d| *d != blob.digest) {
            return Err(Error::network(format!("{doing}: the registry stored {other} instead")).into());
        }
        // Read to its end, so that the connection can serve the next request.
        let _ = bounded(response, 64 << 10).await;
        Ok(())
    }

    fn doing(&self, blob: &Descriptor, repository: &str) -> String {
        format!("pushing blob {} to {}/{repository}", blob.digest.short(), self.host())
    }
}

/// The URL that completes an upload.
fn closing(mut session: Url, digest: &Digest) -> Url {
    session.query_pairs_mut().append_pair("digest", &digest.to_string());
    session
}

/// Whether an answer may mean that the registry (or a proxy before it) takes blobs in chunks only.
fn refuses_whole_blobs(failure: &Failure) -> bool {
    let explained =
        ["DIGEST_INVALID", "DENIED", "UNAUTHORIZED", "NAME_INVALID", "NAME_UNKNOWN", "TOOMANYREQUESTS"].iter().any(|c| failure.has_code(c));
    !explained && failure.status.is_some_and(|s| matches!(s.as_u16(), 400 | 404 | 405 | 411 | 413 | 416 | 501))
}
