//! `catamaran matrix`: the CI matrix.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::printer::Printer;
use crate::catalog::{self, CiJobs, Matrix, MatrixPart};
use crate::{Error, Result, session};

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

/// `matrix`
#[derive(Debug, Args)]
#[command(
    after_help = "A job of GitHub Actions has `matrix.container` and `matrix.target`. Where there are more targets than jobs may be, a job has \
                  several containers, with spaces between them.\n\nExamples:\n  catamaran matrix\n  catamaran matrix build\n  catamaran matrix \
                  --github >> \"$GITHUB_OUTPUT\"   # then: strategy.matrix: ${{ fromJSON(needs.discover.outputs.build) }}\n  catamaran matrix \
                  --gitlab > child.yml             # then: trigger.include.artifact: child.yml"
)]
pub struct MatrixArgs {
    /// Only this half
    #[arg(value_enum)]
    pub part: Option<Part>,
    /// As `name={"include":[…]}` lines for GitHub Actions
    #[arg(long)]
    pub github: bool,
    /// As a child pipeline for GitLab CI
    #[arg(long, conflicts_with_all = ["github", "part"])]
    pub gitlab: bool,
    /// With --github or --gitlab: at most so many jobs that build [default: 256 for GitHub, 200 for GitLab]
    #[arg(long, value_name = "N", env = "CATAMARAN_SHARDS")]
    pub shards: Option<usize>,
}

/// Prints the matrix of the `file`; it is JSON whatever `--json` says.
///
/// # Errors
/// The file is wrong, or `--shards` is smaller than the number of architectures.
pub(super) fn run(printer: &Printer, file: &Path, args: &MatrixArgs) -> Result<()> {
    // A project that has no containers yet has no jobs either; that is no reason for its CI to fail.
    let matrix = match catalog::load(file) {
        Err(problems) if problems.is_only_empty() => Matrix::default(),
        _ => Matrix::of(&session::load_catalog(file)?),
    };
    let part = args.part.map(Into::into);
    if !args.github && !args.gitlab {
        printer.result(&matrix.json(part));
        return Ok(());
    }
    let most = args.shards.unwrap_or(if args.gitlab { CiJobs::GITLAB_MOST } else { CiJobs::GITHUB_MOST });
    let jobs = CiJobs::of(&matrix, most).map_err(|least| {
        Error::usage(format!("{most} jobs cannot build for {least} architectures"))
            .hint(format!("a job builds for one: --shards {least} or more"))
    })?;
    printer.result(&if args.gitlab { jobs.gitlab() } else { jobs.github(part) });
    Ok(())
}
