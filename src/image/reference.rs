//! References: where an image is, in the ecosystem's own syntax.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::catalog::{Architecture, ContainerName};
use crate::image::registry_reference::RegistryReference;
use crate::{Error, Result};

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// `oci:DIR[:TAG]`: an OCI image layout.
    Layout {
        /// Its folder.
        folder: PathBuf,
        /// `org.opencontainers.image.ref.name` of the entry; `None` when the layout has one image only.
        name: Option<String>,
    },
    /// `docker://HOST/REPO[:TAG|@DIGEST]`; the scheme may be left out when there is a host.
    Registry(RegistryReference),
    /// `nix:FILE`: a nix2container JSON.
    Nix(PathBuf),
    /// `docker-archive:FILE[:NAME:TAG]`: what `docker save` writes.
    DockerArchive {
        /// The tar.
        file: PathBuf,
        /// One image of it; `None` when it has one only.
        name: Option<String>,
    },
    /// `docker-daemon:NAME`: an image of the local engine.
    DockerDaemon(String),
    /// `containers-storage:NAME`: an image of Podman's storage.
    ContainersStorage(String),
    /// `NAME` or `NAME/ARCHITECTURE`: a container of `containers.toml`, as last built.
    Container {
        /// Which.
        name: ContainerName,
        /// One target only.
        architecture: Option<Architecture>,
    },
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Layout { folder, name: Some(name) } => write!(f, "oci:{}:{name}", folder.display()),
            Reference::Layout { folder, name: None } => write!(f, "oci:{}", folder.display()),
            Reference::Registry(reference) => write!(f, "docker://{reference}"),
            Reference::Nix(file) => write!(f, "nix:{}", file.display()),
            Reference::DockerArchive { file, name: Some(name) } => write!(f, "docker-archive:{}:{name}", file.display()),
            Reference::DockerArchive { file, name: None } => write!(f, "docker-archive:{}", file.display()),
            Reference::DockerDaemon(name) => write!(f, "docker-daemon:{name}"),
            Reference::ContainersStorage(name) => write!(f, "containers-storage:{name}"),
            Reference::Container { name, architecture: Some(architecture) } => write!(f, "{name}/{architecture}"),
            Reference::Container { name, architecture: None } => write!(f, "{name}"),
        }
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let needs = |rest: &str, what: &str| {
            if rest.is_empty() { Err(Error::usage(format!("`{text}` names no {what}"))) } else { Ok(()) }
        };
        if let Some(rest) = text.strip_prefix("docker://") {
            return Ok(Reference::Registry(rest.parse()?));
        }
        if let Some(rest) = text.strip_prefix("oci:") {
            // As skopeo reads it: the first colon after the folder begins the name.
            let (folder, name) = match rest.split_once(':') {
                Some((folder, name)) => (folder, Some(name.to_owned()).filter(|n| !n.is_empty())),
                None => (rest, None),
            };
            needs(folder, "folder")?;
            return Ok(Reference::Layout { folder: folder.into(), name });
        }
        if let Some(rest) = text.strip_prefix("nix:") {
            needs(rest, "file")?;
            return Ok(Reference::Nix(rest.into()));
        }
        if let Some(rest) = text.strip_prefix("docker-archive:") {
            let (file, name) = match rest.split_once(':') {
                Some((file, name)) => (file, Some(name.to_owned()).filter(|n| !n.is_empty())),
                None => (rest, None),
            };
            needs(file, "file")?;
            return Ok(Reference::DockerArchive { file: file.into(), name });
        }
        if let Some(rest) = text.strip_prefix("docker-daemon:") {
            needs(rest, "image")?;
            return Ok(Reference::DockerDaemon(rest.to_owned()));
        }
        if let Some(rest) = text.strip_prefix("containers-storage:") {
            needs(rest, "image")?;
            return Ok(Reference::ContainersStorage(rest.to_owned()));
        }
        let (first, rest) = text.split_once('/').unwrap_or((text, ""));
        if !rest.is_empty() && (first.contains('.') || first.contains(':') || first == "localhost") {
            return Ok(Reference::Registry(text.parse()?));
        }
        let architecture = match rest {
            "" => None,
            word => Some(word.parse::<Architecture>().map_err(|error| {
                Error::usage(format!("`{text}`: {error}")).hint("an image of a registry needs a host: docker.io/library/debian:trixie")
            })?),
        };
        match ContainerName::problem(first) {
            Some(problem) => Err(Error::usage(format!("`{text}` is not a reference: {problem}"))
                .hint("give a container's name, HOST/REPOSITORY:TAG, or oci:DIR[:TAG]")),
            None => Ok(Reference::Container { name: first.into(), architecture }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_understood() {
        for (text, shown) in [
            ("fd", "fd"),
            ("fd/arm64", "fd/aarch64"),
            ("oci:out", "oci:out"),
            ("oci:/a/b:fd/x86_64", "oci:/a/b:fd/x86_64"),
            ("docker://127.0.0.1:5000/a/b:1", "docker://127.0.0.1:5000/a/b:1"),
            ("ghcr.io/a/b", "docker://ghcr.io/a/b:latest"),
            ("localhost/a", "docker://localhost/a:latest"),
            ("nix:result", "nix:result"),
            ("docker-archive:x.tar", "docker-archive:x.tar"),
            ("docker-archive:a/x.tar:acme/fd:1", "docker-archive:a/x.tar:acme/fd:1"),
            ("docker-daemon:fd:1", "docker-daemon:fd:1"),
            ("containers-storage:localhost/fd:1", "containers-storage:localhost/fd:1"),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_cannot_be_one_is_explained() {
        for bad in ["", "oci:", "containers-storage:", "Fd", "fd/sparc", "docker://UPPER/x:1:2", "ghcr.io/a@sha256:12"] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }
}
