//! Containers of an engine: made, listened to, started, awaited, taken away (Docker Engine API, "Containers"; Podman answers the same).

use reqwest::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::engine::Engine;
use super::frames::{Channel, Frames};
use crate::{Error, Result};

/// The label of containers that are ours, with what they are for: `docker ps --filter label=dev.catamaran.test`.
const LABEL: &str = "dev.catamaran.test";

/// What to run.
#[derive(Clone, Debug)]
pub struct ContainerSpec<'a> {
    /// What the container is called; by this name it is taken away, whatever has happened.
    pub name: &'a str,
    /// The image, by name or id.
    pub image: &'a str,
    /// Its platform: `linux/arm64`.
    pub platform: &'a str,
    /// Arguments of its entrypoint.
    pub arguments: &'a [String],
    /// `none`, `bridge`, `host`, or a network's name.
    pub network: &'a str,
    /// What it is for.
    pub purpose: &'a str,
}

/// How a container has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerEnd {
    /// Its exit code; 128 and a signal's number when a signal has ended it.
    pub code: i64,
    /// The kernel has killed it for want of memory.
    pub out_of_memory: bool,
    /// What the engine says was wrong with starting it.
    pub trouble: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Create<'a> {
    image: &'a str,
    cmd: &'a [String],
    attach_stdout: bool,
    attach_stderr: bool,
    labels: std::collections::BTreeMap<&'a str, &'a str>,
    host_config: HostConfig<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig<'a> {
    network_mode: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    state: State,
}

#[derive(Default, Deserialize)]
struct State {
    #[serde(rename = "OOMKilled", default)]
    oom_killed: bool,
    #[serde(rename = "ExitCode", default)]
    exit_code: i64,
    #[serde(rename = "Error", default)]
    error: String,
}

impl Engine {
    /// Makes a container; it does not run yet.
    pub async fn create(&self, spec: &ContainerSpec<'_>) -> Result<()> {
        let body = Create {
            image: spec.image,
            cmd: spec.arguments,
            attach_stdout: true,
            attach_stderr: true,
            labels: [(LABEL, spec.purpose)].into(),
            host_config: HostConfig { network_mode: spec.network },
        };
        let query = [("name", spec.name), ("platform", spec.platform)];
        let request = self.request(Method::POST, &["containers", "create"], &query)?.json(&body);
        self.accepted(request, &format!("making a container of {}", spec.image)).await.map(drop)
    }

    /// What the container `name` will write. To be asked for before it is started: then nothing is missing, whatever the engine does
    /// with logs.
    pub async fn attach(&self, name: &str) -> Result<ContainerOutput> {
        let query = [("stream", "1"), ("stdout", "1"), ("stderr", "1")];
        let request = self.request(Method::POST, &["containers", name, "attach"], &query)?;
        let answer = self.accepted(request, "starting the container").await?;
        Ok(ContainerOutput { engine: self.clone(), answer, frames: Frames::default() })
    }

    /// Starts the container `name`.
    pub async fn start(&self, name: &str) -> Result<()> {
        let request = self.request(Method::POST, &["containers", name, "start"], &[])?;
        self.accepted(request, "starting the container").await.map(drop)
    }

    /// Waits until the container `name`, which was started, has ended.
    pub async fn wait(&self, name: &str) -> Result<ContainerEnd> {
        let request = self.request(Method::POST, &["containers", name, "wait"], &[])?;
        let answer = self.accepted(request, "waiting for the container").await?;
        // What it answers is the exit code; the reasons are in the state.
        self.text(answer).await?;
        let request = self.request(Method::GET, &["containers", name, "json"], &[])?;
        let answer = self.accepted(request, "asking how the container has ended").await?;
        let text = self.text(answer).await?;
        let Inspected { state } = serde_json::from_str(&text)
            .map_err(|error| Error::failed(format!("{} does not say how the container has ended", self.called())).source(error))?;
        let trouble = Some(super::engine::printable(&state.error)).filter(|error| !error.is_empty());
        Ok(ContainerEnd { code: state.exit_code, out_of_memory: state.oom_killed, trouble })
    }

    /// Kills the container `name`, if it runs, and takes it away with all that is its own. That it is not there is no error.
    pub async fn remove(&self, name: &str) -> Result<()> {
        // `force` kills with SIGKILL; `v` is for volumes without a name.
        let request = self.request(Method::DELETE, &["containers", name], &[("force", "1"), ("v", "1")])?;
        let answer = request.send().await.map_err(|error| self.unreachable(error))?;
        match answer.status() {
            status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
            _ => Err(self.refused(answer, &format!("taking the container {name} away")).await.1),
        }
    }
}

/// What a container writes while it runs.
#[derive(Debug)]
pub struct ContainerOutput {
    engine: Engine,
    answer: Response,
    frames: Frames,
}

impl ContainerOutput {
    /// Waits for more, and hands it out; `false` when that was all.
    pub async fn next(&mut self, written: &mut dyn FnMut(Channel, &[u8])) -> Result<bool> {
        match self.answer.chunk().await.map_err(|error| self.engine.unreachable(error))? {
            Some(piece) => self.frames.feed(&piece, written).map(|()| true),
            None => Ok(false),
        }
    }
}
