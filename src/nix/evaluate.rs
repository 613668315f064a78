//! What a flake offers: `containerMatrix`, and the derivations of `NAMEContainer-TARGET`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::stream::{self, StreamExt};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::command::{Ended, Nix};
use super::complaint;
use super::log::Said;
use crate::catalog::{Architecture, BuilderKind, Container, ContainerName, NixSettings, Target, near};
use crate::progress::Progress;
use crate::{Error, Result};

/// Names that an error lists.
const LISTED: usize = 20;

/// The derivation of a target's image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// The `.drv` in the store: whatever decides the image decides its name.
    pub path: String,
    /// Where the image's document is, once it is built.
    pub document: PathBuf,
    /// What it has to be built on: `x86_64-linux`.
    pub system: String,
}

/// What the flake calls the image of `target`.
pub fn attribute(target: &Target) -> String {
    format!("{}Container-{}", target.container, target.architecture)
}

/// Asks a flake.
#[derive(Clone, Copy)]
pub struct Evaluation<'a> {
    /// The program.
    pub nix: &'a Nix,
    /// Which flake, and with which arguments.
    pub settings: &'a NixSettings,
    /// Who hears of inputs that are fetched.
    pub progress: &'a dyn Progress,
    /// Stops it.
    pub cancel: &'a CancellationToken,
}

#[derive(Deserialize)]
struct MatrixRow {
    container: String,
    target: String,
}

#[derive(Deserialize)]
struct Matrix {
    build: Vec<MatrixRow>,
}

/// What the flake has under one name: nothing, something that cannot be evaluated, or a derivation.
#[derive(Deserialize)]
#[serde(untagged)]
enum Found {
    Derivation { drv: String, out: PathBuf, system: String },
    Broken {},
}

#[derive(Deserialize)]
struct Answer {
    found: BTreeMap<String, Option<Found>>,
    there: Vec<String>,
}

impl Evaluation<'_> {
    /// The containers of the flake's `containerMatrix`, in its order.
    ///
    /// # Errors
    /// There is none, it cannot be evaluated, or it names what is no container or architecture.
    pub async fn containers(&self) -> Result<Vec<Container>> {
        let what = "containerMatrix";
        let ended = self.eval(what, None).await?;
        if !ended.status.success() {
            let error = complaint::error(&self.doing(what), &ended);
            return Err(match error.message().contains("does not provide attribute") {
                true => error.of_kind(crate::Kind::Usage).hint(
                    "a flake that is to be discovered has `containerMatrix`, as `nix/` of this project makes it; or define `[containers.NAME]` in containers.toml",
                ),
                false => error,
            });
        }
        let matrix: Matrix = serde_json::from_slice(&ended.output).map_err(|error| {
            Error::usage(format!("{} is no matrix: {error}", self.doing(what)))
                .hint(r#"it looks like {"build":[{"container":"fd","target":"x86_64"}],"manifest":["fd"]}"#)
        })?;
        let mut containers: Vec<Container> = Vec::new();
        for MatrixRow { container, target } in matrix.build {
            if let Some(problem) = ContainerName::problem(&container) {
                return Err(Error::usage(format!("{}: `{container}`: {problem}", self.doing(what))));
            }
            let architecture: Architecture = target
                .parse()
                .map_err(|_| Error::usage(format!("{}: `{container}` is for `{target}`, which is no architecture", self.doing(what))))?;
            let at = containers.iter().position(|known| known.name.as_str() == container).unwrap_or_else(|| {
                // The matrix does not say what they run; their images do.
                let found = Container { builder: BuilderKind::Nix, entrypoint: Vec::new(), ..Container::new(container.as_str()) };
                containers.push(found);
                containers.len() - 1
            });
            let targets = &mut containers[at].targets;
            if !targets.contains(&architecture) {
                targets.push(architecture);
            }
        }
        if containers.is_empty() {
            return Err(Error::usage(format!("{} names no containers", self.doing(what))));
        }
        Ok(containers)
    }

    /// The derivations of `targets`, each with its own error. They are evaluated in one process; when one of them breaks that in a way
    /// that Nix cannot go on from, each is evaluated by itself, `jobs` at a time.
    ///
    /// # Errors
    /// Nix cannot be run, or not with `nix-command`; or it was cancelled.
    pub async fn derivations(&self, targets: &[Target], jobs: usize) -> Result<Vec<Result<Derivation>>> {
        let system = self.system().await?;
        let mut there = Vec::new();
        let mut open: Vec<&Target> = targets.iter().collect();
        let mut found: BTreeMap<&Target, Result<Derivation>> = BTreeMap::new();
        // Outputs are in `packages` on Linux; on Darwin, where they cannot be built without a remote builder, in `legacyPackages`.
        for set in ["packages", "legacyPackages"] {
            if open.is_empty() {
                break;
            }
            let set = format!("{set}.{system}");
            let answered = match self.ask(&set, &open).await? {
                Asked::Answer(answer) => self.settle(&set, answer, &mut there, &open).await?,
                Asked::Nothing => Vec::new(),
                Asked::Broken if open.len() == 1 => vec![(open[0], Err(self.why(&set, open[0]).await?))],
                Asked::Broken => self.one_by_one(&set, &open, &mut there, jobs).await?,
            };
            found.extend(answered);
            open.retain(|target| !found.contains_key(target));
        }
        Ok(targets.iter().map(|target| found.remove(target).unwrap_or_else(|| Err(self.missing(target, &system, &there)))).collect())
    }

    async fn one_by_one<'t>(
        &self,
        set: &str,
        targets: &[&'t Target],
        there: &mut Vec<String>,
        jobs: usize,
    ) -> Result<Vec<(&'t Target, Result<Derivation>)>> {
        let asked: Vec<_> = stream::iter(targets)
            .map(|target| async move { (*target, self.ask(set, std::slice::from_ref(target)).await) })
            .buffered(jobs.max(1))
            .collect()
            .await;
        let mut out = Vec::new();
        for (target, asked) in asked {
            match asked? {
                Asked::Answer(answer) => out.extend(self.settle(set, answer, there, &[target]).await?),
                Asked::Broken => out.push((target, Err(self.why(set, target).await?))),
                Asked::Nothing => {}
            }
        }
        Ok(out)
    }

    /// Targets of which the flake has something, with what that is.
    async fn settle<'t>(
        &self,
        set: &str,
        answer: Answer,
        there: &mut Vec<String>,
        targets: &[&'t Target],
    ) -> Result<Vec<(&'t Target, Result<Derivation>)>> {
        let Answer { mut found, there: names } = answer;
        there.extend(names);
        let mut out = Vec::new();
        for target in targets {
            match found.remove(&attribute(target)).flatten() {
                Some(Found::Derivation { drv, out: document, system }) => {
                    out.push((*target, Ok(Derivation { path: drv, document, system })))
                }
                Some(Found::Broken {}) => out.push((*target, Err(self.why(set, target).await?))),
                None => {}
            }
        }
        Ok(out)
    }

    /// Why the image of `target` cannot be evaluated: `tryEval` keeps that to itself, and a trace of our question tells nobody anything.
    async fn why(&self, set: &str, target: &Target) -> Result<Error> {
        let name = attribute(target);
        let ended = self.eval(set, Some(&format!("set: set.\"{name}\".drvPath"))).await?;
        Ok(complaint::error(&self.doing(&name), &ended))
    }

    /// Asks for all `targets` in the attribute set `set`.
    async fn ask(&self, set: &str, targets: &[&Target]) -> Result<Asked> {
        let names: Vec<String> = targets.iter().map(|target| format!("\"{}\"", attribute(target))).collect();
        // Container names are letters, digits, `.`, `_` and `-`: nothing that a Nix string would take for something else.
        let function = format!(
            "set: {{ there = builtins.attrNames set; found = builtins.listToAttrs (map (name: {{ inherit name; value = if !(set ? ${{name}}) then null \
             else let drv = builtins.tryEval set.${{name}}.drvPath; in if !drv.success then {{ }} \
             else {{ drv = drv.value; out = builtins.unsafeDiscardStringContext set.${{name}}.outPath; \
             system = set.${{name}}.system or \"\"; }}; }}) [ {} ]); }}",
            names.join(" ")
        );
        let ended = self.eval(set, Some(&function)).await?;
        if ended.status.success() {
            let answer = serde_json::from_slice(&ended.output)
                .map_err(|error| Error::failed(format!("{}: nix answered with something else", self.doing(set))).source(error))?;
            return Ok(Asked::Answer(answer));
        }
        let nothing = ended.complaints.iter().any(|complaint| complaint.message.contains("does not provide attribute"));
        Ok(if nothing { Asked::Nothing } else { Asked::Broken })
    }

    fn missing(&self, target: &Target, system: &str, there: &[String]) -> Error {
        let name = attribute(target);
        let error = Error::usage(format!("the flake {} has no output `{name}` for {system}", self.settings.flake));
        let images: Vec<&str> = there.iter().map(String::as_str).filter(|name| name.contains("Container-")).collect();
        match near(&name, images.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None if images.is_empty() => error.hint("it has no outputs called NAMEContainer-TARGET; `nix flake show` lists what it has"),
            None => {
                let more = if images.len() > LISTED { ", …" } else { "" };
                error.hint(format!("it has {}{more}", images[..images.len().min(LISTED)].join(", ")))
            }
        }
    }

    /// The system that Nix builds for here.
    async fn system(&self) -> Result<String> {
        let arguments = ["eval", "--impure", "--raw", "--expr", "builtins.currentSystem", "--log-format", "internal-json"];
        let answer = self.nix.answer("asking nix for its system", &arguments, self.cancel).await?;
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    }

    async fn eval(&self, attribute: &str, function: Option<&str>) -> Result<Ended> {
        let flake = &self.settings.flake;
        if flake.starts_with('-') || flake.contains('#') {
            return Err(Error::usage(format!("`{flake}` is no flake")).hint("`[nix] flake` is a folder or a URL, without `#`"));
        }
        let mut arguments = vec!["eval".to_owned(), format!("{flake}#{attribute}")];
        arguments.extend(["--json", "--show-trace", "--log-format", "internal-json"].map(str::to_owned));
        arguments.extend(function.into_iter().flat_map(|function| ["--apply".to_owned(), function.to_owned()]));
        arguments.extend(self.settings.extra_args.iter().filter(|argument| *argument != "--rebuild").cloned());
        let mut hear = |_: &_, said| {
            if let Said::Note(note) | Said::Fetching(note) = said {
                note.lines().for_each(|line| self.progress.line(line));
            }
        };
        self.nix.run(&arguments, &mut hear, self.cancel).await
    }

    fn doing(&self, attribute: &str) -> String {
        format!("evaluating {}#{attribute}", self.settings.flake)
    }
}

enum Asked {
    Answer(Answer),
    /// There is no such attribute set.
    Nothing,
    /// One of the targets breaks the evaluation of all.
    Broken,
}
