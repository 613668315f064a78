//! How two images run, and what their labels and annotations say.

use std::collections::{BTreeMap, BTreeSet};

use super::Pair;
use super::comparison::{Aspect, Section};
use super::rows::Rows;
use crate::image::{Image, ImageConfig};

/// The field that says when the image was made.
const CREATED: &str = "created";

/// What decides how a container runs: everything but its annotations and when it was made.
pub(super) fn running(pair: &Pair<'_>, all: bool) -> Section {
    compare(pair, all, &|image| fields(&image.config))
}

/// All of it.
pub(super) fn whole(pair: &Pair<'_>, all: bool) -> Section {
    compare(pair, all, &|image| {
        let mut fields = fields(&image.config);
        fields.extend(image.config.created.iter().map(|created| (CREATED.to_owned(), created.clone())));
        fields.extend(image.manifest.annotations.iter().map(|(key, value)| (format!("annotation {key}"), value.clone())));
        fields
    })
}

fn compare(pair: &Pair<'_>, all: bool, fields: &dyn Fn(&Image) -> BTreeMap<String, String>) -> Section {
    let (left, right) = (fields(pair.left.image), fields(pair.right.image));
    let mut rows = Rows::new(Aspect::Config, all);
    let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    for name in names {
        let (left, right) = (left.get(name), right.get(name));
        let differs = match (left, right) {
            // Every architecture is built when it is built, or has the date of its own newest package.
            _ if name == CREATED && pair.across_architectures => false,
            (Some(left), Some(right)) => left != right && pair.left_names.neutral(left) != pair.right_names.neutral(right),
            _ => true,
        };
        rows.words(name, left.cloned(), right.cloned(), differs);
    }
    rows.section()
}

/// The fields of the config that are set, by the names that `containers.toml` has for them.
fn fields(config: &ImageConfig) -> BTreeMap<String, String> {
    let run = &config.config;
    let words = |words: &[String]| (!words.is_empty()).then(|| serde_json::json!(words).to_string());
    let mut fields: BTreeMap<String, String> = [
        ("entrypoint", words(&run.entrypoint)),
        ("cmd", words(&run.cmd)),
        ("user", run.user.clone().filter(|user| !user.is_empty())),
        ("workdir", run.working_dir.clone().filter(|folder| !folder.is_empty())),
        ("stop signal", run.stop_signal.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect();
    for variable in &run.env {
        // Set twice, the last counts.
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        fields.insert(format!("env {name}"), value.to_owned());
    }
    fields.extend(run.exposed_ports.keys().map(|port| (format!("port {port}"), "exposed".to_owned())));
    fields.extend(run.volumes.keys().map(|path| (format!("volume {path}"), "mounted".to_owned())));
    fields.extend(run.labels.iter().map(|(key, value)| (format!("label {key}"), value.clone())));
    fields
}
