//! Everything a reference names, byte for byte: an index, its members, their blobs. What `copy` moves, so that every digest
//! stays what it is, also those of attestations and of things we do not know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::descriptor::media_type;
use super::{Blobs, Descriptor, Digest, Image, ImageConfig, Index, Manifest};
use crate::catalog::Architecture;
use crate::error::read_error;
use crate::{Error, Result};

/// More manifests than any real index leads to.
const MAX_MANIFESTS: usize = 512;
/// The largest config that is read.
const MAX_CONFIG: u64 = 4 << 20;

/// A manifest or an index with its exact bytes.
#[derive(Clone, Debug)]
pub struct RawManifest {
    /// What it is.
    pub descriptor: Descriptor,
    /// Its exact bytes.
    pub bytes: Arc<[u8]>,
    /// What it points at.
    pub children: Children,
}

/// What a manifest or an index points at.
#[derive(Clone, Debug, Default)]
pub struct Children {
    /// Members, of an index.
    pub manifests: Vec<Descriptor>,
    /// Config and layers, of a manifest.
    pub blobs: Vec<Descriptor>,
}

/// What a reference names, whole.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Members stand before what names them; the last one is what the reference names. Never empty.
    pub(super) manifests: Vec<RawManifest>,
    /// Where the blobs can be read.
    pub blobs: Arc<dyn Blobs>,
}

impl Children {
    /// Reads what `bytes` of the type `media_type` point at; `what` names them in errors.
    pub fn of(media_type: &str, bytes: &[u8], what: &str) -> Result<Self> {
        if media_type::is_index(media_type) {
            return Ok(Children { manifests: Index::parse(bytes, what)?.manifests, blobs: Vec::new() });
        }
        if media_type::is_manifest(media_type) {
            return Ok(Children { manifests: Vec::new(), blobs: Manifest::parse(bytes, what)?.blobs().cloned().collect() });
        }
        let error = Error::failed(format!("{what} is `{media_type}`, neither image nor index"));
        Err(match media_type.starts_with("application/vnd.docker.distribution.manifest.v1") {
            true => error.hint("that is Docker's schema 1, given up in 2019: pull and push the image once with a current Docker"),
            false => error,
        })
    }
}

/// Gathers the manifests of a [`Tree`], wherever they come from.
#[derive(Default)]
pub struct Gathering {
    found: BTreeMap<Digest, RawManifest>,
}

impl Gathering {
    /// Takes in one manifest and says which others it leads to that are not here yet.
    pub fn add(&mut self, descriptor: Descriptor, bytes: Arc<[u8]>, what: &str) -> Result<Vec<Descriptor>> {
        let children = Children::of(&descriptor.media_type, &bytes, what)?;
        let missing: Vec<Descriptor> = children.manifests.iter().filter(|m| !self.found.contains_key(&m.digest)).cloned().collect();
        self.found.insert(descriptor.digest, RawManifest { descriptor, bytes, children });
        if self.found.len() + missing.len() > MAX_MANIFESTS {
            return Err(Error::failed(format!("{what} leads to more than {MAX_MANIFESTS} manifests")));
        }
        Ok(missing)
    }

    /// Whether it has been taken in.
    pub fn has(&self, digest: &Digest) -> bool {
        self.found.contains_key(digest)
    }

    /// The tree below `top`, whose members have all been added.
    pub fn finish(mut self, top: &Digest, blobs: Arc<dyn Blobs>) -> Result<Tree> {
        let mut manifests = Vec::new();
        self.take(top, &mut manifests);
        match manifests.is_empty() {
            true => Err(Error::failed(format!("{top} is not there"))),
            false => Ok(Tree { manifests, blobs }),
        }
    }

    /// Moves what is below `digest`, and then itself. A circle cannot be: a digest cannot be inside of what it is the digest of.
    fn take(&mut self, digest: &Digest, into: &mut Vec<RawManifest>) {
        let Some(manifest) = self.found.remove(digest) else { return };
        manifest.children.manifests.iter().for_each(|child| self.take(&child.digest, into));
        into.push(manifest);
    }
}

impl Tree {
    /// The tree of one image.
    pub fn of_image(image: &Image) -> Self {
        let children = Children { manifests: Vec::new(), blobs: image.manifest.blobs().cloned().collect() };
        let mut descriptor = image.descriptor.clone();
        if descriptor.media_type.is_empty() {
            descriptor.media_type = image.manifest.media_type.clone().unwrap_or_else(|| media_type::MANIFEST.into());
        }
        let manifest = RawManifest { descriptor, bytes: Arc::clone(&image.manifest_bytes), children };
        Tree { manifests: vec![manifest], blobs: Arc::clone(&image.blobs) }
    }

    /// The tree of an index over `images`, which share their blobs' source.
    pub fn of_index(bytes: &[u8], images: &[Image], blobs: Arc<dyn Blobs>) -> Result<Self> {
        let mut gathering = Gathering::default();
        let index = Descriptor::of(media_type::INDEX, bytes);
        gathering.add(index.clone(), bytes.into(), "the index")?;
        for image in images {
            let descriptor = Tree::of_image(image).top().descriptor.clone();
            gathering.add(descriptor, Arc::clone(&image.manifest_bytes), "a member")?;
        }
        gathering.finish(&index.digest, blobs)
    }

    /// What the reference names.
    pub fn top(&self) -> &RawManifest {
        // `finish` and `of_image` make no tree without one.
        &self.manifests[self.manifests.len() - 1]
    }

    /// Every manifest and index; members stand before what names them.
    pub fn manifests(&self) -> &[RawManifest] {
        &self.manifests
    }

    /// Configs and layers of every image, none twice.
    pub fn contents(&self) -> Vec<Descriptor> {
        let mut seen = BTreeSet::new();
        let all = self.manifests.iter().flat_map(|m| &m.children.blobs);
        all.filter(|blob| seen.insert(blob.digest)).cloned().collect()
    }

    /// Only the image for `architecture`.
    ///
    /// # Errors
    /// There is none. May read a config: from blocking threads only.
    pub fn only(self, architecture: Architecture) -> Result<Self> {
        let images = self.images();
        let mut offered = Vec::new();
        for (number, image) in images.iter().enumerate() {
            let claimed = image.claimed.as_ref().and_then(|platform| platform.known());
            let found = match claimed {
                Some(found) => Some(found),
                None => self.config(image.manifest)?.platform().known(),
            };
            if found == Some(architecture) {
                return Ok(self.reduced(number));
            }
            offered.extend(found.map(|f| f.to_string()));
        }
        let error = Error::usage(format!("there is no image for {architecture} in it"));
        Err(if offered.is_empty() { error } else { error.hint(format!("it has {}", offered.join(", "))) })
    }

    /// The one image of the tree, attestations aside.
    ///
    /// # Errors
    /// There are several, or none.
    pub fn single(self) -> Result<Self> {
        match self.images().len() {
            1 => Ok(self.reduced(0)),
            0 => Err(Error::failed("there is no image in it")),
            n => Err(Error::usage(format!("{n} images cannot go where there is room for one"))
                .hint("choose one with --target: `--target aarch64`")),
        }
    }

    /// How many images it has, attestations aside.
    pub fn image_count(&self) -> usize {
        self.images().len()
    }

    /// How many members say something about another one instead of being an image.
    pub fn attestations(&self) -> usize {
        self.manifests.iter().flat_map(|m| &m.children.manifests).filter(|m| m.is_attestation()).count()
    }

    fn reduced(self, number: usize) -> Self {
        let manifest = self.images().get(number).map(|member| member.manifest.clone());
        Tree { manifests: manifest.map_or_else(|| self.manifests.clone(), |m| vec![m]), blobs: self.blobs }
    }

    fn images(&self) -> Vec<Member<'_>> {
        let mut described: BTreeMap<Digest, &Descriptor> = BTreeMap::new();
        for child in self.manifests.iter().flat_map(|m| &m.children.manifests) {
            described.entry(child.digest).or_insert(child);
        }
        self.manifests
            .iter()
            .filter(|m| media_type::is_manifest(&m.descriptor.media_type))
            .filter(|m| described.get(&m.descriptor.digest).is_none_or(|d| !d.is_attestation()))
            .map(|manifest| Member { manifest, claimed: described.get(&manifest.descriptor.digest).and_then(|d| d.platform.clone()) })
            .collect()
    }

    /// The config of one image, checked.
    pub fn config(&self, manifest: &RawManifest) -> Result<ImageConfig> {
        let Some(config) = manifest.children.blobs.first() else {
            return Err(Error::failed(format!("{} has no config", manifest.descriptor.digest)));
        };
        ImageConfig::parse(&self.small(config)?, &format!("config {}", config.digest))
    }

    /// Reads a small blob whole and checks it. From blocking threads only.
    pub fn small(&self, blob: &Descriptor) -> Result<Vec<u8>> {
        use std::io::Read;
        let mut bytes = Vec::new();
        let reader = self.blobs.open(blob)?;
        reader
            .take(MAX_CONFIG + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| read_error(error, format_args!("reading blob {}", blob.digest)))?;
        match Digest::of(&bytes) == blob.digest {
            true => Ok(bytes),
            false => Err(Error::failed(format!("blob {} has other content than its digest says", blob.digest))),
        }
    }
}

/// An image of a tree, and the platform an index claims for it.
struct Member<'a> {
    manifest: &'a RawManifest,
    claimed: Option<super::Platform>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Platform, Store};

    fn image(store: &Store, architecture: Architecture) -> Descriptor {
        let config = ImageConfig { architecture: architecture.oci().into(), os: "linux".into(), ..ImageConfig::default() }.to_bytes();
        store.put(&config).unwrap();
        let bytes = Manifest::new(Descriptor::of(media_type::CONFIG, &config), vec![], BTreeMap::new()).to_bytes();
        store.put(&bytes).unwrap();
        Descriptor { platform: Some(Platform::linux(architecture)), ..Descriptor::of(media_type::MANIFEST, &bytes) }
    }

    fn tree(store: &Store) -> Tree {
        let (amd, arm) = (image(store, Architecture::X86_64), image(store, Architecture::Aarch64));
        let mut attestation = Descriptor::of(media_type::MANIFEST, &image(store, Architecture::S390x).size.to_be_bytes());
        let bytes = Manifest::new(Descriptor::of(media_type::CONFIG, b"{}"), vec![], BTreeMap::new()).to_bytes();
        store.put(&bytes).unwrap();
        attestation.digest = Digest::of(&bytes);
        attestation.size = bytes.len() as u64;
        attestation.platform = Some(Platform { architecture: "unknown".into(), os: "unknown".into(), variant: None });
        let mut gathering = Gathering::default();
        let index = Index::new(vec![amd.clone(), attestation.clone(), arm], BTreeMap::new()).to_bytes();
        let top = Descriptor::of(media_type::INDEX, &index);
        let missing = gathering.add(top.clone(), index.into(), "it").unwrap();
        assert_eq!(missing.len(), 3);
        for member in missing {
            let bytes = store.read(&member.digest).unwrap();
            assert!(gathering.add(member, bytes.into(), "it").unwrap().is_empty());
        }
        gathering.finish(&top.digest, Arc::new(store.clone())).unwrap()
    }

    #[test]
    fn members_come_first_and_one_of_them_can_be_chosen() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let all = tree(&store);
        assert_eq!((all.manifests().len(), all.contents().len(), all.attestations()), (4, 3, 1));
        assert_eq!(all.top().descriptor.media_type, media_type::INDEX);
        let arm = all.clone().only(Architecture::Aarch64).unwrap();
        assert_eq!(arm.config(arm.top()).unwrap().architecture, "arm64");
        assert_eq!(arm.clone().single().unwrap().top().descriptor.digest, arm.top().descriptor.digest);
        assert!(all.clone().single().unwrap_err().advice().unwrap().contains("--target"));
        assert_eq!(all.only(Architecture::S390x).unwrap_err().advice(), Some("it has x86_64, aarch64"));
        // A lone image that says nothing beside it is asked itself.
        assert!(arm.only(Architecture::X86_64).is_err());
    }

    #[test]
    fn what_is_no_image_is_refused_by_name() {
        let schema_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
        let error = Children::of(schema_1, b"{}", "a:1").unwrap_err();
        assert!(error.message().starts_with("a:1 is `application/vnd.docker") && error.advice().is_some(), "{error}");
    }
}
