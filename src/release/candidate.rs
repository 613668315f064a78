//! What is to be released: the images of one container, and where they go.

use std::collections::BTreeMap;

use crate::catalog::{Architecture, ContainerName, Target};
use crate::image::{Image, RegistryReference};
use crate::verify::{AppliedWaiver, Verdict};
use crate::{Error, Result};

/// One container to be released.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which.
    pub container: ContainerName,
    /// `host/path`, without tag.
    pub repository: String,
    /// Every architecture the catalog builds it for; an image for fewer is a part of a release.
    pub targets: Vec<Architecture>,
    /// Its images, one per target.
    pub images: Vec<CandidateImage>,
    /// Annotations of the index.
    pub annotations: BTreeMap<String, String>,
}

/// One image to be released.
#[derive(Clone, Debug)]
pub struct CandidateImage {
    /// Which target it is for.
    pub target: Target,
    /// The image.
    pub image: Image,
    /// How its checks ended; `None` when it was not checked.
    pub verdict: Option<Verdict>,
    /// The waivers that its checks needed to end like that.
    pub waived: Vec<AppliedWaiver>,
    /// Whether it is what its definition and the lock say now; an image of an earlier definition is not released. `None` when it was
    /// not built here, so that nobody knows.
    pub current: Option<bool>,
}

/// How the lock stands to `containers.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockState {
    /// It pins everything that is asked for.
    Fresh,
    /// It does not, and why.
    Stale(String),
    /// Nothing of what is released is built from it here.
    Unused,
}

impl Candidate {
    /// The repository below the registry `host`.
    ///
    /// # Errors
    /// It is at another host, or no repository's name (distribution-spec, "Pulling manifests").
    pub(super) fn path(&self, host: &str) -> Result<String> {
        let (own, path) = self.repository.split_once('/').unwrap_or(("", &self.repository));
        if own != host {
            return Err(Error::usage(format!("{} of {} is not at the registry {host}", self.repository, self.container)));
        }
        let parts = path.split('/').find_map(ContainerName::problem).map(|_| ());
        let parsed = self.repository.parse::<RegistryReference>().ok().filter(|r| r.digest.is_none() && r.repository.ends_with(path));
        match (parts, parsed) {
            // Docker Hub's official images live below `library/`; the parsed reference knows.
            (None, Some(reference)) => Ok(reference.repository),
            _ => Err(Error::usage(format!("`{path}` cannot be the repository of {}", self.container))
                .hint("a repository has lower-case letters, digits, `.`, `_`, `-` and `/`; see [registry] repository in containers.toml")),
        }
    }

    /// The images in the order of their tags' suffixes, which is the order of the index.
    pub(super) fn ordered(&self) -> Vec<&CandidateImage> {
        let mut images: Vec<&CandidateImage> = self.images.iter().collect();
        images.sort_by_key(|i| i.target.architecture.tag_suffix());
        images
    }
}
