//! Which engine of this machine: where people's settings say, or where engines usually answer.

use std::path::PathBuf;

use super::context::{self, Context};
use super::engine::{Engine, advised};
use super::service::Service;
use super::tls::Tls;
use crate::{Error, Result};

/// Which engine is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// The one of this machine: where `DOCKER_HOST` or `CONTAINER_HOST` says, else the Docker context that is chosen
    /// (`DOCKER_CONTEXT`, `docker context use`), else the first usual socket that answers, else Podman's program.
    #[default]
    Any,
    /// Podman: where `CONTAINER_HOST` says, else its usual sockets, else its program, whose API is started for as long as it is needed.
    Podman,
    /// The one at this address: `unix:///PATH` or `tcp://HOST:PORT`.
    At(String),
}

impl Engine {
    /// The engine that `choice` means.
    ///
    /// # Errors
    /// None answers, or the one that is named cannot be spoken to.
    pub async fn find(choice: &EngineChoice) -> Result<Self> {
        let named: &[&str] = match choice {
            EngineChoice::At(address) => {
                let engine = Self::at(address, docker_tls()?)?;
                engine.ping().await.map_err(|error| advised(error, "is an engine running there?"))?;
                return Ok(engine);
            }
            EngineChoice::Any => &["DOCKER_HOST", "CONTAINER_HOST"],
            EngineChoice::Podman => &["CONTAINER_HOST"],
        };
        if let Some((variable, address)) = named.iter().find_map(|name| Some((*name, set(name)?))) {
            let tls = if variable == "DOCKER_HOST" { docker_tls()? } else { None };
            let engine = Self::at(&address, tls).map_err(|error| error.context(variable))?;
            engine.ping().await.map_err(|error| advised(error, format!("{variable} says {address}: is an engine running there?")))?;
            return Ok(engine);
        }
        if *choice == EngineChoice::Any {
            let context = context::folder().map(|folder| context::chosen(&folder, set("DOCKER_CONTEXT").as_deref()));
            if let Some(Context { name, address, said_by, tls }) = context.transpose()?.flatten() {
                let engine = Self::at(&address, tls).map_err(|error| error.context(format!("the Docker context `{name}`")))?;
                let hint = format!("it is the engine of the Docker context `{name}`, which {said_by} names: is it running there?");
                engine.ping().await.map_err(|error| advised(error, hint))?;
                return Ok(engine);
            }
        }
        let sockets = match choice {
            EngineChoice::Podman => podman_sockets(&Surroundings::of_process()),
            _ => [docker_sockets(&Surroundings::of_process()), podman_sockets(&Surroundings::of_process())].concat(),
        };
        let mut silent = Vec::new();
        for socket in sockets.iter().filter(|socket| socket.exists()) {
            let engine = Self::at(&format!("unix://{}", socket.display()), None)?;
            match engine.ping().await {
                Ok(()) => return Ok(engine),
                Err(error) => silent.push(error),
            }
        }
        // An engine that is there and does not answer is the one that is meant: another one would be a surprise.
        let alone = silent.is_empty() || *choice == EngineChoice::Podman;
        if alone && let Some(service) = Service::start().await? {
            let engine = Self::at(&service.address(), None)?.with_service(service);
            engine.ping().await?;
            return Ok(engine);
        }
        Err(nobody(choice, silent))
    }
}

/// Why none was found: those that are there and do not answer are named, with what to do about the first.
fn nobody(choice: &EngineChoice, silent: Vec<Error>) -> Error {
    let start = match choice {
        EngineChoice::Podman => {
            "install Podman (`apt-get install podman`), start its socket (`systemctl --user start podman.socket`), or set CONTAINER_HOST"
        }
        _ => {
            "start Docker, Colima, Rancher Desktop or OrbStack, or install Podman, or say where one is: --engine ADDRESS, DOCKER_HOST, \
              `docker context use`"
        }
    };
    let who = if *choice == EngineChoice::Podman { "Podman" } else { "container engine" };
    let said = silent.iter().map(Error::message).collect::<Vec<_>>().join("; ");
    match silent.iter().find_map(Error::advice) {
        Some(advice) => Error::network(said).hint(advice),
        None if silent.is_empty() => Error::network(format!("no {who} was found on this machine")).hint(start),
        None => Error::network(format!("no {who} answers: {said}")).hint(start),
    }
}

/// What decides where sockets are.
struct Surroundings {
    /// `XDG_RUNTIME_DIR`, or where logins put it.
    runtime: PathBuf,
    home: Option<PathBuf>,
}

impl Surroundings {
    fn of_process() -> Self {
        let runtime = set("XDG_RUNTIME_DIR").map(PathBuf::from);
        let runtime = runtime.unwrap_or_else(|| format!("/run/user/{}", rustix::process::getuid().as_raw()).into());
        Surroundings { runtime, home: set("HOME").map(PathBuf::from) }
    }

    fn at_home(&self, paths: &[&str]) -> Vec<PathBuf> {
        self.home.iter().flat_map(|home| paths.iter().map(|path| home.join(path))).collect()
    }
}

/// Where Docker answers, and what stands in for it: Docker's own, rootless Docker's, Docker Desktop's, OrbStack's, Colima's, Rancher
/// Desktop's.
fn docker_sockets(around: &Surroundings) -> Vec<PathBuf> {
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock"), around.runtime.join("docker.sock")];
    sockets.extend(around.at_home(&[
        ".docker/run/docker.sock",
        ".docker/desktop/docker.sock",
        ".orbstack/run/docker.sock",
        ".colima/default/docker.sock",
        ".config/colima/default/docker.sock",
        ".rd/docker.sock",
    ]));
    sockets
}

/// Where Podman answers: rootless, as root, in a Podman machine.
fn podman_sockets(around: &Surroundings) -> Vec<PathBuf> {
    let mut sockets = vec![around.runtime.join("podman/podman.sock"), PathBuf::from("/run/podman/podman.sock")];
    sockets.extend(around.at_home(&[
        ".local/share/containers/podman/machine/podman.sock",
        ".local/share/containers/podman/machine/qemu/podman.sock",
        ".local/share/containers/podman/machine/applehv/podman.sock",
    ]));
    sockets
}

/// TLS, as Docker's variables ask for it.
fn docker_tls() -> Result<Option<Tls>> {
    Tls::asked(|name| std::env::var(name).ok(), context::folder())
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_looked_for_where_people_have_them() {
        let around = Surroundings { runtime: "/run/user/7".into(), home: Some("/home/me".into()) };
        let shown = |sockets: Vec<PathBuf>| sockets.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        let docker = shown(docker_sockets(&around));
        assert_eq!(docker[..2], ["/var/run/docker.sock", "/run/user/7/docker.sock"]);
        for socket in [".docker/run/docker.sock", ".colima/default/docker.sock", ".rd/docker.sock", ".orbstack/run/docker.sock"] {
            assert!(docker.contains(&format!("/home/me/{socket}")), "{socket}: {docker:?}");
        }
        assert_eq!(shown(podman_sockets(&around))[..2], ["/run/user/7/podman/podman.sock", "/run/podman/podman.sock"]);
        assert_eq!(docker_sockets(&Surroundings { home: None, ..around }).len(), 2);
    }

    #[test]
    fn an_engine_that_may_not_be_used_is_not_one_that_was_not_found() {
        let denied = nobody(&EngineChoice::Any, vec![Error::network("you may not use it").hint("join the group")]);
        assert_eq!((denied.message().as_str(), denied.advice()), ("you may not use it", Some("join the group")));
        let none = nobody(&EngineChoice::Any, Vec::new());
        assert!(none.message().contains("no container engine was found") && none.advice().unwrap().contains("DOCKER_HOST"));
        let silent = nobody(&EngineChoice::Podman, vec![Error::network("it cannot be reached")]);
        assert!(silent.message().contains("no Podman answers: it cannot be reached") && silent.advice().unwrap().contains("podman.socket"));
    }
}
