//! The proxy between us and a host: which it is, and whether a failure is its own and not the registry's.
//!
//! reqwest obeys the environment by itself but does not say which proxy it went through; this asks the same library it asks.

use std::io;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::endpoint::is_loopback;
use super::failure::{cause, mentions};

/// `host:port` of the proxy that the environment names for `url`; its credentials are left out.
pub(super) fn of(url: &Url) -> Option<String> {
    if is_loopback(url) {
        return None;
    }
    let found = Matcher::from_system().intercept(&url.as_str().parse().ok()?)?;
    let uri = found.uri();
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    Some(format!("{}:{port}", uri.host()?))
}

/// What the proxy did, and what to do about it, when `error` is its doing: a tunnel it does not make, or no connection to it at all.
/// (With a proxy it is the proxy's name that is looked up, and the proxy that is connected to.)
pub(super) fn complaint(error: &reqwest::Error, proxy: &str, host: &str) -> Option<(String, String)> {
    // NO_PROXY knows no ports.
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let around = format!("HTTPS_PROXY or HTTP_PROXY names it; NO_PROXY={name} goes without");
    let refused = cause::<io::Error>(error).is_some_and(|e| e.kind() == io::ErrorKind::ConnectionRefused);
    Some(if mentions(error, "tunnel error: proxy authorization required") {
        (format!("the proxy {proxy} wants a user and a password, or other ones"), format!("write HTTPS_PROXY=http://USER:PASSWORD@{proxy}"))
    } else if mentions(error, "tunnel error: failed to create") || (error.is_connect() && refused) {
        (format!("the proxy {proxy} does not answer: nothing listens there"), around)
    } else if mentions(error, "tunnel error") {
        (
            format!("the proxy {proxy} makes no connection to {host}"),
            format!("ask who runs the proxy whether {host} may be reached; {around}"),
        )
    } else if mentions(error, "dns error") {
        (format!("the name of the proxy {proxy} cannot be found"), around)
    } else if error.is_connect() && error.is_timeout() {
        (format!("the proxy {proxy} did not answer in time"), around)
    } else {
        return None;
    })
}
