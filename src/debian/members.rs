//! Which packages a target consists of, and the digest of everything that decides an image's bytes.

use serde::Serialize;

use super::layer::LAYERING;
use super::local::Local;
use super::script::Emulations;
use super::{Lock, LockedPackage};
use crate::catalog::{Architecture, Container, LayerCompression, Target};
use crate::image::Digest;
use crate::{Error, Result};

/// Changes whenever the same lock and definition would give another image.
const FORMAT: u32 = 8;

/// The packages of a target, base and application apart, each in the order of the lock (by name).
#[derive(Debug)]
pub(super) struct Members<'a> {
    /// What was asked for in the base layer.
    pub base_request: &'a [String],
    /// The base layer's packages.
    pub base: Vec<&'a LockedPackage>,
    /// What was asked for in the application layer.
    pub request: &'a [String],
    /// The packages the base layer lacks.
    pub application: Vec<&'a LockedPackage>,
}

/// The packages of `target`; `None` when the lock does not have it.
pub(super) fn members<'a>(lock: &'a Lock, target: &Target) -> Option<Result<Members<'a>>> {
    let locked = lock.target(target)?;
    let base = lock.base(target.architecture)?;
    let find = |pin: &String| find(lock, pin, target.architecture);
    let result = || {
        let own = locked.packages.iter().filter(|pin| !base.packages.contains(pin));
        // One package in two versions would put every file of it into the image twice.
        let name = |pin: &str| pin.split('=').next().unwrap_or_default().to_owned();
        if let Some(pin) = own.clone().find(|pin| base.packages.iter().any(|b| name(b) == name(pin))) {
            return Err(Error::failed(format!("containers.lock has {pin} for {target}, and another version in the base layer"))
                .hint("delete containers.lock and build again"));
        }
        Ok(Members {
            base_request: &base.request,
            base: base.packages.iter().map(find).collect::<Result<_>>()?,
            request: &locked.request,
            application: own.map(find).collect::<Result<_>>()?,
        })
    };
    Some(result())
}

/// The package entry that `name=version` means on `architecture`.
fn find<'a>(lock: &'a Lock, pin: &str, architecture: Architecture) -> Result<&'a LockedPackage> {
    let (name, version) = pin.split_once('=').unwrap_or((pin, ""));
    // The lock is sorted by name; a hand-edited one may not be, and is then searched whole.
    let start = lock.packages.partition_point(|p| p.name.as_str() < name);
    let sorted = lock.packages[start..].iter().take_while(|p| p.name == name);
    let same = |p: &&LockedPackage| p.name == name && p.version == version;
    let fits = |p: &&LockedPackage| same(p) && (p.architecture == architecture.debian() || p.architecture == "all");
    if let Some(package) = sorted.clone().find(fits).or_else(|| lock.packages.iter().find(fits)) {
        return Ok(package);
    }
    Err(match lock.packages.iter().find(same) {
        Some(other) => {
            Error::failed(format!("containers.lock has {pin} for {} only, not for {}", other.architecture, architecture.debian()))
        }
        None => Error::failed(format!("containers.lock names {pin} for {architecture}, but has no [[package]] for it")),
    }
    .hint("delete containers.lock and build again to make it anew"))
}

/// Everything that decides an image's bytes, as one digest.
pub(super) fn inputs(container: &Container, target: &Target, members: &Members<'_>, local: &Local, emulations: &Emulations) -> Digest {
    #[derive(Serialize)]
    struct Inputs<'a> {
        format: u32,
        architecture: Architecture,
        base_request: &'a [String],
        base: Vec<&'a super::Hex>,
        request: &'a [String],
        application: Vec<&'a super::Hex>,
        entrypoint: &'a [String],
        cmd: &'a [String],
        env: &'a std::collections::BTreeMap<String, String>,
        labels: &'a std::collections::BTreeMap<String, String>,
        annotations: &'a std::collections::BTreeMap<String, String>,
        user: &'a Option<String>,
        workdir: &'a Option<String>,
        expose: &'a [String],
        volumes: &'a [String],
        compression: LayerCompression,
        /// How packages are cut into how many layers, when it is not the usual two.
        #[serde(skip_serializing_if = "Option::is_none")]
        layers: Option<(u32, u32)>,
        #[serde(skip_serializing_if = "Local::is_empty")]
        local: &'a Local,
        #[serde(skip_serializing_if = "Option::is_none")]
        emulations: Option<Digest>,
    }
    let inputs = Inputs {
        format: FORMAT,
        architecture: target.architecture,
        base_request: members.base_request,
        base: members.base.iter().map(|p| &p.sha256).collect(),
        request: members.request,
        application: members.application.iter().map(|p| &p.sha256).collect(),
        entrypoint: &container.entrypoint,
        cmd: &container.cmd,
        env: &container.env,
        labels: &container.labels,
        annotations: &container.annotations,
        user: &container.user,
        workdir: &container.workdir,
        expose: &container.expose,
        volumes: &container.volumes,
        compression: container.compression,
        layers: container.layers.filter(|layers| *layers > 2).map(|layers| (LAYERING, layers)),
        local,
        emulations: emulations.own(),
    };
    // Strings and numbers always serialise; were it otherwise, nothing would count as built.
    Digest::of(&serde_json::to_vec(&inputs).unwrap_or_default())
}
