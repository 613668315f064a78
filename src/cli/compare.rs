//! `catamaran compare`: two architectures of an image, or two images, side by side.

use std::sync::Arc;

use serde::Serialize;

use clap::Args;

use super::drive::{Drive, Link};
use super::printer::{Printer, Results};
use super::quantity::count;
use super::show;
use crate::catalog::Architecture;
use crate::session::{Command, CompareRequest, NotCompared};
use crate::verify::Comparison;
use crate::{Error, Result};

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

/// What `compare --json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    comparisons: Vec<&'a Comparison>,
    /// Images that are not held against another, although they could be read.
    skipped: &'a [NotCompared],
}

/// Compares and prints what differs.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, args: &CompareArgs) -> Result<()> {
    let request = CompareRequest {
        left: args.left.parse()?,
        right: args.right.as_deref().map(str::parse).transpose()?,
        targets: args.target.clone(),
        all: args.all,
    };
    // What could be compared is shown even when something else could not be read.
    let ended = drive.run(Command::Compare(request)).await;
    let comparisons: Vec<&Comparison> = drive.state.compared.values().map(Arc::as_ref).collect();
    let differences: usize = comparisons.iter().map(|comparison| comparison.differences()).sum();
    match printer.results {
        _ if comparisons.is_empty() => {}
        Results::Events => {}
        Results::Document => printer.document(&Document { schema: 1, comparisons, skipped: &drive.state.not_compared })?,
        Results::Text => {
            let parts: Vec<String> =
                comparisons.iter().map(|comparison| show::comparison(comparison, args.all, printer.out_color)).collect();
            printer.result(&parts.join("\n\n"));
        }
    }
    ended?;
    if args.exit_code && differences > 0 {
        return Err(Error::failed(format!("the images differ: {}", count(differences, "difference"))));
    }
    Ok(())
}
