//! The architectures of one container: which image each of them is held against (the check `parity`).
//!
//! The first architecture of the container that there is an image of is the one the others are held against, whoever verifies, and
//! however many of them: a build, a gate of a release, the dashboard. Images that lie in the store count when they were made from
//! what the definition and the lock say now; one of an earlier lock differs by right.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::build::is_current;
use super::engine::{Work, blocking};
use crate::catalog::{BuilderKind, Catalog, Target};
use crate::debian::{self, Builder, Lock};
use crate::image::{Descriptor, Digest, Store, Witnessed};
use crate::nix::{self, kept_image};
use crate::progress::Silent;
use crate::verify::{Group, ImageFacts, Known, Sibling};
use crate::{Error, Result};

/// What an image is among the architectures of its container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kin {
    /// The only one.
    Alone,
    /// The first; so many others are held against it.
    First(usize),
    /// One that is held against this first.
    Later(Target, Box<Descriptor>),
}

impl Kin {
    /// The image it is held against.
    pub(super) fn against(&self) -> Option<&Digest> {
        match self {
            Kin::Alone | Kin::First(_) => None,
            Kin::Later(_, first) => Some(&first.digest),
        }
    }

    /// What `target` is among `members`, which are in the order of the container's targets.
    fn of(members: &[(Target, Descriptor)], target: &Target) -> Self {
        match members.first() {
            Some((first, entry)) if first != target => Kin::Later(first.clone(), Box::new(entry.clone())),
            Some(_) if members.len() > 1 => Kin::First(members.len() - 1),
            _ => Kin::Alone,
        }
    }
}

/// What decides who belongs together.
pub(super) struct Family<'a> {
    pub(super) catalog: &'a Catalog,
    /// The targets that are looked at together, whatever they were made from.
    pub(super) together: &'a BTreeSet<Target>,
    /// Whether an image was made from what definition and lock say now.
    pub(super) is_current: &'a dyn Fn(&Target, &Descriptor) -> bool,
}

impl Family<'_> {
    /// What `target` is among the architectures of its container; `entry` finds what there is of a target.
    pub(super) fn kin(&self, target: &Target, entry: impl Fn(&Target) -> Option<Descriptor>) -> Kin {
        let mine = OnceCell::new();
        let is_mine_current = || *mine.get_or_init(|| entry(target).is_some_and(|entry| (self.is_current)(target, &entry)));
        let belongs = |other: &Target, entry: &Descriptor| {
            other == target || self.together.contains(other) || (is_mine_current() && (self.is_current)(other, entry))
        };
        let architectures = self.catalog.container(target.container.as_str()).map(|c| c.targets.as_slice()).unwrap_or_default();
        let members = architectures.iter().map(|architecture| Target::new(target.container.clone(), *architecture));
        let members: Vec<_> = members.filter_map(|t| entry(&t).map(|entry| (t, entry))).filter(|(t, entry)| belongs(t, entry)).collect();
        Kin::of(&members, target)
    }
}

/// The first image of the group that was looked at last: read once for all that are held against it.
#[derive(Default)]
pub(super) struct FirstRead(Option<Arc<Sibling>>);

impl FirstRead {
    /// It was read just now.
    pub(super) fn set(&mut self, sibling: Arc<Sibling>) {
        self.0 = Some(sibling);
    }

    /// Of this image, when it is the one.
    fn get(&self, digest: &Digest) -> Option<Arc<Sibling>> {
        self.0.clone().filter(|sibling| sibling.image.descriptor.digest == *digest)
    }
}

impl Work {
    /// Whether `entry` was made from what `catalog` and `lock` say now. Inputs that cannot be told (a local file is gone) are nobody's.
    pub(super) fn is_current_now(&self, catalog: &Catalog, lock: &Lock, target: &Target, entry: &Descriptor) -> bool {
        if catalog.builder_of(target) == BuilderKind::Nix {
            // What would be built now is asked when it is (`session/nix.rs`).
            return nix::document_of(entry).is_some_and(|document| document.exists());
        }
        Builder::inputs(catalog, target, lock, &self.context.options.folders.cache).is_ok_and(|inputs| is_current(entry, inputs))
    }

    /// The lock as it is on disk, empty when there is none: what images of the store are held against.
    pub(super) fn lock_on_disk(&self, catalog: &Catalog) -> Result<Lock> {
        Ok(debian::read_lock(&catalog.lock_path())?.unwrap_or_default())
    }

    /// The same for the checks, with what is read of the first image. One that cannot be read is told of in its own report, and the
    /// others then have nothing to be held against.
    pub(super) async fn group(&self, kin: &Kin, first: &mut FirstRead, known: &Known) -> Result<Group> {
        let (target, entry) = match kin {
            Kin::Alone => return Ok(Group::Alone),
            Kin::First(others) => return Ok(Group::First(*others)),
            Kin::Later(target, entry) => (target, entry),
        };
        if let Some(sibling) = first.get(&entry.digest) {
            return Ok(Group::Later(sibling));
        }
        match self.read_sibling(self.store()?, target, entry, known).await {
            Ok(sibling) => {
                let sibling = Arc::new(sibling);
                first.set(Arc::clone(&sibling));
                Ok(Group::Later(sibling))
            }
            Err(error) if error.is_interrupted() => Err(error),
            Err(_) => Ok(Group::Unknown),
        }
    }

    async fn read_sibling(&self, store: Store, target: &Target, entry: &Descriptor, known: &Known) -> Result<Sibling> {
        let (subject, entry, token) = (target.to_string(), entry.clone(), self.token.clone());
        let records = known.records.clone();
        blocking(move || {
            let image = kept_image(&store, &entry)?;
            // Its own verification proves its blobs; here only what they hold is asked for.
            let witnessed = Witnessed::default();
            image.manifest.layers.iter().for_each(|layer| witnessed.add(layer.digest));
            let known = Known { records, witnessed, ..Known::default() };
            let facts = ImageFacts::gather_knowing(&image, &known, &Silent, &|| token.is_cancelled())?;
            if token.is_cancelled() { Err(Error::interrupted()) } else { Ok(Sibling { subject, image, facts }) }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;

    #[test]
    fn the_first_architecture_is_what_the_others_are_held_against() {
        let member = |architecture| (Target::new("fd", architecture), Descriptor::of("x", format!("{architecture}").as_bytes()));
        let members = [Architecture::X86_64, Architecture::Aarch64, Architecture::Riscv64].map(member);
        let kin = |n: usize| Kin::of(&members, &members[n].0);
        assert_eq!((kin(0), kin(0).against()), (Kin::First(2), None));
        assert_eq!(kin(2).against(), Some(&members[0].1.digest));
        assert_eq!(Kin::of(&members[1..2], &members[1].0), Kin::Alone);
    }
}
