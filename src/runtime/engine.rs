//! One engine and its API: an address, a client, and what its answers mean.
//!
//! A dozen requests do not need a client library of the whole API: `reqwest`, which talks to registries, speaks to sockets too.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::service::Service;
use super::tls::Tls;
use crate::{Error, Result};

/// The largest answer that is no image.
const MAX_ANSWER: usize = 4 << 20;
/// How long an engine may take to say that it is there.
const PING_LIMIT: Duration = Duration::from_secs(5);
/// How long it may take to say what it is.
const ABOUT_LIMIT: Duration = Duration::from_secs(20);

/// An engine that answers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    http: Client,
    base: String,
    /// Where it answers, for people.
    address: String,
    tls: Option<Tls>,
    /// Podman's service, where we have started it ourselves: it ends with the last clone.
    service: Option<Arc<Service>>,
}

/// What an engine says of itself (`GET /version`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineFacts {
    /// `Docker` or `Podman`.
    pub product: String,
    /// Its version: `28.2.2`.
    pub version: String,
    /// The architecture of its machine, as Go calls it: `amd64`.
    pub architecture: String,
    /// Where it answers; `podman system service` when that was started for this.
    pub address: String,
}

impl EngineFacts {
    /// The first number of its version.
    pub fn major(&self) -> Option<u32> {
        self.version.split('.').next()?.parse().ok()
    }

    /// Whether it is Podman.
    pub fn is_podman(&self) -> bool {
        self.product == "Podman"
    }
}

/// `/version`, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    #[serde(default)]
    version: String,
    #[serde(default)]
    arch: String,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Component {
    #[serde(default)]
    name: String,
}

impl Engine {
    /// The engine at `unix://PATH` or `tcp://HOST:PORT`; only there TLS can be spoken.
    pub(super) fn at(address: &str, tls: Option<Tls>) -> Result<Self> {
        // reqwest is built without a TLS provider of its own; someone else may have installed ours already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder().no_proxy();
        // Without TLS nobody has to be trusted: the system's authorities are not even read.
        let plain = |builder: ClientBuilder| builder.tls_certs_only([]);
        let (builder, base, tls) = match (address.split_once("://"), tls) {
            (Some(("unix", path)), _) if path.starts_with('/') => {
                (plain(builder).unix_socket(PathBuf::from(path)), "http://engine".to_owned(), None)
            }
            (Some(("tcp" | "https", host)), Some(tls)) if !host.is_empty() => {
                (tls.applied(builder)?, format!("https://{}", host.trim_end_matches('/')), Some(tls))
            }
            (Some(("tcp" | "http", host)), _) if !host.is_empty() => {
                (plain(builder), format!("http://{}", host.trim_end_matches('/')), None)
            }
            (Some(("ssh", host)), _) if !host.is_empty() => {
                return Err(Error::usage(format!("`{address}`: engines are not spoken to over ssh")).hint(format!(
                    "forward its socket: ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock ssh://{}, and set \
                         DOCKER_HOST=unix:///tmp/docker.sock",
                    host.trim_end_matches('/')
                )));
            }
            _ => {
                return Err(Error::usage(format!("`{address}` is not the address of an engine that can be reached"))
                    .hint("write unix:///var/run/docker.sock or tcp://HOST:PORT"));
            }
        };
        let http = builder.build().map_err(|error| Error::network("cannot prepare a connection").source(error))?;
        Ok(Engine { http, base, address: address.to_owned(), tls, service: None })
    }

    /// The same engine, which `service` is kept for.
    pub(super) fn with_service(self, service: Service) -> Self {
        Engine { service: Some(Arc::new(service)), address: "podman system service".to_owned(), ..self }
    }

    /// Where it answers, for people; `podman system service` when that was started for this.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where it answers, in a sentence: `the engine at unix:///…`.
    pub(super) fn called(&self) -> String {
        match self.service {
            Some(_) => "Podman, started for this".to_owned(),
            None => format!("the engine at {}", self.address),
        }
    }

    /// What it is.
    ///
    /// # Errors
    /// It does not say.
    pub async fn facts(&self) -> Result<EngineFacts> {
        let answer = self.request(Method::GET, &["version"], &[])?.timeout(ABOUT_LIMIT);
        let answer = self.accepted(answer, "asking for its version").await?;
        let text = self.text(answer).await?;
        let said: Version = serde_json::from_str(&text)
            .map_err(|error| Error::network(format!("{} does not say what it is", self.called())).source(error))?;
        let podman = said.components.iter().any(|component| component.name.contains("Podman"));
        Ok(EngineFacts {
            product: if podman { "Podman" } else { "Docker" }.to_owned(),
            version: printable(&said.version),
            architecture: printable(&said.arch),
            address: self.address.clone(),
        })
    }

    pub(super) async fn ping(&self) -> Result<()> {
        let answer = self.http.get(format!("{}/_ping", self.base)).timeout(PING_LIMIT).send().await;
        let answer = answer.map_err(|error| self.unreachable(error))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => {
                // What Go's servers say to plain HTTP where they speak TLS.
                let wants_tls = self.text(answer).await.is_ok_and(|text| text.contains("HTTP request to an HTTPS server"));
                let error = Error::network(format!("the engine at {} answered {status}", self.address));
                Err(match wants_tls {
                    true => error.hint("it speaks TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder of its certificates"),
                    false => error,
                })
            }
        }
    }

    /// A request to `path` with `query`; words of the path may have slashes of their own.
    pub(super) fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> Result<RequestBuilder> {
        let mut url = reqwest::Url::parse(&self.base).map_err(|error| Error::network("the engine's address").source(error))?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path.iter().flat_map(|word| word.split('/')));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(self.http.request(method, url))
    }

    /// The answer to `request`, which is success; `doing` says what it was for.
    pub(super) async fn accepted(&self, request: RequestBuilder, doing: &str) -> Result<Response> {
        let answer = request.send().await.map_err(|error| self.unreachable(error))?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.refused(answer, doing).await.1) }
    }

    /// Why it did not do what was asked for: the status, and an error that says so.
    pub(super) async fn refused(&self, answer: Response, doing: &str) -> (StatusCode, Error) {
        #[derive(Deserialize)]
        struct Said {
            message: String,
        }
        let status = answer.status();
        let text = self.text(answer).await.unwrap_or_default();
        let said = serde_json::from_str::<Said>(&text).map(|s| s.message).unwrap_or(text);
        let error = Error::failed(format!("{doing}: {} answered {status}: {}", self.called(), printable(&said)));
        (status, explained(error, &said))
    }

    /// What it answered, as far as an answer may be long.
    pub(super) async fn text(&self, mut answer: Response) -> Result<String> {
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.unreachable(error))? {
            bytes.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER - bytes.len())]);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn unreachable(&self, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let causes = || {
            let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
            std::iter::from_fn(move || {
                let now = cause?;
                cause = now.source();
                Some(now)
            })
        };
        let denied = causes().filter_map(|e| e.downcast_ref::<std::io::Error>()).any(|e| e.kind() == std::io::ErrorKind::PermissionDenied);
        let distrust = self.tls.as_ref().filter(|_| causes().any(|e| e.to_string().to_ascii_lowercase().contains("certificate")));
        let distrust = distrust.map(Tls::advice);
        if denied {
            return Error::network(format!("you may not use the engine at {}: permission denied", self.address)).hint(NOT_ALLOWED);
        }
        let shown = Error::network(format!("{} cannot be reached", self.called())).source(error);
        match distrust {
            Some(advice) => shown.hint(advice),
            None => shown,
        }
    }
}

/// What whoever may not open an engine's socket can do.
const NOT_ALLOWED: &str = "join the group of the socket (`sudo usermod -aG docker $USER`, then log in again), or use an engine of your own: \
                           rootless Docker (`dockerd-rootless-setuptool.sh install`) or Podman (`--podman`)";

/// `error`, with what to do where the engine's words tell what is wrong.
pub(super) fn explained(error: Error, said: &str) -> Error {
    if said.contains("no space left on device") || said.contains("disk quota exceeded") {
        return error.hint(
            "the engine's disk is full: `docker system df` shows what takes the room, `docker system prune` frees what nothing uses \
             (with Podman the same: `podman system prune`)",
        );
    }
    error
}

/// The error with `hint`, unless it knows better.
pub(super) fn advised(error: Error, hint: impl Into<String>) -> Error {
    if error.advice().is_some() { error } else { error.hint(hint) }
}

/// An engine's words, on one line of bounded length.
pub(super) fn printable(text: &str) -> String {
    crate::printable::printable(text.trim(), 400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_cannot_be_reached_are_explained() {
        assert!(Engine::at("ssh://me@host:22", None).unwrap_err().advice().unwrap().contains("ssh://me@host:22, and set DOCKER_HOST"));
        for bad in ["ssh://host", "ssh://", "unix://relative", "/var/run/docker.sock", "tcp://"] {
            assert!(Engine::at(bad, None).unwrap_err().advice().is_some(), "{bad}");
        }
        assert!(Engine::at("unix:///x.sock", None).is_ok() && Engine::at("tcp://127.0.0.1:2375", None).is_ok());
    }

    #[test]
    fn names_with_slashes_stay_a_path_and_everything_else_is_escaped() {
        let engine = Engine::at("unix:///x.sock", None).unwrap();
        let request = engine.request(Method::GET, &["images", "acme/fd:latest", "json"], &[("platform", "linux/arm64")]).unwrap();
        let url = request.build().unwrap().url().to_string();
        assert_eq!(url, "http://engine/images/acme/fd:latest/json?platform=linux%2Farm64");
        let url = engine.request(Method::GET, &["images", "a?b#c"], &[]).unwrap().build().unwrap().url().to_string();
        assert_eq!(url, "http://engine/images/a%3Fb%23c");
    }
}
