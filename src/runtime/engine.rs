//! The engine's API over its socket: images out (`GET /images/NAME/get`) and in (`POST /images/load`).
//!
//! Three requests do not need a client library of the whole API: `reqwest`, which talks to registries, speaks to sockets too.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Body, Client, ClientBuilder, Response, StatusCode};
use serde::Deserialize;
use tokio_util::io::ReaderStream;

use super::context::{self, Context};
use super::tls::Tls;
use crate::{Error, Result};

/// The largest answer that is no image.
const MAX_ANSWER: usize = 4 << 20;
/// How long an engine may take to say that it is there.
const PING_LIMIT: Duration = Duration::from_secs(5);

/// An engine that answers.
#[derive(Clone, Debug)]
pub struct Engine {
    http: Client,
    base: String,
    /// Where it answers, for people.
    address: String,
    tls: Option<Tls>,
}

/// One line of what `load` says.
#[derive(Deserialize)]
struct Line {
    error: Option<String>,
    stream: Option<String>,
}

impl Engine {
    /// The engine of this machine: where `DOCKER_HOST` or `CONTAINER_HOST` says, else the Docker context that is chosen
    /// (`DOCKER_CONTEXT`, `docker context use`), else the first usual socket that answers.
    ///
    /// # Errors
    /// None answers, or the one that is named cannot be spoken to.
    pub async fn find() -> Result<Self> {
        let named = ["DOCKER_HOST", "CONTAINER_HOST"].into_iter().find_map(|name| Some((name, std::env::var(name).ok()?)));
        if let Some((variable, address)) = named.filter(|(_, address)| !address.is_empty()) {
            let tls = match variable {
                "DOCKER_HOST" => Tls::asked(|name| std::env::var(name).ok(), context::folder())?,
                _ => None,
            };
            let engine = Self::at(&address, tls).map_err(|error| error.context(variable))?;
            engine.ping().await.map_err(|error| advised(error, format!("{variable} says {address}: is an engine running there?")))?;
            return Ok(engine);
        }
        let context = context::folder().map(|folder| context::chosen(&folder, std::env::var("DOCKER_CONTEXT").ok().as_deref()));
        if let Some(Context { name, address, said_by, tls }) = context.transpose()?.flatten() {
            let engine = Self::at(&address, tls).map_err(|error| error.context(format!("the Docker context `{name}`")))?;
            let hint = format!("it is the engine of the Docker context `{name}`, which {said_by} names: is it running there?");
            engine.ping().await.map_err(|error| advised(error, hint))?;
            return Ok(engine);
        }
        let mut tried = Vec::new();
        for socket in sockets() {
            if !socket.exists() {
                continue;
            }
            let engine = Self::at(&format!("unix://{}", socket.display()), None)?;
            match engine.ping().await {
                Ok(()) => return Ok(engine),
                Err(error) => tried.push(error.message()),
            }
        }
        let error = Error::network(match tried.is_empty() {
            true => "no container engine was found on this machine".to_owned(),
            false => format!("no container engine answers: {}", tried.join("; ")),
        });
        Err(error.hint("start Docker, or Podman's socket (`systemctl --user start podman.socket`), or set DOCKER_HOST"))
    }

    /// The engine at `unix://PATH` or `tcp://HOST:PORT`; only there TLS can be spoken.
    fn at(address: &str, tls: Option<Tls>) -> Result<Self> {
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
        Ok(Engine { http, base, address: address.to_owned(), tls })
    }

    /// Where it answers.
    pub fn address(&self) -> &str {
        &self.address
    }

    async fn ping(&self) -> Result<()> {
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

    /// Writes the image `name` to `file`, which lies in `folder`, as a Docker archive; `progress` hears bytes.
    pub async fn save(&self, name: &str, mut file: File, folder: &Path, progress: &(dyn Fn(u64) + Send + Sync)) -> Result<File> {
        let mut url = reqwest::Url::parse(&self.base).map_err(|error| Error::network("the engine's address").source(error))?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(["images", "get"]);
        }
        // `names=` rather than a path: a name has slashes.
        url.query_pairs_mut().append_pair("names", name);
        let mut answer = self.http.get(url).send().await.map_err(|error| self.unreachable(error))?;
        if !answer.status().is_success() {
            let absent = answer.status() == StatusCode::NOT_FOUND;
            let refused = self.refused(answer, &format!("reading {name}")).await;
            // Podman says so with a 500.
            return Err(match absent || refused.message().contains("image not known") {
                true => Error::usage(format!("the engine at {} has no image `{name}`", self.address))
                    .hint("`docker images` or `podman images` shows what it has"),
                false => refused,
            });
        }
        let writing = |error| crate::error::io_error(error, "writing a temporary file in", folder);
        let mut got = 0;
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.unreachable(error))? {
            file = blocking(move || file.write_all(&chunk).map(|()| (file, chunk.len()))).await.map_err(writing).map(|(file, n)| {
                got += n as u64;
                file
            })?;
            progress(got);
        }
        file.rewind().map_err(writing)?;
        Ok(file)
    }

    /// Loads the Docker archive in `file`.
    pub async fn load(&self, mut file: File) -> Result<()> {
        let reading = |error| crate::error::io_error(error, "reading", Path::new("a temporary file"));
        let size = file.metadata().map_err(reading)?.len();
        file.rewind().map_err(reading)?;
        let body = Body::wrap_stream(ReaderStream::with_capacity(tokio::fs::File::from_std(file), 256 << 10));
        let request = self.http.post(format!("{}/images/load?quiet=1", self.base));
        let request = request.header("content-type", "application/x-tar").header("content-length", size).body(body);
        let answer = request.send().await.map_err(|error| self.unreachable(error))?;
        if !answer.status().is_success() {
            return Err(self.refused(answer, "loading the image").await);
        }
        // It says in the stream, after its 200, that something went wrong.
        let text = self.text(answer).await?;
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        let mut said = None;
        for line in lines {
            if let Some(error) = line.error {
                return Err(Error::failed(format!("the engine at {} could not load the image: {}", self.address, printable(&error))));
            }
            said = line.stream.or(said);
        }
        Ok(())
    }

    async fn refused(&self, answer: Response, doing: &str) -> Error {
        #[derive(Deserialize)]
        struct Said {
            message: String,
        }
        let status = answer.status();
        let text = self.text(answer).await.unwrap_or_default();
        let said = serde_json::from_str::<Said>(&text).map(|s| s.message).unwrap_or(text);
        Error::failed(format!("{doing}: the engine at {} answered {status}: {}", self.address, printable(&said)))
    }

    async fn text(&self, mut answer: Response) -> Result<String> {
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.unreachable(error))? {
            bytes.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER - bytes.len())]);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn unreachable(&self, error: reqwest::Error) -> Error {
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
        let shown = Error::network(format!("the engine at {} cannot be reached", self.address)).source(error);
        match distrust {
            Some(advice) => shown.hint(advice),
            None if denied => shown.hint("this user may not use the socket: join its group (`docker`), or use rootless Podman"),
            None => shown,
        }
    }
}

/// The usual sockets: Docker's, rootless Docker's, Podman's, rootless Podman's.
fn sockets() -> Vec<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|v| !v.is_empty()).map(PathBuf::from);
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
    sockets.extend(runtime.iter().flat_map(|folder| [folder.join("docker.sock"), folder.join("podman/podman.sock")]));
    sockets.push("/run/podman/podman.sock".into());
    sockets
}

/// The error with `hint`, unless it knows better.
fn advised(error: Error, hint: String) -> Error {
    if error.advice().is_some() { error } else { error.hint(hint) }
}

fn printable(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
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
}
