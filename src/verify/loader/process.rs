//! What a program loads when it starts: itself, then what that needs, then what those need, breadth first, as both loaders do
//! (gABI, "Shared Object Dependencies"; `_dl_map_object` of glibc's dl-load.c, `load_library` of musl's dynlink.c).

use std::collections::HashMap;

use super::files::{Exhausted, ObjectId};
use super::libraries::Libraries;
use super::style::{Family, Loader};
use crate::image::Elf;
use crate::verify::platform::same_abi;

/// An object of a process.
#[derive(Clone, Copy, Debug)]
pub(in crate::verify) struct Loaded {
    pub object: ObjectId,
    /// Which of the process's objects wanted it first.
    pub by: Option<usize>,
    /// The nearest of itself and those above it whose folders are searched for others too.
    heirloom: Option<usize>,
}

/// A library that an object of the process needs and nobody found.
#[derive(Debug)]
pub(in crate::verify) struct Missing<'a> {
    /// Which of the process's objects needs it.
    pub by: usize,
    /// As the object calls it.
    pub name: &'a str,
    /// A file of that name that could not be taken: for another machine, or no ELF file.
    pub unfit: Option<ObjectId>,
}

/// A program with all that it loads.
#[derive(Debug)]
pub(in crate::verify) struct Process<'a> {
    pub loaded: Vec<Loaded>,
    pub missing: Vec<Missing<'a>>,
    /// For each object, its needed libraries: name, and which of the process's objects it is.
    pub edges: Vec<(usize, &'a str, Option<usize>)>,
}

/// How far loading is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Until nothing more is needed.
    Whole,
    /// What the first object itself needs.
    One,
}

/// How the search for one library ended.
enum Search {
    Found(ObjectId),
    Missing(Option<ObjectId>),
}

/// A process being put together.
struct Start<'l, 'a> {
    libraries: &'l mut Libraries<'a>,
    loader: &'l Loader,
    /// The program's header: what fits it is loaded.
    program: &'a Elf,
    /// setuid, setgid and capabilities: the environment does not count (ld.so(8), "secure-execution mode").
    secure: bool,
    process: Process<'a>,
    /// Names that are loaded already.
    names: HashMap<&'a str, usize>,
    inodes: HashMap<usize, usize>,
}

/// Loads `program` as `loader` does.
pub(super) fn start<'a>(
    libraries: &mut Libraries<'a>,
    loader: &Loader,
    program: ObjectId,
    extent: Extent,
) -> Result<Option<Process<'a>>, Exhausted> {
    let object = libraries.files.object(program);
    let Some(elf) = object.elf() else { return Ok(None) };
    let given = object.entry.kind.capabilities().and_then(|capabilities| capabilities.set()).is_some_and(|set| !set.is_empty());
    let secure = object.entry.mode & 0o6000 != 0 || given;
    let process = Process { loaded: Vec::new(), missing: Vec::new(), edges: Vec::new() };
    let (names, inodes) = (HashMap::new(), HashMap::new());
    let mut start = Start { libraries, loader, program: elf, secure, process, names, inodes };
    start.add(program, None);
    start.run(extent)?;
    Ok(Some(start.process))
}

impl<'a> Start<'_, 'a> {
    fn add(&mut self, object: ObjectId, by: Option<usize>) -> usize {
        let at = self.process.loaded.len();
        let it = self.libraries.files.object(object);
        self.inodes.insert(it.inode(), at);
        let elf = it.elf();
        let passes_on = elf.is_some_and(|elf| match self.loader.family {
            Family::Glibc => elf.rpath.is_some() && elf.runpath.is_none(),
            Family::Musl => elf.rpath.is_some() || elf.runpath.is_some(),
        });
        let heirloom = if passes_on { Some(at) } else { by.and_then(|by| self.process.loaded[by].heirloom) };
        self.process.loaded.push(Loaded { object, by, heirloom });
        // glibc knows what is loaded by its soname too, musl only by what it was asked for.
        if let Some(soname) = elf.and_then(|elf| elf.soname.as_deref()).filter(|_| self.loader.family == Family::Glibc) {
            self.names.entry(soname).or_insert(at);
        }
        at
    }

    fn run(&mut self, extent: Extent) -> Result<(), Exhausted> {
        let mut at = 0;
        while at < if extent == Extent::One { 1 } else { self.process.loaded.len() } {
            let elf = self.libraries.files.object(self.process.loaded[at].object).elf();
            for name in elf.and_then(|elf| elf.needed.as_deref()).unwrap_or_default() {
                self.libraries.files.charge(1 + name.len() / 64)?;
                if self.loader.is_itself(name) {
                    continue;
                }
                if let Some(known) = self.names.get(name.as_str()) {
                    self.process.edges.push((at, name, Some(*known)));
                    continue;
                }
                match self.search(at, name)? {
                    Search::Found(object) => {
                        let inode = self.libraries.files.object(object).inode();
                        let index = match self.inodes.get(&inode) {
                            Some(index) => *index,
                            None => self.add(object, Some(at)),
                        };
                        self.names.insert(name, index);
                        self.process.edges.push((at, name, Some(index)));
                    }
                    Search::Missing(unfit) => {
                        self.process.missing.push(Missing { by: at, name, unfit });
                        self.process.edges.push((at, name, None));
                    }
                }
            }
            at += 1;
        }
        Ok(())
    }

    fn search(&mut self, at: usize, name: &str) -> Result<Search, Exhausted> {
        let Loaded { object, heirloom, .. } = self.process.loaded[at];
        let Some(elf) = self.libraries.files.object(object).elf() else { return Ok(Search::Missing(None)) };
        let mut unfit = None;
        if name.contains('/') {
            let found = self.libraries.open_written(object, self.loader, name)?;
            return Ok(self.judge(found, &mut unfit).unwrap_or(Search::Missing(unfit)));
        }
        let glibc = self.loader.family == Family::Glibc;
        if !glibc && let Some(end) = self.in_environment(name, &mut unfit)? {
            return Ok(end);
        }
        // glibc: an object with RUNPATH asks nobody else's RPATH (ld.so(8)).
        let mut next = if glibc && elf.runpath.is_some() { None } else { heirloom };
        while let Some(above) = next {
            if let Some(end) = self.in_own_folders(self.process.loaded[above].object, name, &mut unfit)? {
                return Ok(end);
            }
            next = self.process.loaded[above].by.and_then(|by| self.process.loaded[by].heirloom);
        }
        if glibc {
            if let Some(end) = self.in_environment(name, &mut unfit)? {
                return Ok(end);
            }
            if elf.runpath.is_some()
                && let Some(end) = self.in_own_folders(object, name, &mut unfit)?
            {
                return Ok(end);
            }
        }
        let only_told = glibc && elf.flags_1 & Elf::NO_DEFAULT_FOLDERS != 0;
        if self.loader.cache {
            for path in self.libraries.cached(name) {
                let is_default = || path.rsplit_once('/').is_some_and(|(folder, _)| self.loader.folders.iter().any(|own| own == folder));
                if only_told && is_default() {
                    continue;
                }
                let found = self.libraries.files.open_path(path)?;
                if let Some(end) = self.judge(found, &mut unfit) {
                    return Ok(end);
                }
            }
        }
        for folder in self.loader.folders.iter().filter(|_| !only_told) {
            if let Some(end) = self.in_folder(folder, name, &mut unfit)? {
                return Ok(end);
            }
        }
        Ok(Search::Missing(unfit))
    }

    fn in_environment(&mut self, name: &str, unfit: &mut Option<ObjectId>) -> Result<Option<Search>, Exhausted> {
        if self.secure {
            return Ok(None);
        }
        for folder in self.libraries.environment().iter() {
            if let Some(end) = self.in_folder(folder, name, unfit)? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    fn in_folder(&mut self, folder: &str, name: &str, unfit: &mut Option<ObjectId>) -> Result<Option<Search>, Exhausted> {
        let Some(folder) = self.libraries.files.folder(folder)? else { return Ok(None) };
        let found = self.libraries.files.open(folder, name)?;
        Ok(self.judge(found, unfit))
    }

    /// The folders of the object's RUNPATH, or else its RPATH.
    fn in_own_folders(&mut self, object: ObjectId, name: &str, unfit: &mut Option<ObjectId>) -> Result<Option<Search>, Exhausted> {
        let places = self.libraries.own_folders(object, self.loader)?;
        for place in places.iter() {
            // Whoever may write to the folder of a setuid program's link must not choose its libraries.
            if self.secure
                && place.by_origin
                && !self.loader.folders.iter().any(|own| own.trim_start_matches('/') == self.libraries.files.path(place.folder))
            {
                continue;
            }
            let found = self.libraries.files.open(place.folder, name)?;
            if let Some(end) = self.judge(found, unfit) {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// Whether a file ends the search. glibc passes over libraries of other machines; everything else that is there ends it.
    fn judge(&self, found: Option<ObjectId>, unfit: &mut Option<ObjectId>) -> Option<Search> {
        let object = found?;
        let elf = self.libraries.files.object(object).elf();
        if elf.is_some_and(|elf| same_abi(self.program, elf)) {
            return Some(Search::Found(object));
        }
        unfit.get_or_insert(object);
        let passed_over = elf.is_some() && self.loader.family == Family::Glibc;
        (!passed_over).then_some(Search::Missing(Some(object)))
    }
}
