//! The image config (image-spec, "OCI Image Configuration").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::descriptor::Platform;
use super::digest::Digest;
use super::manifest::{null_is_default, parse_json, to_json};
use crate::Result;

/// What an image is and how it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// When it was made, RFC 3339; derived from content, never from the clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub created: Option<String>,
    /// GOARCH.
    #[serde(default)]
    pub architecture: String,
    /// CPU variant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub variant: Option<String>,
    /// GOOS.
    #[serde(default)]
    pub os: String,
    /// How it runs.
    #[serde(default, deserialize_with = "null_is_default")]
    pub config: ExecutionConfig,
    /// The uncompressed layers.
    #[serde(default)]
    pub rootfs: RootFs,
    /// How each layer came about.
    #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "null_is_default")]
    pub history: Vec<History>,
}

impl ImageConfig {
    /// Reads a config; `what` names it in errors.
    pub fn parse(bytes: &[u8], what: &str) -> Result<Self> {
        parse_json(bytes, what, "image config")
    }

    /// The exact bytes we publish.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_json(self)
    }

    /// The platform it claims.
    pub fn platform(&self) -> Platform {
        Platform { architecture: self.architecture.clone(), os: self.os.clone(), variant: self.variant.clone() }
    }
}

/// `config` of the image config: defaults for running.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExecutionConfig {
    /// `user[:group]`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
    /// Ports.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default, deserialize_with = "null_is_default")]
    pub exposed_ports: BTreeMap<String, Empty>,
    /// `NAME=value`.
    #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "null_is_default")]
    pub env: Vec<String>,
    /// What runs.
    #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "null_is_default")]
    pub entrypoint: Vec<String>,
    /// Its default arguments.
    #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "null_is_default")]
    pub cmd: Vec<String>,
    /// Mount points.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default, deserialize_with = "null_is_default")]
    pub volumes: BTreeMap<String, Empty>,
    /// Where it starts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub working_dir: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default, deserialize_with = "null_is_default")]
    pub labels: BTreeMap<String, String>,
    /// What `stop` sends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stop_signal: Option<String>,
    /// Whether the command line is one string already; of Windows only, and written by those who write everything.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub args_escaped: bool,
}

/// `{}`: the value of the set-like maps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// The layers by the digest of their uncompressed tar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Digests of the uncompressed layers, base first.
    #[serde(default, deserialize_with = "null_is_default")]
    pub diff_ids: Vec<Digest>,
}

/// How a layer came about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// When, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub created: Option<String>,
    /// By what.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub created_by: Option<String>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub author: Option<String>,
    /// A remark.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comment: Option<String>,
    /// Whether the step made no layer.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub empty_layer: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_docker_config_with_nulls_is_read() {
        let text = br#"{"architecture":"arm64","os":"linux","config":{"Env":["A=b"],"Cmd":null,"Volumes":null,"ExposedPorts":{"80/tcp":{}}},"rootfs":{"type":"layers","diff_ids":null},"container":"x"}"#;
        let config = ImageConfig::parse(text, "it").unwrap();
        assert_eq!(config.platform().to_string(), "linux/arm64");
        assert_eq!(config.config.exposed_ports.len(), 1);
    }

    #[test]
    fn a_config_without_rootfs_is_read_and_one_of_ten_megabytes_is_refused() {
        assert!(ImageConfig::parse(br#"{"architecture":"arm64"}"#, "it").unwrap().rootfs.diff_ids.is_empty());
        let nothings = format!(r#"{{"architecture":"arm64","history":[{}{{}}]}}"#, "{},".repeat(1 << 20));
        assert!(ImageConfig::parse(nothings.as_bytes(), "it").unwrap_err().message().contains("at most 100000"));
        let large = format!(r#"{{"architecture":"arm64","os":"{}"}}"#, "x".repeat(10 << 20));
        let error = ImageConfig::parse(large.as_bytes(), "it").unwrap_err();
        assert!(error.message().starts_with("it has 10485"), "{error}");
    }
}
