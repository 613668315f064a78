//! Why a request failed, in the registry's own words, and whether trying again can help.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use reqwest::{Response, StatusCode};

use super::body::{Cut, STANDSTILL, bounded, retry_after, words};
use super::endpoint::called;
use super::{distrust, proxy};
use crate::Error;

/// How much of an error's body is read.
const MAX_ERROR_BODY: usize = 64 << 10;

/// A failed request: the error to show, and what a retry has to know.
#[derive(Debug)]
pub(super) struct Failure {
    /// To show.
    pub error: Error,
    /// The status, when there was an answer.
    pub status: Option<StatusCode>,
    /// The specification's error codes (distribution-spec, "Error Codes").
    pub codes: Vec<String>,
    /// Trying again may help.
    pub transient: bool,
    /// Nothing has come for as long as we wait: trying again takes as long.
    pub silent: bool,
    /// The registry asked for this much patience.
    pub retry_after: Option<Duration>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { error, status: None, codes: Vec::new(), transient: false, silent: false, retry_after: None }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl Failure {
    /// The same failure, worth another try.
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// The same failure, as something found out ([`Error::as_answer`]).
    pub fn answered(mut self) -> Self {
        self.error = self.error.as_answer();
        self
    }

    /// The same failure, worth another try, though not many: it has taken its time.
    pub fn silent(mut self) -> Self {
        (self.transient, self.silent) = (true, true);
        self
    }

    /// Whether the registry gave one of its error codes.
    pub fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|c| c == code)
    }

    /// Adds advice.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.error = self.error.hint(hint);
        self
    }

    /// A web page where a registry should answer.
    pub fn web_page(doing: &str) -> Self {
        Error::network(format!("{doing}: a web page answers, not a registry"))
            .hint("does a login page, a proxy or a web server stand in its place?")
            .into()
    }

    /// No answer: connection, TLS, name or time. `host` is the registry's, or the token server's.
    ///
    /// `reached` says that the host has answered before: then a refused connection is an interruption worth a retry, not a
    /// registry that is not there.
    pub fn connection(error: reqwest::Error, host: &str, doing: &str, reached: bool) -> Self {
        let over_tls = error.url().is_some_and(|url| url.scheme() == "https");
        let proxy = error.url().and_then(proxy::of);
        let host = &error.url().map_or_else(|| host.to_owned(), |url| called(url, host));
        // The URL may hold a signature or an upload's state: it is not shown.
        let error = error.without_url();
        let about = |what: String, hint: &str| Error::network(format!("{doing}: {what}")).hint(hint.to_owned());
        let (mut transient, mut silent) = (reached || !error.is_connect(), false);
        let shown = if let Some((what, hint)) = proxy.and_then(|proxy| proxy::complaint(&error, &proxy, host)) {
            silent = error.is_timeout();
            about(what, &hint)
        } else if refuses_our_certificate(&error) {
            transient = false;
            about(
                format!("{host} wants a client certificate, or does not take ours"),
                "name it: `client-cert` and `client-key` in [registry], or HOST/client.cert and client.key in /etc/docker/certs.d",
            )
        } else if let Some(tls) = cause::<rustls::Error>(&error) {
            transient = false;
            let (what, hint) = distrust::explained(tls, host);
            about(what, hint)
        } else if error.is_timeout() {
            (transient, silent) = (true, true);
            about(format!("{host} did not answer in time"), "check the network, and run it again: what has arrived is kept")
        } else if mentions(&error, "dns error") {
            about(format!("the name {host} cannot be found"), "check its spelling and this machine's DNS")
        } else if cause::<io::Error>(&error).is_some_and(|e| e.kind() == io::ErrorKind::ConnectionRefused) {
            about(
                format!("nothing listens at {host}"),
                "is the registry running, and is that its port? plain HTTP is only used for loopback addresses",
            )
        } else if over_tls && !reached && mentions(&error, "connection closed") {
            // TLS 1.3 refuses a client after the handshake, and its word about that may be lost with the connection.
            about(
                format!("{host} closed the connection without an answer; perhaps it wants a client certificate"),
                "if it does, name it: `client-cert` and `client-key` in [registry], or HOST/client.cert and client.key in /etc/docker/certs.d",
            )
            .source(error)
        } else if !over_tls && mentions(&error, "invalid HTTP version") {
            transient = false;
            about(format!("{host} answers something that is not HTTP"), WANTS_TLS)
        } else {
            about(format!("the connection to {host} failed"), "check the network, and run it again: what has arrived is kept").source(error)
        };
        Failure { transient, silent, ..shown.into() }
    }

    /// A body that did not come to its end.
    pub fn cut(cut: Cut, host: &str, doing: &str) -> Self {
        match cut {
            Cut::Broken(error) => Failure::connection(error, host, doing, true),
            Cut::Silent => {
                let seconds = STANDSTILL.as_secs();
                Failure::from(Error::network(format!(
                    "{doing}: {host} has begun to answer, and nothing more has come for {seconds} seconds"
                )))
                .silent()
            }
        }
    }

    /// An answer that is not the hoped-for one. Reads its body for the registry's own words.
    pub async fn answer(response: Response, host: &str, doing: &str) -> Self {
        let status = response.status();
        let retry_after = retry_after(response.headers());
        // Over plain HTTP a proxy may be the one who answers; over TLS it cannot.
        let proxy = Some(response.url()).filter(|url| url.scheme() == "http").and_then(proxy::of);
        let host = called(response.url(), host);
        let body = bounded(response, MAX_ERROR_BODY).await.unwrap_or_default();
        let (codes, words) = words(&body);
        let through = proxy.as_ref().map(|proxy| format!(", through the proxy {proxy},")).unwrap_or_default();
        let mut text = format!("{doing}: {host}{through} answered {}", status.as_u16());
        if let Some(reason) = status.canonical_reason() {
            text.push(' ');
            text.push_str(reason);
        }
        if !words.is_empty() {
            text.push_str(": ");
            text.push_str(&words);
        }
        let transient =
            matches!(status.as_u16(), 408 | 429 | 499 | 522) || (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED);
        let mut error = Error::network(text);
        if status == StatusCode::BAD_REQUEST && wants_tls(&body) {
            error = Error::network(format!("{doing}: {host} speaks TLS, and was asked in plain HTTP")).hint(WANTS_TLS);
        } else if let (StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some(proxy)) = (status, &proxy) {
            error = error.hint(format!("the proxy wants a user and a password: HTTP_PROXY=http://USER:PASSWORD@{proxy}"));
        } else if let Some(hint) = advice(status) {
            error = error.hint(hint);
        }
        Failure { error, status: Some(status), codes, transient, silent: false, retry_after }
    }
}

/// What to do about a registry at a loopback address that speaks TLS.
const WANTS_TLS: &str = "registries at loopback addresses are spoken to in plain HTTP, unless there are certificates for them: name the file of its \
     certificate authority (`ca = \"…\"` in [registry], or certs.d/HOST/ca.crt below /etc/docker or ~/.config/containers), then it is TLS";

/// What Go's servers and nginx say to plain HTTP where they speak TLS.
pub(super) fn wants_tls(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    text.contains("HTTP request to an HTTPS server") || text.contains("plain HTTP request was sent to HTTPS port")
}

/// What to do about an answer, as far as its status alone says it.
fn advice(status: StatusCode) -> Option<&'static str> {
    Some(match status.as_u16() {
        413 => {
            "the registry, or a proxy before it, takes nothing that large: raise its limit (nginx: client_max_body_size), or make smaller \
             layers (`layers = N` in containers.toml)"
        }
        429 => {
            "the registry limits how much it is asked; wait a while and run it again, what has arrived is kept. Many let those who log in \
             ask more often"
        }
        502..=504 | 520..=524 => {
            "what stands before the registry (a proxy, a load balancer) cannot reach it; run it again later, what has arrived is kept"
        }
        507 => "the registry's storage is full: whoever runs it has to make room (delete old tags, collect garbage); then run it again",
        500.. => "the fault is on the registry's side; run it again later, what has arrived is kept. Its own log says more",
        _ => return None,
    })
}

/// The first error of type `T` among the causes, also inside of `io::Error`s.
pub(super) fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let inside = error.downcast_ref::<io::Error>().and_then(|e| e.get_ref()).map(|e| e as &(dyn StdError + 'static));
        next = inside.or_else(|| error.source());
    }
    None
}

/// Whether the server ended the handshake over our certificate. Told by its text: over HTTP/2 the alert comes inside of an
/// error that names no cause.
fn refuses_our_certificate(error: &(dyn StdError + 'static)) -> bool {
    const ALERTS: [&str; 4] = ["CertificateRequired", "BadCertificate", "UnknownCA", "CertificateUnknown"];
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if text.contains("received fatal alert") && ALERTS.iter().any(|alert| text.contains(alert)) {
            return true;
        }
        next = error.source();
    }
    false
}

/// Whether a cause's text begins with `text`.
pub(super) fn mentions(error: &(dyn StdError + 'static), text: &str) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.to_string().starts_with(text) {
            return true;
        }
        next = error.source();
    }
    false
}
