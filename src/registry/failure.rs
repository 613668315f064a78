//! Why a request failed, in the registry's own words, and whether trying again can help.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::proxy;
use crate::Error;

/// How much of an error's body is read.
const MAX_ERROR_BODY: usize = 64 << 10;
/// How much of a text that is not the specification's JSON is shown.
const MAX_SHOWN: usize = 300;

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
    /// The registry asked for this much patience.
    pub retry_after: Option<Duration>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { error, status: None, codes: Vec::new(), transient: false, retry_after: None }
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

    /// Whether the registry gave one of its error codes.
    pub fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|c| c == code)
    }

    /// Adds advice.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.error = self.error.hint(hint);
        self
    }

    /// No answer: connection, TLS, name or time.
    ///
    /// `reached` says that the host has answered before: then a refused connection is an interruption worth a retry, not a
    /// registry that is not there.
    pub fn connection(error: reqwest::Error, host: &str, doing: &str, reached: bool) -> Self {
        let over_tls = error.url().is_some_and(|url| url.scheme() == "https");
        let proxy = error.url().and_then(proxy::of);
        // The URL may hold a signature or an upload's state: it is not shown.
        let error = error.without_url();
        let about = |what: String, hint: &str| Error::network(format!("{doing}: {what}")).hint(hint.to_owned());
        let mut transient = reached || !error.is_connect();
        let shown = if let Some((what, hint)) = proxy.and_then(|proxy| proxy::complaint(&error, &proxy, host)) {
            about(what, &hint)
        } else if refuses_our_certificate(&error) {
            transient = false;
            about(
                format!("{host} wants a client certificate, or does not take ours"),
                "name it: `client-cert` and `client-key` in [registry], or HOST/client.cert and client.key in /etc/docker/certs.d",
            )
        } else if let Some(tls) = cause::<rustls::Error>(&error) {
            transient = false;
            use rustls::Error as Tls;
            match tls {
                Tls::InvalidCertificate(problem) if format!("{problem:?}").contains("CaUsedAsEndEntity") => about(
                    format!("the certificate of {host} is an authority's (CA:TRUE), which a server may not show as its own"),
                    "sign a certificate for the server with it (`openssl x509 -req -CA …`), and name the authority's file as `ca`",
                ),
                Tls::InvalidCertificate(problem) => about(
                    format!("the certificate of {host} is not trusted: {problem:?}"),
                    "name the file of its certificate authority: `ca = \"…\"` in [registry], /etc/docker/certs.d/HOST/ca.crt, or SSL_CERT_FILE",
                ),
                Tls::InvalidMessage(_) => about(
                    format!("{host} does not speak TLS"),
                    "registries are spoken to over HTTPS; plain HTTP only at loopback addresses (localhost, 127.0.0.0/8, ::1) and where \
                     `insecure = true` in [registry] or CATAMARAN_INSECURE_REGISTRIES=HOST asks for it",
                ),
                other => about(format!("TLS with {host} failed: {other}"), "check the address and the system's clock"),
            }
        } else if error.is_timeout() {
            transient = true;
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
        } else {
            about(format!("the connection to {host} failed"), "check the network, and run it again: what has arrived is kept").source(error)
        };
        Failure { transient, ..shown.into() }
    }

    /// An answer that is not the hoped-for one. Reads its body for the registry's own words.
    pub async fn answer(response: Response, host: &str, doing: &str) -> Self {
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let body = bounded(response, MAX_ERROR_BODY).await.unwrap_or_default();
        let (codes, words) = words(&body);
        let mut text = format!("{doing}: {host} answered {}", status.as_u16());
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
        if status == StatusCode::TOO_MANY_REQUESTS {
            error = error.hint("the registry limits how much it is asked; wait a while and run it again, what has arrived is kept");
        } else if status.is_server_error() {
            error = error.hint("the fault is on the registry's side; run it again later, what has arrived is kept");
        }
        Failure { error, status: Some(status), codes, transient, retry_after }
    }
}

/// How much patience an answer asks for.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get("retry-after").and_then(|v| v.to_str().ok()).and_then(seconds_from_now)
}

/// `Retry-After`: seconds, or an HTTP date.
fn seconds_from_now(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    let left = date.timestamp().as_second() - jiff::Timestamp::now().as_second();
    Some(Duration::from_secs(left.max(0).unsigned_abs()))
}

/// Reads at most `limit` bytes of a body.
pub(super) async fn bounded(mut response: Response, limit: usize) -> Result<Vec<u8>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk[..chunk.len().min(limit - bytes.len())]);
        if bytes.len() == limit {
            break;
        }
    }
    Ok(bytes)
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What token servers and gateways answer instead.
#[derive(Deserialize)]
struct OtherError {
    #[serde(alias = "error_description", alias = "details", alias = "detail")]
    message: Option<String>,
    error: Option<String>,
}

/// The error codes of a body, and a line that says what it says.
fn words(body: &[u8]) -> (Vec<String>, String) {
    if let Ok(Errors { errors }) = serde_json::from_slice(body)
        && !errors.is_empty()
    {
        let line: Vec<String> = errors
            .iter()
            .take(3)
            .map(|e| match (e.code.as_str(), e.message.as_str()) {
                (code, "") => code.to_owned(),
                ("", message) => message.to_owned(),
                (code, message) => format!("{code}: {message}"),
            })
            .collect();
        return (errors.into_iter().map(|e| e.code).collect(), printable(&line.join("; ")));
    }
    if let Ok(OtherError { message, error }) = serde_json::from_slice(body)
        && let Some(text) = message.or(error)
    {
        return (Vec::new(), printable(&text));
    }
    let text = String::from_utf8_lossy(body);
    // A gateway's HTML page says nothing that its status has not said.
    if text.trim_start().starts_with('<') {
        return (Vec::new(), String::new());
    }
    (Vec::new(), printable(text.lines().next().unwrap_or_default()))
}

/// One line without control characters: what a server sends must not drive the terminal.
fn printable(text: &str) -> String {
    let mut out: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_SHOWN).collect();
    if text.trim().chars().nth(MAX_SHOWN).is_some() {
        out.push('…');
    }
    out
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_registrys_own_words_are_found() {
        let spec = br#"{"errors":[{"code":"DENIED","message":"requested access\u001b[31m is denied","detail":[]}]}"#;
        assert_eq!(words(spec), (vec!["DENIED".to_owned()], "DENIED: requested access [31m is denied".to_owned()));
        assert_eq!(words(br#"{"details":"incorrect username or password"}"#).1, "incorrect username or password");
        assert_eq!(words(b"<html>502</html>").1, "");
        assert_eq!(words(b"quota exceeded\nmore").1, "quota exceeded");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(seconds_from_now("7"), Some(Duration::from_secs(7)));
        assert_eq!(seconds_from_now("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(seconds_from_now("soon"), None);
    }

    proptest! {
        #[test]
        fn any_body_becomes_one_short_line(body in proptest::collection::vec(any::<u8>(), 0..600)) {
            let (_, line) = words(&body);
            prop_assert!(line.chars().count() <= MAX_SHOWN + 1 && !line.chars().any(char::is_control));
        }
    }
}
