//! Where a package is that the catalog asks for in vain: another component, another architecture. For the error only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::http::Http;
use super::indexes::{self, Wanted};
use super::lock_file::{base_request, containers, request};
use super::packages::{Packages, Pins};
use super::relation::relation;
use super::release::Release;
use super::resolve::Universes;
use super::sources::Source;
use crate::catalog::{Architecture, Catalog};

/// The names that `catalog` asks for and that no package has, by architecture.
pub(crate) fn missing(catalog: &Catalog, universes: &Universes) -> BTreeMap<Architecture, BTreeSet<String>> {
    let base = base_request(catalog);
    let mut missing: BTreeMap<Architecture, BTreeSet<String>> = BTreeMap::new();
    for container in containers(catalog) {
        let wanted: Vec<String> = base.iter().cloned().chain(request(container)).collect();
        for architecture in &container.targets {
            let Some(packages) = universes.get(architecture) else { continue };
            let names = wanted.iter().filter(|name| !has(packages, name));
            missing.entry(*architecture).or_default().extend(names.cloned());
        }
    }
    missing.retain(|_, names| !names.is_empty());
    missing
}

fn has(packages: &Packages, name: &str) -> bool {
    let none = Pins::new();
    // What is no name at all is the solver's to refuse.
    packages.candidate(name, &none).is_some()
        || relation(name).is_ok_and(|r| !packages.providers(&r, &none).is_empty())
        || relation(name).is_err()
}

/// Notes in `universes` where each of `missing` is, if it is anywhere in what `releases` list.
pub(crate) async fn look(
    http: &Http,
    missing: &BTreeMap<Architecture, BTreeSet<String>>,
    releases: &[(&Source, Release)],
    cache: &Path,
    universes: &mut Universes,
    cancel: &CancellationToken,
) {
    for (architecture, names) in missing {
        let debian = architecture.debian();
        let others = releases.iter().flat_map(|(source, release)| {
            let components = release.components.iter().filter(|component| !source.components.contains(component));
            components.map(move |component| Wanted { source, release, component, folder: debian, architecture: debian })
        });
        let others: Vec<Wanted<'_>> = others.collect();
        // An index that cannot be had leaves the error without this hint, nothing worse.
        let indexes = join_all(others.iter().map(|wanted| indexes::read(http, wanted, cache, cancel))).await;
        let indexes: Vec<_> = others.iter().zip(indexes).filter_map(|(wanted, read)| Some((wanted, read.ok()??))).collect();
        for name in names {
            let place = indexes.iter().find(|(_, index)| !index.find(name).is_empty()).map(|(wanted, _)| {
                let table = wanted.source.table();
                let (component, suite) = (wanted.component, &wanted.source.suite);
                format!("`{name}` is in the component {component} of {suite}: add it to `components` under {table}")
            });
            let place = place.or_else(|| {
                let (other, _) = universes.iter().find(|(_, packages)| packages.every_version(name).next().is_some())?;
                Some(format!("`{name}` exists for {other}: give this container the `targets` that have it"))
            });
            if let (Some(place), Some(packages)) = (place, universes.get_mut(architecture)) {
                packages.elsewhere.insert(name.clone(), place);
            }
        }
    }
}
