//! From a reference to the images it names, wherever they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::engine::{Work, blocking};
use crate::catalog::{Architecture, Catalog, RegistrySettings, Target};
use crate::image::{self, Descriptor, DockerArchive, Image, Reference, Store};
use crate::registry::{Credentials, Registry, Variables};
use crate::{Error, Result};

/// One image to look at.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// What it is called in reports.
    pub(super) subject: String,
    /// The target, when it is one of ours.
    pub(super) target: Option<Target>,
    /// The architecture it has to be for, when something said so.
    pub(super) expected: Option<Architecture>,
    /// The image.
    pub(super) image: Image,
}

impl Work {
    /// The images `reference` names: every member of an index, every built target of a container.
    pub(super) async fn images_of(&self, reference: &Reference) -> Result<Vec<Named>> {
        match reference {
            Reference::Container { name, architecture } => {
                let catalog = self.catalog()?;
                let targets = crate::catalog::select(&catalog, &[name.to_string()], architecture.as_slice())?;
                let store = self.store()?;
                blocking(move || targets.into_iter().map(|target| built(&store, &catalog, target)).collect()).await
            }
            Reference::Layout { folder, name } => {
                let (folder, name, shown) = (folder.clone(), name.clone(), reference.to_string());
                blocking(move || {
                    let images = image::images_in_layout(&folder, name.as_deref())?;
                    Ok(name_all(&shown, images))
                })
                .await
            }
            Reference::Registry(remote) => {
                let registry = self.registry(&remote.host)?;
                let images = tokio::select! {
                    images = registry.images(remote) => images?,
                    () = self.token.cancelled() => return Err(Error::interrupted()),
                };
                let images =
                    images.into_iter().map(|(platform, image)| (platform.map(|p| p.to_string()).unwrap_or_default(), image)).collect();
                Ok(name_all(&reference.to_string(), images))
            }
            Reference::DockerArchive { file, name } => {
                let (file, name, shown) = (file.clone(), name.clone(), reference.to_string());
                blocking(move || Ok(name_all(&shown, in_archive(&DockerArchive::open(&file)?, name.as_deref())?))).await
            }
            Reference::DockerDaemon(name) => {
                let archive = tokio::select! {
                    archive = self.saved(name) => archive?,
                    () = self.token.cancelled() => return Err(Error::interrupted()),
                };
                let shown = reference.to_string();
                blocking(move || Ok(name_all(&shown, in_archive(&archive, None)?))).await
            }
            Reference::Nix(_) => Err(Error::usage(format!("{reference}: this version does not read such images yet"))
                .hint("it reads containers by name, oci:DIR[:TAG], HOST/REPOSITORY:TAG, docker-archive:FILE and docker-daemon:NAME")),
        }
    }

    /// The registry at `host`, with the settings of `containers.toml` when there is one. One that is broken is an error: without
    /// its credentials and certificates the registry's answer would say something else than what is wrong.
    pub(super) fn registry(&self, host: &str) -> Result<Registry> {
        let settings = match self.context.options.file {
            Some(_) => self.catalog()?.registry,
            None => RegistrySettings::default(),
        };
        let registry = Registry::connect(host, Credentials::new(&settings, Variables::of_process()))?;
        Ok(registry.heard_by(Arc::clone(&self.progress)))
    }
}

/// An archive's images, each with the name that tells it from the others.
fn in_archive(archive: &DockerArchive, name: Option<&str>) -> Result<Vec<(String, Image)>> {
    Ok(archive.images(name)?.into_iter().map(|(names, image)| (names.into_iter().next().unwrap_or_default(), image)).collect())
}

/// What the store has of `target`.
pub(super) fn built_entry(store: &Store, catalog: &Catalog, target: &Target) -> Result<Descriptor> {
    store.find(&catalog.store_name(target))?.ok_or_else(|| {
        Error::usage(format!("{target} has not been built"))
            .hint(format!("catamaran build {} --target {}", target.container, target.architecture))
    })
}

fn built(store: &Store, catalog: &Catalog, target: Target) -> Result<Named> {
    let entry = built_entry(store, catalog, &target)?;
    Ok(Named { subject: target.to_string(), expected: Some(target.architecture), image: store.image(&entry)?, target: Some(target) })
}

/// A lone image is called as the user called it; members of an index get their platform behind it, and a number where an index
/// has several for one platform: each has a report of its own.
fn name_all(shown: &str, images: Vec<(String, Image)>) -> Vec<Named> {
    let alone = images.len() == 1;
    let mut called: BTreeMap<String, usize> = BTreeMap::new();
    images
        .into_iter()
        .map(|(member, image)| {
            let mut subject = if alone || member.is_empty() { shown.to_owned() } else { format!("{shown} {member}") };
            let number = called.entry(subject.clone()).or_default();
            *number += 1;
            if *number > 1 {
                subject.push_str(&format!(" #{number}"));
            }
            Named { subject, target: None, expected: None, image }
        })
        .collect()
}
