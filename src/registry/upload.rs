//! Blobs to a registry (distribution-spec, "Pushing blobs"): one POST, one PUT that streams; other forms where that is refused.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

use super::auth::Scope;
use super::blob_stream::{BlobStream, BlobWatch, Content};
use super::body::bounded;
use super::chunks::Session;
use super::client::{MAX_REDIRECTS, Registry};
use super::failure::Failure;
use super::form::Form;
use crate::image::{Blobs, Descriptor, Digest};
use crate::{Error, Result};

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
pub(super) enum Opened {
    Session(Session),
    Mounted,
}

/// One blob to bring to one repository.
pub(super) struct Errand<'a> {
    pub repository: &'a str,
    pub content: Content,
    pub progress: &'a (dyn Fn(u64) + Send + Sync),
    /// What it is called in errors.
    pub doing: String,
}

/// What earlier tries have come to.
struct Course<'a> {
    begun: bool,
    /// How it is sent now.
    form: Form,
    /// It is the registry that wants it so, whatever blob it is.
    found_out: bool,
    /// A repository to take it from, until that was tried.
    mount: Option<&'a str>,
    /// The upload that is open.
    session: Option<Session>,
}

impl Course<'_> {
    fn arrived(&self) -> u64 {
        self.session.as_ref().map_or(0, |session| session.offset)
    }
}

impl Registry {
    /// The length of the blob `digest` in `repository`; `None` when it is not there.
    pub async fn find_blob(&self, repository: &str, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.0.patience.retry(|| self.find_blob_raw(repository, digest)).await?)
    }

    /// The same, asked once.
    pub(super) async fn find_blob_raw(&self, repository: &str, digest: &Digest) -> Result<Option<u64>, Failure> {
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
    /// One POST and one PUT. When that is cut and the registry has kept a part, the rest is sent; when it refuses blobs in that
    /// form, they go in another. `progress` hears how many bytes have been handed over, at most ten times a second; it starts again
    /// from less when the upload has to. What is read is checked against the descriptor before the last byte leaves.
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
        let _place = self.0.uploads.enter().await;
        let doing = format!("pushing blob {} to {}/{repository}", blob.digest.short(), self.host());
        let content = Content { blobs: Arc::clone(blobs), blob: blob.clone(), known: true };
        let errand = Errand { repository, content, progress, doing };
        let form = *self.0.form.lock().unwrap_or_else(PoisonError::into_inner);
        let course = AsyncMutex::new(Course { begun: false, form, found_out: false, mount, session: None });
        loop {
            let before = course.lock().await.arrived();
            match self.0.patience.retry(|| self.attempt(&errand, &course)).await {
                // Patience is for standing still: a large blob over a bad line may be cut often, and still arrive.
                Err(failure) if failure.transient && course.lock().await.arrived() > before => {}
                done => return Ok(done?),
            }
        }
    }

    /// One try, from where the one before ended.
    async fn attempt(&self, errand: &Errand<'_>, course: &AsyncMutex<Course<'_>>) -> Result<Arrival, Failure> {
        let mut course = course.lock().await;
        let course = &mut *course;
        let again = std::mem::replace(&mut course.begun, true);
        // A lost answer may have been a good one.
        if again && self.find_blob_raw(errand.repository, &errand.content.blob.digest).await?.is_some() {
            return Ok(Arrival::Sent);
        }
        // What was begun in one stream cannot be gone on with: it has no place to say where it goes on.
        if let Some(cut) = course.session.take().filter(|_| course.form != Form::Streamed) {
            course.session = self.resume(errand, &cut).await?;
        }
        loop {
            let session = match &mut course.session {
                Some(session) => session,
                none => match self.open_upload(errand, course.mount.take()).await? {
                    Opened::Mounted => return Ok(Arrival::Present),
                    Opened::Session(session) => none.insert(session),
                },
            };
            let sent = match course.form {
                Form::Whole if session.offset == 0 => self.put_whole(errand, session.url.clone()).await,
                Form::Streamed => self.put_streamed(errand, session).await,
                Form::Whole | Form::Chunks => self.put_chunks(errand, session).await.map(drop),
            };
            let Err(failure) = sent else {
                if course.found_out {
                    *self.0.form.lock().unwrap_or_else(PoisonError::into_inner) = course.form;
                }
                return Ok(Arrival::Sent);
            };
            match course.form.after(&failure) {
                Some(next) => course.form = next,
                None => return Err(failure),
            }
            // A refusal of this blob's size says nothing of others.
            course.found_out = failure.status != Some(StatusCode::PAYLOAD_TOO_LARGE);
            course.session = None;
        }
    }

    /// Asks for an upload; the registry may answer that it took the blob from `mount` instead.
    pub(super) async fn open_upload(&self, errand: &Errand<'_>, mount: Option<&str>) -> Result<Opened, Failure> {
        let mut url = self.0.endpoint.url(errand.repository, &["blobs", "uploads", ""]);
        let mut scope = Scope::push(errand.repository);
        if let Some(from) = mount {
            url.query_pairs_mut().append_pair("mount", &errand.content.blob.digest.to_string()).append_pair("from", from);
            scope.from = Some(from.to_owned());
        }
        let response = self.exchange(&scope, Method::POST, &url, &errand.doing, &|r| r.header(CONTENT_LENGTH, 0)).await?;
        match response.status() {
            StatusCode::CREATED if mount.is_some() => Ok(Opened::Mounted),
            StatusCode::ACCEPTED => {
                self.location(&response, &url, &errand.doing).map(|to| Opened::Session(Session::new(to, response.headers())))
            }
            // The blob can be sent where it may not be taken from: the other repository may be closed to us, or gone.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND if mount.is_some() => {
                let _ = bounded(response, 64 << 10).await;
                Box::pin(self.open_upload(errand, None)).await
            }
            _ => Err(self.declined(response, &errand.doing, errand.repository).await),
        }
    }

    pub(super) fn location(&self, response: &Response, asked: &Url, doing: &str) -> Result<Url, Failure> {
        let location = response.headers().get(LOCATION).and_then(|v| v.to_str().ok());
        let Some(location) = location else {
            return Err(Error::network(format!("{doing}: {} opened an upload but does not say where (no Location header)", self.host()))
                .hint("is something between us and the registry dropping headers?")
                .into());
        };
        Ok(self.0.endpoint.location(asked, location)?)
    }

    /// The whole blob in the request that ends the upload.
    async fn put_whole(&self, errand: &Errand<'_>, session: Url) -> Result<(), Failure> {
        let digest = &errand.content.blob.digest;
        let sent = self.send_all(errand, Method::PUT, closing(session, digest)).await?;
        self.stored(sent, errand, digest).await
    }

    /// The whole blob in one PATCH that does not say which part it is, and a PUT without content.
    async fn put_streamed(&self, errand: &Errand<'_>, session: &mut Session) -> Result<(), Failure> {
        let (scope, digest) = (Scope::push(errand.repository), &errand.content.blob.digest);
        let sent = self.send_all(errand, Method::PATCH, session.url.clone()).await?;
        let sent = self.fresh(sent, &scope, &session.url, &errand.doing).await?;
        if !sent.status().is_success() {
            return Err(self.declined(sent, &errand.doing, errand.repository).await);
        }
        session.url = self.location(&sent, &session.url, &errand.doing)?;
        let _ = bounded(sent, 64 << 10).await;
        self.close(errand, session, digest, errand.content.blob.size).await
    }

    /// One request with all of the blob in it, wherever it is redirected.
    async fn send_all(&self, errand: &Errand<'_>, method: Method, mut url: Url) -> Result<Response, Failure> {
        for _ in 0..=MAX_REDIRECTS {
            let stream = BlobStream::open(errand.content.clone());
            let watch = stream.watch();
            let request = self
                .authorised(&Scope::push(errand.repository), self.0.http.request(method.clone(), url.clone()), &url)
                .await?
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_LENGTH, errand.content.blob.size)
                .body(Body::wrap_stream(stream.into_stream()));
            let sent = self.watched(request, &watch, errand).await;
            if let Some(trouble) = watch.trouble() {
                return Err(trouble.context(format!("sending to {}/{}", self.host(), errand.repository)).into());
            }
            let sent = sent?;
            // The HTTP library follows redirects, but has no second stream to send.
            if !matches!(sent.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
                return Ok(sent);
            }
            url = self.location(&sent, &url, &errand.doing)?;
            let _ = bounded(sent, 64 << 10).await;
        }
        Err(Error::network(format!("{}: it is redirected more than {MAX_REDIRECTS} times", errand.doing)).into())
    }

    /// Sends, reports progress, and gives up when nothing moves.
    async fn watched(&self, request: RequestBuilder, watch: &BlobWatch, errand: &Errand<'_>) -> Result<Response, Failure> {
        let (doing, size, silence) = (&errand.doing, errand.content.blob.size, self.0.patience.answer);
        let send = self.send_once(request, doing);
        tokio::pin!(send);
        let mut ticks = tokio::time::interval(TICK);
        let (mut reported, mut wait) = (None, self.wait());
        loop {
            tokio::select! {
                answer = &mut send => return answer,
                _ = ticks.tick() => {
                    let taken = watch.taken();
                    if reported != Some(taken) {
                        reported = Some(taken);
                        // A registry may need its time to put a whole blob away.
                        wait.moved(if taken >= size { silence.to_put_away(size) } else { silence });
                        (errand.progress)(taken);
                    }
                    wait.look(doing)?;
                }
            }
        }
    }

    /// A token that ended on the way is worth another try with a new one.
    pub(super) async fn fresh(&self, response: Response, scope: &Scope, url: &Url, doing: &str) -> Result<Response, Failure> {
        if response.status() == StatusCode::UNAUTHORIZED && self.0.endpoint.is_own(url) {
            self.0.authority.refused(Some(scope), response.headers()).await?;
            return Err(self.declined(response, doing, &scope.repository).await.transient());
        }
        Ok(response)
    }

    /// Makes sure that the closing answer is a good one.
    pub(super) async fn stored(&self, response: Response, errand: &Errand<'_>, digest: &Digest) -> Result<(), Failure> {
        let (repository, doing) = (errand.repository, &errand.doing);
        let url = response.url().clone();
        let response = self.fresh(response, &Scope::push(repository), &url, doing).await?;
        if !response.status().is_success() || response.status() == StatusCode::ACCEPTED {
            return Err(self.declined(response, doing, repository).await);
        }
        let stored: Option<Digest> = response.headers().get("docker-content-digest").and_then(|v| v.to_str().ok()?.parse().ok());
        if let Some(other) = stored.filter(|d| d != digest) {
            return Err(Error::network(format!("{doing}: the registry stored {other} instead")).into());
        }
        // Read to its end, so that the connection can serve the next request.
        let _ = bounded(response, 64 << 10).await;
        Ok(())
    }
}

/// The URL that completes an upload.
pub(super) fn closing(mut session: Url, digest: &Digest) -> Url {
    session.query_pairs_mut().append_pair("digest", &digest.to_string());
    session
}
