//! `elf-libraries`: every library that a program loads when it starts is in the image, where the image's own loader looks.
//!
//! Every program is loaded as its loader would load it (`verify/loader`). Not every library that is not found is a mistake:
//!
//! - One that is nowhere in the image fails, for programs and for what they load: they do not start.
//! - One that is in the image, but where the loader does not look, fails for programs on the image's `PATH`. Programs elsewhere
//!   are started by scripts that say where their libraries are; they are worth a look.
//! - What no program loads when it starts is a plugin: its host has loaded what both need (Java's libraries need libjvm.so, which
//!   only `java` finds). If the rest of what it needs is anywhere in the image, it is only counted; if not, it is worth a look.
//! - Files without execute permission are not started: worth a look.
//!
//! Only visible files of the image's architecture count; what is foreign `elf-machine` has named.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::Subject;
use super::launch::DEFAULT_PATH;
use super::tally::{Tally, count, skip, skip_if_damaged};
use crate::image::{Elf, ElfKind, EntryKind, EntryRef};
use crate::verify::loader::{Exhausted, Family, Libraries, Loader};
use crate::verify::platform::{ElfPlatform, describe_elf, same_abi};
use crate::verify::report::{Check, CheckResult, Verdict};
use crate::verify::rootfs::{Lookup, MergedRoot, Node, Path};

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    if let Some(skipped) = skip_if_damaged(Check::ElfLibraries, subject.facts) {
        return skipped;
    }
    let platform = subject.image.platform();
    let Some(wanted) = ElfPlatform::of(&platform) else {
        return skip(Check::ElfLibraries, format!("{platform} is no platform whose ELF files are known"));
    };
    let files: Vec<File<'_>> = native(subject.root, wanted).collect();
    if files.is_empty() {
        return skip(Check::ElfLibraries, "no program or library needs another");
    }
    let mut looking = Looking::new(subject, &files);
    let ended = looking.programs().and_then(|()| looking.plugins());
    looking.result(ended)
}

/// An ELF file that needs libraries.
struct File<'a> {
    path: String,
    node: Node<'a>,
    entry: EntryRef<'a>,
    elf: &'a Elf,
}

/// The visible files for this platform that need libraries, or of which it is not known.
fn native<'a>(root: &'a MergedRoot<'a>, wanted: ElfPlatform) -> impl Iterator<Item = File<'a>> {
    root.iter().filter_map(move |(path, node, entry)| match entry.kind {
        EntryKind::File { elf: Some(elf), .. } if wanted.is(elf) && elf.kind() != ElfKind::Other => {
            let needs = elf.needed.as_ref().is_none_or(|needed| !needed.is_empty());
            needs.then(|| File { path: path.text(), node, entry, elf })
        }
        _ => None,
    })
}

/// What one file lacks.
struct Lack<'s, 'a> {
    verdict: Verdict,
    layer: usize,
    names: BTreeSet<&'a str>,
    /// A program that loads it, when that is another file.
    by: Option<&'s str>,
    /// What is there instead, or where else it is.
    notes: Vec<String>,
}

struct Looking<'s, 'a> {
    subject: &'s Subject<'a>,
    files: &'s [File<'a>],
    libraries: Libraries<'a>,
    /// How often each loader is asked for.
    loaders: HashMap<Rc<Loader>, usize>,
    /// Files that a program loads when it starts, by identity.
    loaded: HashSet<usize>,
    lacks: BTreeMap<String, Lack<'s, 'a>>,
    elsewhere: Option<HashMap<&'a str, Path<'a, 'a>>>,
    programs: usize,
    shared: usize,
    hosted: usize,
}

impl<'s, 'a> Looking<'s, 'a> {
    fn new(subject: &'s Subject<'a>, files: &'s [File<'a>]) -> Self {
        let libraries = Libraries::of(subject.image, subject.facts, subject.root);
        let (loaders, loaded, lacks) = (HashMap::new(), HashSet::new(), BTreeMap::new());
        Looking { subject, files, libraries, loaders, loaded, lacks, elsewhere: None, programs: 0, shared: 0, hosted: 0 }
    }

    fn programs(&mut self) -> Result<(), Exhausted> {
        let started = self.started_folders();
        let entrypoint = self.entrypoint();
        for file in self.files.iter().filter(|file| file.elf.kind() == ElfKind::Program && file.elf.needed.is_some()) {
            self.programs += 1;
            let interpreter = file.elf.interpreter.as_deref().unwrap_or_default();
            let Some(loader) = self.libraries.loader(interpreter)? else {
                // `elf-interpreter` says that it cannot start; what it needs besides, any loader would have to find somewhere.
                self.without_loader(file);
                continue;
            };
            *self.loaders.entry(loader).or_default() += 1;
            let Some(process) = self.libraries.start(&file.path)? else { continue };
            self.loaded.extend(process.loaded.iter().map(|loaded| self.libraries.file(loaded.object).inode()));
            let executable = file.entry.mode & 0o111 != 0;
            let direct = started.contains(file.path.rsplit_once('/').map_or("", |(folder, _)| folder)) || entrypoint == Some(&file.path);
            for missing in &process.missing {
                let object = self.libraries.file(process.loaded[missing.by].object);
                let (path, layer) = (object.path.clone(), object.layer);
                let elsewhere = self.elsewhere(missing.name);
                let mut notes = Vec::new();
                if let Some(unfit) = missing.unfit.map(|unfit| self.libraries.file(unfit)) {
                    let what = unfit.elf().map_or_else(|| "no ELF file".to_owned(), describe_elf);
                    notes.push(format!("/{} is {what}", unfit.path));
                } else if let Some(other) = elsewhere {
                    notes.push(self.where_else(&other.text())?);
                }
                let verdict = match executable && (elsewhere.is_none() || direct) {
                    true => Verdict::Fail,
                    false => Verdict::Warn,
                };
                let by = (missing.by > 0).then_some(file.path.as_str());
                self.lack(path, layer, verdict, missing.name, by, notes);
            }
        }
        Ok(())
    }

    /// The folders of the image's `PATH`, by their real paths.
    fn started_folders(&self) -> HashSet<String> {
        let env = &self.subject.image.config.config.env;
        let path = env.iter().rev().find_map(|variable| variable.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
        let real = |folder: &str| match self.subject.root.lookup(folder) {
            Lookup::Found(real, _) => Some(real),
            _ => None,
        };
        path.split(':').filter(|folder| folder.starts_with('/')).filter_map(real).collect()
    }

    /// The program that the image starts, when the config names it by its path.
    fn entrypoint(&self) -> Option<&'s str> {
        let config = &self.subject.image.config.config;
        let command = config.entrypoint.first().or(config.cmd.first()).filter(|command| command.starts_with('/'))?;
        let Lookup::Found(real, _) = self.subject.root.lookup(command) else { return None };
        self.files.iter().find(|file| file.path == real).map(|file| file.path.as_str())
    }

    fn without_loader(&mut self, file: &'s File<'a>) {
        let interpreter = file.elf.interpreter.as_deref().and_then(|path| path.rsplit('/').next());
        for name in file.elf.needed.iter().flatten().filter(|name| Some(name.as_str()) != interpreter) {
            if self.elsewhere(name).is_none() {
                let verdict = if file.entry.mode & 0o111 != 0 { Verdict::Fail } else { Verdict::Warn };
                self.lack(file.path.clone(), file.node.layer, verdict, name, None, Vec::new());
            }
        }
    }

    fn plugins(&mut self) -> Result<(), Exhausted> {
        for file in self.files {
            let Some(needed) = &file.elf.needed else { continue };
            if file.elf.kind() == ElfKind::Program {
                continue;
            }
            self.shared += 1;
            if self.loaded.contains(&file.entry.identity()) {
                continue;
            }
            let missing: Vec<&str> = match self.loader_for(file.elf) {
                Some(loader) => {
                    let process = self.libraries.alone(&loader, &file.path)?;
                    process.into_iter().flat_map(|process| process.missing).map(|missing| missing.name).collect()
                }
                None => needed.iter().map(String::as_str).collect(),
            };
            let nowhere: Vec<&str> = missing.iter().copied().filter(|name| self.elsewhere(name).is_none()).collect();
            self.hosted += usize::from(!missing.is_empty() && nowhere.is_empty());
            for name in nowhere {
                self.lack(file.path.clone(), file.node.layer, Verdict::Warn, name, None, Vec::new());
            }
        }
        Ok(())
    }

    /// The loader that a library is for: of its own C library's family, the one that most programs ask for.
    fn loader_for(&self, elf: &Elf) -> Option<Rc<Loader>> {
        let needs = |fits: fn(&str) -> bool| elf.needed.iter().flatten().any(|name| fits(name));
        let family = match () {
            () if needs(|name| name == "libc.so" || name.starts_with("libc.musl-")) => Some(Family::Musl),
            () if needs(|name| name == "libc.so.6") => Some(Family::Glibc),
            () => None,
        };
        let fitting = self.loaders.iter().filter(|(loader, _)| family.is_none_or(|family| loader.family == family));
        fitting.max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.name.cmp(&a.0.name))).map(|(loader, _)| loader.clone())
    }

    /// A file of the image that programs could mean by the library `name`.
    fn elsewhere(&mut self, name: &str) -> Option<Path<'a, 'a>> {
        let subject = self.subject;
        let files = self.files;
        let known = self.elsewhere.get_or_insert_with(|| {
            let Some(like) = files.first().map(|file| file.elf) else { return HashMap::new() };
            let mut known = HashMap::new();
            for (path, _, entry) in subject.root.iter() {
                let elf = match entry.kind {
                    EntryKind::File { elf: Some(elf), .. } => elf,
                    EntryKind::Symlink { target } if path.name.contains(".so") => match subject.root.follow(&path.text(), target) {
                        Lookup::Found(_, Node { entry: Some(EntryRef { kind: EntryKind::File { elf: Some(elf), .. }, .. }), .. }) => elf,
                        _ => continue,
                    },
                    _ => continue,
                };
                if elf.damage.is_none() && elf.object_type == 3 && same_abi(like, elf) {
                    known.entry(path.name).or_insert(path);
                    if let Some(soname) = &elf.soname {
                        known.entry(soname.as_str()).or_insert(path);
                    }
                }
            }
            known
        });
        known.get(name.rsplit('/').next().unwrap_or(name)).copied()
    }

    fn where_else(&mut self, path: &str) -> Result<String, Exhausted> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let why = match () {
            () if folder.contains("/glibc-hwcaps/") => "which is for some processors only",
            () if self.libraries.is_configured(folder)? => "whose folder ld.so.conf names, but ld.so.cache does not list it: run ldconfig",
            () => "where the loader does not look",
        };
        Ok(format!("it is at /{path}, {why}"))
    }

    fn lack(&mut self, path: String, layer: usize, verdict: Verdict, name: &'a str, by: Option<&'s str>, notes: Vec<String>) {
        let new = || Lack { verdict, layer, names: BTreeSet::new(), by, notes: Vec::new() };
        let lack = self.lacks.entry(path).or_insert_with(new);
        lack.verdict = lack.verdict.max(verdict);
        if lack.names.insert(name) {
            lack.notes.extend(notes);
        }
    }

    fn result(self, ended: Result<(), Exhausted>) -> CheckResult {
        let mut tally = Tally::default();
        if ended.is_err() {
            let expected = "libraries that can be found within the work that is done for one image";
            let advice = "the image is made to be searched without end: look at the files with the longest RUNPATHs and needed libraries";
            tally.image(Verdict::Fail, None, expected, "more to be searched: not every file was judged", advice);
        }
        for (path, lack) in self.lacks {
            let names = lack.names.into_iter().collect::<Vec<_>>().join(", ");
            let mut found = if lack.notes.is_empty() { "nowhere in the image".to_owned() } else { lack.notes.join("; ") };
            if let Some(by) = lack.by {
                found.push_str(&format!(" (/{by} loads it)"));
            }
            let advice = match lack.notes.is_empty() {
                true => "add the package that has it, or leave the file out",
                false => "put it where the loader looks: a RUNPATH, a folder of ld.so.conf and ldconfig, or LD_LIBRARY_PATH",
            };
            let digest = self.subject.facts.layers[lack.layer].descriptor.digest;
            tally.path(lack.verdict, &path, digest, names, found, advice);
        }
        for file in self.files.iter().filter(|file| file.elf.needed.is_none()) {
            let digest = self.subject.facts.layers[file.node.layer].descriptor.digest;
            let expected = "a dynamic section with its strings";
            let found = "none that can be read within bounds";
            tally.path(Verdict::Warn, &file.path, digest, expected, found, "look at it with `readelf -d`; its libraries were not judged");
        }
        let hosted = match self.hosted {
            0 => String::new(),
            n => format!(", {n} completed by the program that loads {}", if n == 1 { "it" } else { "them" }),
        };
        let looked_at = format!("{}, {}{hosted}", count(self.programs, "dynamic program"), count(self.shared, "shared object"));
        let of = if tally.failed + tally.warned > 0 { "of " } else { "" };
        tally.result(Check::ElfLibraries, format!("{of}{looked_at}"), "file")
    }
}
