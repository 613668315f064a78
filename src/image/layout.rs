//! Reads an OCI image layout that anyone wrote (image-spec, "OCI Image Layout"): from a folder and a name to images.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::descriptor::media_type;
use super::{Descriptor, Digest, Gathering, Image, Index, IndexMembers, Platform, REF_NAME, Room, Store, Tree};
use crate::error::IoContext;
use crate::{Error, Result};

/// How deep indexes may stand within each other; tools write one level, attestations two.
const MAX_DEPTH: usize = 4;
/// How many images one name may lead to.
const MAX_IMAGES: usize = 256;

/// Everything that `name` leads to in the layout at `folder`, byte for byte; without a name, its only entry.
///
/// # Errors
/// No layout, no such name, several entries to choose from, a member that is not there or damaged.
pub fn tree_in_layout(folder: &Path, name: Option<&str>) -> Result<Tree> {
    let (store, mut chosen) = chosen(folder, name)?;
    let Some(entry) = chosen.pop().filter(|_| chosen.is_empty()) else {
        let names: BTreeSet<String> = store.entries()?.iter().filter_map(called).collect();
        return Err(Error::usage(format!("the layout {} has several entries", folder.display())).hint(format!(
            "name one: oci:{}:NAME; it has {}",
            folder.display(),
            names.into_iter().take(20).collect::<Vec<_>>().join(", ")
        )));
    };
    let mut gathering = Gathering::default();
    let mut missing = vec![entry.clone()];
    while let Some(member) = missing.pop() {
        if gathering.has(&member.digest) {
            continue;
        }
        require(&store, &member)?;
        let bytes = store.read(&member.digest)?;
        let what = format!("{} in {}", member.digest, folder.display());
        missing.extend(gathering.add(member, bytes.into(), &what)?);
    }
    gathering.finish(&entry.digest, Arc::new(store))
}

/// What an entry is called.
fn called(entry: &Descriptor) -> Option<String> {
    entry.annotations.get(REF_NAME).cloned()
}

/// The images that `name` leads to in the layout at `folder`, each with what tells it from the others: nothing when there
/// is only one, else its platform (`linux/arm64`), with the name before it when no name was asked for and there are
/// several (`fd linux/arm64`). An entry of which nothing can be read stands among them with its error, and what has no platform is
/// told from the others by its digest.
///
/// An entry may be a manifest or an index, in OCI's or Docker's media types; attestations are passed over, and so are members
/// of an index that are not there or damaged while others are: every image knows of them ([`IndexMembers::unreadable`]).
///
/// # Errors
/// No layout, no such name, nothing but attestations, more images than anybody has.
pub fn images_in_layout(folder: &Path, name: Option<&str>) -> Result<Vec<(String, Result<Image>)>> {
    let (store, chosen) = chosen(folder, name)?;
    let several = name.is_none() && chosen.len() > 1;
    let (mut images, room) = (Vec::new(), Room::default());
    for entry in &chosen {
        let prefix = called(entry).filter(|_| several).unwrap_or_default();
        let mut found = Found { store: &store, most: MAX_IMAGES - images.len(), read: Vec::new(), seen: BTreeSet::new(), room: &room };
        found.member(entry, 0)?;
        images.extend(found.images(entry).into_iter().map(|image| (suffix(&prefix, entry, &image), image)));
    }
    match &mut images[..] {
        [] => return Err(Error::failed(format!("the layout {} holds attestations only, no image", folder.display()))),
        [(alone, _)] => alone.clear(),
        _ => {}
    }
    Ok(images)
}

/// The layout at `folder`, and its entries called `name`; without a name, all that are images.
fn chosen(folder: &Path, name: Option<&str>) -> Result<(Store, Vec<Descriptor>)> {
    let store = Store::open_existing(folder)?;
    if !folder.join("index.json").is_file() {
        return Err(Error::failed(format!("the layout {} has no index.json", folder.display())).hint("it is not complete: write it again"));
    }
    let entries = store.entries()?;
    let chosen: Vec<Descriptor> = match name {
        None => entries.iter().filter(|entry| !entry.is_attestation()).cloned().collect(),
        Some(name) => entries.iter().filter(|entry| called(entry).is_some_and(|n| n == name)).cloned().collect(),
    };
    if chosen.is_empty() {
        let names: BTreeSet<String> = entries.iter().filter_map(called).collect();
        let message = match name {
            Some(name) => format!("the layout {} has no entry called `{name}`", folder.display()),
            None => format!("the layout {} holds no image", folder.display()),
        };
        let error = Error::usage(message);
        return Err(match names.is_empty() {
            true if name.is_none() => error.hint("its index.json lists none: copy one into it (`catamaran copy`)"),
            true => error.hint("its entries have no names: leave the name out"),
            false => error.hint(format!("it has {}", names.into_iter().take(20).collect::<Vec<_>>().join(", "))),
        });
    }
    Ok((store, chosen))
}

/// Makes sure that a member is there.
fn require(store: &Store, member: &Descriptor) -> Result<()> {
    let path = store.blob_path(&member.digest);
    if !path.try_exists().at("looking for", &path)? {
        return Err(Error::failed(format!("the layout {} names {}, but does not hold it", store.root().display(), whose(member)))
            .hint("it was copied without all its parts: copy it again with every platform (`skopeo copy --all`)"));
    }
    Ok(())
}

/// A member, as an error names it.
fn whose(member: &Descriptor) -> String {
    match &member.platform {
        Some(platform) => format!("{} for {platform}", member.digest),
        None => member.digest.to_string(),
    }
}

/// What tells `image`, which `entry` leads to, from the others.
fn suffix(prefix: &str, entry: &Descriptor, image: &Result<Image>) -> String {
    // What the index claims is what the user knows the member by; the config may be what is wrong.
    let which = match image {
        Ok(image) => image.descriptor.platform.clone().unwrap_or_else(|| image.platform()).to_string(),
        Err(_) => match &entry.platform {
            Some(platform) => platform.to_string(),
            None if prefix.is_empty() => entry.digest.to_string(),
            None => String::new(),
        },
    };
    [prefix, &which].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

struct Found<'a> {
    store: &'a Store,
    room: &'a Room,
    most: usize,
    /// Every member as written, with the image it is; `None` for attestations, and for what is listed before.
    read: Vec<(Descriptor, Option<Result<Image>>)>,
    /// Members met so far, each with the platform it is claimed for: one image under two platforms is looked at for both, for
    /// one of the claims is wrong. Nothing else is read twice, and a circle of indexes cannot be made anyway.
    seen: BTreeSet<(Digest, Option<Platform>)>,
}

impl Found<'_> {
    /// The images, once `entry` was taken in; what could not be read of an index is told by its other members, if there are any.
    fn images(self, entry: &Descriptor) -> Vec<Result<Image>> {
        if !media_type::is_index(&entry.media_type) {
            return self.read.into_iter().filter_map(|(_, outcome)| outcome).collect();
        }
        match IndexMembers::join(entry.digest, self.read) {
            Ok(images) => images.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }
    }

    /// Takes in `member`, with what is below it. An error is what ends everything; what is wrong with a member is told with it.
    fn member(&mut self, member: &Descriptor, depth: usize) -> Result<()> {
        if self.read.len() >= self.most {
            return Err(Error::failed(format!("the layout {} leads to more than {MAX_IMAGES} images", self.store.root().display())));
        }
        let repeats = !self.seen.insert((member.digest, member.platform.clone()));
        if repeats || member.is_attestation() {
            self.read.push((member.clone(), None));
            return Ok(());
        }
        if !media_type::is_index(&member.media_type) {
            let image = self.image(member);
            self.read.push((member.clone(), Some(image)));
            return Ok(());
        }
        match self.index(member, depth) {
            Ok(index) => index.manifests.iter().try_for_each(|inner| self.member(inner, depth + 1)),
            Err(error) => {
                self.read.push((member.clone(), Some(Err(error))));
                Ok(())
            }
        }
    }

    fn index(&self, member: &Descriptor, depth: usize) -> Result<Index> {
        require(self.store, member)?;
        if depth >= MAX_DEPTH {
            let whose = whose(member);
            return Err(Error::failed(format!("the index {whose} is the {}th within another; that deep none is read", MAX_DEPTH + 1)));
        }
        Index::parse(&self.store.read(&member.digest)?, &format!("index {}", member.digest))
    }

    fn image(&self, member: &Descriptor) -> Result<Image> {
        require(self.store, member)?;
        if !media_type::is_manifest(&member.media_type) {
            let whose = whose(member);
            return Err(Error::failed(format!("the layout's member {whose} is `{}`, neither image nor index", member.media_type)));
        }
        self.room.for_image(self.store.image(member)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;
    use crate::image::{ImageConfig, Manifest, Platform};
    use std::collections::BTreeMap;

    fn manifest(store: &Store, architecture: Architecture) -> Descriptor {
        let config = ImageConfig { architecture: architecture.oci().into(), os: "linux".into(), ..ImageConfig::default() }.to_bytes();
        store.put(&config).unwrap();
        let bytes = Manifest::new(Descriptor::of(media_type::CONFIG, &config), vec![], BTreeMap::new()).to_bytes();
        store.put(&bytes).unwrap();
        Descriptor { platform: Some(Platform::linux(architecture)), ..Descriptor::of(media_type::DOCKER_MANIFEST, &bytes) }
    }

    fn index(store: &Store, members: Vec<Descriptor>) -> Descriptor {
        let bytes = Index::new(members, BTreeMap::new()).to_bytes();
        store.put(&bytes).unwrap();
        Descriptor::of(media_type::INDEX, &bytes)
    }

    fn suffixes(folder: &Path, name: Option<&str>) -> Vec<String> {
        images_in_layout(folder, name).unwrap().into_iter().map(|(suffix, _)| suffix).collect()
    }

    #[test]
    fn names_lead_to_images_through_nested_indexes_and_past_attestations() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (amd, arm) = (manifest(&store, Architecture::X86_64), manifest(&store, Architecture::Aarch64));
        let absent = Digest::of(b"not there");
        let mut attestation = Descriptor::new(media_type::MANIFEST, absent, 1);
        attestation.platform = Some(Platform { architecture: "unknown".into(), os: "unknown".into(), variant: None });
        let inner = index(&store, vec![amd.clone(), attestation]);
        store.publish("both", index(&store, vec![inner, arm])).unwrap();
        assert_eq!(suffixes(folder.path(), None), ["linux/amd64", "linux/arm64"]);
        store.publish("one", amd).unwrap();
        assert_eq!(suffixes(folder.path(), Some("one")), [""]);
        assert_eq!(suffixes(folder.path(), None), ["both linux/amd64", "both linux/arm64", "one linux/amd64"]);
        let error = images_in_layout(folder.path(), Some("non")).unwrap_err();
        assert_eq!(error.advice(), Some("it has both, one"));
    }

    #[test]
    fn a_missing_member_and_endless_nesting_are_errors_that_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut absent = Descriptor::new(media_type::MANIFEST, Digest::of(b"not there"), 1);
        absent.platform = Some(Platform::linux(Architecture::S390x));
        store.publish("part", index(&store, vec![absent])).unwrap();
        let only = |name| images_in_layout(folder.path(), Some(name)).unwrap().remove(0).1;
        let error = only("part").unwrap_err();
        assert!(error.message().contains("for linux/s390x, but does not hold it"), "{error}");

        let amd = manifest(&store, Architecture::X86_64);
        let Some(broken) = store.find("part").unwrap() else { panic!("it was published") };
        store.publish("half", index(&store, vec![broken, amd])).unwrap();
        let images = images_in_layout(folder.path(), Some("half")).unwrap();
        let members = images[0].1.as_ref().unwrap().index.as_ref().unwrap();
        assert_eq!((images.len(), members.members.len(), members.unreadable().count()), (1, 2, 1));

        let mut deep = manifest(&store, Architecture::X86_64);
        for _ in 0..=MAX_DEPTH {
            deep = index(&store, vec![deep]);
        }
        store.publish("deep", deep).unwrap();
        assert!(only("deep").unwrap_err().message().contains("within another"));

        // Without a name all of them are looked at, and each has a name of its own.
        let nameless = Descriptor { platform: None, ..Descriptor::new(media_type::MANIFEST, Digest::of(b"nor this"), 1) };
        let gone = nameless.digest;
        store.enter(None, nameless).unwrap();
        let all = images_in_layout(folder.path(), None).unwrap();
        let said: Vec<(&str, bool)> = all.iter().map(|(suffix, image)| (suffix.as_str(), image.is_ok())).collect();
        let gone = gone.to_string();
        assert_eq!(said, [(gone.as_str(), false), ("deep", false), ("half linux/amd64", true), ("part", false)]);
    }
}
