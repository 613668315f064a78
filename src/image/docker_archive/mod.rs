//! `docker-archive:`: what `docker save` writes and `docker load` reads, a tar with a `manifest.json` of its own kind
//! (moby, "Docker Image Specification v1.2"), since Docker 25 with an OCI layout in the same tar.

mod read;
mod write;

pub use read::DockerArchive;
pub use write::write_docker_archive;

use serde::{Deserialize, Serialize};

/// One image of `manifest.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    /// Path of the config.
    config: String,
    /// `name:tag`s.
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    /// Paths of the layers, base first.
    #[serde(default)]
    layers: Vec<String>,
}
