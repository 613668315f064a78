//! Images of an engine: out (`GET /images/get`), in (`POST /images/load`), and which one a name means.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use reqwest::{Body, Method, StatusCode};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::engine::{Engine, advised, explained, printable};
use crate::{Error, Result};

/// How much of an archive travels at a time, in bytes.
const PIECE: usize = 256 << 10;
/// Pieces that wait for the engine: with those on both sides, two megabytes of memory.
const PIECES: usize = 4;

impl Engine {
    /// Writes the image `name` to `file`, which lies in `folder`, as a Docker archive; `progress` hears bytes.
    pub async fn save(&self, name: &str, mut file: File, folder: &Path, progress: &(dyn Fn(u64) + Send + Sync)) -> Result<File> {
        // `names=` rather than a path: a name has slashes.
        let request = self.request(Method::GET, &["images", "get"], &[("names", name)])?;
        let mut answer = request.send().await.map_err(|error| self.unreachable(error))?;
        if !answer.status().is_success() {
            let (status, refused) = self.refused(answer, &format!("reading {name}")).await;
            // Podman says so with a 500.
            return Err(match status == StatusCode::NOT_FOUND || refused.message().contains("image not known") {
                true => Error::usage(format!("{} has no image `{name}`", self.called()))
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

    /// Loads the Docker archive that `write` writes: it is sent while it is written, on a thread of its own, and nothing is kept.
    ///
    /// Dropped, it breaks off, and so does the writer at its next piece.
    ///
    /// # Errors
    /// The writer's own, when it was not the engine that stopped it; else what the engine says, also behind its `200 OK`.
    pub async fn load(&self, write: impl FnOnce(&mut dyn Write) -> Result<()> + Send + 'static) -> Result<()> {
        let (sender, mut receiver) = mpsc::channel::<io::Result<Bytes>>(PIECES);
        let given_up = Arc::new(AtomicBool::new(false));
        let mut pipe = Pipe { pieces: sender, piece: Vec::with_capacity(PIECE), given_up: Arc::clone(&given_up) };
        let writing = tokio::task::spawn_blocking(move || {
            let written = write(&mut pipe).and_then(|()| pipe.flush().map_err(|error| Error::network("sending the image").source(error)));
            if written.is_err() {
                // The engine must not take what it has got for all there is.
                let _ = pipe.pieces.blocking_send(Err(io::Error::other("the archive breaks off")));
            }
            written
        });
        let pieces = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
        let request = self.request(Method::POST, &["images", "load"], &[("quiet", "1")])?;
        let sent = request.header("content-type", "application/x-tar").body(Body::wrap_stream(pieces)).send().await;
        let loaded = match sent {
            Ok(answer) if answer.status().is_success() => self.text(answer).await.and_then(|text| self.end_of_load(&text)),
            Ok(answer) => Err(self.refused(answer, "loading the image").await.1),
            Err(error) => Err(advised(self.unreachable(error).context("loading the image"), BROKE_OFF)),
        };
        let written = writing.await.unwrap_or_else(|error| Err(Error::bug("the archive's writer stopped").source(error)));
        match written {
            Err(error) if !given_up.load(Ordering::Acquire) => Err(error),
            _ => loaded,
        }
    }

    /// What the stream behind a `200 OK` says: one object on each line, and it may end in an error.
    fn end_of_load(&self, text: &str) -> Result<()> {
        #[derive(Deserialize)]
        struct Line {
            error: Option<String>,
        }
        let error = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()?.error).next();
        match error {
            None => Ok(()),
            Some(said) => Err(explained(Error::failed(format!("{} could not load the image: {}", self.called(), printable(&said))), &said)),
        }
    }

    /// The id of the image that `name` means: its config's digest, or its manifest's where containerd keeps images. `None` when there is
    /// no such image.
    pub async fn image_id(&self, name: &str) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Found {
            #[serde(rename = "Id")]
            id: String,
        }
        let request = self.request(Method::GET, &["images", name, "json"], &[])?;
        let answer = request.send().await.map_err(|error| self.unreachable(error))?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status().is_success() {
            return Err(self.refused(answer, &format!("looking for {name}")).await.1);
        }
        let text = self.text(answer).await?;
        let found: Found = serde_json::from_str(&text)
            .map_err(|error| Error::failed(format!("{} does not say which image {name} is", self.called())).source(error))?;
        // Podman's own API leaves the algorithm out.
        Ok(Some(if found.id.contains(':') { found.id } else { format!("sha256:{}", found.id) }))
    }
}

/// What may have happened when the engine stops in the middle.
const BROKE_OFF: &str = "the engine hung up while the image was sent: its log says why (`journalctl -u docker`), often a full disk";

/// Where an archive is written to: pieces on their way to the engine.
struct Pipe {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
    /// Nobody takes pieces any more: the request has ended.
    given_up: Arc<AtomicBool>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..n]);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.pieces.blocking_send(Ok(piece.into())).map_err(|_| {
            self.given_up.store(true, Ordering::Release);
            io::Error::from(io::ErrorKind::BrokenPipe)
        })
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
