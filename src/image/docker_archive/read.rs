//! Reads what `docker save` and others write: the tar is looked through once, and its blobs are read where they lie.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path};
use std::sync::Arc;

use super::Entry;
use crate::error::{IoContext, io_error};
use crate::image::descriptor::media_type;
use crate::image::{Blobs, Descriptor, Digest, Image, ImageConfig, Index, Manifest, Room};
use crate::{Error, Result};

/// More files than any archive of images has.
const MAX_FILES: usize = 100_000;
/// The largest `manifest.json`, `index.json`, manifest or config that is read.
const MAX_DOCUMENT: u64 = 4 << 20;
/// A compressed archive that decompresses to more is not read on.
const MAX_ARCHIVE: u64 = 64 << 30;
/// More images than are looked at together.
const MAX_IMAGES: usize = 256;
/// More manifests and indexes than belong to them.
const MAX_MANIFESTS: usize = 1024;
/// What their manifests may have together, in bytes.
const MAX_MANIFESTS_SIZE: usize = 16 << 20;
/// Links that lead to links.
const MAX_LINKS: usize = 8;

/// An archive of images, open. Cheap to clone.
#[derive(Clone)]
pub struct DockerArchive(Arc<Inner>);

struct Inner {
    file: File,
    /// What it is called in errors.
    shown: String,
    files: BTreeMap<String, Place>,
    links: BTreeMap<String, String>,
    /// Where the blobs of the images are, once they are known.
    blobs: std::sync::Mutex<BTreeMap<Digest, Place>>,
}

/// Where a file lies in the tar.
#[derive(Clone, Copy, Debug)]
struct Place {
    at: u64,
    size: u64,
}

impl fmt::Debug for DockerArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DockerArchive({})", self.0.shown)
    }
}

impl DockerArchive {
    /// Opens the archive at `path`; one compressed with gzip is decompressed into a temporary file.
    pub fn open(path: &Path) -> Result<Self> {
        if !fs::metadata(path).at_named("opening", path)?.is_file() {
            return Err(Error::usage(format!("{} is not a file", path.display()))
                .hint("an archive is read at many places, which a pipe does not allow: write it to a file first"));
        }
        Self::read(File::open(path).at_named("opening", path)?, path.display().to_string())
    }

    /// Reads the archive in `file`, which errors call `shown`.
    pub fn read(file: File, shown: String) -> Result<Self> {
        let file = decompressed(file, &shown)?;
        let broken = |error: io::Error| {
            let said = Error::failed(format!("{shown} is not an archive of images, or it is cut short"));
            // What a tar reader says of a file that is no tar quotes it, and that file may hold anybody's key.
            let said = if error.raw_os_error().is_some() { said.source(error) } else { said };
            said.hint("write it again: `docker save IMAGE -o FILE`")
        };
        let (mut files, mut links) = (BTreeMap::new(), BTreeMap::new());
        let length = file.metadata().map_err(broken)?.len();
        let mut source = &file;
        source.rewind().map_err(broken)?;
        let mut tar = tar::Archive::new(source);
        for entry in tar.entries_with_seek().map_err(broken)? {
            let entry = entry.map_err(broken)?;
            if files.len() + links.len() >= MAX_FILES {
                return Err(Error::failed(format!("{shown} has more than {MAX_FILES} files; an archive of images does not")));
            }
            let Some(name) = normal(&entry.path().map_err(broken)?) else { continue };
            let kind = entry.header().entry_type();
            if kind.is_symlink() || kind.is_hard_link() {
                let Some(target) = entry.link_name().map_err(broken)? else { continue };
                // Hard links are named from the root, symbolic ones from where they are.
                let base = if kind.is_symlink() { Path::new(&name).parent().unwrap_or(Path::new("")) } else { Path::new("") };
                links.extend(normal(&base.join(target)).map(|target| (name, target)));
            } else if kind.is_file() {
                let place = Place { at: entry.raw_file_position(), size: entry.size() };
                if place.at.checked_add(place.size).is_none_or(|end| end > length) {
                    return Err(broken(io::ErrorKind::UnexpectedEof.into()));
                }
                files.insert(name, place);
            }
        }
        Ok(DockerArchive(Arc::new(Inner { file, shown, files, links, blobs: Default::default() })))
    }

    /// The images called `name`, or all of them, each with its names; one of which something is not there or not true with its error.
    ///
    /// # Errors
    /// It has none, none of that name, or its list of them cannot be read.
    pub fn images(&self, name: Option<&str>) -> Result<Vec<(Vec<String>, Result<Image>)>> {
        let shown = &self.0.shown;
        let Some(place) = self.find("manifest.json") else {
            let layout = self.find("oci-layout").is_some();
            let error = Error::usage(format!("{shown} has no manifest.json: it is not what `docker save` writes"));
            return Err(if layout { error.hint("it holds an OCI layout: unpack it and name the folder, oci:DIR") } else { error });
        };
        let entries: Vec<Entry> = serde_json::from_slice(&self.document(place, "manifest.json")?)
            .map_err(|error| Error::failed(format!("manifest.json of {shown} cannot be read")).source(error))?;
        let tags = |entry: &Entry| entry.repo_tags.clone().unwrap_or_default();
        let chosen: Vec<&Entry> = entries.iter().filter(|e| name.is_none_or(|n| tags(e).iter().any(|tag| same_name(tag, n)))).collect();
        if chosen.is_empty() {
            let names: Vec<String> = entries.iter().flat_map(tags).take(20).collect();
            let error = Error::usage(match name {
                Some(name) => format!("{shown} has no image called `{name}`"),
                None => format!("{shown} holds no image"),
            });
            return Err(if names.is_empty() { error } else { error.hint(format!("it has {}", names.join(", "))) });
        }
        if chosen.len() > MAX_IMAGES {
            return Err(Error::failed(format!("{shown} holds {} images; at most {MAX_IMAGES} are read at once", chosen.len()))
                .hint("name one: docker-archive:FILE:NAME"));
        }
        let (manifests, room) = (self.manifests()?, Room::default());
        Ok(chosen.into_iter().map(|entry| (tags(entry), self.image(entry, &manifests).and_then(|image| room.for_image(image)))).collect())
    }

    /// The manifests an OCI layout in the same tar names.
    fn manifests(&self) -> Result<Vec<(Descriptor, Vec<u8>)>> {
        let Some(place) = self.find("index.json") else { return Ok(Vec::new()) };
        let mut pending = Index::parse(&self.document(place, "index.json")?, "index.json")?.manifests;
        let (mut found, mut seen, mut size) = (Vec::new(), BTreeSet::new(), 0);
        while let Some(descriptor) = pending.pop() {
            // Docker leaves out what it does not have, platforms of an index above all.
            let Some(place) = self.find(&blob_path(&descriptor.digest)) else { continue };
            // An index within an index, again and again, comes to any number of members.
            if !seen.insert(descriptor.digest) {
                continue;
            }
            let bytes = self.document(place, "a manifest")?;
            size += bytes.len();
            if seen.len() > MAX_MANIFESTS || size > MAX_MANIFESTS_SIZE {
                return Err(Error::failed(format!("{} has more manifests than any archive of images", self.0.shown)));
            }
            if Digest::of(&bytes) != descriptor.digest {
                return Err(Error::failed(format!("the manifest {} of {} is damaged", descriptor.digest, self.0.shown)));
            }
            if media_type::is_index(&descriptor.media_type) {
                pending.extend(Index::parse(&bytes, "an index")?.manifests);
            } else if media_type::is_manifest(&descriptor.media_type) {
                let plain = Descriptor::of(descriptor.media_type, &bytes);
                found.push((Descriptor { platform: descriptor.platform, ..plain }, bytes));
            }
        }
        Ok(found)
    }

    fn image(&self, entry: &Entry, manifests: &[(Descriptor, Vec<u8>)]) -> Result<Image> {
        let place = self.require(&entry.config)?;
        let config_bytes = self.document(place, &entry.config)?;
        let config = ImageConfig::parse(&config_bytes, &format!("{} of {}", entry.config, self.0.shown))?;
        let config_digest = Digest::of(&config_bytes);
        if config.rootfs.diff_ids.len() != entry.layers.len() {
            let (said, there) = (config.rootfs.diff_ids.len(), entry.layers.len());
            return Err(Error::failed(format!("the config of {} names {said} layers, its manifest.json {there}", self.0.shown)));
        }
        let mut known = BTreeMap::from([(config_digest, place)]);
        // The manifest itself, where the archive has it with all its blobs: then every digest is what it was.
        for (descriptor, bytes) in manifests {
            let manifest = Manifest::parse(bytes, &descriptor.digest.to_string())?;
            let places: Option<Vec<(Digest, Place)>> = manifest
                .blobs()
                .map(|blob| Some((blob.digest, self.find(&blob_path(&blob.digest)).filter(|p| p.size == blob.size)?)))
                .collect();
            if let Some(places) = places.filter(|_| manifest.config.digest == config_digest) {
                known.extend(places);
                return Ok(self.finished(descriptor.clone(), manifest, bytes.clone(), config, config_bytes, known));
            }
        }
        let mut layers = Vec::new();
        for (path, diff_id) in entry.layers.iter().zip(&config.rootfs.diff_ids) {
            let place = self.require(path)?;
            let mut head = [0; 4];
            let n = self.part(place).read(&mut head).map_err(|error| self.unreadable(path, error))?;
            let layer = match head.get(..n).unwrap_or_default() {
                [0x1f, 0x8b, ..] => Descriptor::new(media_type::LAYER_GZIP, self.hash(place, path)?, place.size),
                [0x28, 0xb5, 0x2f, 0xfd] => Descriptor::new(media_type::LAYER_ZSTD, self.hash(place, path)?, place.size),
                // Not compressed, so its digest is the one the config has for it. Whoever uses it checks that.
                _ => Descriptor::new(media_type::LAYER_TAR, *diff_id, place.size),
            };
            known.insert(layer.digest, place);
            layers.push(layer);
        }
        let manifest = Manifest::new(Descriptor::new(media_type::CONFIG, config_digest, place.size), layers, BTreeMap::new());
        let bytes = manifest.to_bytes();
        Ok(self.finished(Descriptor::of(media_type::MANIFEST, &bytes), manifest, bytes, config, config_bytes, known))
    }

    fn finished(
        &self,
        descriptor: Descriptor,
        manifest: Manifest,
        manifest_bytes: Vec<u8>,
        config: ImageConfig,
        config_bytes: Vec<u8>,
        known: BTreeMap<Digest, Place>,
    ) -> Image {
        self.0.blobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(known);
        Image {
            descriptor,
            index: None,
            manifest: Arc::new(manifest),
            manifest_bytes: manifest_bytes.into(),
            config: Arc::new(config),
            config_bytes: config_bytes.into(),
            blobs: Arc::new(self.clone()),
        }
    }

    /// Where the file `path` lies, through links.
    fn find(&self, path: &str) -> Option<Place> {
        let mut path = normal(Path::new(path))?;
        for _ in 0..MAX_LINKS {
            if let Some(place) = self.0.files.get(&path) {
                return Some(*place);
            }
            path.clone_from(self.0.links.get(&path)?);
        }
        None
    }

    fn require(&self, path: &str) -> Result<Place> {
        self.find(path).ok_or_else(|| Error::failed(format!("{} names `{path}`, but does not hold it", self.0.shown)))
    }

    fn document(&self, place: Place, what: &str) -> Result<Vec<u8>> {
        if place.size > MAX_DOCUMENT {
            return Err(Error::failed(format!("{what} of {} has {} bytes; at most {MAX_DOCUMENT} are read", self.0.shown, place.size)));
        }
        let mut bytes = Vec::new();
        self.part(place).read_to_end(&mut bytes).map_err(|error| self.unreadable(what, error))?;
        Ok(bytes)
    }

    fn hash(&self, place: Place, what: &str) -> Result<Digest> {
        Ok(Digest::of_reader(self.part(place)).map_err(|error| self.unreadable(what, error))?.0)
    }

    fn unreadable(&self, what: &str, error: io::Error) -> Error {
        Error::failed(format!("reading {what} of {}", self.0.shown)).source(error)
    }

    fn part(&self, place: Place) -> Part {
        Part { archive: self.clone(), at: place.at, left: place.size }
    }
}

impl Blobs for DockerArchive {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>> {
        let blobs = self.0.blobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let place = blobs.get(&blob.digest).ok_or_else(|| Error::failed(format!("{} does not hold {}", self.0.shown, blob.digest)))?;
        Ok(Box::new(self.part(*place)))
    }
}

/// One file of the tar. Reads at its own place, so that several can be read at the same time.
struct Part {
    archive: DockerArchive,
    at: u64,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let n = self.archive.0.file.read_at(&mut buffer[..room], self.at)?;
        if n == 0 && room > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Whether a tag of an archive is what the user calls it: Docker shortens names of Docker Hub, and leaves out nothing else.
fn same_name(tag: &str, wanted: &str) -> bool {
    let full = |name: &str| name.parse::<crate::image::RegistryReference>().map(|r| r.to_string());
    tag == wanted || matches!((full(tag), full(wanted)), (Ok(one), Ok(other)) if one == other)
}

/// A path within the archive, without `.` and `..`; `None` when it leads out of it.
fn normal(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir => drop(parts.pop()?),
            Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

/// `file`, or what it decompresses to.
fn decompressed(file: File, shown: &str) -> Result<File> {
    let unreadable = |error: io::Error| Error::failed(format!("reading {shown}")).source(error);
    let mut head = [0; 6];
    let n = file.read_at(&mut head, 0).map_err(unreadable)?;
    match head.get(..n).unwrap_or_default() {
        [0x1f, 0x8b, ..] => {}
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0xfd, b'7', b'z', b'X', b'Z', 0] | [b'B', b'Z', b'h', ..] => {
            return Err(Error::usage(format!("{shown} is compressed, and not with gzip")).hint("decompress it first"));
        }
        _ => return Ok(file),
    }
    let folder = std::env::temp_dir();
    let mut plain = tempfile::tempfile_in(&folder).at("making a temporary file in", &folder)?;
    (&file).rewind().map_err(unreadable)?;
    let mut content = flate2::read::MultiGzDecoder::new(&file).take(MAX_ARCHIVE + 1);
    let size = io::copy(&mut content, &mut plain).map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            io_error(error, &format!("decompressing {shown} into"), &folder).hint("there is no room left there; TMPDIR names another place")
        }
        _ => Error::failed(format!("decompressing {shown}")).source(error),
    })?;
    if size > MAX_ARCHIVE {
        return Err(Error::failed(format!("{shown} decompresses to more than {MAX_ARCHIVE} bytes")));
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Tree, write_docker_archive};
    use proptest::prelude::*;
    use std::io::Write;

    fn written(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn tar_of(files: &[(&str, &[u8])], links: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, path, *bytes).unwrap();
        }
        for (path, target) in links {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, path, target).unwrap();
        }
        tar.into_inner().unwrap()
    }

    /// As Docker wrote it before version 25: layers in folders, the second a link to the first.
    fn old_archive() -> Vec<u8> {
        let layer = tar_of(&[("etc/hello", b"hello")], &[]);
        let diff = Digest::of(&layer);
        let config = format!(r#"{{"architecture":"arm64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff}","{diff}"]}}}}"#);
        let manifest = r#"[{"Config":"c.json","RepoTags":["acme/fd:1"],"Layers":["a/layer.tar","b/layer.tar"]}]"#;
        tar_of(
            &[("c.json", config.as_bytes()), ("./a/layer.tar", &layer), ("manifest.json", manifest.as_bytes())],
            &[("b/layer.tar", "../a/layer.tar")],
        )
    }

    #[test]
    fn an_old_archive_is_read_through_its_links_and_round_trips() {
        let archive = DockerArchive::read(written(&old_archive()), "old.tar".into()).unwrap();
        let (tags, image) = archive.images(Some("acme/fd:1")).unwrap().remove(0);
        let image = image.unwrap();
        assert_eq!((tags, image.platform().to_string()), (vec!["acme/fd:1".to_owned()], "linux/arm64".to_owned()));
        assert_eq!(image.manifest.layers.len(), 2);
        let mut content = Vec::new();
        image.blobs.open(&image.manifest.layers[1]).unwrap().read_to_end(&mut content).unwrap();
        assert_eq!(Digest::of(&content), image.manifest.layers[1].digest);
        assert_eq!(archive.images(Some("acme/fd:2")).unwrap_err().advice(), Some("it has acme/fd:1"));

        // Ours keeps the manifest, so that its digest comes back.
        let mut bytes = Vec::new();
        write_docker_archive(&Tree::of_image(&image), Some("acme/fd:2"), &mut bytes, Path::new("x"), &mut |_| Ok(())).unwrap();
        let again = DockerArchive::read(written(&bytes), "new.tar".into()).unwrap();
        let (tags, copy) = again.images(None).unwrap().remove(0);
        let copy = copy.unwrap();
        assert_eq!((tags[0].as_str(), copy.descriptor.digest), ("acme/fd:2", image.descriptor.digest));
        assert_eq!(copy.manifest_bytes, image.manifest_bytes);

        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&bytes).unwrap();
        let packed = DockerArchive::read(written(&packed.finish().unwrap()), "new.tar.gz".into()).unwrap();
        assert_eq!(packed.images(None).unwrap()[0].1.as_ref().unwrap().descriptor.digest, image.descriptor.digest);
    }

    #[test]
    fn what_is_wrong_with_an_archive_is_said() {
        let read = |bytes: &[u8]| DockerArchive::read(written(bytes), "x.tar".into());
        let images = |bytes: &[u8]| read(bytes).and_then(|a| a.images(None)?.remove(0).1).unwrap_err();
        assert!(images(&tar_of(&[("oci-layout", b"{}")], &[])).advice().unwrap().contains("oci:DIR"));
        let old = old_archive();
        assert!(images(&old[..old.len() / 2]).message().contains("x.tar"), "{}", images(&old[..old.len() / 2]));
        assert!(images(b"no tar at all, but long enough to be looked at").message().contains("x.tar"));
        let manifest = br#"[{"Config":"../../etc/passwd","Layers":[]}]"#;
        assert!(images(&tar_of(&[("manifest.json", manifest)], &[])).message().contains("does not hold it"));
        let looped = tar_of(&[("manifest.json", br#"[{"Config":"a","Layers":[]}]"#)], &[("a", "b"), ("b", "a")]);
        assert!(images(&looped).message().contains("does not hold it"));
    }

    #[test]
    fn indexes_that_name_each_other_a_thousand_times_are_read_once() {
        // Three levels of a thousand names each: a thousand million manifests, for whoever follows every one.
        let mut blobs: Vec<(String, Vec<u8>)> = Vec::new();
        let mut lowest = Descriptor::of(media_type::MANIFEST, b"{}");
        for _ in 0..3 {
            let bytes = Index::new(vec![lowest; 1000], BTreeMap::new()).to_bytes();
            lowest = Descriptor::of(media_type::INDEX, &bytes);
            blobs.push((blob_path(&lowest.digest), bytes));
        }
        let top = Index::new(vec![lowest], BTreeMap::new()).to_bytes();
        let mut files: Vec<(&str, &[u8])> = vec![("index.json", top.as_slice())];
        files.extend(blobs.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
        let archive = DockerArchive::read(written(&tar_of(&files, &[])), "x.tar".into()).unwrap();
        assert!(archive.manifests().unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn any_damage_ends_in_an_answer(at in 0_usize..6000, byte: u8, cut in 0_usize..6000) {
            let mut bytes = old_archive();
            let length = bytes.len();
            bytes[at % length] ^= byte;
            bytes.truncate(length - cut % 2000);
            let _ = DockerArchive::read(written(&bytes), "x".into()).and_then(|a| a.images(None));
        }
    }
}
