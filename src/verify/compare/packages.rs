//! Which packages two images have, and in which versions.

use std::collections::{BTreeMap, BTreeSet};

use super::Pair;
use super::comparison::{Aspect, Section};
use super::names::Names;
use super::rows::Rows;
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
        // The architecture is said where it is what differs.
        let only_architecture = differs && words(left, false) == words(right, false);
        rows.words(name, words(left, only_architecture), words(right, only_architecture), differs);
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

fn words(side: Option<&(&str, Vec<&InstalledPackage>)>, architecture: bool) -> Option<String> {
    let (_, packages) = side?;
    let word = |p: &&InstalledPackage| if architecture { format!("{} ({})", p.version, p.architecture) } else { p.version.clone() };
    Some(packages.iter().map(word).collect::<Vec<_>>().join(", "))
}
