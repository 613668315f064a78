//! One registry: one HTTP client, one connection pool, every request through the same door.
//!
//! Own requests rather than `oci-client`'s: that client panics when a manifest is pushed by digest to a registry that
//! sends no `Location`, does not hand out a manifest's `Content-Type`, retries nothing, hides the token server's
//! message, cannot use identity tokens, and would open a second pool of connections beside ours.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::header::LOCATION;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use tokio::sync::OnceCell;
use url::Url;

use super::auth::{Authority, Scope};
use super::body::{bounded, retry_after};
use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::failure::Failure;
use super::form::Form;
use super::limit::Limit;
use super::manifest::Found;
use super::proxy;
use super::retry::Patience;
use super::silence::Wait;
use super::tag::SeveralTags;
use super::transport::Transport;
use crate::progress::Progress;
use crate::waiting::Listener;
use crate::{Error, Result};

/// Requests that carry no blob, at a time. Over HTTP/2 they share one connection; plain HTTP has no such thing, and asks one
/// after another on this machine, where waiting costs nothing, so as to stay on one connection too.
const SMALL_REQUESTS: usize = 6;
/// How often a request is followed to where it is redirected.
pub(super) const MAX_REDIRECTS: usize = 5;
/// Blobs on their way at a time.
const UPLOADS: usize = 4;

/// A registry. Cheap to clone; connects when first used.
#[derive(Clone)]
pub struct Registry(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub endpoint: Endpoint,
    pub http: reqwest::Client,
    pub authority: Authority,
    pub patience: Patience,
    pub uploads: Limit,
    /// What tags named when they were last looked at.
    pub seen: Mutex<BTreeMap<(String, String), Sighting>>,
    /// How it sets several tags with one request; found out by the first who has several to set, while the others wait.
    pub several_tags: OnceCell<SeveralTags>,
    /// In which form it takes blobs, as far as it is known.
    pub form: Mutex<Form>,
    /// Who hears that it is waited for.
    pub listener: Listener,
    small: Limit,
    reached: AtomicBool,
    /// Where certificates for this host were read from.
    pub certificates: Vec<PathBuf>,
}

/// When a reference was looked at, and what it named.
pub(super) type Sighting = (Instant, Option<Found>);

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry").field(&self.host()).finish()
    }
}

impl Registry {
    /// The registry at `host[:port]`. Nothing is sent yet, and no credentials are looked for.
    ///
    /// HTTPS, except for loopback addresses and hosts that are configured as insecure. Proxies are those of the environment
    /// (`HTTPS_PROXY`, `NO_PROXY`, …), except for loopback addresses.
    ///
    /// # Errors
    /// It is no host, or a certificate that is configured for it cannot be used.
    pub fn connect(host: &str, credentials: Credentials) -> Result<Self> {
        let patience = Patience::of(credentials.variables())?;
        Self::with_patience(host, credentials, patience)
    }

    /// The same, and `progress` hears when the registry is waited for.
    #[must_use]
    pub fn heard_by(self, progress: Arc<dyn Progress>) -> Self {
        self.0.listener.is(progress);
        self
    }

    pub(super) fn with_patience(host: &str, credentials: Credentials, patience: Patience) -> Result<Self> {
        let transport = Transport::of(host, credentials.settings(), credentials.variables())?;
        let endpoint = Endpoint::new(host, transport.security())?;
        // reqwest is built without a TLS provider of its own; someone else may have installed ours already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let own = endpoint.clone();
        let redirects = reqwest::redirect::Policy::custom(move |attempt| {
            // Blobs and manifests are followed by `exchange`, which then knows who it was that failed.
            let followed = attempt.previous().first().is_some_and(|url| own.is_content(url));
            let plain = attempt.url().scheme() != "https" && !own.may_be_plain(attempt.url());
            match (followed, plain, attempt.previous().len()) {
                (true, ..) => attempt.stop(),
                (_, true, _) => attempt.error("it redirects to an address that is not HTTPS"),
                (_, _, MAX_REDIRECTS..) => attempt.error("too many redirects"),
                _ => attempt.follow(),
            }
        });
        let builder = reqwest::Client::builder()
            .user_agent(concat!("catamaran/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(15))
            .tcp_keepalive(Duration::from_secs(30))
            .pool_idle_timeout(Duration::from_secs(90))
            .http2_adaptive_window(true)
            .redirect(redirects)
            .proxy(proxy::of_environment());
        // Spoken to in the clear, it may still send us to a token server or a storage service that is not.
        let tls = if endpoint.is_plain() { transport.trust.when_needed()? } else { transport.trust.now()? };
        let http = builder.tls_backend_preconfigured(tls).build().map_err(|error| Error::network("cannot prepare TLS").source(error))?;
        let listener = Listener::default();
        let small = if endpoint.is_plain() && endpoint.is_local() { 1 } else { SMALL_REQUESTS };
        Ok(Registry(Arc::new(Inner {
            authority: Authority::new(endpoint.clone(), credentials, listener.clone(), patience.answer),
            listener,
            certificates: transport.files,
            endpoint,
            http,
            patience,
            uploads: Limit::new(UPLOADS),
            seen: Mutex::default(),
            several_tags: OnceCell::new(),
            form: Mutex::default(),
            small: Limit::new(small),
            reached: AtomicBool::new(false),
        })))
    }

    /// `host[:port]`, as given to [`Registry::connect`].
    pub fn host(&self) -> &str {
        &self.0.endpoint.host
    }

    /// One request that can be sent again: with the proof the registry wants, retried while that helps.
    ///
    /// Any answer that a retry does not change is handed back, refusals included.
    pub(super) async fn request(
        &self,
        scope: &Scope,
        method: Method,
        url: &Url,
        doing: &str,
        shape: &(dyn Fn(RequestBuilder) -> RequestBuilder + Send + Sync),
    ) -> Result<Response, Failure> {
        self.0.patience.retry(|| self.exchange(scope, method.clone(), url, doing, shape)).await
    }

    /// [`Registry::request`], once; a 401 is answered with a fresh proof.
    pub(super) async fn exchange(
        &self,
        scope: &Scope,
        method: Method,
        url: &Url,
        doing: &str,
        shape: &(dyn Fn(RequestBuilder) -> RequestBuilder + Send + Sync),
    ) -> Result<Response, Failure> {
        let _place = self.0.small.enter().await;
        let (mut challenged, mut redirects) = (false, 0);
        let mut at = url.clone();
        loop {
            let request = self.authorised(scope, shape(self.0.http.request(method.clone(), at.clone())), &at).await?;
            let response = self.wait().hear(doing, self.send_once(request, doing)).await??;
            let status = response.status();
            if redirects_again(status, &method) && response.headers().contains_key(LOCATION) {
                redirects += 1;
                if redirects > MAX_REDIRECTS {
                    return Err(Error::network(format!("{doing}: it is redirected more than {MAX_REDIRECTS} times")).into());
                }
                at = self.location(&response, &at, doing)?;
                let _ = bounded(response, 64 << 10).await;
                continue;
            }
            if status == StatusCode::UNAUTHORIZED && !challenged && self.0.endpoint.is_own(&at) {
                challenged = true;
                self.0.authority.refused(Some(scope), response.headers()).await?;
                let _ = bounded(response, 64 << 10).await;
                continue;
            }
            if status.is_server_error() || matches!(status.as_u16(), 408 | 429 | 499) {
                return Err(Failure::answer(response, self.host(), doing).await);
            }
            return Ok(response);
        }
    }

    /// Adds the proof, if `url` is the registry itself: nobody else gets to see it.
    pub(super) async fn authorised(&self, scope: &Scope, request: RequestBuilder, url: &Url) -> Result<RequestBuilder, Failure> {
        if !self.0.endpoint.is_own(url) {
            return Ok(request);
        }
        Ok(match self.0.authority.authorization(&self.0.http, scope).await? {
            Some(value) => request.header("authorization", value),
            None => request,
        })
    }

    /// A wait for an answer that begins now.
    pub(super) fn wait(&self) -> Wait<'_> {
        Wait::new(&self.0.listener, self.host(), self.0.patience.answer)
    }

    /// Sends, and tells why there was no answer. How long that may take is the caller's to say.
    pub(super) async fn send_once(&self, request: RequestBuilder, doing: &str) -> Result<Response, Failure> {
        let reached = self.0.reached.load(Ordering::Relaxed);
        let response = request.send().await.map_err(|error| Failure::connection(error, self.host(), doing, reached))?;
        self.0.reached.store(true, Ordering::Relaxed);
        match response.status() {
            StatusCode::TOO_MANY_REQUESTS => {
                // One that asks for hours is left alone, not waited for.
                let asked = retry_after(response.headers()).unwrap_or(self.0.patience.first_pause);
                let pause = if asked <= self.0.patience.longest_pause { asked } else { Duration::ZERO };
                [&self.0.small, &self.0.uploads].iter().for_each(|limit| limit.crowded(pause));
            }
            status if status.is_success() => [&self.0.small, &self.0.uploads].iter().for_each(|limit| limit.answered()),
            _ => {}
        }
        Ok(response)
    }

    /// The failure that an answer is, with what to do about 401 and 403.
    pub(super) async fn declined(&self, response: Response, doing: &str, repository: &str) -> Failure {
        let status = response.status();
        let failure = Failure::answer(response, self.host(), doing).await;
        // To HEAD the answer has no words; asked for them, it may say that it wants TLS.
        if status == StatusCode::BAD_REQUEST && self.0.endpoint.is_plain() && failure.codes.is_empty() {
            let request = self.0.http.get(self.0.endpoint.ping());
            if let Ok(Ok(answer)) = self.wait().hear(doing, self.send_once(request, doing)).await
                && answer.status() == StatusCode::BAD_REQUEST
            {
                return Failure::answer(answer, self.host(), doing).await;
            }
        }
        let advice = self.0.authority.advice(repository).await;
        match status.as_u16() {
            401 => failure.hint(advice),
            403 => {
                let host = self.host();
                failure.hint(format!("may these credentials write to {host}/{repository}, and does it exist? {advice}"))
            }
            404 if failure.error.advice().is_none() => {
                failure.hint(format!("does {repository} exist there, and may these credentials see it? {advice}"))
            }
            405 | 415 if failure.codes.is_empty() => failure.hint("does the registry accept OCI images, and pushes at all?"),
            _ if failure.has_code("DENIED") => failure.hint(advice),
            _ => failure,
        }
    }
}

/// Whether the same request is to be sent elsewhere (RFC 9110, 15.4). What changes something is not made a GET of.
fn redirects_again(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        307 | 308 => true,
        301..=303 => matches!(*method, Method::GET | Method::HEAD),
        _ => false,
    }
}
