//! The libraries of an image, and where its loaders look for them.

use std::collections::HashMap;
use std::rc::Rc;

use super::files::{Exhausted, Files, FolderId, Object, ObjectId};
use super::process::{Extent, Process, start};
use super::style::{Family, Loader, expand, platform, unlike_debian};
use crate::image::{Image, KeptFile, LoaderFile};
use crate::verify::ImageFacts;
use crate::verify::rootfs::MergedRoot;

/// How much is searched in one image: many times what 100,000 ordinary programs take, and a few seconds at most.
const WORK: u64 = 20_000_000;

/// A folder an object names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub folder: FolderId,
    /// It was named with `$ORIGIN`.
    pub by_origin: bool,
}

/// The libraries of an image.
pub struct Libraries<'a> {
    pub(super) files: Files<'a>,
    /// `LD_LIBRARY_PATH` of the image's config.
    environment: Rc<[String]>,
    /// `ld.so.cache`: the files behind a name.
    cache: HashMap<&'a str, Vec<&'a str>>,
    /// `ld.so.conf`: what `ldconfig` would look into.
    configured: Vec<&'a str>,
    musl_paths: HashMap<&'a str, &'a [String]>,
    /// The loaders that programs ask for; `None` where there is none.
    loaders: HashMap<String, Option<Rc<Loader>>>,
    own_folders: HashMap<(ObjectId, String), Rc<[Place]>>,
}

impl<'a> Libraries<'a> {
    /// The libraries of `image`, whose layers have `facts` and together are `root`.
    pub fn of(image: &Image, facts: &'a ImageFacts, root: &'a MergedRoot<'a>) -> Self {
        let environment = image.config.config.env.iter().rev().find_map(|variable| variable.strip_prefix("LD_LIBRARY_PATH="));
        let environment = environment.unwrap_or_default().split([':', ';']).filter(|folder| folder.starts_with('/'));
        let mut libraries = Libraries {
            files: Files::new(root, WORK),
            environment: environment.map(str::to_owned).collect(),
            cache: HashMap::new(),
            configured: Vec::new(),
            musl_paths: HashMap::new(),
            loaders: HashMap::new(),
            own_folders: HashMap::new(),
        };
        for (path, file) in facts.kept(root) {
            if let KeptFile::Loader(file) = file {
                libraries.tell(path, file);
            }
        }
        libraries
    }

    fn tell(&mut self, path: &'a str, file: &'a LoaderFile) {
        match file {
            // Variants for some processors come besides the one for all; that one counts.
            LoaderFile::Cache(cached) => {
                for library in cached.iter().filter(|library| !library.hwcaps) {
                    self.cache.entry(&library.name).or_default().push(&library.path);
                }
            }
            LoaderFile::Configured(folders) => self.configured.extend(folders.iter().map(String::as_str)),
            LoaderFile::MuslPath(folders) => drop(self.musl_paths.insert(path, folders)),
        }
    }

    pub(super) fn environment(&self) -> Rc<[String]> {
        self.environment.clone()
    }

    /// The files that `ld.so.cache` names for a library.
    pub(super) fn cached(&self, name: &str) -> Vec<&'a str> {
        self.cache.get(name).cloned().unwrap_or_default()
    }

    /// Whether `ldconfig` would look into the folder `path` (no leading slash).
    pub(in crate::verify) fn is_configured(&mut self, path: &str) -> Result<bool, Exhausted> {
        for at in 0..self.configured.len() {
            if let Some(folder) = self.files.folder(self.configured[at])?
                && self.files.path(folder) == path
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The loader that is at `interpreter`, if there is one.
    pub(in crate::verify) fn loader(&mut self, interpreter: &str) -> Result<Option<Rc<Loader>>, Exhausted> {
        if let Some(known) = self.loaders.get(interpreter) {
            return Ok(known.clone());
        }
        let object = self.files.open_path(interpreter)?.map(|id| self.files.object(id)).filter(|object| object.elf().is_some());
        let mut real = object.map(|object| object.path.clone());
        // A loader that was copied out of Debian (`COPY --from` follows links) still has Debian's folders compiled in.
        if let Some((folder, name, debian)) = real.as_deref().and_then(unlike_debian)
            && self.files.open_path(&format!("/{folder}/libc.so.6"))?.is_none()
            && self.files.open_path(&format!("/{debian}/libc.so.6"))?.is_some()
        {
            real = Some(format!("{debian}/{name}"));
        }
        let musl_path = |path: &str| self.musl_paths.get(path.trim_start_matches('/')).map(|folders| folders.to_vec());
        let loader = real.map(|real| Rc::new(Loader::of(interpreter, &real, musl_path)));
        self.loaders.insert(interpreter.to_owned(), loader.clone());
        Ok(loader)
    }

    /// The folders of an object's RUNPATH, or else its RPATH, as far as they exist.
    pub(super) fn own_folders(&mut self, id: ObjectId, loader: &Loader) -> Result<Rc<[Place]>, Exhausted> {
        let key = (id, loader.lib.clone());
        if let Some(known) = self.own_folders.get(&key) {
            self.files.charge(1 + known.len())?;
            return Ok(known.clone());
        }
        let mut places = Vec::new();
        let elf = self.files.object(id).elf();
        for folder in elf.and_then(|elf| elf.runpath.as_deref().or(elf.rpath.as_deref())).unwrap_or_default().split(':') {
            match self.expand(id, loader, folder) {
                // What is relative depends on the folder a program is started in.
                Some((folder, by_origin)) if folder.starts_with('/') => {
                    places.extend(self.files.folder(&folder)?.map(|folder| Place { folder, by_origin }));
                }
                Some(_) => {}
                // musl then takes none of them (`fixup_rpath` of its dynlink.c).
                None if loader.family == Family::Musl => {
                    places.clear();
                    break;
                }
                None => {}
            }
        }
        let places: Rc<[Place]> = places.into();
        self.own_folders.insert(key, places.clone());
        Ok(places)
    }

    /// The file that an object names by a whole path.
    pub(super) fn open_written(&mut self, id: ObjectId, loader: &Loader, path: &str) -> Result<Option<ObjectId>, Exhausted> {
        match self.expand(id, loader, path) {
            Some((path, _)) if path.starts_with('/') => self.files.open_path(&path),
            _ => Ok(None),
        }
    }

    fn expand(&self, id: ObjectId, loader: &Loader, text: &str) -> Option<(String, bool)> {
        let object = self.files.object(id);
        expand(text, |token| match token {
            "ORIGIN" => Some(format!("/{}", self.files.path(object.origin))),
            "LIB" if loader.family == Family::Glibc => Some(loader.lib.clone()),
            "PLATFORM" if loader.family == Family::Glibc => object.elf().and_then(|elf| platform(elf.machine)).map(str::to_owned),
            _ => None,
        })
    }

    /// What the program at `path` (no leading slash) loads; `None` when it is no program of a loader that is there.
    pub(in crate::verify) fn start(&mut self, path: &str) -> Result<Option<Process<'a>>, Exhausted> {
        let Some(object) = self.files.open_path(path)? else { return Ok(None) };
        let interpreter = self.files.object(object).elf().and_then(|elf| elf.interpreter.as_deref());
        let Some(loader) = interpreter.map(|interpreter| self.loader(interpreter)).transpose()?.flatten() else { return Ok(None) };
        start(self, &loader, object, Extent::Whole)
    }

    /// Where `loader` finds the libraries that the file at `path` itself needs, with nothing loaded before it.
    pub(in crate::verify) fn alone(&mut self, loader: &Loader, path: &str) -> Result<Option<Process<'a>>, Exhausted> {
        match self.files.open_path(path)? {
            Some(object) => start(self, loader, object, Extent::One),
            None => Ok(None),
        }
    }

    /// The real path of an object, without leading slash, its layer, and what it is.
    pub(in crate::verify) fn file(&self, id: ObjectId) -> &Object<'a> {
        self.files.object(id)
    }

    /// What the program at `path` (no leading slash) loads: each name that one of its objects needs, and the real path of the file
    /// that is loaded for it, if there is one. `None` when it is no program of a loader that is there, or searching takes too long.
    pub fn loaded_by(&mut self, path: &str) -> Option<Vec<(String, Option<String>)>> {
        let process = self.start(path).ok()??;
        let real = |at: usize| self.files.object(process.loaded[at].object).path.clone();
        Some(process.edges.iter().map(|(_, name, found)| ((*name).to_owned(), found.map(real))).collect())
    }
}
