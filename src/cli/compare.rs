//! `catamaran compare`: two architectures of an image, or two images, side by side.

use std::sync::Arc;

use serde::Serialize;

use super::args::CompareArgs;
use super::drive::{Drive, Link};
use super::printer::{Printer, Results};
use super::quantity::count;
use super::show;
use crate::session::{Command, CompareRequest, NotCompared};
use crate::verify::Comparison;
use crate::{Error, Result};

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
