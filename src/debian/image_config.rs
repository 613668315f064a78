//! The image config and manifest of a built target (image-spec, "OCI Image Configuration").

use std::sync::Arc;

use super::entrypoint::{DEFAULT_PATH, resolve};
use super::layer::{CachedLayer, LayerPlan};
use super::members::Members;
use super::rootfs::Root;
use super::segment::Segment;
use crate::Result;
use crate::catalog::{Container, Target};
use crate::image::{Empty, ExecutionConfig, History, ImageConfig, Platform, RootFs};
use crate::progress::count;

/// A written layer with its plan.
pub(super) struct Built {
    /// What it was made from.
    pub plan: Arc<LayerPlan>,
    /// What it became.
    pub layer: CachedLayer,
}

/// The config of `target`: how it runs comes from the catalog, everything else from the packages.
pub(super) fn image_config(
    container: &Container,
    target: &Target,
    members: &Members<'_>,
    layers: &[Built],
    root: &Root,
    base: &[Arc<Segment>],
    application: &[Arc<Segment>],
) -> Result<ImageConfig> {
    let platform = Platform::linux(target.architecture);
    let path = container.env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    let shipped = if application.is_empty() { base } else { application };
    let mut entrypoint = container.entrypoint.clone();
    if let Some(command) = entrypoint.first_mut() {
        *command = resolve(command, path, root, shipped).map_err(|error| error.context(target))?;
    }
    let others = container.env.iter().filter(|(name, _)| *name != "PATH").map(|(name, value)| format!("{name}={value}"));
    let set = |names: &[String]| names.iter().map(|name| (name.clone(), Empty {})).collect();
    let requests = [("base ", members.base_request), ("", members.request)];
    let history = layers.iter().zip(requests).map(|(built, (what, request))| History {
        created: time(built.plan.newest),
        created_by: Some(format!("catamaran: {what}{}", contents(request, &built.plan))),
        ..History::default()
    });
    Ok(ImageConfig {
        created: time(layers.iter().map(|built| built.plan.newest).max().unwrap_or(0)),
        architecture: platform.architecture,
        variant: platform.variant,
        os: platform.os,
        config: ExecutionConfig {
            user: container.user.clone(),
            exposed_ports: set(&container.expose),
            env: std::iter::once(format!("PATH={path}")).chain(others).collect(),
            entrypoint,
            cmd: container.cmd.clone(),
            volumes: set(&container.volumes),
            working_dir: container.workdir.clone(),
            labels: container.labels.clone(),
            stop_signal: None,
        },
        rootfs: RootFs { kind: "layers".into(), diff_ids: layers.iter().map(|built| built.layer.diff_id).collect() },
        history: history.collect(),
    })
}

/// `fd-find (12 packages) + 3 local files`
fn contents(request: &[String], plan: &LayerPlan) -> String {
    let packages = (plan.packages > 0).then(|| format!("{} ({})", request.join(" "), count(plan.packages, "package")));
    let local = (plan.local > 0).then(|| count(plan.local, "local file"));
    packages.into_iter().chain(local).collect::<Vec<_>>().join(" + ")
}

/// RFC 3339 in UTC; `None` for 0, the time of no file.
fn time(seconds: u64) -> Option<String> {
    let timestamp = jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    (seconds > 0).then(|| timestamp.to_string())
}
