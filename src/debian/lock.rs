//! `containers.lock`: which package, exactly, goes into which target.
//!
//! Committed beside `containers.toml`; names no mirror host, so it is the same for everyone. Paths are relative to the
//! archive's root, and every package is checked against its SHA-256 whatever server it came from.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::{Architecture, ContainerName, Target};
use crate::image::Digest;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Format version: 1.
    pub version: u32,
    /// Whether recommended packages came along.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recommends: bool,
    /// The pins that were in force.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pins: BTreeMap<String, String>,
    /// The suites that were read, and the dates of their `Release` files.
    #[serde(rename = "archive", default, skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<LockedArchive>,
    /// The base layer of each architecture.
    #[serde(rename = "base", default, skip_serializing_if = "Vec::is_empty")]
    pub bases: Vec<LockedBase>,
    /// What each target consists of.
    #[serde(rename = "target", default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<LockedTarget>,
    /// Every package of every target, once, sorted by name, architecture and version.
    #[serde(rename = "package", default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<LockedPackage>,
}

/// One suite of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedArchive {
    /// Which archive: `debian`, `debian-security`, or the NAME of `[debian.sources.NAME]`.
    pub archive: String,
    /// `trixie`, `trixie-updates`, `trixie-security`.
    pub suite: String,
    /// The components that were read, sorted.
    pub components: Vec<String>,
    /// The moment of the snapshot archive it was read from, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// `Date` of its `Release`, RFC 3339 UTC.
    pub date: String,
}

/// The base layer of one architecture: shared by every container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedBase {
    /// The architecture.
    pub target: Architecture,
    /// What was asked for, sorted: `[defaults] base` and what every image needs.
    pub request: Vec<String>,
    /// The closure, `name=version`, sorted by name.
    pub packages: Vec<String>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedTarget {
    /// Which container.
    pub container: ContainerName,
    /// Which architecture.
    pub target: Architecture,
    /// The application packages asked for, sorted.
    pub request: Vec<String>,
    /// The whole closure, base included, `name=version`, sorted by name.
    pub packages: Vec<String>,
}

/// One package file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// Binary package.
    pub name: String,
    /// Debian version, epoch included.
    pub version: String,
    /// Debian architecture, or `all`.
    pub architecture: String,
    /// Which archive has it, as in [`LockedArchive::archive`].
    pub archive: String,
    /// Its `Filename` below the archive's root: `pool/main/b/bash/bash_5.2.37-2+b5_amd64.deb`.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of the .deb, 64 hexadecimal digits.
    pub sha256: Hex,
}

/// What has become of one package in a renewed lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Binary package.
    pub package: String,
    /// The version before; several are separated by commas. `None` when it is new.
    pub old: Option<String>,
    /// The version now. `None` when it is gone.
    pub new: Option<String>,
    /// The architectures on which this happened.
    pub targets: Vec<Architecture>,
    /// What should not happen by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<ChangeWarning>,
}

/// What an archive should never do to a package without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeWarning {
    /// The version is older than before.
    Older,
    /// The version is the same and the SHA-256 of its .deb is another.
    OtherContent,
}

impl fmt::Display for ChangeWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChangeWarning::Older => "older than before",
            ChangeWarning::OtherContent => "other content under the same version",
        })
    }
}

/// `curl 8.14.1-1 → 8.14.1-2 (aarch64)`
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.package)?;
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, "{old} → {new}")?,
            (None, Some(new)) => write!(f, "{new} added")?,
            (old, None) => write!(f, "{} removed", old.as_deref().unwrap_or_default())?,
        }
        let targets: Vec<&str> = self.targets.iter().map(|a| a.name()).collect();
        write!(f, " ({})", targets.join(", "))?;
        match &self.warning {
            Some(warning) => write!(f, ": {warning}"),
            None => Ok(()),
        }
    }
}

/// A SHA-256 written without its `sha256:` prefix, as Debian's indexes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex(pub Digest);

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.hex())
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Digest::from_hex(&text).map(Hex).map_err(serde::de::Error::custom)
    }
}

impl Lock {
    /// What `target` consists of.
    pub fn target(&self, target: &Target) -> Option<&LockedTarget> {
        self.targets.iter().find(|t| t.container == target.container && t.target == target.architecture)
    }

    /// The base layer of `architecture`.
    pub fn base(&self, architecture: Architecture) -> Option<&LockedBase> {
        self.bases.iter().find(|b| b.target == architecture)
    }
}
