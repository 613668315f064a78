//! The local store: an OCI image layout (image-spec, "OCI Image Layout") that any tool can read.
//!
//! Blobs are written to a temporary file, synced and renamed into place, so a crash leaves nothing a later run trusts
//! wrongly. `index.json` is replaced whole under a file lock, so processes share the store.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::descriptor::media_type;
use super::digest::HashingWriter;
use super::manifest::MAX_MANIFEST_SIZE;
use super::new_file::{new_file, sweep};
use super::{Blobs, Descriptor, Digest, Image, ImageConfig, Index, Manifest, Stamp};
use crate::error::IoContext;
use crate::{Error, Result, read_at_most};

/// The annotation that names an entry of `index.json`.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// How much of a file's name is in that of the temporary one beside it.
const SHOWN: usize = 50;

/// An OCI image layout on disk. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    root: Arc<Path>,
    /// What killed writers have left among the blobs was swept.
    swept: Arc<OnceLock<()>>,
}

impl Store {
    /// Opens the layout at `root`, making it when there is none.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root: PathBuf = root.into();
        let blobs = root.join("blobs/sha256");
        fs::create_dir_all(&blobs).at("creating", &blobs)?;
        let store = Store { root: root.into(), swept: Arc::default() };
        if !store.root.join("oci-layout").exists() {
            store.replace("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        }
        Ok(store)
    }

    /// Opens a layout that must be there already, without writing to it.
    pub fn open_existing(root: impl Into<PathBuf>) -> Result<Self> {
        let root: PathBuf = root.into();
        if !root.join("oci-layout").is_file() {
            return Err(Error::usage(format!("{} is not an OCI image layout", root.display())).hint("it has no `oci-layout` file"));
        }
        Ok(Store { root: root.into(), swept: Arc::default() })
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the blob `digest` is, or would be.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    /// Whether the blob is there, with its whole length.
    pub fn has(&self, blob: &Descriptor) -> bool {
        fs::metadata(self.blob_path(&blob.digest)).is_ok_and(|m| m.is_file() && m.len() == blob.size)
    }

    /// Whether the image at `manifest` and all its blobs are there. Reads the manifest, no layer.
    pub fn is_whole(&self, manifest: &Descriptor) -> bool {
        self.image(manifest).is_ok_and(|image| image.manifest.blobs().all(|blob| self.has(blob)))
    }

    /// Begins a blob. Nothing is visible before [`BlobWriter::finish`]; dropping it leaves nothing behind, and what a killed
    /// process left is removed by the next writer.
    pub fn writer(&self) -> Result<BlobWriter> {
        let folder = self.root.join("blobs/sha256");
        if self.swept.set(()).is_ok() {
            sweep(&folder, "");
        }
        let file = new_file(&folder, "").at("creating a blob in", &folder)?;
        Ok(BlobWriter { store: self.clone(), out: HashingWriter::new(BufWriter::with_capacity(1 << 18, file)) })
    }

    /// Stores `bytes` as a blob.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        if self.has(&Descriptor::new("", digest, bytes.len() as u64)) {
            return Ok(digest);
        }
        let mut writer = self.writer()?;
        writer.write_all(bytes).at("writing a blob to", &self.root)?;
        Ok(writer.finish()?.0)
    }

    /// Reads a small blob (manifest, config) whole and checks its digest.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>> {
        let path = self.blob_path(digest);
        let bytes = read_whole(&path)?;
        if Digest::of(&bytes) != *digest {
            return Err(Error::failed(format!("{} is damaged: its content has the digest {}", path.display(), Digest::of(&bytes)))
                .hint("delete that file, and build or copy the image again"));
        }
        Ok(bytes)
    }

    /// Removes the blob `digest` when its content is something else; says whether it did.
    pub fn discard_if_damaged(&self, digest: &Digest) -> Result<bool> {
        let path = self.blob_path(digest);
        let Ok(file) = File::open(&path) else { return Ok(false) };
        let damaged = Digest::of_reader(file).at("reading", &path)?.0 != *digest;
        if damaged {
            fs::remove_file(&path).at("removing", &path)?;
        }
        Ok(damaged)
    }

    /// The image at `manifest`.
    pub fn image(&self, manifest: &Descriptor) -> Result<Image> {
        let what = format!("manifest {} in {}", manifest.digest, self.root.display());
        let manifest_bytes = self.read(&manifest.digest)?;
        let parsed = Manifest::parse(&manifest_bytes, &what)?;
        let config_bytes = self.read(&parsed.config.digest)?;
        let config = ImageConfig::parse(&config_bytes, &format!("config {}", parsed.config.digest))?;
        Ok(Image {
            descriptor: manifest.clone(),
            index: None,
            manifest: Arc::new(parsed),
            manifest_bytes: manifest_bytes.into(),
            config: Arc::new(config),
            config_bytes: config_bytes.into(),
            blobs: Arc::new(self.clone()),
        })
    }

    /// Every entry of `index.json`, in its order.
    pub fn entries(&self) -> Result<Vec<Descriptor>> {
        let path = self.root.join("index.json");
        if !path.try_exists().at("looking for", &path)? {
            return Ok(Vec::new());
        }
        Ok(Index::parse(&read_whole(&path)?, &path.display().to_string())?.manifests)
    }

    /// The entry called `name`.
    pub fn find(&self, name: &str) -> Result<Option<Descriptor>> {
        Ok(self.entries()?.into_iter().find(|d| d.annotations.get(REF_NAME).is_some_and(|n| n == name)))
    }

    /// Makes `name` the entry `descriptor`, replacing what had the name. Its other annotations are kept with it.
    pub fn publish(&self, name: &str, descriptor: Descriptor) -> Result<()> {
        self.enter(Some(name), descriptor)
    }

    /// [`Store::publish`], or an entry without a name, of which a layout has one at most.
    pub fn enter(&self, name: Option<&str>, mut descriptor: Descriptor) -> Result<()> {
        descriptor.annotations.remove(REF_NAME);
        descriptor.annotations.extend(name.map(|name| (REF_NAME.to_owned(), name.to_owned())));
        let _lock = self.lock()?;
        let mut entries = self.entries()?;
        match entries.iter_mut().find(|d| d.annotations.get(REF_NAME).map(String::as_str) == name) {
            Some(entry) if *entry == descriptor => return Ok(()),
            Some(entry) => *entry = descriptor,
            None => entries.push(descriptor),
        }
        entries.sort_by(|a, b| a.annotations.get(REF_NAME).cmp(&b.annotations.get(REF_NAME)));
        self.replace("index.json", &Index::new(entries, Default::default()).to_bytes())
    }

    /// Takes every name away; the blobs stay.
    pub fn forget_all(&self) -> Result<()> {
        let _lock = self.lock()?;
        self.replace("index.json", &Index::new(Vec::new(), Default::default()).to_bytes())
    }

    /// Copies `image` with all its blobs into this store and names it; blobs that are there are not read.
    pub fn import(&self, name: &str, image: &Image) -> Result<()> {
        for blob in image.manifest.blobs() {
            if self.has(blob) {
                continue;
            }
            let mut writer = self.writer()?;
            io::copy(&mut image.blobs.open(blob)?, &mut writer).at("copying a blob to", &self.root)?;
            let (digest, size) = writer.finish()?;
            if digest != blob.digest || size != blob.size {
                return Err(Error::failed(format!("blob {} turned out to be {digest} with {size} bytes", blob.digest)));
            }
        }
        self.put(&image.manifest_bytes)?;
        let mut descriptor = Descriptor::of(image.descriptor.media_type.clone(), &image.manifest_bytes);
        descriptor.platform = Some(image.platform());
        if descriptor.media_type.is_empty() {
            descriptor.media_type = media_type::MANIFEST.into();
        }
        self.publish(name, descriptor)
    }

    fn lock(&self) -> Result<File> {
        let path = self.root.join(".lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path).at("opening", &path)?;
        file.lock().at("locking", &path)?;
        Ok(file)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        replace_file(&self.root.join(name), bytes)
    }
}

impl Blobs for Store {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>> {
        let path = self.blob_path(&blob.digest);
        require_file(&path)?;
        Ok(Box::new(File::open(&path).at("opening", &path)?))
    }

    fn file(&self, blob: &Descriptor) -> Option<PathBuf> {
        Some(self.blob_path(&blob.digest))
    }

    fn stamp(&self, blob: &Descriptor) -> Option<Stamp> {
        fs::metadata(self.blob_path(&blob.digest)).ok().filter(fs::Metadata::is_file).map(|metadata| Stamp::of(&metadata))
    }
}

/// The bytes of a manifest, a config or an index.
fn read_whole(path: &Path) -> Result<Vec<u8>> {
    require_file(path)?;
    let too_large = || Error::failed(format!("{} is larger than {MAX_MANIFEST_SIZE} bytes", path.display()));
    read_at_most(path, MAX_MANIFEST_SIZE)?.ok_or_else(too_large)
}

/// Makes sure that `path` is a file: opening a pipe would wait for somebody who writes to it.
fn require_file(path: &Path) -> Result<()> {
    match fs::metadata(path).at("opening", path)?.is_file() {
        true => Ok(()),
        false => Err(Error::failed(format!("{} is not a file", path.display())).hint("the layout is damaged: write it again")),
    }
}

/// A blob being written.
pub struct BlobWriter {
    store: Store,
    out: HashingWriter<BufWriter<tempfile::NamedTempFile>>,
}

impl BlobWriter {
    /// Syncs the blob, moves it to its digest's place and says digest and length.
    pub fn finish(self) -> Result<(Digest, u64)> {
        let (out, digest, size) = self.out.finish();
        let path = self.store.blob_path(&digest);
        let file = out.into_inner().map_err(|error| error.into_error()).at("writing", &path)?;
        persist(file, &path)?;
        Ok((digest, size))
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Replaces `path` with `bytes`, whole or not at all: temporary file, sync, rename.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    replace_with(path, &mut |file| file.write_all(bytes).at("writing", path))
}

/// Replaces `path` with what `write` writes, whole or not at all.
pub fn replace_with<T>(path: &Path, write: &mut dyn FnMut(&mut dyn Write) -> Result<T>) -> Result<T> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).at("creating", folder)?;
    // Others may keep files of their own here: only what was to become this one is swept.
    let kind =
        path.file_name().map(|name| format!("{}-", name.to_string_lossy().chars().take(SHOWN).collect::<String>())).unwrap_or_default();
    sweep(folder, &kind);
    let mut file = new_file(folder, &kind).at("writing to", folder)?;
    let written = write(&mut file)?;
    persist(file, path)?;
    Ok(written)
}

/// Syncs a temporary file and renames it to `path`, readable by everyone the umask allows.
fn persist(file: tempfile::NamedTempFile, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644)).at("writing", path)?;
    file.as_file().sync_data().at("syncing", path)?;
    file.persist(path).map_err(|error| error.error).at("writing", path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn image(store: &Store, architecture: &str) -> Descriptor {
        let layer = store.put(b"layer").unwrap();
        let config = ImageConfig { architecture: architecture.into(), os: "linux".into(), ..ImageConfig::default() }.to_bytes();
        store.put(&config).unwrap();
        let layers = vec![Descriptor::new(media_type::LAYER_TAR, layer, 5)];
        let manifest = Manifest::new(Descriptor::of(media_type::CONFIG, &config), layers, BTreeMap::new()).to_bytes();
        store.put(&manifest).unwrap();
        Descriptor::of(media_type::MANIFEST, &manifest)
    }

    #[test]
    fn what_is_published_is_found_and_imports_into_another_layout() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("a")).unwrap();
        store.publish("fd/x86_64", image(&store, "amd64")).unwrap();
        store.publish("fd/aarch64", image(&store, "arm64")).unwrap();
        let found = store.find("fd/aarch64").unwrap().unwrap();
        assert!(store.is_whole(&found));
        let read = store.image(&found).unwrap();
        assert_eq!(read.platform().to_string(), "linux/arm64");

        let other = Store::open(folder.path().join("b")).unwrap();
        other.import("copy", &read).unwrap();
        assert!(other.is_whole(&other.find("copy").unwrap().unwrap()));
    }

    #[test]
    fn damage_and_an_abandoned_writer_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut writer = store.writer().unwrap();
        writer.write_all(b"half").unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(folder.path().join("blobs/sha256")).unwrap().count(), 0);

        let digest = store.put(b"{}").unwrap();
        fs::write(store.blob_path(&digest), b"[]").unwrap();
        assert!(store.read(&digest).unwrap_err().message().contains("is damaged"));
    }

    #[test]
    fn many_writers_lose_no_entry() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let descriptor = image(&store, "amd64");
        std::thread::scope(|scope| {
            for n in 0..16 {
                let (store, descriptor) = (Store::open(folder.path()).unwrap(), descriptor.clone());
                scope.spawn(move || store.publish(&format!("c{n}"), descriptor).unwrap());
            }
        });
        assert_eq!(store.entries().unwrap().len(), 16);
    }
}
