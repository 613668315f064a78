//! Getting bytes from an archive: `http`, `https` and `file` URLs, retries, and bodies as a plain [`Read`].

use std::io::{self, Read};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::{Buf, Bytes};
use reqwest::header::{ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RANGE, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::waiting::wait;
use crate::error::io_error;
use crate::progress::Progress;
use crate::trust::Trust;
use crate::waiting::Listener;
use crate::{Error, Result};

/// How often a transient failure is tried again.
const RETRIES: usize = 3;
/// The pause before the first of them; each next is twice as long.
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 200 });

/// A server that says nothing for this long is given up; with the retries that is two minutes.
const SILENCE: Duration = Duration::from_secs(30);

/// The client of one session. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Http {
    /// Who hears that a server is waited for.
    listener: Listener,
    /// Made when it is first needed. The system's certificates are read when a server shows one: mirrors rarely do.
    client: Arc<OnceLock<Client>>,
}

/// What a server said about a file, to ask later whether it has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// A failed attempt, and whether another may go better.
#[derive(Debug)]
pub(crate) struct Fault {
    pub error: Error,
    pub transient: bool,
    pub after: Option<Duration>,
}

impl Fault {
    /// Trying again will not help.
    pub fn lasting(error: Error) -> Self {
        Fault { error, transient: false, after: None }
    }

    /// Trying again may help.
    pub fn transient(error: Error) -> Self {
        Fault { error, transient: true, after: None }
    }
}

/// The answer to a request.
pub(crate) enum Answer {
    /// The content, from the asked offset if the server could do that.
    Body(Box<Body>),
    /// It is as the validators say.
    NotModified,
    /// There is no such file.
    Missing,
}

/// A body being received.
pub(crate) struct Body {
    /// Where in the file it begins: the asked offset, or 0 when the server ignored it.
    pub from: u64,
    pub validators: Validators,
    /// For errors, without what must not be shown.
    url: Url,
    source: Source,
}

enum Source {
    Http(reqwest::Response, Listener),
    File(tokio::fs::File),
}

/// `url` without what must not be shown.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}

impl Http {
    /// Nothing is prepared yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on `progress` hears what is waited for.
    pub fn tell(&self, progress: Arc<dyn Progress>) {
        self.listener.is(progress);
    }

    /// A client with our user agent; proxies come from the environment.
    fn client(&self) -> Result<Client> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        // Several rooms do this; whoever comes first wins, and all choose the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("catamaran/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(15))
            .read_timeout(SILENCE)
            .tls_backend_preconfigured(Trust::default().when_needed()?)
            .pool_max_idle_per_host(16)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| Error::network("could not set up the network client").source(error))?;
        // Of two that were made at the same time the first is used.
        Ok(self.client.get_or_init(|| client).clone())
    }

    /// Asks once for `url` from byte `from` on. `setting` is where its address comes from, for advice.
    pub async fn ask(&self, url: &Url, setting: &str, from: u64, validators: Option<&Validators>) -> Result<Answer, Fault> {
        if url.scheme() == "file" {
            return file(url, from).await;
        }
        let mut headers = HeaderMap::new();
        if from > 0 {
            put(&mut headers, RANGE, &format!("bytes={from}-"));
        }
        if let Some(validators) = validators {
            validators.etag.iter().for_each(|etag| put(&mut headers, IF_NONE_MATCH, etag));
            validators.last_modified.iter().for_each(|date| put(&mut headers, IF_MODIFIED_SINCE, date));
        }
        let client = self.client().map_err(Fault::lasting)?;
        let asked = client.get(url.clone()).headers(headers).send();
        let response = wait(&self.listener, url, asked).await.map_err(|error| unreachable(url, setting, error))?;
        let text = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
                let from = match response.status() {
                    StatusCode::PARTIAL_CONTENT => content_range_start(text("content-range").as_deref()).ok_or_else(|| {
                        Fault::lasting(Error::network(format!("{} answered with a part of the file nobody asked for", shown(url))))
                    })?,
                    _ => 0,
                };
                let validators = Validators { etag: text(ETAG.as_str()), last_modified: text(LAST_MODIFIED.as_str()) };
                Ok(Answer::Body(Box::new(Body {
                    from,
                    validators,
                    url: url.clone(),
                    source: Source::Http(response, self.listener.clone()),
                })))
            }
            StatusCode::NOT_MODIFIED => Ok(Answer::NotModified),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Answer::Missing),
            // What was received so far cannot be continued; from the start it may.
            StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => Box::pin(self.ask(url, setting, 0, validators)).await,
            status => {
                let after = text(RETRY_AFTER.as_str()).and_then(|v| v.trim().parse().ok()).map(|s: u64| Duration::from_secs(s.min(30)));
                let transient = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
                let mut error = Error::network(format!("{} answered {status}", shown(url)));
                if transient {
                    error = error.hint(format!("the server has trouble: try again later, or name another with {setting}"));
                } else if matches!(status.as_u16(), 401 | 403 | 407) {
                    error = error.hint("check the mirror's address and credentials, and the proxy settings of this machine");
                }
                Err(Fault { error, transient, after })
            }
        }
    }
}

fn put(headers: &mut HeaderMap, name: reqwest::header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn unreachable(url: &Url, setting: &str, error: reqwest::Error) -> Fault {
    let error = Error::network(format!("could not reach {}", shown(url)))
        .source(error.without_url())
        .hint(format!("check the network; another address can be named with {setting}"));
    Fault::transient(error)
}

/// `bytes 100-199/200` begins at 100.
fn content_range_start(header: Option<&str>) -> Option<u64> {
    header?.trim().strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok()
}

async fn file(url: &Url, from: u64) -> Result<Answer, Fault> {
    let path = url.to_file_path().map_err(|()| Fault::lasting(Error::usage(format!("{} is not the path of a file", shown(url)))))?;
    let fault = |error: io::Error| Fault::lasting(io_error(error, "reading", &path));
    let mut file = match tokio::fs::File::open(&path).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Answer::Missing),
        other => other.map_err(fault)?,
    };
    file.seek(io::SeekFrom::Start(from)).await.map_err(fault)?;
    Ok(Answer::Body(Box::new(Body { from, validators: Validators::default(), url: url.clone(), source: Source::File(file) })))
}

impl Body {
    /// The next piece; `None` at the end.
    async fn piece(&mut self) -> Result<Option<Bytes>, Fault> {
        match &mut self.source {
            Source::Http(response, listener) => wait(listener, &self.url, response.chunk()).await.map_err(|error| {
                let broke = Error::network(format!("the connection broke while receiving {}", shown(&self.url)));
                Fault::transient(broke.source(error.without_url()).hint("check the network, and run it again: what has arrived is kept"))
            }),
            Source::File(file) => {
                let mut piece = bytes::BytesMut::with_capacity(1 << 17);
                let n = file.read_buf(&mut piece).await;
                match n.map_err(|error| Fault::lasting(io_error(error, "reading", self.url.path().as_ref())))? {
                    0 => Ok(None),
                    _ => Ok(Some(piece.freeze())),
                }
            }
        }
    }

    /// The whole body, refused when it is longer than `limit`.
    pub async fn bytes(mut self, limit: u64) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        while let Some(piece) = self.piece().await? {
            if (out.len() + piece.len()) as u64 > limit {
                return Err(Fault::lasting(Error::network(format!("{} is longer than {limit} bytes", shown(&self.url)))));
            }
            out.extend_from_slice(&piece);
        }
        Ok(out)
    }

    /// Gives the body as a plain reader to `work` on a blocking thread, while this task keeps receiving.
    ///
    /// A few pieces wait in between, so memory stays small whatever the length. When the connection breaks, the
    /// reader reports an error, and the answer is what happened on the wire.
    pub async fn read_by<T: Send + 'static>(
        mut self,
        work: impl FnOnce(&mut Pieces) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (sender, receiver) = mpsc::channel(4);
        let worker = tokio::task::spawn_blocking(move || work(&mut Pieces { receiver, current: Bytes::new() }));
        let mut broken = None;
        loop {
            match self.piece().await {
                Ok(Some(piece)) => {
                    if sender.send(Ok(piece)).await.is_err() {
                        break; // the worker has what it wants, or gave up
                    }
                }
                Ok(None) => break,
                Err(fault) => {
                    let _ = sender.send(Err(io::Error::from(io::ErrorKind::ConnectionReset))).await;
                    broken = Some(fault);
                    break;
                }
            }
        }
        drop(sender);
        let done = worker.await.map_err(|_| Fault::lasting(Error::failed(format!("reading {} stopped unexpectedly", shown(&self.url)))))?;
        match broken {
            Some(fault) => done.and(Err(fault)),
            None => done,
        }
    }
}

/// The receiving end of a [`Body`] on a blocking thread.
pub(crate) struct Pieces {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.current = piece?,
                None => return Ok(0),
            }
        }
        let n = self.current.len().min(out.len());
        self.current.copy_to_slice(&mut out[..n]);
        Ok(n)
    }
}

impl Http {
    /// Runs `attempt` until it succeeds, fails for good, or has been tried often enough; stops at once when cancelled. Every further
    /// attempt is told.
    pub async fn with_retries<T, F>(&self, cancel: &CancellationToken, mut attempt: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut delays = ExponentialBuilder::default().with_min_delay(PAUSE).with_max_times(RETRIES).with_jitter().build();
        loop {
            let fault = match cancel.run_until_cancelled(attempt()).await {
                None => return Err(Error::interrupted()),
                Some(Ok(done)) => return Ok(done),
                Some(Err(fault)) => fault,
            };
            let delay = match delays.next() {
                Some(delay) if fault.transient => fault.after.unwrap_or(delay),
                _ => return Err(fault.error),
            };
            self.listener.hears(&format!("retrying: {}", fault.error.message()));
            if cancel.run_until_cancelled(tokio::time::sleep(delay)).await.is_none() {
                return Err(Error::interrupted());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_never_shown() {
        let url = Url::parse("http://me:hunter2@mirror.example/debian/x?token=hunter2").unwrap();
        assert_eq!(shown(&url), "http://mirror.example/debian/x");
    }

    #[test]
    fn a_content_range_says_where_it_begins() {
        assert_eq!(content_range_start(Some("bytes 100-199/200")), Some(100));
        for bad in [None, Some("bytes */200"), Some("items 1-2/3"), Some("")] {
            assert_eq!(content_range_start(bad), None);
        }
    }
}
