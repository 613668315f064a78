//! What `containers.toml` says, checked: every value here has been validated when the file was read.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Architecture, ContainerName, DebianSettings, LocalFile, Target, Waiver};

/// Which builder makes the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuilderKind {
    /// .deb packages straight to layers; embedded.
    #[default]
    Debian,
    /// `nix build` and nix2container.
    Nix,
}

/// How layers are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerCompression {
    /// Every engine and registry reads it.
    #[default]
    Gzip,
    /// Smaller and faster; engines and registries since about 2021 read it (image-spec 1.1, "Layer Media Types").
    Zstd,
}

impl LayerCompression {
    /// The usual suffix of such files.
    pub const fn suffix(self) -> &'static str {
        match self {
            LayerCompression::Gzip => "gz",
            LayerCompression::Zstd => "zst",
        }
    }
}

/// A value that may come from the environment: `"text"` or `{ env = "NAME", default = "text" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Written in the file.
    Literal(String),
    /// Read from the environment when it is needed.
    Environment {
        /// The variable.
        variable: String,
        /// Used when the variable is unset or empty.
        default: Option<String>,
    },
}

/// A value that may only come from the environment; the file names the variable, never the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// The variable that holds it.
    pub variable: String,
}

/// `[registry]`: where images go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistrySettings {
    /// `host[:port]`.
    pub host: Option<String>,
    /// The repository below the host; `{container}` stands for the container's name.
    pub repository: Option<String>,
    /// Who pushes.
    pub username: Option<Setting>,
    /// Their password or token.
    pub password: Option<Secret>,
    /// Certificate authorities (PEM) that vouch for the host, besides the system's.
    pub ca: Option<PathBuf>,
    /// Our certificate (PEM), for a host that asks for one.
    pub client_cert: Option<PathBuf>,
    /// Its private key (PEM).
    pub client_key: Option<PathBuf>,
    /// The host is spoken to over plain HTTP.
    pub insecure: bool,
}

impl RegistrySettings {
    /// The repository of `container` below the host: the template filled in, or the container's name.
    pub fn repository_of(&self, container: &ContainerName) -> String {
        match &self.repository {
            Some(template) if template.contains("{container}") => template.replace("{container}", container.as_str()),
            Some(prefix) => format!("{}/{container}", prefix.trim_end_matches('/')),
            None => container.to_string(),
        }
    }
}

/// `[nix]`: the other builder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NixSettings {
    /// The flake whose outputs are built, `.` by default.
    pub flake: String,
    /// Remote builders, as `nix build --builders` takes them.
    pub builders: Vec<String>,
    /// Further arguments of `nix build`.
    pub extra_args: Vec<String>,
}

impl Default for NixSettings {
    fn default() -> Self {
        NixSettings { flake: ".".into(), builders: Vec::new(), extra_args: Vec::new() }
    }
}

/// `[containers.NAME]`: one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: ContainerName,
    /// Which builder makes it.
    pub builder: BuilderKind,
    /// The architectures it is built for, in the order of the file, without duplicates.
    pub targets: Vec<Architecture>,
    /// Debian packages of the application.
    pub debian_packages: Vec<String>,
    /// Nix packages of the application.
    pub nix_packages: Vec<String>,
    /// What runs: a command found on the image's PATH, or an absolute path, with fixed arguments after it.
    pub entrypoint: Vec<String>,
    /// Default arguments.
    pub cmd: Vec<String>,
    /// Environment variables besides `PATH`.
    pub env: BTreeMap<String, String>,
    /// Config labels.
    pub labels: BTreeMap<String, String>,
    /// Manifest and index annotations.
    pub annotations: BTreeMap<String, String>,
    /// `user[:group]`, by name or number.
    pub user: Option<String>,
    /// Working directory, `/` by default.
    pub workdir: Option<String>,
    /// Ports, `8080/tcp`.
    pub expose: Vec<String>,
    /// Mount points.
    pub volumes: Vec<String>,
    /// Symbolic links to add: absolute path in the image → what it points to.
    pub links: BTreeMap<String, String>,
    /// Files and folders of the project to add, in the order of the file.
    pub files: Vec<LocalFile>,
    /// How its layers are compressed.
    pub compression: LayerCompression,
    /// Into how many layers the image is cut at most; `None` is the builder's own choice (base and application).
    pub layers: Option<u32>,
    /// Arguments with which `catamaran test` runs it; `["--help"]` by default.
    pub test: Vec<String>,
    /// Its own waivers; those for every container are the catalog's.
    pub waivers: Vec<Waiver>,
    /// Where in the file it is defined: byte range of its name.
    pub span: Range<usize>,
    /// Line of the definition, from 1.
    pub line: usize,
}

impl Container {
    /// A container called `name` with every default, without targets and packages.
    pub fn new(name: impl Into<ContainerName>) -> Self {
        let name = name.into();
        Container {
            builder: BuilderKind::default(),
            targets: Vec::new(),
            debian_packages: Vec::new(),
            nix_packages: Vec::new(),
            entrypoint: vec![name.to_string()],
            cmd: Vec::new(),
            env: BTreeMap::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            user: None,
            workdir: None,
            expose: Vec::new(),
            volumes: Vec::new(),
            links: BTreeMap::new(),
            files: Vec::new(),
            compression: LayerCompression::default(),
            layers: None,
            test: vec!["--help".into()],
            waivers: Vec::new(),
            span: 0..0,
            line: 0,
            name,
        }
    }

    /// The packages its own builder installs.
    pub fn packages(&self) -> &[String] {
        match self.builder {
            BuilderKind::Debian => &self.debian_packages,
            BuilderKind::Nix => &self.nix_packages,
        }
    }
}

/// Everything `containers.toml` defines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The file it was read from.
    pub path: PathBuf,
    /// `[registry]`.
    pub registry: RegistrySettings,
    /// `[debian]`.
    pub debian: DebianSettings,
    /// `[nix]`.
    pub nix: NixSettings,
    /// `[defaults] base`: the packages of the base layer.
    pub base: Vec<String>,
    /// The containers, in the order of the file.
    pub containers: Vec<Container>,
    /// `[[waive]]`: waivers for every container.
    pub waivers: Vec<Waiver>,
}

impl Catalog {
    /// The container called `name`.
    pub fn container(&self, name: &str) -> Option<&Container> {
        self.containers.iter().find(|c| c.name.as_str() == name)
    }

    /// Which builder makes `target`; the usual one when there is no such container.
    pub fn builder_of(&self, target: &Target) -> BuilderKind {
        self.container(target.container.as_str()).map(|container| container.builder).unwrap_or_default()
    }

    /// The waivers for images of the container called `name`: its own, then those for all.
    pub fn waivers_of(&self, name: &str) -> Vec<Waiver> {
        let own = self.container(name).into_iter().flat_map(|c| &c.waivers);
        own.chain(&self.waivers).cloned().collect()
    }

    /// Whether the file leaves it to a flake to say which containers there are: it defines none, which only a file of the nix builder may.
    pub fn is_left_to_flake(&self) -> bool {
        self.containers.is_empty()
    }

    /// Every target, containers in file order and architectures within them.
    pub fn targets(&self) -> Vec<Target> {
        self.containers.iter().flat_map(|c| c.targets.iter().map(|a| Target { container: c.name.clone(), architecture: *a })).collect()
    }

    /// What `target`'s image is called in the local store, which all projects of a user share: the project's folder, the
    /// container and the architecture, in the characters image-spec allows for a reference name.
    pub fn store_name(&self, target: &Target) -> String {
        let folder = std::path::absolute(self.folder()).unwrap_or_else(|_| self.folder().to_owned());
        let shown = folder.to_string_lossy();
        let words: Vec<&str> = shown.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let project = if words.is_empty() { "root".to_owned() } else { words.join("-") };
        format!("{project}/{target}")
    }

    /// The folder of `containers.toml`; relative paths in it start here.
    pub fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        }
    }

    /// Where the lock belongs: `containers.lock` beside the file.
    pub fn lock_path(&self) -> PathBuf {
        self.folder().join("containers.lock")
    }
}
