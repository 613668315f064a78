//! Where a registry answers: its address, and when plain HTTP may be spoken.

use std::net::IpAddr;

use url::{Host, Url};

use crate::{Error, Result};

/// The names under which people mean Docker Hub; its API answers at [`HUB_API`].
const HUB_NAMES: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
const HUB_API: &str = "registry-1.docker.io";

/// What someone said about how a host is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// Plain HTTP was asked for.
    Plain,
    /// There are certificates for it, so it speaks TLS, also on this machine.
    Tls,
}

/// A registry's address.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// `host[:port]`, as the user wrote it.
    pub host: String,
    base: Url,
    insecure: bool,
}

impl Endpoint {
    /// The endpoint of `host[:port]`. Without a word about `security`: HTTPS, or plain HTTP at a loopback address.
    pub fn new(host: &str, security: Option<Security>) -> Result<Self> {
        if let Some((_, host)) = host.rsplit_once('@') {
            // Whatever stands before it may be somebody's password.
            let message = format!("a registry's host has no user and no password in it, as the one before `@{host}`");
            return Err(Error::usage(message).hint("`catamaran doctor HOST` says where credentials are looked for"));
        }
        let error = || {
            Error::usage(format!("`{host}` is not a registry's host")).hint("write HOST or HOST:PORT, such as ghcr.io or localhost:5000")
        };
        let api = if is_docker_hub(host) { HUB_API } else { host };
        let mut base = Url::parse(&format!("https://{api}/")).map_err(|source| error().source(source))?;
        let plain = base.path() == "/" && base.query().is_none() && base.fragment().is_none() && base.username().is_empty();
        if host.is_empty() || !plain || base.password().is_some() {
            return Err(error());
        }
        let insecure = security == Some(Security::Plain);
        if insecure || (security.is_none() && is_loopback(&base)) {
            base = Url::parse(&format!("http://{api}/")).map_err(|source| error().source(source))?;
        }
        Ok(Endpoint { host: host.to_owned(), base, insecure })
    }

    /// Whether it is this machine.
    pub fn is_local(&self) -> bool {
        is_loopback(&self.base)
    }

    /// Whether plain HTTP may be spoken to `url` on this registry's behalf: on this machine, or to its own name when it was
    /// asked to be insecure.
    pub fn may_be_plain(&self, url: &Url) -> bool {
        (is_loopback(url) && (self.is_local() || !self.insecure)) || (self.insecure && url.host() == self.base.host())
    }

    /// Whether plain HTTP is spoken.
    pub fn is_plain(&self) -> bool {
        self.base.scheme() == "http"
    }

    /// `/v2/`, where a registry says that it is one.
    pub fn ping(&self) -> Url {
        self.url("", &[])
    }

    /// `/v2/REPOSITORY/PARTS…`; every part is escaped, so none can leave its place.
    pub fn url(&self, repository: &str, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().push("v2");
            segments.extend(repository.split('/'));
            segments.extend(parts);
        }
        url
    }

    /// Whether `url` is this registry itself: the only place that gets to see credentials.
    pub fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Whether `url` is that of a blob or a manifest here.
    pub fn is_content(&self, url: &Url) -> bool {
        let path = url.path();
        self.is_own(url) && ((path.contains("/blobs/") && !path.contains("/blobs/uploads/")) || path.contains("/manifests/"))
    }

    /// Where an upload, or what is redirected, goes on: the answer's `Location`, relative or absolute (distribution-spec, "Pushing
    /// blobs").
    ///
    /// A registry behind a proxy may name itself with `http`: that is read as `https`. Leaving for plain HTTP
    /// anywhere else is refused.
    pub fn location(&self, asked: &Url, location: &str) -> Result<Url> {
        let error = |why: &str| Error::network(format!("{} sends us to {why}", self.host));
        let mut url = asked.join(location).map_err(|_| error("an address that cannot be read"))?;
        if url.scheme() == "http" && !self.is_plain() && url.host() == self.base.host() {
            let _ = url.set_port(self.base.port());
            let _ = url.set_scheme("https");
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if self.is_plain() && self.may_be_plain(&url) => Ok(url),
            _ => Err(error("an address that is not HTTPS").hint("ask who runs the registry; nothing was sent there")),
        }
    }
}

/// `host[:port]` of an address.
pub(super) fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// How the server at `url` is called in a message about the registry `host`: that, unless it is another one.
pub(super) fn called(url: &Url, host: &str) -> String {
    let own = if is_docker_hub(host) { HUB_API } else { host };
    let own = own.strip_suffix(if url.scheme() == "https" { ":443" } else { ":80" }).unwrap_or(own);
    match authority(url).filter(|there| !there.eq_ignore_ascii_case(own)) {
        Some(there) => format!("{there} (where {host} sends us)"),
        None => host.to_owned(),
    }
}

/// Whether `host` means Docker Hub.
pub(super) fn is_docker_hub(host: &str) -> bool {
    HUB_NAMES.contains(&host)
}

/// Whether `url` stays on this machine: `localhost`, 127.0.0.0/8 or `::1`.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        for (host, address) in [
            ("ghcr.io", "https://ghcr.io/v2/a/b/blobs/x"),
            ("docker.io", "https://registry-1.docker.io/v2/a/b/blobs/x"),
            ("127.9.9.9:5000", "http://127.9.9.9:5000/v2/a/b/blobs/x"),
            ("[::1]:5000", "http://[::1]:5000/v2/a/b/blobs/x"),
            ("localhost", "http://localhost/v2/a/b/blobs/x"),
            ("10.0.0.1:5000", "https://10.0.0.1:5000/v2/a/b/blobs/x"),
            ("127.0.0.1.example.com", "https://127.0.0.1.example.com/v2/a/b/blobs/x"),
        ] {
            assert_eq!(Endpoint::new(host, None).unwrap().url("a/b", &["blobs", "x"]).as_str(), address);
        }
        for bad in ["", "a/b", "user@host", "host?x", "host:notaport", "a b"] {
            assert!(Endpoint::new(bad, None).is_err(), "{bad}");
        }
        assert!(!Endpoint::new("me:hunter2@host:5000", None).unwrap_err().message().contains("hunter2"));
    }

    #[test]
    fn another_server_than_the_registry_is_called_by_its_own_name() {
        let called = |url: &str, host: &str| called(&url.parse().unwrap(), host);
        assert_eq!(called("https://reg.example/v2/", "Reg.example:443"), "Reg.example:443");
        assert_eq!(called("http://[::1]:5000/v2/", "[::1]:5000"), "[::1]:5000");
        assert_eq!(called("https://registry-1.docker.io/v2/", "docker.io"), "docker.io");
        assert_eq!(called("https://s3.example/x?sig=hunter2", "reg.example"), "s3.example (where reg.example sends us)");
        assert_eq!(called("https://reg.example:8443/x", "reg.example"), "reg.example:8443 (where reg.example sends us)");
    }

    #[test]
    fn a_location_is_followed_only_where_it_is_safe() {
        let endpoint = Endpoint::new("reg.example:8443", None).unwrap();
        let asked = endpoint.url("a", &["blobs", "uploads", ""]);
        assert_eq!(asked.as_str(), "https://reg.example:8443/v2/a/blobs/uploads/");
        let location = |text: &str| endpoint.location(&asked, text).map(String::from);
        assert_eq!(location("/v2/x?_state=a%3D").unwrap(), "https://reg.example:8443/v2/x?_state=a%3D");
        assert_eq!(location("uuid").unwrap(), "https://reg.example:8443/v2/a/blobs/uploads/uuid");
        assert_eq!(location("http://reg.example/v2/x").unwrap(), "https://reg.example:8443/v2/x");
        assert_eq!(location("https://storage.example/x?sig=1").unwrap(), "https://storage.example/x?sig=1");
        assert!(!endpoint.is_own(&"https://storage.example/x".parse().unwrap()));
        assert!(!endpoint.is_own(&"https://reg.example/x".parse().unwrap()));
        assert!(location("http://169.254.169.254/latest").is_err());
        assert!(location("file:///etc/passwd").is_err());
        assert!(Endpoint::new("localhost:1", None).unwrap().location(&"http://localhost:1/".parse().unwrap(), "http://10.0.0.1/").is_err());
    }
}
