//! Docker's `config.json` and Podman's `auth.json`: one format, two places.
//!
//! Written here rather than taken from the crate `docker_credential`: that one knows no namespaced keys
//! (`quay.io/org`), asks helpers without a time limit and does not look into `~/.config/containers`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use secrecy::SecretString;
use serde::Deserialize;

use super::endpoint::is_docker_hub;
use crate::error::IoContext;
use crate::{Error, Result};

/// Larger files are refused; real ones have a few kilobytes.
const MAX_CONFIG: u64 = 1 << 20;

const BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// What proves who we are.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    /// Name and password.
    Password {
        /// Name.
        username: String,
        /// Password or access token.
        password: SecretString,
    },
    /// A refresh token, to be exchanged at the token server (OAuth 2).
    IdentityToken(SecretString),
    /// A token that the registry itself takes.
    RegistryToken(SecretString),
}

/// What a configuration file says about one repository.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// Ask this helper program.
    Helper(String),
    /// It is in the file.
    Stored(Proof),
}

/// A configuration file, parsed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, AuthEntry>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
struct AuthEntry {
    auth: Option<SecretString>,
    username: Option<String>,
    password: Option<SecretString>,
    #[serde(rename = "identitytoken")]
    identity_token: Option<SecretString>,
    #[serde(rename = "registrytoken")]
    registry_token: Option<SecretString>,
}

impl std::fmt::Debug for AuthEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthEntry")
    }
}

impl DockerConfig {
    /// Reads `path`; `None` when there is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let mut bytes = Vec::new();
        match File::open(path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            file => file.at("opening", path)?.take(MAX_CONFIG + 1).read_to_end(&mut bytes).at("reading", path)?,
        };
        if bytes.len() as u64 > MAX_CONFIG {
            return Err(Error::usage(format!("{} is larger than {MAX_CONFIG} bytes", path.display())));
        }
        Self::parse(&bytes, path).map(Some)
    }

    /// Parses the bytes of `path`; the error names line and column, never content.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(bytes).map_err(|error| {
            // serde_json's message may quote a value, and values here are secrets.
            let (line, column) = (error.line(), error.column());
            Error::usage(format!("{} is not a valid credentials file (line {line}, column {column})", path.display()))
                .hint("mend it, or write it anew with `docker login`")
        })
    }

    /// The entries that fit `host/repository`, best first: the longest key, and helpers before what is stored.
    pub fn entries(&self, host: &str, repository: &str, path: &Path) -> Result<Vec<Entry>> {
        let mut found = Vec::new();
        for key in keys(host, repository) {
            if let Some((_, helper)) = self.cred_helpers.iter().find(|(name, _)| normalised(name) == key) {
                found.push(Entry::Helper(helper.clone()));
            }
            if let Some((name, entry)) = self.auths.iter().find(|(name, _)| normalised(name) == key)
                && let Some(proof) = entry.proof(name, path)?
            {
                found.push(Entry::Stored(proof));
            }
        }
        if let Some(helper) = self.creds_store.as_ref().filter(|h| !h.is_empty())
            && !found.iter().any(|entry| matches!(entry, Entry::Helper(_)))
        {
            found.insert(0, Entry::Helper(helper.clone()));
        }
        Ok(found)
    }
}

impl AuthEntry {
    /// What the entry holds; Docker leaves empty entries behind when a helper keeps the secret.
    fn proof(&self, key: &str, path: &Path) -> Result<Option<Proof>> {
        use secrecy::ExposeSecret;
        let filled = |secret: &Option<SecretString>| secret.clone().filter(|s| !s.expose_secret().is_empty());
        if let Some(token) = filled(&self.identity_token) {
            return Ok(Some(Proof::IdentityToken(token)));
        }
        if let Some(token) = filled(&self.registry_token) {
            return Ok(Some(Proof::RegistryToken(token)));
        }
        if let Some(auth) = filled(&self.auth) {
            let error = || {
                Error::usage(format!("the entry for {key} in {} cannot be read: `auth` is not base64 of NAME:PASSWORD", path.display()))
                    .hint(format!("write it anew with `docker login {key}`"))
            };
            let decoded = BASE64.decode(auth.expose_secret().trim()).map_err(|_| error())?;
            let text = String::from_utf8(decoded).map_err(|_| error())?;
            let (username, password) = text.trim_end_matches('\0').split_once(':').ok_or_else(error)?;
            return Ok(Some(Proof::Password { username: username.to_owned(), password: password.into() }));
        }
        Ok(match (&self.username, filled(&self.password)) {
            (Some(username), Some(password)) => Some(Proof::Password { username: username.clone(), password }),
            _ => None,
        })
    }
}

/// The keys to look for, most specific first (containers-auth.json(5)): `host/org/repo`, `host/org`, `host`.
fn keys(host: &str, repository: &str) -> Vec<String> {
    let host = if is_docker_hub(host) { "docker.io" } else { host };
    let mut key = format!("{host}/{repository}");
    let mut keys = vec![key.clone()];
    while key.len() > host.len()
        && let Some(cut) = key.rfind('/')
    {
        key.truncate(cut);
        keys.push(key.clone());
    }
    keys
}

/// A key as we look for it: without scheme and API version; Docker Hub's old address is its name.
fn normalised(key: &str) -> String {
    let key = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let key = key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key);
    let (host, rest) = key.split_once('/').map_or((key, None), |(host, rest)| (host, Some(rest)));
    let host = if is_docker_hub(host) { "docker.io" } else { host };
    rest.map_or_else(|| host.to_owned(), |rest| format!("{host}/{rest}"))
}

/// `Authorization: Basic …` of a name and a password.
pub(super) fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", general_purpose::STANDARD.encode(format!("{username}:{password}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    fn password(config: &str, host: &str, repository: &str) -> Option<String> {
        let path = Path::new("config.json");
        let entries = DockerConfig::parse(config.as_bytes(), path).unwrap().entries(host, repository, path).unwrap();
        entries.into_iter().next().map(|e| match e {
            Entry::Stored(Proof::Password { username, password }) => format!("{username}:{}", password.expose_secret()),
            Entry::Stored(Proof::IdentityToken(token)) => format!("identity {}", token.expose_secret()),
            Entry::Stored(Proof::RegistryToken(token)) => format!("registry {}", token.expose_secret()),
            Entry::Helper(helper) => format!("helper {helper}"),
        })
    }

    #[test]
    fn the_longest_key_wins_and_every_spelling_is_found() {
        let config = r#"{"auths":{
            "quay.io":{"auth":"YTpi"},"quay.io/org":{"auth":"YzpkOmU"},"https://index.docker.io/v1/":{"auth":"aHViOng="},
            "https://reg.example:5000/v2/":{"identitytoken":"refresh"},"empty.example":{}},
            "credHelpers":{"gcr.io":"gcloud"},"HttpHeaders":{"X":"y"}}"#;
        assert_eq!(password(config, "quay.io", "org/app").as_deref(), Some("c:d:e"));
        assert_eq!(password(config, "quay.io", "organisation/app").as_deref(), Some("a:b"));
        assert_eq!(password(config, "docker.io", "library/debian").as_deref(), Some("hub:x"));
        assert_eq!(password(config, "reg.example:5000", "x").as_deref(), Some("identity refresh"));
        assert_eq!(password(config, "gcr.io", "x").as_deref(), Some("helper gcloud"));
        assert_eq!(password(config, "empty.example", "x"), None);
        assert_eq!(password(config, "quay.io.evil.example", "x"), None);
        assert_eq!(password(r#"{"credsStore":"desktop","auths":{"a.io":{}}}"#, "a.io", "x").as_deref(), Some("helper desktop"));
    }

    #[test]
    fn a_damaged_file_is_named_but_never_quoted() {
        let path = Path::new("/home/u/.docker/config.json");
        let error = DockerConfig::parse(br#"{"auths":{"a.io":{"auth":["hunter2"]}}}"#, path).unwrap_err();
        assert!(error.message().contains("config.json") && !error.message().contains("hunter2"), "{error}");
        let config = DockerConfig::parse(br#"{"auths":{"a.io":{"auth":"hunter2!"}}}"#, path).unwrap();
        let error = config.entries("a.io", "x", path).unwrap_err();
        assert!(error.message().contains("a.io") && !error.message().contains("hunter2"), "{error}");
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200), key in "[a-z:/.]{0,20}", auth in "[A-Za-z0-9+/=]{0,16}") {
            let path = Path::new("f");
            let _ = DockerConfig::parse(&bytes, path);
            let text = serde_json::json!({"auths": {key.clone(): {"auth": auth}}}).to_string();
            let _ = DockerConfig::parse(text.as_bytes(), path).unwrap().entries(&key, "a/b", path);
        }
    }
}
