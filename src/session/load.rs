//! `load`: what was built goes into the engine of this machine, as it is and without a file in between.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::copy::{archive, with_tag};
use super::emitter::{Listener, Subject};
use super::engine::{Work, blocking};
use super::event::EventKind;
use super::subject::built_entry;
use crate::catalog::{Architecture, Catalog, Target};
use crate::image::{Descriptor, Digest, RegistryReference, Tree};
use crate::nix::kept_image;
use crate::progress::Progress;
use crate::runtime::{Engine, EngineChoice, EngineFacts};
use crate::{Error, Result};

/// What to put into an engine.
#[derive(Clone, Debug, Default)]
pub struct LoadRequest {
    /// The targets.
    pub targets: Vec<Target>,
    /// Of each container only the one for the engine's own architecture, or else the only one.
    pub fitting: bool,
    /// Into which engine.
    pub engine: EngineChoice,
    /// What it is called there, `NAME` or `NAME:TAG`; for a single image.
    pub name: Option<String>,
}

/// An image that an engine has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// Which.
    #[serde(flatten)]
    pub target: Target,
    /// What it is called there: `fd:latest`.
    pub name: String,
    /// The engine's own id of it.
    pub id: String,
    /// Bytes of config and layers.
    pub bytes: u64,
    /// It was there already; nothing was sent.
    pub present: bool,
}

impl Work {
    /// Loads what is asked for.
    pub(super) async fn load(&self, request: &LoadRequest) -> Result<()> {
        self.or_cancelled(self.load_all(request)).await
    }

    async fn load_all(&self, request: &LoadRequest) -> Result<()> {
        let catalog = self.catalog()?;
        let (engine, facts) = self.engine(&request.engine).await?;
        let wanted = wanted(&catalog, request, &facts)?;
        let store = self.store()?;
        // Before anything is sent: one that is missing is said at once.
        let entries = wanted.iter().map(|(target, _)| built_entry(&store, &catalog, target)).collect::<Result<Vec<_>>>()?;
        let lock = self.lock_on_disk(&catalog)?;
        for ((target, name), entry) in wanted.iter().zip(&entries) {
            if !self.is_current_now(&catalog, &lock, target, entry) {
                let said =
                    format!("{target} was built from an earlier definition or lock: `catamaran build {}` renews it", target.container);
                self.progress.line(&said);
            }
            self.load_one(&engine, &facts, target, name, entry).await?;
        }
        Ok(())
    }

    /// The engine that `choice` means, and what it is.
    pub(super) async fn engine(&self, choice: &EngineChoice) -> Result<(Engine, EngineFacts)> {
        let engine = Engine::find(choice).await?;
        let facts = engine.facts().await?;
        self.emit(EventKind::EngineFound { engine: facts.clone() }).await;
        Ok((engine, facts))
    }

    /// Makes sure that the engine has the image `entry` of `target` as `name`.
    pub(super) async fn load_one(
        &self,
        engine: &Engine,
        facts: &EngineFacts,
        target: &Target,
        name: &str,
        entry: &Descriptor,
    ) -> Result<Loaded> {
        let began = Instant::now();
        let (store, entry) = (self.store()?, entry.clone());
        let tree = blocking(move || Ok(Tree::of_image(&kept_image(&store, &entry)?))).await?;
        let bytes = Descriptor::total(&tree.contents());
        let ids = ids(&tree);
        let known = engine.image_id(name).await?.filter(|id| ids.contains(id));
        let (id, present) = match known {
            Some(id) => (id, true),
            None => {
                self.emit(EventKind::LoadStarted { target: target.clone(), name: name.to_owned() }).await;
                let listening = Listener::start(&self.context.emitter, self.run, Subject::Loading(target.clone()), None);
                let sent = send(engine, facts, tree, name, &self.token, &listening.progress()).await;
                listening.finish().await;
                sent.map_err(|error| error.context(target))?;
                (self.arrived(engine, target, name, &ids).await?, false)
            }
        };
        let loaded = Loaded { target: target.clone(), name: name.to_owned(), id, bytes, present };
        self.emit(EventKind::Loaded { loaded: loaded.clone(), took: began.elapsed().as_millis() as u64 }).await;
        Ok(loaded)
    }

    /// Asks the engine which image it has now: that it took one is not yet that it took this one.
    async fn arrived(&self, engine: &Engine, target: &Target, name: &str, ids: &[String]) -> Result<String> {
        match engine.image_id(name).await? {
            Some(id) if ids.contains(&id) => Ok(id),
            Some(id) => Err(Error::failed(format!("{target}: the engine has {id} as {name}, and not what was sent"))
                .hint("somebody else may have given that name to another image meanwhile: run it again")),
            None => Err(Error::failed(format!("{target}: the engine took the image and has none called {name}"))),
        }
    }
}

/// What an engine may call the image: its config's digest, or where containerd keeps images its manifest's.
fn ids(tree: &Tree) -> Vec<String> {
    let top = tree.top();
    let config = top.children.blobs.first().map(|config| config.digest);
    config.iter().chain([&top.descriptor.digest]).map(Digest::to_string).collect()
}

/// Sends the one image of `tree` as `name`, while it is read.
pub(super) async fn send(
    engine: &Engine,
    facts: &EngineFacts,
    tree: Tree,
    name: &str,
    token: &CancellationToken,
    progress: &Arc<dyn Progress>,
) -> Result<()> {
    let (name, token, progress) = (name.to_owned(), token.clone(), Arc::clone(progress));
    let tree = match tree.has_zstd() && knows_no_zstd(facts) {
        true => {
            progress.line(&format!("{} {} knows no zstd: layers are unpacked on their way", facts.product, facts.version));
            let token = token.clone();
            blocking(move || tree.without_zstd(&|| token.is_cancelled())).await?
        }
        false => tree,
    };
    engine.load(move |out| archive(&tree, Some(&name), out, "the engine".as_ref(), &token, &progress).map(drop)).await
}

/// Docker unpacks layers that are compressed with zstd since version 23; every Podman that is still around does.
fn knows_no_zstd(facts: &EngineFacts) -> bool {
    !facts.is_podman() && facts.major().is_some_and(|major| major < 23)
}

/// The targets that are meant, each with its name in the engine.
pub(super) fn wanted(catalog: &Catalog, request: &LoadRequest, facts: &EngineFacts) -> Result<Vec<(Target, String)>> {
    let own = facts.architecture.parse::<Architecture>().ok();
    let mut wanted: Vec<(Target, String)> = Vec::new();
    for target in &request.targets {
        let mut others = request.targets.iter().filter(|other| other.container == target.container && *other != target);
        if request.fitting && own != Some(target.architecture) && others.next().is_some() {
            continue;
        }
        wanted.push((target.clone(), name_of(catalog, target, own, facts)));
    }
    let left_out = request.targets.iter().find(|target| !wanted.iter().any(|(found, _)| found.container == target.container));
    if let Some(target) = left_out {
        let container = &target.container;
        let built = request.targets.iter().filter(|other| other.container == *container);
        let built = built.map(|target| target.architecture.name()).collect::<Vec<_>>();
        return Err(Error::usage(format!(
            "`{container}` is not built for {}, the architecture of the engine at {}",
            facts.architecture, facts.address
        ))
        .hint(format!("choose one: --target {} (or all)", built.join(", --target "))));
    }
    if let Some(name) = &request.name {
        let named = with_tag(name);
        if named.parse::<RegistryReference>().map_err(|error| error.context("--as"))?.digest.is_some() {
            return Err(Error::usage(format!("--as {name}: an engine names images by tag, not by digest")));
        }
        let [(_, called)] = wanted.as_mut_slice() else {
            return Err(Error::usage(format!("{} images cannot all be called `{name}`", wanted.len()))
                .hint("name one container, and one architecture with --target"));
        };
        *called = for_engine(&named, facts);
    }
    Ok(wanted)
}

/// What an image is called in an engine: `fd:latest` is for the engine's own architecture, or the container's only one; the others are
/// called as a release tags them, `fd:latest-arm64`. So no image ever takes the name of one that the engine runs as its own.
fn name_of(catalog: &Catalog, target: &Target, own: Option<Architecture>, facts: &EngineFacts) -> String {
    let only = catalog.container(target.container.as_str()).is_some_and(|container| container.targets.len() == 1);
    let name = match own == Some(target.architecture) || only {
        true => format!("{}:latest", target.container),
        false => format!("{}:latest-{}", target.container, target.architecture.tag_suffix()),
    };
    for_engine(&name, facts)
}

/// A name without a host means Docker Hub; what was made here has `localhost` with Podman, as what `podman build` makes.
fn for_engine(name: &str, facts: &EngineFacts) -> String {
    let first = name.split_once('/').map(|(first, _)| first);
    let has_host = first.is_some_and(|first| first.contains(['.', ':']) || first == "localhost");
    if facts.is_podman() && !has_host { format!("localhost/{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        let text = "[containers.fd]\npackages = [\"fd-find\"]\n[containers.arm]\npackages = [\"bash\"]\ntargets = [\"aarch64\"]\n\
                    [containers.far]\npackages = [\"bash\"]\ntargets = [\"aarch64\", \"armv7\"]\n";
        crate::catalog::parse("containers.toml".as_ref(), text).unwrap()
    }

    fn facts(product: &str) -> EngineFacts {
        EngineFacts { product: product.into(), version: "28.2.2".into(), architecture: "amd64".into(), address: "unix:///x".into() }
    }

    fn names(containers: &[&str], fitting: bool, name: Option<&str>, product: &str) -> Result<Vec<String>> {
        let catalog = catalog();
        let containers: Vec<String> = containers.iter().map(|name| (*name).to_owned()).collect();
        let targets = crate::catalog::select(&catalog, &containers, &[]).unwrap();
        let request = LoadRequest { targets, fitting, name: name.map(str::to_owned), ..LoadRequest::default() };
        Ok(wanted(&catalog, &request, &facts(product))?.into_iter().map(|(_, name)| name).collect())
    }

    #[test]
    fn names_say_which_architecture_unless_it_is_the_engine_s() {
        assert_eq!(names(&["fd", "arm"], true, None, "Docker").unwrap(), ["fd:latest", "arm:latest"]);
        assert_eq!(names(&["fd"], false, None, "Docker").unwrap(), ["fd:latest", "fd:latest-arm64"]);
        assert_eq!(names(&["far"], false, None, "Podman").unwrap(), ["localhost/far:latest-arm64", "localhost/far:latest-arm-v7"]);
        assert_eq!(names(&["fd"], true, Some("acme/fd"), "Podman").unwrap(), ["localhost/acme/fd:latest"]);
        assert_eq!(names(&["fd"], true, Some("ghcr.io/acme/fd:1"), "Podman").unwrap(), ["ghcr.io/acme/fd:1"]);
    }

    #[test]
    fn what_fits_nothing_is_explained() {
        let error = names(&["far"], true, None, "Docker").unwrap_err();
        assert!(error.message().contains("`far` is not built for amd64"), "{error}");
        assert!(error.advice().unwrap().contains("--target aarch64, --target armv7"), "{error:?}");
        for bad in ["Upper", "a b", "fd:latest:2", ""] {
            assert_eq!(names(&["fd"], true, Some(bad), "Docker").unwrap_err().kind(), crate::Kind::Usage, "{bad}");
        }
        assert!(knows_no_zstd(&EngineFacts { version: "20.10.24+dfsg1".into(), ..facts("Docker") }));
        assert!(!knows_no_zstd(&facts("Docker")) && !knows_no_zstd(&EngineFacts { version: "4.3.1".into(), ..facts("Podman") }));
        assert!(names(&["fd"], false, Some("x"), "Docker").unwrap_err().message().contains("2 images cannot all be called `x`"));
    }
}
