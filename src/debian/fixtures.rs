//! For tests: small real .debs and the lock that names them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures_util::future::LocalBoxFuture;
use tar::EntryType;
use tokio_util::sync::CancellationToken;

use super::deb::tests::deb;
use super::segment::tar_header::{TarEntry, pad};
use super::segment::{self, Making, Segment, Workers};
use super::{Hex, Lock, LockedBase, LockedPackage, LockedTarget, PackageFiles};
use crate::Result;
use crate::catalog::{Architecture, Catalog, Container, LayerCompression};
use crate::image::Digest;

/// An entry of a package: path, kind, link target, mode, content.
pub(super) type File<'a> = (&'a str, EntryType, &'a str, u32, &'a [u8]);

/// A regular file.
pub(super) fn file<'a>(path: &'a str, mode: u32, content: &'a [u8]) -> File<'a> {
    (path, EntryType::Regular, "", mode, content)
}

/// A directory with mode 0755.
pub(super) fn folder(path: &str) -> File<'_> {
    (path, EntryType::Directory, "", 0o755, b"")
}

/// A symbolic link.
pub(super) fn link<'a>(path: &'a str, target: &'a str) -> File<'a> {
    (path, EntryType::Symlink, target, 0o777, b"")
}

/// .debs in a folder, and the order in which they were asked for.
pub(super) struct Archive {
    folder: PathBuf,
    /// Where each package's file is, and the bytes to put there when it is gone.
    debs: HashMap<Digest, (PathBuf, Vec<u8>)>,
    /// Every package, by name.
    pub packages: BTreeMap<String, LockedPackage>,
    /// Names of the packages that were fetched.
    pub fetched: Mutex<Vec<String>>,
}

impl Archive {
    /// An empty archive in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        Archive { folder: folder.to_owned(), debs: HashMap::new(), packages: BTreeMap::new(), fetched: Mutex::default() }
    }

    /// Adds package `name` with more control `fields` (each with its newline) and `files`.
    pub(super) fn add(&mut self, name: &str, fields: &str, files: &[File<'_>]) {
        self.add_with(name, fields, &[], files);
    }

    /// Like [`Archive::add`], with maintainer `scripts`.
    pub(super) fn add_with(&mut self, name: &str, fields: &str, scripts: &[(&str, &str)], files: &[File<'_>]) {
        let mut data = Vec::new();
        for (path, kind, link, mode, content) in files {
            let path = format!("./{path}");
            let entry =
                TarEntry { path: &path, kind: *kind, link, mode: *mode, uid: 0, gid: 0, size: content.len() as u64, mtime: 1_700_000_000 };
            entry.write(&mut data);
            data.extend_from_slice(content);
            pad(&mut data, content.len() as u64);
        }
        data.resize(data.len() + 1024, 0);
        let control = format!("Package: {name}\nVersion: 1\nArchitecture: amd64\n{fields}");
        let bytes = deb(&[&[("control", &*control)], scripts].concat(), &data, "");
        let sha256 = Digest::of(&bytes);
        let path = self.folder.join(format!("{name}.deb"));
        std::fs::write(&path, &bytes).unwrap();
        let size = bytes.len() as u64;
        self.debs.insert(sha256, (path, bytes));
        let package = LockedPackage {
            name: name.into(),
            version: "1".into(),
            architecture: "amd64".into(),
            archive: "debian".into(),
            path: String::new(),
            size,
            sha256: Hex(sha256),
        };
        self.packages.insert(name.into(), package);
    }

    /// From now on `bytes` are what comes for package `name`.
    pub(super) fn serve(&mut self, name: &str, bytes: Vec<u8>) {
        let (path, served) = self.debs.get_mut(&self.packages[name].sha256.0).unwrap();
        std::fs::write(path, &bytes).unwrap();
        *served = bytes;
    }

    /// The segments of these packages, made in the archive's folder.
    pub(super) fn segments(&self, names: &[&str]) -> Vec<Arc<Segment>> {
        let folder = self.folder.join("segments");
        let make = |name: &&str| {
            let package = &self.packages[*name];
            let (deb, cancel) = (&self.debs[&package.sha256.0].0, CancellationToken::new());
            Arc::new(
                segment::make(&Making {
                    package,
                    deb,
                    folder: &folder,
                    workers: &Workers::new(1),
                    compression: LayerCompression::Gzip,
                    cancel: &cancel,
                })
                .unwrap(),
            )
        };
        names.iter().map(make).collect()
    }

    /// A lock of container `x` for x86_64 with `base` and `application`.
    pub(super) fn lock(&self, base: &[&str], application: &[&str]) -> Lock {
        let pins = |names: &mut dyn Iterator<Item = &&str>| {
            let mut pins: Vec<String> = names.map(|name| format!("{name}=1")).collect();
            pins.sort();
            pins
        };
        let target = Architecture::X86_64;
        let request = application.iter().map(|n| (*n).to_owned()).collect();
        Lock {
            version: 1,
            recommends: false,
            pins: BTreeMap::new(),
            archives: Vec::new(),
            bases: vec![LockedBase { target, request: vec!["base".into()], packages: pins(&mut base.iter()) }],
            targets: vec![LockedTarget { container: "x".into(), target, request, packages: pins(&mut base.iter().chain(application)) }],
            packages: self.packages.values().cloned().collect(),
        }
    }
}

impl PackageFiles for Archive {
    fn fetch<'a>(&'a self, package: &'a LockedPackage, _: &'a CancellationToken) -> LocalBoxFuture<'a, Result<PathBuf>> {
        Box::pin(async move {
            // Arrives in another order than it was asked for.
            tokio::time::sleep(std::time::Duration::from_millis(package.sha256.0.hex().bytes().map(u64::from).sum::<u64>() % 7)).await;
            self.fetched.lock().unwrap().push(package.name.clone());
            let (path, bytes) = &self.debs[&package.sha256.0];
            if !path.exists() {
                std::fs::write(path, bytes).unwrap();
            }
            Ok(path.clone())
        })
    }
}

/// A catalog with the one container `x`, which runs `entrypoint`.
pub(super) fn catalog(entrypoint: &str) -> Catalog {
    let container = Container {
        targets: vec![Architecture::X86_64],
        entrypoint: vec![entrypoint.into()],
        cmd: vec!["--help".into()],
        env: BTreeMap::from([("A".into(), "b".into())]),
        annotations: BTreeMap::from([("note".into(), "yes".into())]),
        expose: vec!["80/tcp".into()],
        ..Container::new("x")
    };
    Catalog { containers: vec![container], ..Catalog::default() }
}
