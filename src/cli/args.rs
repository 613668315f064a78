//! The command line, as the user writes it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand as ClapSubcommand, ValueEnum};

use crate::catalog::{Architecture, ContainerName, MatrixPart};
use crate::image::Digest;
use crate::verify::Check;

/// Build, verify and publish multi-architecture container images.
#[derive(Debug, Parser)]
#[command(
    name = "catamaran",
    version,
    about,
    long_about = "Builds OCI images for several CPU architectures from one containers.toml, proves that each image really is what its \
                  metadata says, and publishes them as one manifest list. Without a subcommand it opens the dashboard.",
    after_help = "Examples:\n  catamaran                          open the dashboard\n  catamaran build                    build everything\n  \
                  catamaran build fd --target aarch64\n  catamaran verify fd ghcr.io/acme/tools/fd:1.2.0\n  catamaran push 1.2.0 --dry-run     \
                  show what a push would do\n  catamaran release 1.2.0 --tags 1.2,latest\n\nExit codes: 0 done, 1 a build, check or gate \
                  failed, 2 usage or configuration, 3 network, registry or credentials, 130 interrupted."
)]
pub struct Cli {
    /// What holds for every subcommand.
    #[command(flatten)]
    pub global: Global,
    /// The dashboard's theme (auto, dark, light, high-contrast, no-color, catppuccin, dracula, tokyo-night, or one of yours)
    #[arg(long, value_name = "NAME", env = "CATAMARAN_THEME")]
    pub theme: Option<String>,
    /// Without a subcommand: the dashboard, or the guided release as ordinary questions (for screen readers and TERM=dumb)
    #[arg(long, value_enum, value_name = "UI")]
    pub ui: Option<Ui>,
    /// The dashboard draws with plain ASCII only
    #[arg(long)]
    pub ascii: bool,
    /// Nothing in the dashboard turns
    #[arg(long)]
    pub no_motion: bool,
    /// What to do; nothing means the dashboard.
    #[command(subcommand)]
    pub command: Option<Subcommand>,
}

/// What opens without a subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ui {
    /// The dashboard.
    Dashboard,
    /// Questions.
    Plain,
}

/// Options of every subcommand.
#[derive(Clone, Debug, Default, Args)]
pub struct Global {
    /// containers.toml, or a folder with one [default: the nearest above the current folder]
    #[arg(long, short, global = true, value_name = "PATH", help_heading = "Global options")]
    pub file: Option<PathBuf>,
    /// How progress is shown on stderr (json: events on stdout, one per line)
    #[arg(long, global = true, value_enum, default_value_t, value_name = "HOW", help_heading = "Global options")]
    pub output: Output,
    /// When to use colour (NO_COLOR is respected)
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Global options")]
    pub color: Color,
    /// Print the result as a JSON document
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Bars on a terminal, plain lines elsewhere and in CI.
    #[default]
    Auto,
    /// Progress bars.
    Bars,
    /// One line per fact.
    Plain,
    /// The events, one JSON object per line on stdout.
    Json,
    /// Errors only.
    Quiet,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, ClapSubcommand)]
pub enum Subcommand {
    /// Begin a project: containers.toml, and workflows for CI.
    Init(super::init::InitArgs),
    /// Show containers, their targets and what is built.
    List(ListArgs),
    /// Build images into the local store.
    Build(BuildArgs),
    /// Take the newest package versions into containers.lock.
    Update(UpdateArgs),
    /// Show what `update` would change.
    Outdated(OutdatedArgs),
    /// Show config, layers and packages of an image.
    Inspect(InspectArgs),
    /// Prove that images are what their metadata says.
    Verify(VerifyArgs),
    /// Show two architectures, or two images, side by side.
    Compare(CompareArgs),
    /// Copy an image or a whole index from anywhere to anywhere.
    Copy(CopyArgs),
    /// Put built images into Docker or Podman.
    Load(super::load::LoadArgs),
    /// Run images once, in Docker or Podman: built and loaded first where that has to be.
    Test(super::test::TestArgs),
    /// Publish what is built: images, manifest list, tags.
    Push(PushArgs),
    /// Build, verify, push, and check what arrived.
    Release(ReleaseArgs),
    /// Join images that other machines pushed by digest.
    Index(IndexArgs),
    /// Define a container: look its packages up and write the entry.
    Add(super::AddArgs),
    /// Show what is kept between runs, or remove what nothing needs.
    Cache(super::CacheArgs),
    /// Try out what builds and releases need, and say how to mend what is broken.
    Doctor(DoctorArgs),
    /// Play back in the dashboard what `--output json` recorded.
    Replay(ReplayArgs),
    /// Print the CI matrix as JSON.
    Matrix(super::matrix::MatrixArgs),
    /// Print a JSON Schema: of containers.toml, or of reports.
    Schema(SchemaArgs),
    /// Print what a shell needs to complete commands and containers.
    Completions(super::CompletionsArgs),
    /// Print a manual page, or write all of them.
    Man(super::ManArgs),
}

/// `replay`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  catamaran build --output json > build.jsonl; catamaran replay build.jsonl\n  catamaran replay build.jsonl --speed 10\n  \
                  catamaran replay <(ssh builder catamaran build --output json)\n\nWhat comes through a pipe is shown as it comes. Nothing \
                  is built or sent: keys look around in what happened then."
)]
pub struct ReplayArgs {
    /// The recording, or a pipe through which one comes
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// So many times as fast as it was; 0 does not wait at all
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub speed: f64,
}

/// `list`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  catamaran list\n  catamaran list --json | jq '.targets[] | select(.state == \"stale\")'")]
pub struct ListArgs {}

/// `build`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  catamaran build\n  catamaran build fd rg --target aarch64 --jobs 2\n  catamaran build fd --out ./fd-layout"
)]
pub struct BuildArgs {
    /// Containers to build [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Only these architectures
    #[arg(long, short, value_delimiter = ',', value_name = "A,B")]
    pub target: Vec<Architecture>,
    /// How many targets at a time [default: one per core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Refuse to change containers.lock
    #[arg(long)]
    pub locked: bool,
    /// Also write the images as an OCI image layout
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `update`
#[derive(Debug, Args)]
#[command(after_help = "With names, only those containers take new versions: the base layer and all others keep theirs.\n\nExamples:\n  \
                  catamaran update\n  catamaran update fd --dry-run\n  catamaran update --json | jq -r '.changes[].package'")]
pub struct UpdateArgs {
    /// Containers to update [default: all, and the base layer]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Show what would change and leave containers.lock as it is
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Take it even if the archive has gone back to older releases or packages
    #[arg(long)]
    pub allow_downgrades: bool,
}

/// `outdated`
#[derive(Debug, Args)]
#[command(
    after_help = "Exits with 0 whether or not something would change.\n\nExamples:\n  catamaran outdated\n  catamaran outdated --json | jq '.changes | length'"
)]
pub struct OutdatedArgs {}

/// `inspect`
#[derive(Debug, Args)]
#[command(after_help = REFERENCES)]
pub struct InspectArgs {
    /// The image
    #[arg(value_name = "REF")]
    pub reference: String,
    /// List the files of its merged file system instead
    #[arg(long)]
    pub files: bool,
}

/// `verify`
#[derive(Debug, Default, Args)]
#[command(after_help = verify_help())]
pub struct VerifyArgs {
    /// The images
    #[arg(value_name = "REF", required_unless_present_any = ["list", "explain"])]
    pub references: Vec<String>,
    /// Build containers once more, from the lock and the packages alone, and show the first byte that is different
    #[arg(long)]
    pub rebuild: bool,
    /// Hash built images too, even if their files were not touched since they were hashed last (others always are)
    #[arg(long)]
    pub rehash: bool,
    /// How the report is written [default: text, or what the file of --report is called: .sarif, .xml (JUnit), .json]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Write the report to this file (its folder is made), and the usual text (or --json) to stdout
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// From which verdict on it ends with exit code 1
    #[arg(long, value_enum, default_value_t, value_name = "VERDICT")]
    pub fail_on: FailOn,
    /// Apply the waivers of this container to images that are none of ours (a registry's, a layout's)
    #[arg(long, value_name = "NAME", value_parser = container_name)]
    pub waivers_of: Option<ContainerName>,
    /// Show every check, and what it proves
    #[arg(long, conflicts_with_all = ["references", "explain"])]
    pub list: bool,
    /// Show what a check proves, why, and what to do
    #[arg(long, value_name = "CHECK", value_parser = super::verify::check, conflicts_with = "references")]
    pub explain: Option<Check>,
}

fn verify_help() -> String {
    format!(
        "What cannot be read is named in the report, and does not keep the others from being checked. Exits with 2 when a REF names \
         nothing (a mistake), else with 3 when the network, a registry or credentials kept something from being checked, else with 1 \
         when an image is damaged or fails a check (with --fail-on warn, also when one warns).\ndocs/checks.md explains every check. The \
         architectures of one container or index are also held against the first of them (check `parity`).\nFindings that are known and \
         accepted are waived in containers.toml, with a reason: `[[containers.NAME.waive]]`.\n\n{REFERENCES}\n\nExamples:\n  catamaran \
         verify fd\n  catamaran verify fd --rebuild\n  catamaran verify fd --report verify.sarif --fail-on warn\n  catamaran verify \
         ghcr.io/acme/fd:1.2.0 --waivers-of fd --format junit\n  catamaran verify --explain elf-machine"
    )
}

/// How a verification is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One document (`catamaran schema report`).
    Json,
    /// SARIF 2.1.0, for code scanning services.
    Sarif,
    /// JUnit XML, for CI servers.
    Junit,
}

/// The verdict that makes a run fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A check failed.
    #[default]
    Fail,
    /// A check warned, or a waiver had nothing to do.
    Warn,
}

fn container_name(word: &str) -> Result<ContainerName, String> {
    match ContainerName::problem(word) {
        None => Ok(ContainerName::new(word)),
        Some(problem) => Err(problem.to_string()),
    }
}

/// `compare`
#[derive(Debug, Args)]
#[command(
    after_help = "One REF: a container or an index, whose architectures are compared, each with the first. What an architecture decides is no \
                  difference then: multiarch folders and the dynamic linker are paired, programs and packaged files may be of another machine and length, \
                  folders called after an architecture may hold more while the packages are the same, and each was made when it was.\nTwo \
                  REFs: one image against the other; of two indexes, each architecture against the same of the other. For the same \
                  architecture the content of files counts too. Images for Windows are left out, with a word.\n\nOnly differences are shown. Exits with 0 whatever they are, as `git diff` \
                  does; with --exit-code, with 1 when there are any (between the \
                  architectures of one build there are none). A REF is any reference of `catamaran verify`.\n\nExamples:\n  catamaran \
                  compare fd\n  catamaran compare ghcr.io/acme/tools/fd:1.0 ghcr.io/acme/tools/fd:1.1   # what changed\n  catamaran compare fd \
                  ghcr.io/acme/tools/fd:1.1 --target aarch64 --exit-code\n  catamaran compare fd --json | jq '.comparisons[].sections[] | \
                  select(.different > 0)'"
)]
pub struct CompareArgs {
    /// The image, or a container or index with several architectures
    #[arg(value_name = "REF")]
    pub left: String,
    /// What to compare it with
    #[arg(value_name = "REF")]
    pub right: Option<String>,
    /// Of one REF the two architectures to compare; of two, the one to compare, or the left's and the right's
    #[arg(long, short, value_delimiter = ',', value_name = "A,B")]
    pub target: Vec<Architecture>,
    /// Show also what is the same
    #[arg(long, short)]
    pub all: bool,
    /// Exit with 1 when there are differences
    #[arg(long)]
    pub exit_code: bool,
}

/// `copy`
#[derive(Debug, Args)]
#[command(
    after_help = "Everything SOURCE names is copied, byte for byte: of an index all members, attestations too. --target takes one image out \
                  of it.\nLayers that an engine, or an archive of one, has as plain tars are compressed with gzip on their way to a registry or \
                  a layout,\nthose of nix2container on their way to a registry, and manifests in Docker's media types are written in OCI's for \
                  a layout:\nother digests, the same configs. --preserve-digests leaves them as they are.\nWhat the destination has already is not sent again.\n\nSOURCE is any reference of `catamaran verify`. DESTINATION \
                  is one of\n  HOST/REPOSITORY:TAG           a registry (docker://… works too)\n  oci:DIR[:TAG]                 an OCI image \
                  layout\n  docker-archive:FILE[:NAME:TAG]  a tar for `docker load`; one image\n  docker-daemon:NAME:TAG        the engine of \
                  this machine, Docker or Podman; one image\n  containers-storage:NAME:TAG   Podman's storage, written by Podman\n\nExamples:\n  catamaran copy ghcr.io/acme/fd:1.2 oci:mirror:1.2\n  catamaran copy \
                  fd/aarch64 docker-archive:fd.tar:acme/fd:1.2\n  catamaran copy docker.io/library/debian:trixie docker-daemon:debian:trixie \
                  --target x86_64"
)]
pub struct CopyArgs {
    /// From where
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// To where
    #[arg(value_name = "DESTINATION")]
    pub destination: String,
    /// Only the image for this architecture
    #[arg(long, short, value_name = "ARCHITECTURE")]
    pub target: Option<Architecture>,
    /// Leave uncompressed layers and Docker's media types as they are
    #[arg(long, visible_alias = "uncompressed")]
    pub preserve_digests: bool,
}

const REFERENCES: &str = "A reference is one of\n  fd, fd/aarch64                a container of containers.toml, as last built\n  \
                          ghcr.io/acme/tools/fd:1.2.0   an image or manifest list of a registry (docker://… works too)\n  \
                          oci:DIR[:TAG]                 an OCI image layout\n  \
                          docker-archive:FILE[:NAME]    what `docker save` writes\n  \
                          docker-daemon:NAME            an image of this machine's Docker or Podman\n  \
                          containers-storage:NAME       an image of Podman's storage\n  \
                          nix:FILE                      the JSON that nix2container's buildImage makes";

/// `push`
#[derive(Debug, Args)]
#[command(
    after_help = "Tags: VERSION first, then --tags; without --tags, `latest` if the branch is main.\nWithout --yes the version has to be \
                  typed on a terminal; elsewhere --yes or --reason is needed only when a gate warns.\nVERSION and TAGS are also read from the \
                  environment: `VERSION=1.2.0 TAGS=1.2,latest catamaran push fd`.\n\nExamples:\n  catamaran push 1.2.0 --dry-run\n  catamaran \
                  push 1.2.0 fd --tags 1.2,latest --yes\n  catamaran push 1.2.0 --target aarch64 --digests-only --out-digests arm64.json\n\nIn GitHub \
                  Actions the outputs version, digest-NAME, digest-NAME-TARGET, reference-NAME, digests and receipt are set ($GITHUB_OUTPUT), \
                  and a table is written to $GITHUB_STEP_SUMMARY."
)]
pub struct PushArgs {
    /// The version (the first tag), then containers [default: all]
    #[arg(value_name = "VERSION [NAME]")]
    pub words: Vec<String>,
    /// Further tags; '' for none
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub tags: Option<Vec<String>>,
    /// Only these architectures
    #[arg(long, short, value_delimiter = ',', value_name = "A,B")]
    pub target: Vec<Architecture>,
    /// Push the images by digest only, without index and tags: for `catamaran index` on another machine
    #[arg(long, conflicts_with = "tags")]
    pub digests_only: bool,
    /// An image that `nix build` has made of the one container named, instead of those that were built here
    #[arg(long, value_name = "TARGET=nix:FILE", value_parser = super::push::given, conflicts_with = "target")]
    pub image: Vec<(Architecture, PathBuf)>,
    /// With --digests-only: also write what was pushed to this file, for `catamaran index --from`
    #[arg(long, value_name = "FILE", requires = "digests_only")]
    pub out_digests: Option<PathBuf>,
    /// How it is sent
    #[command(flatten)]
    pub send: SendArgs,
}

/// What every command that sends understands.
#[derive(Clone, Debug, Default, Args)]
pub struct SendArgs {
    /// Show the plan and stop
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Do not ask; accept warnings of gates
    #[arg(long, short)]
    pub yes: bool,
    /// Accept warnings of gates for this reason, which goes into the receipt
    #[arg(long, value_name = "WORDS", value_parser = super::confirm::reason)]
    pub reason: Option<String>,
    /// Overwrite a version that exists and differs; look at every blob at the registry, and send what it has lost
    #[arg(long)]
    pub force: bool,
    /// Push to this registry instead of the one in containers.toml
    #[arg(long, value_name = "HOST[:PORT]")]
    pub registry: Option<String>,
    /// Also write the receipt to this file
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
}

/// `index`
#[derive(Debug, Args)]
#[command(
    after_help = "Each build machine runs `catamaran push VERSION --digests-only --out-digests FILE`; one job then joins what they pushed. A \
                  member whose config is not for the architecture it is given as is refused.\nOtherwise as `catamaran \
                  push`.\n\nExamples:\n  catamaran index 1.2.0 --from amd64.json --from arm64.json --yes\n  catamaran index 1.2.0 fd --image \
                  x86_64=sha256:9f2c… --image aarch64=sha256:7ac1… --tags latest"
)]
pub struct IndexArgs {
    /// The version (the first tag), then the container of --image, or those of --from [default: all in the files]
    #[arg(value_name = "VERSION [NAME]")]
    pub words: Vec<String>,
    /// An image that was pushed by digest
    #[arg(long, value_name = "TARGET=DIGEST", value_parser = super::index::member)]
    pub image: Vec<(Architecture, Digest)>,
    /// What a build machine pushed, as `push --digests-only --out-digests FILE` wrote it
    #[arg(long, value_name = "FILE")]
    pub from: Vec<PathBuf>,
    /// Further tags; '' for none
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub tags: Option<Vec<String>>,
    /// Refuse containers of which an architecture is missing, whatever --yes accepts
    #[arg(long)]
    pub complete: bool,
    /// Run every check over every image first
    #[arg(long)]
    pub verify: bool,
    /// How it is sent
    #[command(flatten)]
    pub send: SendArgs,
}

/// `release`
#[derive(Debug, Args)]
#[command(
    after_help = "Builds, verifies, shows the plan, pushes, and reads back what was published.\nOtherwise as `catamaran push`.\n\nExamples:\n  \
                  catamaran release 1.2.0 --dry-run\n  catamaran release 1.2.0 --tags 1.2,latest --locked --yes"
)]
pub struct ReleaseArgs {
    /// What to push, and under which names
    #[command(flatten)]
    pub push: PushArgs,
    /// How many targets at a time [default: one per core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Refuse to change containers.lock
    #[arg(long)]
    pub locked: bool,
}

/// `doctor`
#[derive(Debug, Args)]
#[command(
    after_help = "Tries the Debian archive and its signatures, the login of every registry, the folders, the terminal. No secret is shown, \
                  and without --upload nothing is sent that changes anything.\n\nExamples:\n  catamaran doctor\n  catamaran doctor \
                  ghcr.io/acme/fd --json\n  catamaran doctor --cache https://acme.cachix.org --upload --system ./result"
)]
pub struct DoctorArgs {
    /// A registry to try besides the one of containers.toml
    #[arg(value_name = "HOST[/REPOSITORY]")]
    pub registry: Option<String>,
    /// On a Mac: is the image of the machine that builds for it (nix-rosetta-builder) in this binary cache?
    #[arg(long, value_name = "URL")]
    pub cache: Option<String>,
    /// Copy it there if it is not
    #[arg(long, requires = "cache")]
    pub upload: bool,
    /// The nix-darwin system that the machine belongs to, such as what `darwin-rebuild build` leaves
    #[arg(long, requires = "cache", value_name = "PATH", default_value = "/run/current-system")]
    pub system: PathBuf,
}

/// `schema`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  catamaran schema > containers.schema.json    # then, first in containers.toml: #:schema \
                        ./containers.schema.json\n  catamaran schema report > report.schema.json")]
pub struct SchemaArgs {
    /// Of what
    #[arg(value_enum, default_value_t)]
    pub of: SchemaOf,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// containers.toml.
    #[default]
    Containers,
    /// What `verify --json` prints.
    Report,
}

/// A half of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Container and target of every build job.
    Build,
    /// Container of every manifest job.
    Manifest,
}

impl From<Part> for MatrixPart {
    fn from(part: Part) -> Self {
        match part {
            Part::Build => MatrixPart::Build,
            Part::Manifest => MatrixPart::Manifest,
        }
    }
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
