//! Which packages two images have, and in which versions.

use std::collections::{BTreeMap, BTreeSet};

use super::Pair;
use super::comparison::{Aspect, Section};
use super::names::Names;
use super::rows::Rows;
use crate::catalog::Architecture;
use crate::image::InstalledPackage;

/// A package's name as shown, and the versions there are of it.
type Versions<'a> = BTreeMap<String, (&'a str, Vec<&'a InstalledPackage>)>;

/// Compares names and versions; and architectures, as far as they are not the image's own.
pub(super) fn compare(pair: &Pair<'_>, all: bool) -> Section {
    let left = versions(&pair.left.packages, &pair.left_names);
    let right = versions(&pair.right.packages, &pair.right_names);
    let mut rows = Rows::new(Aspect::Packages, all);
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    for key in keys {
        let (left, right) = (left.get(key), right.get(key));
        let name = left.or(right).map_or(key.as_str(), |(name, _)| name);
        let neutral = |side: Option<&(&str, Vec<&InstalledPackage>)>, names: &Names| {
            side.map(|(_, packages)| packages.iter().map(|p| (p.version.clone(), names.neutral(&p.architecture))).collect::<Vec<_>>())
        };
        let (left_neutral, right_neutral) = (neutral(left, &pair.left_names), neutral(right, &pair.right_names));
        let differs = left_neutral != right_neutral;
        // The architecture is said where it is what differs, and where it is the same, whose it is not.
        let only_architecture = differs && words(left, None) == words(right, None);
        let shown = |side, half: &super::Half<'_>| words(side, only_architecture.then_some(half.image.config.architecture.as_str()));
        rows.words(name, shown(left, &pair.left), shown(right, &pair.right), differs);
    }
    rows.section()
}

fn versions<'a>(packages: &'a [InstalledPackage], names: &Names) -> Versions<'a> {
    let mut out = Versions::new();
    for package in packages {
        out.entry(names.neutral(&package.name)).or_insert_with(|| (&package.name, Vec::new())).1.push(package);
    }
    out
}

/// The versions; with the packages' architectures where the image's is given.
fn words(side: Option<&(&str, Vec<&InstalledPackage>)>, of_image: Option<&str>) -> Option<String> {
    let (_, packages) = side?;
    let word = |p: &&InstalledPackage| match of_image {
        None => p.version.clone(),
        Some(image) if is_foreign(&p.architecture, image) => format!("{} ({}, not {image})", p.version, p.architecture),
        Some(_) => format!("{} ({})", p.version, p.architecture),
    };
    Some(packages.iter().map(word).collect::<Vec<_>>().join(", "))
}

/// Whether a package's architecture, in Debian's words, is another than the image's, in OCI's.
fn is_foreign(package: &str, image: &str) -> bool {
    let known = Architecture::ALL.into_iter().find(|architecture| architecture.debian() == package);
    known.is_some_and(|architecture| architecture.oci() != image)
}

/// Whether both sides have the same packages in the same versions.
pub(super) fn are_same(pair: &Pair<'_>) -> bool {
    compare(pair, false).different == 0
}

/// Whether both sides have the package `name` in the same version.
pub(super) fn is_same(pair: &Pair<'_>, name: &str) -> bool {
    let version =
        |packages: &[InstalledPackage]| packages.iter().find(|package| package.name == name).map(|package| package.version.clone());
    version(&pair.left.packages).is_some_and(|left| version(&pair.right.packages) == Some(left))
}
