//! Who we are to a registry, and who says so.
//!
//! Looked for in this order: `[registry]` of `containers.toml` (and `GITHUB_TOKEN` for ghcr.io), Docker's `config.json`,
//! Podman's `auth.json`. Nothing is read before a registry asks.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;

use super::credential_helper;
use super::docker_config::{DockerConfig, Entry, Proof};
use crate::catalog::{RegistrySettings, Secret, Setting};
use crate::{Error, Result};

/// Looks a variable up by its name.
type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The environment variables, or a test's own.
#[derive(Clone)]
pub struct Variables(Arc<Lookup>);

impl Variables {
    /// This process's environment.
    pub fn of_process() -> Self {
        Variables(Arc::new(|name| std::env::var(name).ok()))
    }

    /// Variables from a function.
    pub fn from_fn(get: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Variables(Arc::new(get))
    }

    /// The variable, unless it is unset or empty.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}

/// Where credentials may come from. Nothing is read before the registry asks for them.
#[derive(Clone, Debug)]
pub struct Credentials {
    settings: RegistrySettings,
    variables: Variables,
}

/// What was found for a repository.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    /// Where from, in words: `GITHUB_TOKEN (environment)`, `~/.docker/config.json`, `anonymous`.
    pub source: String,
    /// The proof; `None` is anonymous.
    pub proof: Option<Proof>,
}

impl Credentials {
    /// The sources of this process, with `[registry]` of the catalog.
    pub fn new(settings: &RegistrySettings, variables: Variables) -> Self {
        Credentials { settings: settings.clone(), variables }
    }

    /// `[registry]` of the catalog.
    pub(super) fn settings(&self) -> &RegistrySettings {
        &self.settings
    }

    /// The environment.
    pub(super) fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The first credentials that fit.
    pub(super) async fn find(&self, host: &str, repository: &str) -> Result<Credential> {
        if let Some(credential) = self.configured(host)? {
            return Ok(credential);
        }
        for path in self.files() {
            let shown = self.shown(&path);
            let Some(config) = DockerConfig::read(&path)? else { continue };
            for entry in config.entries(host, repository, &path)? {
                match entry {
                    Entry::Stored(proof) => return Ok(Credential { source: shown, proof: Some(proof) }),
                    Entry::Helper(name) => {
                        if let Some(proof) = credential_helper::ask(&name, host).await? {
                            return Ok(Credential { source: format!("docker-credential-{name} ({shown})"), proof: Some(proof) });
                        }
                    }
                }
            }
        }
        Ok(Credential { source: "anonymous".into(), proof: None })
    }

    /// What to do when there are none, or the wrong ones.
    pub(super) fn advice(&self, host: &str) -> String {
        match self.variable(host) {
            Some(variable) if self.variables.get(&variable).is_none() => format!("set {variable}, or run `docker login {host}`"),
            Some(variable) => format!("check that {variable} holds a token that is valid for {host}"),
            None => format!("run `docker login {host}`, or name the variable that holds the password in [registry] of containers.toml"),
        }
    }

    /// The variable that should hold the password for `host`.
    fn variable(&self, host: &str) -> Option<String> {
        let ours = self.settings.host.as_deref().is_none_or(|h| h == host);
        match &self.settings.password {
            Some(Secret { variable }) if ours => Some(variable.clone()),
            _ => (host == "ghcr.io").then(|| "GITHUB_TOKEN".to_owned()),
        }
    }

    fn configured(&self, host: &str) -> Result<Option<Credential>> {
        let Some(variable) = self.variable(host) else { return Ok(None) };
        let Some(password) = self.variables.get(&variable).map(SecretString::from) else { return Ok(None) };
        let ours = self.settings.host.as_deref().is_none_or(|h| h == host);
        let username = match self.settings.username.as_ref().filter(|_| ours) {
            Some(Setting::Literal(name)) => Some(name.clone()),
            Some(Setting::Environment { variable, default }) => self.variables.get(variable).or_else(|| default.clone()),
            None => None,
        };
        // GitHub looks at the token only; every other registry needs the name it belongs to.
        let username =
            username.or_else(|| (host == "ghcr.io").then(|| self.variables.get("GITHUB_ACTOR").unwrap_or_else(|| "token".into())));
        let Some(username) = username else {
            return Err(Error::usage(format!("{variable} is set, but nobody says whose password for {host} it is"))
                .hint("set `username` in [registry] of containers.toml"));
        };
        Ok(Some(Credential { source: format!("{variable} (environment)"), proof: Some(Proof::Password { username, password }) }))
    }

    /// The files that may hold credentials, in order.
    fn files(&self) -> Vec<PathBuf> {
        let home = self.variables.get("HOME").map(PathBuf::from);
        let docker = self.variables.get("DOCKER_CONFIG").map(PathBuf::from).or_else(|| home.as_ref().map(|h| h.join(".docker")));
        let runtime = self.variables.get("XDG_RUNTIME_DIR").map(PathBuf::from).or_else(runtime_folder);
        let config = self.variables.get("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| home.map(|h| h.join(".config")));
        [
            docker.map(|d| d.join("config.json")),
            self.variables.get("REGISTRY_AUTH_FILE").map(PathBuf::from),
            runtime.map(|d| d.join("containers/auth.json")),
            config.map(|d| d.join("containers/auth.json")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// `path` as people write it, with `~`.
    fn shown(&self, path: &Path) -> String {
        let home = self.variables.get("HOME").filter(|h| h != "/");
        match home.and_then(|h| path.strip_prefix(h).ok().map(Path::to_owned)) {
            Some(below) => format!("~/{}", below.display()),
            None => path.display().to_string(),
        }
    }
}

/// Where Podman keeps logins when nobody set XDG_RUNTIME_DIR, as for root and in CI (containers-auth.json(5)).
fn runtime_folder() -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let user = std::fs::metadata("/proc/self").ok()?.uid();
    Some(PathBuf::from(format!("/run/containers/{user}"))).filter(|folder| folder.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::collections::BTreeMap;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        let map: BTreeMap<String, String> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Variables::from_fn(move |name| map.get(name).cloned())
    }

    async fn found(settings: &RegistrySettings, pairs: &[(&str, &str)], host: &str) -> (String, Option<String>) {
        let credential = Credentials::new(settings, variables(pairs)).find(host, "acme/fd").await.unwrap();
        let proof = credential.proof.map(|p| match p {
            Proof::Password { username, password } => format!("{username}:{}", password.expose_secret()),
            Proof::IdentityToken(token) | Proof::RegistryToken(token) => token.expose_secret().to_owned(),
        });
        (credential.source, proof)
    }

    #[tokio::test]
    async fn the_environment_comes_first_and_only_for_its_registry() {
        let none = RegistrySettings::default();
        let github = [("GITHUB_TOKEN", "t0k"), ("GITHUB_ACTOR", "me")];
        assert_eq!(found(&none, &github, "ghcr.io").await, ("GITHUB_TOKEN (environment)".into(), Some("me:t0k".into())));
        assert_eq!(found(&none, &github, "quay.io").await, ("anonymous".into(), None));
        let quay = RegistrySettings {
            host: Some("quay.io".into()),
            username: Some(Setting::Environment { variable: "WHO".into(), default: Some("robot".into()) }),
            password: Some(Secret { variable: "QUAY".into() }),
            ..RegistrySettings::default()
        };
        assert_eq!(found(&quay, &[("QUAY", "q"), ("WHO", "")], "quay.io").await, ("QUAY (environment)".into(), Some("robot:q".into())));
        assert_eq!(found(&quay, &[("QUAY", "q")], "evil.example").await, ("anonymous".into(), None));
        let nameless = RegistrySettings { username: None, ..quay };
        assert!(Credentials::new(&nameless, variables(&[("QUAY", "q")])).find("quay.io", "x").await.is_err());
    }

    #[tokio::test]
    async fn files_are_asked_in_order_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        let write = |path: &str, text: &str| {
            std::fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(path), text).unwrap();
        };
        write(".config/containers/auth.json", r#"{"auths":{"quay.io/acme":{"auth":"cG9kOm1hbg=="}}}"#);
        let none = RegistrySettings::default();
        assert_eq!(found(&none, &[("HOME", home)], "quay.io").await, ("~/.config/containers/auth.json".into(), Some("pod:man".into())));
        write(".docker/config.json", r#"{"auths":{"quay.io":{"auth":"ZG9jOmtlcg=="}}}"#);
        assert_eq!(found(&none, &[("HOME", home)], "quay.io").await, ("~/.docker/config.json".into(), Some("doc:ker".into())));
        assert_eq!(found(&none, &[("HOME", home), ("DOCKER_CONFIG", "/nowhere")], "quay.io").await.1, Some("pod:man".into()));
    }
}
