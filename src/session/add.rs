//! `add`: a container that is not defined yet is looked up and proposed, and then written into `containers.toml`.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::build::Files;
use super::engine::{Work, blocking};
use super::event::EventKind;
use super::proposal::{Wish, choose, is_settled};
use crate::catalog::{self, Architecture, BuilderKind, Container, ContainerName, NewContainer, Target, extend};
use crate::debian::{Builder, Program};
use crate::error::IoContext;
use crate::image::{LayerRecords, Witnessed, replace_file};
use crate::{Error, Result};

/// What to look up.
#[derive(Clone, Debug, Default)]
pub struct ProposeRequest {
    /// A package or a program; or a name, and the packages.
    pub words: Vec<String>,
    /// What runs, if not what is proposed.
    pub entrypoint: Option<String>,
    /// The architectures, if not those of `[defaults]`.
    pub targets: Vec<Architecture>,
}

/// A container as it would be defined, and what it would come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Version of this document: 1.
    pub schema: u32,
    /// `containers.toml`.
    pub path: PathBuf,
    /// The entry.
    pub container: NewContainer,
    /// The entry as it is written.
    pub text: String,
    /// The architectures it is built for.
    pub targets: Vec<Architecture>,
    /// Version of its first package, on the first architecture.
    pub version: String,
    /// Packages of its image for the first architecture, base and dependencies included.
    pub packages: usize,
    /// Bytes of their files.
    pub download: u64,
    /// The programs of the packages that were asked for, as an entrypoint calls them.
    pub programs: Vec<String>,
    /// Something to think about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remark: Option<String>,
}

impl Work {
    /// Looks a container up and proposes its entry. Nothing is written but the cache.
    pub(super) async fn propose(&self, request: &ProposeRequest) -> Result<()> {
        let path = self.catalog_path()?;
        let text = catalog::read(&path)?;
        let (name, packages) = match &request.words[..] {
            [] => return Err(Error::usage("nothing to add").hint("name a package: `catamaran add jq`")),
            [package] => (None, vec![package.clone()]),
            [name, packages @ ..] => (Some(checked(name)?), packages.to_vec()),
        };
        let (catalog, container) = drafted(&path, &text, name.as_ref(), &packages, request)?;
        let archive = self.archive(&catalog)?;
        let looked_up = archive.look_up(&catalog, &container, name.is_none(), self.progress.as_ref(), &self.token).await?;
        let Some(architecture) = container.targets.first() else { return Err(Error::bug("a container without targets")) };
        let target = Target { container: container.name.clone(), architecture: *architecture };

        let fetcher = archive.fetcher().of(&looked_up.lock);
        let cache = self.context.options.folders.cache.clone();
        let builder = Builder::new(cache, self.store()?, LayerRecords::new(self.context.options.folders.content()), Witnessed::default());
        let files = Files { fetcher };
        let programs = async |wanted: &(dyn Fn(&str) -> bool + Sync)| -> Result<Vec<Program>> {
            let of = (&looked_up.lock, &target);
            builder.programs(of, container.compression, wanted, &files, &self.progress, &self.token).await
        };
        let own = programs(&|package| looked_up.packages.iter().any(|asked| asked == package)).await?;
        let wish = Wish {
            name: name.as_ref(),
            packages: &looked_up.packages,
            program: looked_up.program.as_deref(),
            entrypoint: request.entrypoint.as_deref(),
        };
        // Some packages leave their programs to one that is called after them: python3 to python3-minimal.
        let related = match is_settled(&wish, &own) {
            true => Vec::new(),
            false => {
                let after = |package: &str, asked: &String| package.strip_prefix(asked.as_str()).is_some_and(|rest| rest.starts_with('-'));
                programs(&|package| looked_up.packages.iter().any(|asked| after(package, asked))).await?
            }
        };
        let chosen = choose(&wish, &own, &related)?;
        let entry = NewContainer {
            name: chosen.name,
            packages: looked_up.packages.clone(),
            entrypoint: chosen.entrypoint,
            targets: request.targets.clone(),
        };
        extend(&path, &text, &entry)?;
        let locked = looked_up.lock.target(&target).map(|locked| locked.packages.as_slice()).unwrap_or_default();
        let version = |name: &str| locked.iter().find_map(|pin| pin.strip_prefix(name)?.strip_prefix('='));
        let of_target = |package: &&crate::debian::LockedPackage| {
            locked.iter().any(|pin| pin.split_once('=') == Some((&package.name, &package.version)))
                && [architecture.debian(), "all"].contains(&package.architecture.as_str())
        };
        let proposal = Proposal {
            schema: 1,
            path,
            text: entry.text(),
            version: entry.packages.first().and_then(|first| version(first)).unwrap_or_default().to_owned(),
            container: entry,
            packages: locked.len(),
            download: looked_up.lock.packages.iter().filter(of_target).map(|package| package.size).sum(),
            targets: container.targets,
            programs: own.into_iter().map(|program| program.command).collect(),
            remark: chosen.remark,
        };
        self.emit(EventKind::ContainerProposed { proposal: Arc::new(proposal) }).await;
        Ok(())
    }

    /// Writes an entry into `containers.toml`, whole or not at all, and nothing that would not be read.
    pub(super) async fn add(&self, new: &NewContainer) -> Result<()> {
        let (path, entry) = (self.catalog_path()?, new.clone());
        let (path, line) = blocking(move || write(&path, &entry).map(|line| (path, line))).await?;
        self.emit(EventKind::ContainerAdded { path, container: new.name.clone(), line }).await;
        Ok(())
    }
}

/// Writes the entry into the file at `path`, and says on which line it stands.
fn write(path: &Path, new: &NewContainer) -> Result<usize> {
    // Behind a link lies the file that is meant.
    let file = fs::canonicalize(path).at("reading", path)?;
    let _turn = locked(&file)?;
    let (text, catalog) = extend(path, &catalog::read(&file)?, new)?;
    let permissions = fs::metadata(&file).at("reading", &file)?.permissions();
    // A file is replaced, which its own mode would not forbid.
    if permissions.readonly() {
        return Err(Error::usage(format!("{} is read-only", path.display())).hint("`chmod u+w` it, or write the entry somewhere else"));
    }
    replace_file(&file, text.as_bytes())?;
    fs::set_permissions(&file, permissions).at("writing", &file)?;
    Ok(catalog.container(new.name.as_str()).map_or(0, |container| container.line))
}

/// The file, locked against others who add to it. Whoever had the lock before has put another file there.
fn locked(path: &Path) -> Result<File> {
    loop {
        let file = File::open(path).at("opening", path)?;
        file.lock().at("locking", path)?;
        if fs::metadata(path).is_ok_and(|there| file.metadata().is_ok_and(|mine| mine.ino() == there.ino())) {
            return Ok(file);
        }
    }
}

fn checked(name: &str) -> Result<ContainerName> {
    match ContainerName::problem(name) {
        None => Ok(ContainerName::new(name)),
        Some(problem) => Err(Error::usage(format!("`{name}` cannot be a container's name: {problem}"))
            .hint("the name comes first, then its packages: `catamaran add fd fd-find`")),
    }
}

/// The catalog with what is to be looked up, and that container: it has the settings that the entry would have.
fn drafted(
    path: &Path,
    text: &str,
    name: Option<&ContainerName>,
    packages: &[String],
    request: &ProposeRequest,
) -> Result<(catalog::Catalog, Container)> {
    // Without a name it goes under one that nothing else has; which one it gets is not known yet.
    let unnamed = ContainerName::new(format!("unnamed{}", "-x".repeat(text.matches("unnamed").count())));
    let draft = NewContainer {
        name: name.unwrap_or(&unnamed).clone(),
        packages: packages.to_vec(),
        entrypoint: request.entrypoint.clone(),
        targets: request.targets.clone(),
    };
    let (_, catalog) = extend(path, text, &draft)?;
    let container = catalog.container(draft.name.as_str()).cloned();
    let mut container = container.ok_or_else(|| Error::bug("what was added to containers.toml is not in it"))?;
    if container.builder == BuilderKind::Nix {
        return Err(Error::usage(format!("`add` looks packages up in Debian's archive, and {} builds with Nix", path.display())).hint(
            "write the entry yourself, with attributes of nixpkgs: `[containers.NAME]` and `packages = [\"ripgrep\"]`; your flake makes its image",
        ));
    }
    if name.is_none() {
        container.name = ContainerName::new(packages.first().map(String::as_str).unwrap_or_default());
    }
    Ok((catalog, container))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn entry(name: &str) -> NewContainer {
        NewContainer { name: name.into(), packages: vec!["jq".into()], entrypoint: None, targets: Vec::new() }
    }

    #[test]
    fn many_who_add_at_once_lose_nothing_of_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("containers.toml"), folder.path().join("link.toml"));
        fs::write(&path, "# ours\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        std::thread::scope(|scope| {
            for n in 0..12 {
                let path = if n % 2 == 0 { &path } else { &link };
                scope.spawn(move || write(path, &entry(&format!("c{n}"))).unwrap());
            }
        });
        assert_eq!(catalog::load(&path).unwrap().containers.len(), 12);
        assert!(fs::read_to_string(&path).unwrap().starts_with("# ours\n"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left of the writing");

        let before = fs::read(&path).unwrap();
        assert!(write(&path, &entry("c3")).unwrap_err().message().contains("already"));
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn what_nix_builds_is_not_looked_up_in_debian() {
        let text = "[defaults]\nbuilder = \"nix\"\n";
        let drafted = |text: &str| drafted(Path::new("containers.toml"), text, None, &["jq".into()], &ProposeRequest::default());
        let error = drafted(text).unwrap_err();
        assert!(error.message().contains("builds with Nix") && error.advice().unwrap().contains("[containers.NAME]"), "{error}");
        let (catalog, container) = drafted("[containers.unnamed]\npackages = [\"fd-find\"]\n").unwrap();
        assert_eq!((catalog.containers.len(), container.name.as_str()), (2, "jq"));
        assert!(drafted("[default]\n").unwrap_err().message().contains("did you mean `defaults`?"));
    }
}
