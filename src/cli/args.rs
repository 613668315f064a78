//! The command line, as the user writes it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand as ClapSubcommand, ValueEnum};

use super::{
    AddArgs, BuildArgs, CacheArgs, CompareArgs, CompletionsArgs, CopyArgs, DoctorArgs, IndexArgs, InitArgs, InspectArgs, ListArgs,
    LoadArgs, ManArgs, MatrixArgs, OutdatedArgs, PushArgs, ReleaseArgs, SchemaArgs, TestArgs, UpdateArgs, VerifyArgs,
};

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
    Init(InitArgs),
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
    Load(LoadArgs),
    /// Run images once, in Docker or Podman: built and loaded first where that has to be.
    Test(TestArgs),
    /// Publish what is built: images, manifest list, tags.
    Push(PushArgs),
    /// Build, verify, push, and check what arrived.
    Release(ReleaseArgs),
    /// Join images that other machines pushed by digest.
    Index(IndexArgs),
    /// Define a container: look its packages up and write the entry.
    Add(AddArgs),
    /// Show what is kept between runs, or remove what nothing needs.
    Cache(CacheArgs),
    /// Try out what builds and releases need, and say how to mend what is broken.
    Doctor(DoctorArgs),
    /// Play back in the dashboard what `--output json` recorded.
    Replay(ReplayArgs),
    /// Print the CI matrix as JSON.
    Matrix(MatrixArgs),
    /// Print a JSON Schema: of containers.toml, or of reports.
    Schema(SchemaArgs),
    /// Print what a shell needs to complete commands and containers.
    Completions(CompletionsArgs),
    /// Print a manual page, or write all of them.
    Man(ManArgs),
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

/// What may stand for an image.
pub(super) const REFERENCES: &str = "A reference is one of\n  fd, fd/aarch64                a container of containers.toml, as last built\n  \
                          ghcr.io/acme/tools/fd:1.2.0   an image or manifest list of a registry (docker://… works too)\n  \
                          oci:DIR[:TAG]                 an OCI image layout\n  \
                          docker-archive:FILE[:NAME]    what `docker save` writes\n  \
                          docker-daemon:NAME            an image of this machine's Docker or Podman\n  \
                          containers-storage:NAME       an image of Podman's storage\n  \
                          nix:FILE                      the JSON that nix2container's buildImage makes";

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
