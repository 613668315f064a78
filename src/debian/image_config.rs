//! The image config and manifest of a built target (image-spec, "OCI Image Configuration").

use std::sync::Arc;

use super::entrypoint::{DEFAULT_PATH, resolve};
use super::layer::{CachedLayer, LayerPlan, Part};
use super::members::Members;
use super::rootfs::Root;
use super::segment::Segment;
use crate::Result;
use crate::catalog::{Container, Target};
use crate::image::{Empty, ExecutionConfig, History, ImageConfig, Platform, RootFs};
use crate::progress::count;

/// So many source packages are named in the history of a layer; the others are counted.
const NAMED: usize = 6;

/// A written layer with its plan.
pub(super) struct Built {
    /// What it was made from.
    pub plan: Arc<LayerPlan>,
    /// What it became.
    pub layer: CachedLayer,
}

fn path(container: &Container) -> &str {
    container.env.get("PATH").map_or(DEFAULT_PATH, String::as_str)
}

/// The entrypoint with its command as the path it has in `root`, which `shipped` has made what it is.
pub(super) fn entrypoint(container: &Container, target: &Target, root: &Root, shipped: &[Arc<Segment>]) -> Result<Vec<String>> {
    let mut entrypoint = container.entrypoint.clone();
    if let Some(command) = entrypoint.first_mut() {
        *command = resolve(command, path(container), root, shipped).map_err(|error| error.context(target))?;
    }
    Ok(entrypoint)
}

/// The config of `target`, which runs `entrypoint`: how it runs comes from the catalog, everything else from the packages.
pub(super) fn image_config(
    container: &Container,
    target: &Target,
    entrypoint: Vec<String>,
    members: &Members<'_>,
    layers: &[Built],
) -> ImageConfig {
    let platform = Platform::linux(target.architecture);
    let others = container.env.iter().filter(|(name, _)| *name != "PATH").map(|(name, value)| format!("{name}={value}"));
    let set = |names: &[String]| names.iter().map(|name| (name.clone(), Empty {})).collect();
    let history = layers.iter().map(|built| History {
        created: time(built.plan.newest),
        created_by: Some(format!("catamaran: {}", contents(members, &built.plan))),
        ..History::default()
    });
    ImageConfig {
        created: time(layers.iter().map(|built| built.plan.newest).max().unwrap_or(0)),
        architecture: platform.architecture,
        variant: platform.variant,
        os: platform.os,
        config: ExecutionConfig {
            user: container.user.clone(),
            exposed_ports: set(&container.expose),
            env: std::iter::once(format!("PATH={}", path(container))).chain(others).collect(),
            entrypoint,
            cmd: container.cmd.clone(),
            volumes: set(&container.volumes),
            working_dir: container.workdir.clone(),
            labels: container.labels.clone(),
            stop_signal: None,
            args_escaped: false,
        },
        rootfs: RootFs { kind: "layers".into(), diff_ids: layers.iter().map(|built| built.layer.diff_id).collect() },
        history: history.collect(),
    }
}

/// `base bash coreutils (12 packages)`, `fd-find (12 packages) + 3 local files`, `openssl (2 packages)`, `generated files`
fn contents(members: &Members<'_>, plan: &LayerPlan) -> String {
    let what = match &plan.part {
        Part::Base => format!("base {}", members.base_request.join(" ")),
        Part::Application => members.request.join(" "),
        Part::Sources(sources) => match sources.get(NAMED..) {
            Some(more) if more.len() > 1 => format!("{} and {} more sources", sources[..NAMED].join(" "), more.len()),
            _ => sources.join(" "),
        },
        Part::Rest => String::new(),
    };
    let made = (plan.part == Part::Rest).then(|| "generated files".to_owned());
    let packages = (plan.packages > 0).then(|| format!("{what} ({})", count(plan.packages, "package")));
    let local = (plan.local > 0).then(|| count(plan.local, "local file"));
    made.into_iter().chain(packages).chain(local).collect::<Vec<_>>().join(" + ")
}

/// RFC 3339 in UTC; `None` for 0, the time of no file.
fn time(seconds: u64) -> Option<String> {
    let timestamp = jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    (seconds > 0).then(|| timestamp.to_string())
}
