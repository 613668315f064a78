//! Docker's contexts: engines with a name, as `docker context` keeps them below `~/.docker/contexts`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::tls::Tls;
use crate::{Error, Result, read_at_most};

/// Larger files are no settings.
const MAX_FILE: u64 = 4 << 20;
/// The context that means no context.
const DEFAULT: &str = "default";
/// The variable that names a context.
const VARIABLE: &str = "DOCKER_CONTEXT";

/// An engine that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub name: String,
    /// Where it answers: `unix://…`, `tcp://…`, `ssh://…`.
    pub address: String,
    /// Who says that it is this one.
    pub said_by: String,
    /// It is spoken to over TLS.
    pub tls: Option<Tls>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(rename = "currentContext", default)]
    current_context: String,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "Endpoints", default)]
    endpoints: BTreeMap<String, Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

/// Where Docker keeps its settings.
pub(super) fn folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("DOCKER_CONFIG").or_else(|| Some(set("HOME")?.join(".docker")))
}

/// The context that is chosen in `folder`: `named` (by `DOCKER_CONTEXT`), else what `docker context use` has said. `None` when it is
/// the default one.
///
/// # Errors
/// It is not there, or says nothing of an engine that can be spoken to.
pub(super) fn chosen(folder: &Path, named: Option<&str>) -> Result<Option<Context>> {
    let config = folder.join("config.json");
    let (name, said_by) = match named.filter(|name| !name.is_empty()) {
        Some(name) => (name.to_owned(), VARIABLE.to_owned()),
        // What is wrong with the file is said where credentials are read from it.
        None => match read(&config).ok().and_then(|bytes| serde_json::from_slice::<Config>(&bytes).ok()) {
            Some(Config { current_context }) if !current_context.is_empty() => (current_context, config.display().to_string()),
            _ => return Ok(None),
        },
    };
    if name == DEFAULT {
        return Ok(None);
    }
    let advice = "`docker context ls` shows what there is; DOCKER_HOST names an engine without a context";
    let id = id(&name);
    let path = folder.join("contexts/meta").join(&id).join("meta.json");
    if !path.exists() {
        return Err(Error::usage(format!("{said_by} names the Docker context `{name}`, which is not there")).hint(advice));
    }
    let meta: Meta = serde_json::from_slice(&read(&path)?)
        .map_err(|error| Error::usage(format!("{} is not a Docker context", path.display())).source(error).hint(advice))?;
    let Some(endpoint) = meta.endpoints.get("docker").filter(|endpoint| !endpoint.host.is_empty()) else {
        return Err(Error::usage(format!("the Docker context `{name}` says nothing of where its engine answers")).hint(advice));
    };
    let certificates = folder.join("contexts/tls").join(&id).join("docker");
    let asked = endpoint.skip_tls_verify || certificates.is_dir();
    let tls = asked.then_some(Tls { folder: certificates, unverified: endpoint.skip_tls_verify });
    let address = endpoint.host.clone();
    Ok(Some(Context { name, address, said_by, tls }))
}

/// What its folders are called: the SHA-256 of its name.
fn id(name: &str) -> String {
    Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let too_large = || Error::usage(format!("{} is larger than {MAX_FILE} bytes; settings are not", path.display()));
    read_at_most(path, MAX_FILE)?.ok_or_else(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn meta(folder: &Path, name: &str, text: &str) {
        let place = folder.join("contexts/meta").join(id(name));
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("meta.json"), text).unwrap();
    }

    #[test]
    fn the_variable_counts_more_than_the_file_and_what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let of = |named| chosen(folder.path(), named);
        assert_eq!(of(None).unwrap(), None);
        std::fs::write(folder.path().join("config.json"), r#"{"auths":{},"currentContext":"far"}"#).unwrap();
        let error = of(None).unwrap_err();
        assert!(error.message().contains("config.json") && error.message().contains("`far`") && error.advice().is_some(), "{error}");
        meta(folder.path(), "far", r#"{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":"ssh://far","SkipTLSVerify":false}}}"#);
        meta(folder.path(), "near", r#"{"Name":"near","Endpoints":{"docker":{"Host":"unix:///near.sock"}}}"#);
        assert_eq!(of(None).unwrap().unwrap().address, "ssh://far");
        let near = of(Some("near")).unwrap().unwrap();
        assert_eq!((near.address.as_str(), near.said_by.as_str()), ("unix:///near.sock", VARIABLE));
        assert_eq!(of(Some("default")).unwrap(), None);
        meta(folder.path(), "mute", "{}");
        assert!(of(Some("mute")).unwrap_err().message().contains("says nothing"));
        assert_eq!(near.tls, None);
        let certificates = folder.path().join("contexts/tls").join(id("near")).join("docker");
        std::fs::create_dir_all(&certificates).unwrap();
        assert_eq!(of(Some("near")).unwrap().unwrap().tls, Some(Tls { folder: certificates, unverified: false }));
        meta(folder.path(), "any", r#"{"Name":"any","Endpoints":{"docker":{"Host":"tcp://a:2376","SkipTLSVerify":true}}}"#);
        assert!(of(Some("any")).unwrap().unwrap().tls.unwrap().unverified);
    }

    proptest! {
        #[test]
        fn any_file_and_any_name_end_in_an_answer(text in ".{0,200}", name in ".{0,40}") {
            let folder = tempfile::tempdir().unwrap();
            meta(folder.path(), &name, &text);
            std::fs::write(folder.path().join("config.json"), &text).unwrap();
            let _ = chosen(folder.path(), Some(&name));
            let _ = chosen(folder.path(), None);
        }
    }
}
