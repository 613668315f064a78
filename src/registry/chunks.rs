//! A blob in chunks (distribution-spec, "Pushing a blob in chunks"), for registries that refuse a whole one, and for what is
//! left of a blob whose upload was cut.

use bytes::BytesMut;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use url::Url;

use super::auth::Scope;
use super::blob_stream::BlobStream;
use super::body::bounded;
use super::client::Registry;
use super::failure::Failure;
use super::silence::Wait;
use super::upload::{Errand, closing};
use crate::Error;
use crate::image::Digest;

/// One chunk: GHCR refuses larger ones. A registry that wants more says so (`OCI-Chunk-Min-Length`).
const CHUNK: usize = 4 << 20;
/// No registry is given a larger chunk, whatever it asks for.
const MAX_CHUNK: usize = 64 << 20;

/// An upload that the registry keeps, and how far it is.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Where it goes on.
    pub url: Url,
    /// Bytes the registry has.
    pub offset: u64,
    /// The smallest chunk it takes, but for the last.
    pub chunk: usize,
    /// What the registry was asked to put away when all had been sent: digest and length.
    pub closed: Option<(Digest, u64)>,
}

impl Session {
    /// A new upload.
    pub fn new(url: Url, headers: &HeaderMap) -> Self {
        let asked = headers.get("oci-chunk-min-length").and_then(|v| v.to_str().ok()?.trim().parse::<usize>().ok());
        Session { url, offset: 0, chunk: asked.unwrap_or(CHUNK).clamp(CHUNK, MAX_CHUNK), closed: None }
    }
}

impl Registry {
    /// Asks how far an upload that was cut is (distribution-spec, "Resuming"); `None` when the registry has forgotten it, or
    /// has nothing of it that would save sending.
    pub(super) async fn resume(&self, errand: &Errand<'_>, session: &Session) -> Result<Option<Session>, Failure> {
        let scope = Scope::push(errand.repository);
        if !self.0.endpoint.is_own(&session.url) {
            return Ok(None); // a storage service's signed address knows no status
        }
        let response = self.exchange(&scope, Method::GET, &session.url, &errand.doing, &|r| r).await?;
        let (status, kept) = (response.status(), kept(response.headers()));
        let url = self.location(&response, &session.url, &errand.doing);
        let _ = bounded(response, 64 << 10).await;
        let most = if errand.content.known { errand.content.blob.size } else { u64::MAX };
        Ok(match (status, kept, url) {
            (StatusCode::NO_CONTENT, Some(offset), Ok(url)) if (1..=most).contains(&offset) => {
                Some(Session { url, offset, chunk: session.chunk, closed: None })
            }
            _ => None,
        })
    }

    /// Sends what the registry does not have yet, each chunk where the answer to the one before says; gives digest and length of
    /// the whole.
    pub(super) async fn put_chunks(&self, errand: &Errand<'_>, session: &mut Session) -> Result<(Digest, u64), Failure> {
        let scope = Scope::push(errand.repository);
        let doing = &errand.doing;
        let mut stream = BlobStream::open(errand.content.clone());
        // What is there already is read once more all the same: the digest is that of the whole.
        let (mut skip, mut over) = (session.offset, false);
        let mut rest = bytes::Bytes::new();
        while !over {
            let mut chunk = BytesMut::with_capacity(session.chunk.min(usize::try_from(errand.content.blob.size).unwrap_or(usize::MAX)));
            while chunk.len() < session.chunk {
                if rest.is_empty() {
                    match stream.next().await {
                        Some(Ok(bytes)) => rest = bytes,
                        Some(Err(_)) | None => {
                            over = true;
                            break;
                        }
                    }
                }
                let skipped = rest.len().min(usize::try_from(skip).unwrap_or(usize::MAX));
                skip -= skipped as u64;
                let _ = rest.split_to(skipped);
                chunk.extend_from_slice(&rest.split_to(rest.len().min(session.chunk - chunk.len())));
            }
            if let Some(trouble) = stream.watch().trouble() {
                return Err(trouble.context(format!("sending to {}/{}", self.host(), errand.repository)).into());
            }
            if chunk.is_empty() {
                break;
            }
            let (from, end) = (session.offset, session.offset + chunk.len() as u64);
            let chunk = chunk.freeze();
            let response = self
                .put_piece(errand, Method::PATCH, &session.url, chunk.len() as u64, &|r| {
                    r.header(CONTENT_TYPE, "application/octet-stream")
                        .header(CONTENT_RANGE, format!("{from}-{}", end - 1))
                        .header(CONTENT_LENGTH, chunk.len())
                        .body(chunk.clone())
                })
                .await?;
            if response.status() == StatusCode::RANGE_NOT_SATISFIABLE && from > 0 {
                // It has more or less than we think: it is asked, and the upload goes on from there.
                return Err(self.declined(response, doing, &scope.repository).await.transient());
            }
            if !response.status().is_success() {
                return Err(self.declined(response, doing, &scope.repository).await);
            }
            session.url = self.location(&response, &session.url, doing)?;
            // A range that ends before this chunk begins says nothing of it: ECR's stays that of the first one.
            if kept(response.headers()).is_some_and(|kept| kept > from && kept != end) {
                let short = format!("{doing}: the registry kept only a part of what was sent");
                return Err(Failure::from(Error::network(short)).transient());
            }
            let _ = bounded(response, 64 << 10).await;
            session.offset = end;
            (errand.progress)(end);
        }
        let Some((digest, size)) = stream.watch().read() else {
            return Err(Error::bug(format!("{doing}: the blob ended before its end")).into());
        };
        session.closed = Some((digest, size));
        self.close(errand, session, &digest, size).await?;
        Ok((digest, size))
    }

    /// The PUT that ends an upload of which everything has arrived: `size` bytes.
    pub(super) async fn close(&self, errand: &Errand<'_>, session: &Session, digest: &Digest, size: u64) -> Result<(), Failure> {
        let url = closing(session.url.clone(), digest);
        let response = self.put_piece(errand, Method::PUT, &url, size, &|r| r.header(CONTENT_LENGTH, 0)).await?;
        self.stored(response, errand, digest).await
    }

    /// One request of a chunked upload, with which the registry has `bytes` to take in, or to put away. Not retried alone: the
    /// registry is asked first how far it is.
    async fn put_piece(
        &self,
        errand: &Errand<'_>,
        method: Method,
        url: &Url,
        bytes: u64,
        shape: &(dyn Fn(RequestBuilder) -> RequestBuilder + Send + Sync),
    ) -> Result<Response, Failure> {
        let scope = Scope::push(errand.repository);
        let request = self.authorised(&scope, shape(self.0.http.request(method, url.clone())), url).await?;
        let silence = match bytes <= MAX_CHUNK as u64 {
            true => self.0.patience.answer.with_body(bytes),
            false => self.0.patience.answer.to_put_away(bytes),
        };
        let wait = Wait::new(&self.0.listener, self.host(), silence);
        let response = wait.hear(&errand.doing, self.send_once(request, &errand.doing)).await??;
        let response = self.fresh(response, &scope, url, &errand.doing).await?;
        if response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::answer(response, self.host(), &errand.doing).await);
        }
        Ok(response)
    }
}

/// How many bytes an upload's `Range: 0-LAST` says are there. `0-0` is one byte, or none at all: registries say that of an
/// upload that has just begun, so it counts as none, which is never wrong but for one byte sent twice.
fn kept(headers: &HeaderMap) -> Option<u64> {
    let (first, last) = headers.get(RANGE)?.to_str().ok()?.trim().trim_start_matches("bytes=").split_once('-')?;
    match (first.trim().parse::<u64>().ok()?, last.trim().parse::<u64>().ok()?) {
        (0, 0) => Some(0),
        (0, last) => last.checked_add(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    fn range(text: &str) -> Option<u64> {
        kept(&HeaderMap::from_iter([(RANGE, HeaderValue::from_str(text).ok()?)]))
    }

    #[test]
    fn a_range_says_how_many_bytes_are_there() {
        assert_eq!(range("0-0"), Some(0));
        assert_eq!(range("0-9"), Some(10));
        assert_eq!(range("bytes=0-9"), Some(10));
        for bad in ["5-9", "9", "0-", "", "0-18446744073709551615", "a-b"] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_range_ends_in_an_answer(text in "[0-9a-z=\\- ]{0,40}") {
            let _ = range(&text);
        }
    }
}
