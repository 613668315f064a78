//! From a reference to the images it names, wherever they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::engine::{Work, blocking};
use super::event::EventKind;
use crate::catalog::{Architecture, Catalog, RegistrySettings, Target};
use crate::image::{self, Descriptor, DockerArchive, Image, IndexMembers, Reference, Store};
use crate::nix::{self, NixImage};
use crate::registry::{Credentials, Registry, Variables};
use crate::{Error, Kind, Result};

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

/// What a reference names.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    /// The images, in their order.
    pub(super) images: Vec<Named>,
    /// What is not among them because it could not be read, as it is called, each with what happened.
    pub(super) unread: Vec<(String, Error)>,
}

impl Work {
    /// The images `reference` names: every member of an index, every built target of a container.
    ///
    /// # Errors
    /// It names nothing, or nothing could be found out about what it names.
    pub(super) async fn images_of(&self, reference: &Reference) -> Result<Subjects> {
        match reference {
            Reference::Container { name, architecture } => {
                let catalog = self.catalog()?;
                let targets = crate::catalog::select(&catalog, &[name.to_string()], architecture.as_slice())?;
                let store = self.store()?;
                let images = blocking(move || targets.into_iter().map(|target| built(&store, &catalog, target)).collect()).await?;
                Ok(Subjects { images, unread: Vec::new() })
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
                let images = self.or_cancelled(registry.images(remote)).await?;
                let images =
                    images.into_iter().map(|(platform, image)| (platform.map(|p| p.to_string()).unwrap_or_default(), Ok(image))).collect();
                Ok(name_all(&reference.to_string(), images))
            }
            Reference::DockerArchive { file, name } => {
                let (file, name, shown) = (file.clone(), name.clone(), reference.to_string());
                blocking(move || Ok(name_all(&shown, in_archive(&DockerArchive::open(&file)?, name.as_deref())?))).await
            }
            Reference::DockerDaemon(name) | Reference::ContainersStorage(name) => {
                let archive = self.or_cancelled(self.saved(reference, name)).await?;
                let shown = reference.to_string();
                blocking(move || Ok(name_all(&shown, in_archive(&archive, None)?))).await
            }
            Reference::Nix(file) => {
                let image = self.nix_image(reference, file).await?;
                Ok(name_all(&reference.to_string(), vec![(String::new(), Ok(image))]))
            }
        }
    }

    /// The image that the document of nix2container in `file` describes; what of it nobody understands is told.
    pub(super) async fn nix_image(&self, reference: &Reference, file: &Path) -> Result<Image> {
        let file = file.to_owned();
        let NixImage { image, ignored } = blocking(move || nix::open_image(&file)).await?;
        if !ignored.is_empty() {
            let keys = ignored.iter().take(5).map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            let more = if ignored.len() > 5 { " and more" } else { "" };
            let why = "not understood, by nix2container's own reader neither, and left out of the image";
            self.progress.line(&format!("{reference}: {keys}{more}: {why}"));
        }
        Ok(image)
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

    /// Tells of what could not be read, once the rest was.
    pub(super) async fn tell_missing(&self, missing: Missing) -> Result<()> {
        let Some((lines, error)) = missing.end() else { return Ok(()) };
        if !lines.is_empty() {
            self.emit(EventKind::RunOutput { lines }).await;
        }
        Err(error)
    }
}

/// An archive's images, each with the name that tells it from the others.
fn in_archive(archive: &DockerArchive, name: Option<&str>) -> Result<Vec<(String, Result<Image>)>> {
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
    Ok(Named {
        subject: target.to_string(),
        expected: Some(target.architecture),
        image: nix::kept_image(store, &entry)?,
        target: Some(target),
    })
}

/// A lone image is called as the user called it; members of an index get their platform behind it, and a number where an index
/// has several for one platform: each has a report of its own.
fn name_all(shown: &str, images: Vec<(String, Result<Image>)>) -> Subjects {
    let alone = images.len() == 1;
    let mut called: BTreeMap<String, usize> = BTreeMap::new();
    let mut subjects = Subjects::default();
    for (member, image) in images {
        let mut subject = if alone || member.is_empty() { shown.to_owned() } else { format!("{shown} {member}") };
        let number = called.entry(subject.clone()).or_default();
        *number += 1;
        if *number > 1 {
            subject.push_str(&format!(" #{number}"));
        }
        match image {
            Ok(image) => subjects.images.push(Named { subject, target: None, expected: None, image }),
            Err(error) => subjects.unread.push((subject, error)),
        }
    }
    subjects.unread.extend(unreached(shown, &subjects.images));
    subjects
}

/// The members of indexes of which the network kept everything from us.
fn unreached(shown: &str, images: &[Named]) -> Vec<(String, Error)> {
    let said = |(member, why): (&Descriptor, &str)| {
        let which = member.platform.as_ref().map_or_else(|| member.digest.to_string(), ToString::to_string);
        (format!("{shown} {which}"), Error::network(why))
    };
    indexes(images).into_iter().flat_map(|index| index.unreached().map(said).collect::<Vec<_>>()).collect()
}

/// The indexes that `images` came out of, each once.
fn indexes(images: &[Named]) -> Vec<&IndexMembers> {
    let mut seen = BTreeSet::new();
    images.iter().filter_map(|named| named.image.index.as_deref()).filter(|index| seen.insert(index.digest)).collect()
}

impl Subjects {
    /// Everything that the reference names and that could not be read, for what tells of images and not of what is wrong with them.
    pub(super) fn missing(&mut self) -> Missing {
        let member = |(member, why): (&Descriptor, &str)| {
            Error::failed(format!("the index's member {} could not be read: {why}", member.digest))
                .hint("`catamaran verify` names all that is wrong with the index")
        };
        let mut missing = Missing::default();
        self.unread.drain(..).for_each(|(subject, error)| missing.add(&subject, &error));
        missing.0.extend(indexes(&self.images).into_iter().flat_map(|index| index.unreadable().map(member).collect::<Vec<_>>()));
        missing
    }
}

/// What could not be read while the rest was.
#[derive(Debug, Default)]
pub(super) struct Missing(Vec<Error>);

impl Missing {
    fn add(&mut self, subject: &str, error: &Error) {
        let said = Error::new(error.kind(), format!("{subject} could not be read: {}", error.message()));
        self.0.push(match error.advice() {
            Some(advice) => said.hint(advice),
            None => said,
        });
    }

    /// What came of reading `subject`; an error is kept.
    ///
    /// # Errors
    /// Somebody interrupted.
    pub(super) fn read<T>(&mut self, subject: &str, outcome: Result<T>) -> Result<Option<T>> {
        match outcome {
            Ok(read) => Ok(Some(read)),
            Err(error) if error.is_interrupted() => Err(error),
            Err(error) => {
                self.add(subject, &error);
                Ok(None)
            }
        }
    }

    /// Takes in what `other` has.
    pub(super) fn join(&mut self, other: Missing) {
        self.0.extend(other.0);
    }

    /// A line for each when there are several, and the error that the run is to end with.
    pub(super) fn end(self) -> Option<(Vec<String>, Error)> {
        let lines = if self.0.len() > 1 { self.0.iter().map(Error::message).collect() } else { Vec::new() };
        self.0.into_iter().reduce(graver).map(|error| (lines, error))
    }
}

/// Of two errors the one that decides how a run ends, wherever it stands: a mistake of the command line before the network's fault,
/// and that before a damaged image.
pub(super) fn graver(first: Error, second: Error) -> Error {
    let weight = |error: &Error| match error.kind() {
        Kind::Usage => 2,
        Kind::Network => 1,
        Kind::Failed | Kind::Interrupted => 0,
    };
    if weight(&first) < weight(&second) { second } else { first }
}
