//! Looks a container up that is not defined yet: whether its packages can be had on every architecture, and what comes with them.

use tokio_util::sync::CancellationToken;

use super::Lock;
use super::archive::Archive;
use super::lock_file::read_lock;
use super::packages::Pins;
use super::relation::relation;
use super::resolve::{Universes, resolve};
use crate::catalog::{Catalog, Container};
use crate::progress::Progress;
use crate::{Error, Result};

/// Packages named when a program is in several.
const NAMED: usize = 8;

/// What was found.
#[derive(Clone, Debug)]
pub struct LookedUp {
    /// The packages: those that were asked for, or the one that ships the program.
    pub packages: Vec<String>,
    /// The program that was asked for, when it was no package.
    pub program: Option<String>,
    /// What would be locked for it.
    pub lock: Lock,
}

impl Archive {
    /// Looks up `container`, which need not be in `catalog`. Nothing is written. With `or_program` its one package may also be the name of
    /// a program.
    ///
    /// # Errors
    /// As of a build: a package is unknown (with those that are called like it, or where it is), is only provided by others, or does not
    /// fit on an architecture. A program is in several packages.
    pub async fn look_up(
        &self,
        catalog: &Catalog,
        container: &Container,
        or_program: bool,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<LookedUp> {
        let mut container = container.clone();
        progress.phase("look up");
        let (releases, mut universes) = self.universes(&container.targets, progress, cancel).await?;
        let (mut program, mut unknown) = (None, None);
        if let (true, [word]) = (or_program, &container.debian_packages[..])
            && !is_package(word, &universes)
            && let Some(packages) = universes.values().next()
        {
            let shipping = self.shipping(word, packages, &releases, progress, cancel).await;
            match shipping.as_deref() {
                Err(error) if error.is_interrupted() => return Err(Error::interrupted()),
                // The solver says what is called like it.
                Err(error) => unknown = Some(error.message()),
                Ok([]) => {}
                Ok([package]) => (program, container.debian_packages) = (Some(word.clone()), vec![package.clone()]),
                Ok(several) => {
                    let some = several.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
                    return Err(Error::usage(format!("no package is called `{word}`, and several ship a program of that name: {some}"))
                        .hint(format!("say which, for example `catamaran add {word} {}`", several[0])));
                }
            }
        }
        let packages = container.debian_packages.clone();
        let alone = Catalog { containers: vec![container], ..catalog.clone() };
        self.note_elsewhere(&alone, &releases, &mut universes, cancel).await;
        let old = read_lock(&catalog.lock_path())?;
        let lock = resolve(&alone, &universes, self.locked_archives(&releases), old.as_ref(), &alone.targets(), progress, cancel);
        let lock = lock.map_err(|error| match &unknown {
            None => error,
            Some(why) => Error::new(
                error.kind(),
                format!("{}, and which package ships a program of that name could not be looked up: {why}", error.message()),
            )
            .hint(error.advice().unwrap_or("name the package that ships it; another mirror may know")),
        })?;
        Ok(LookedUp { packages, program, lock })
    }
}

/// Whether a package is called `word` somewhere, or provides it.
fn is_package(word: &str, universes: &Universes) -> bool {
    let provided = |packages: &super::packages::Packages| relation(word).is_ok_and(|r| !packages.providers(&r, &Pins::new()).is_empty());
    universes.values().any(|packages| packages.every_version(word).next().is_some() || provided(packages))
}
