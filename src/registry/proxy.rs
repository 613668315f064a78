//! The proxy between us and a host: which it is, and whether a failure is its own and not the registry's.
//!
//! Decided for every address by itself: this machine is never reached through a proxy, but a token server or a storage service of
//! a registry on this machine may be. The library that reads the environment is the one reqwest asks when left alone.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use url::Url;

use super::endpoint::is_loopback;
use super::failure::{cause, mentions};

/// The proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`, …), for a client.
pub(super) fn of_environment() -> reqwest::Proxy {
    let matcher = Matcher::from_system();
    reqwest::Proxy::custom(move |url| with_credentials(&intercept(&matcher, url)?))
}

fn intercept(matcher: &Matcher, url: &Url) -> Option<Intercept> {
    if is_loopback(url) { None } else { matcher.intercept(&url.as_str().parse().ok()?) }
}

/// A proxy's address with the user and the password that the environment has for it.
fn with_credentials(found: &Intercept) -> Option<Url> {
    let mut proxy = Url::parse(&found.uri().to_string()).ok()?;
    if let Some(basic) = found.basic_auth() {
        let decoded = STANDARD.decode(basic.to_str().ok()?.strip_prefix("Basic ")?).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (user, password) = text.split_once(':')?;
        proxy.set_username(user).ok()?;
        proxy.set_password(Some(password)).ok()?;
    }
    Some(proxy)
}

/// `host:port` of the proxy that the environment names for `url`; its credentials are left out.
pub(super) fn of(url: &Url) -> Option<String> {
    let found = intercept(&Matcher::from_system(), url)?;
    let uri = found.uri();
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    Some(format!("{}:{port}", uri.host()?))
}

/// What the proxy did, and what to do about it, when `error` is its doing: a tunnel it does not make, or no connection to it at all.
/// (With a proxy it is the proxy's name that is looked up, and the proxy that is connected to.)
pub(super) fn complaint(error: &reqwest::Error, proxy: &str, host: &str) -> Option<(String, String)> {
    // NO_PROXY knows no ports.
    let server = host.split(' ').next().unwrap_or(host);
    let name = server.rsplit_once(':').map_or(server, |(name, _)| name);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_decided_by_itself_and_credentials_come_through() {
        let matcher = Matcher::builder().all("http://a%40b:p%3Aw%2F@proxy.test:3128").no("near.test").build();
        let of = |url: &str| intercept(&matcher, &url.parse().unwrap()).and_then(|found| with_credentials(&found));
        let proxy = of("https://token.test/auth?scope=x").unwrap();
        assert_eq!((proxy.host_str(), proxy.port()), (Some("proxy.test"), Some(3128)));
        // What reqwest makes of it is what the environment said.
        let again = Matcher::builder().all(String::from(proxy)).build();
        let proof = again.intercept(&"https://token.test".parse().unwrap()).unwrap();
        assert_eq!(proof.basic_auth().unwrap().to_str().unwrap(), format!("Basic {}", STANDARD.encode("a@b:p:w/")));
        for direct in ["http://127.0.0.1:5000/v2/", "https://localhost/", "http://[::1]:1/", "https://near.test/"] {
            assert_eq!(of(direct), None, "{direct}");
        }
    }
}
