//! `catamaran load`: built images into the engine of this machine.

use std::str::FromStr;

use clap::Args;
use serde::Serialize;

use super::drive::{Drive, Link};
use super::printer::{Ink, Printer, Results};
use super::quantity::bytes;
use super::table::{Cell, Table};
use crate::Result;
use crate::catalog::{Architecture, Catalog, select};
use crate::session::{Command, EngineChoice, EngineFacts, LoadRequest, Loaded, State};

/// `load`
#[derive(Debug, Args)]
#[command(
    after_help = "Of each container the image for the engine's own architecture is loaded, or its only one; --target says otherwise.\n\nAn \
                  image is called NAME:latest in the engine. Where a container has several architectures, those that are not the engine's are \
                  called as a release tags them: fd:latest-arm64. With Podman the names begin with localhost/, as those of what it builds.\n\n\
                  The image is sent while it is read; nothing is written in between, and what the engine has already is not sent \
                  again.\n\nThe engine is the one of DOCKER_HOST or CONTAINER_HOST, of the Docker context that is chosen, or what answers at \
                  the usual sockets (Docker, rootless Docker, Docker Desktop, OrbStack, Colima, Rancher Desktop, Podman). Where none does, \
                  and `podman` is there, its own service is started for as long as it is needed.\n\nExamples:\n  catamaran load fd\n  \
                  catamaran load fd rg --target all\n  catamaran load fd --podman\n  catamaran load fd --as acme/fd:dev"
)]
pub struct LoadArgs {
    /// Built containers to load
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Which of their images, and into which engine
    #[command(flatten)]
    pub engine: EngineArgs,
    /// What the image is called in the engine
    #[arg(long = "as", value_name = "NAME[:TAG]")]
    pub name: Option<String>,
}

/// What `load` and `test` have in common.
#[derive(Clone, Debug, Default, Args)]
pub struct EngineArgs {
    /// These architectures, or all [default: the engine's own]
    #[arg(long, short, value_delimiter = ',', value_name = "A,B")]
    pub target: Vec<Which>,
    /// Podman, even if Docker is there too
    #[arg(long, conflicts_with = "engine")]
    pub podman: bool,
    /// The engine at this address: unix:///PATH or tcp://HOST:PORT
    #[arg(long, value_name = "ADDRESS")]
    pub engine: Option<String>,
}

/// An architecture, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// This one.
    One(Architecture),
}

impl FromStr for Which {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "all" => Ok(Which::All),
            word => word.parse().map(Which::One).map_err(|error: <Architecture as FromStr>::Err| format!("{error}, or `all`")),
        }
    }
}

impl EngineArgs {
    /// What is to be loaded of the containers called `names`.
    pub(super) fn request(&self, catalog: &Catalog, names: &[String], name: Option<&str>) -> Result<LoadRequest> {
        let one = |which: &Which| match which {
            Which::All => None,
            Which::One(architecture) => Some(*architecture),
        };
        // With `all` among them the others add nothing.
        let architectures: Option<Vec<Architecture>> = self.target.iter().map(one).collect();
        let engine = match (&self.engine, self.podman) {
            (Some(address), _) => EngineChoice::At(address.clone()),
            (None, true) => EngineChoice::Podman,
            (None, false) => EngineChoice::Any,
        };
        let targets = select(catalog, names, &architectures.unwrap_or_default())?;
        Ok(LoadRequest { targets, fitting: self.target.is_empty(), engine, name: name.map(str::to_owned) })
    }
}

/// What `load --json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    engine: Option<&'a EngineFacts>,
    images: Vec<&'a Loaded>,
}

/// Loads what `args` select.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, catalog: &Catalog, args: &LoadArgs) -> Result<()> {
    let request = args.engine.request(catalog, &args.names, args.name.as_deref())?;
    let ended = drive.run(Command::Load(request)).await;
    let images: Vec<&Loaded> = drive.state.loads.values().collect();
    // What has arrived is worth showing even when the rest failed.
    match printer.results {
        Results::Document if ended.is_ok() => {
            printer.document(&Document { schema: 1, engine: drive.state.engine.as_ref(), images })?;
        }
        Results::Text if !images.is_empty() => {
            printer.result(&table(&images).render(printer.out_color));
            if ended.is_ok() {
                next(printer, &drive.state, &images);
            }
        }
        Results::Document | Results::Text | Results::Events => {}
    }
    ended.map(drop)
}

fn table(images: &[&Loaded]) -> Table {
    let mut table = Table::plain(0);
    for loaded in images {
        let mark = if loaded.present { "✓ there already" } else { "✓ loaded" };
        table.row([
            Cell::ink(mark, Ink::Good),
            loaded.target.to_string().into(),
            loaded.name.as_str().into(),
            Cell::number(bytes(loaded.bytes)),
            loaded.id.as_str().into(),
        ]);
    }
    table
}

/// What to run next.
fn next(printer: &Printer, state: &State, images: &[&Loaded]) {
    let program = match &state.engine {
        Some(engine) if engine.is_podman() => "podman",
        _ => "docker",
    };
    if let Some(loaded) = images.first() {
        printer.note(&format!("run it: {program} run --rm {}", loaded.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_an_architecture_here() {
        assert_eq!("all".parse(), Ok(Which::All));
        assert_eq!("arm64".parse(), Ok(Which::One(Architecture::Aarch64)));
        assert!("arch64".parse::<Which>().unwrap_err().contains("or `all`"));
        let catalog = crate::catalog::parse("c.toml".as_ref(), "[containers.fd]\npackages = [\"fd-find\"]\n").unwrap();
        let of = |target: &[Which]| EngineArgs { target: target.to_vec(), ..EngineArgs::default() }.request(&catalog, &[], None).unwrap();
        assert_eq!((of(&[]).targets.len(), of(&[]).fitting), (2, true));
        assert_eq!((of(&[Which::All]).targets.len(), of(&[Which::All]).fitting), (2, false));
        assert_eq!(of(&[Which::One(Architecture::Aarch64), Which::All]).targets.len(), 2);
        assert_eq!(of(&[Which::One(Architecture::Aarch64)]).targets.len(), 1);
    }
}
