//! What an answer says besides its status: its body, up to a limit, as one line for people, and how much patience it asks for.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use tokio::time::timeout;

/// How much of a text that is not the specification's JSON is shown.
const MAX_SHOWN: usize = 300;
/// How long a body that has begun may stand still.
pub(super) const STANDSTILL: Duration = Duration::from_secs(60);

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

/// Why a body did not come to its end.
#[derive(Debug)]
pub(super) enum Cut {
    /// The connection broke.
    Broken(reqwest::Error),
    /// Nothing more came.
    Silent,
}

/// Reads at most `limit` bytes of a body. It may take as long as it takes, as long as something comes.
pub(super) async fn bounded(mut response: Response, limit: usize) -> Result<Vec<u8>, Cut> {
    let mut bytes = Vec::new();
    while let Some(chunk) = timeout(STANDSTILL, response.chunk()).await.map_err(|_| Cut::Silent)?.map_err(Cut::Broken)? {
        bytes.extend_from_slice(&chunk[..chunk.len().min(limit - bytes.len())]);
        if bytes.len() == limit {
            break;
        }
    }
    Ok(bytes)
}

/// Whether a body is a web page. Its media type does not say: Quay sends `true` as text/html, others send pages as anything.
pub(super) fn is_web_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
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
pub(super) fn words(body: &[u8]) -> (Vec<String>, String) {
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
    let mut out = crate::printable::printable(text.trim(), MAX_SHOWN);
    if text.trim().chars().nth(MAX_SHOWN).is_some() {
        out.push('…');
    }
    out
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
