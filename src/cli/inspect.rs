//! `catamaran inspect`: config, layers and packages of an image, or of every member of an index.

use std::sync::Arc;

use serde::Serialize;

use super::args::InspectArgs;
use super::drive::{Drive, Link};
use super::printer::{Printer, Results};
use super::show;
use crate::session::{Command, Inspection};
use crate::{Error, Result};

/// What `inspect --json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    images: Vec<&'a Inspection>,
}

/// Reads what the reference names and prints it.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, args: &InspectArgs) -> Result<()> {
    let reference = args.reference.parse()?;
    let failed = drive.run(Command::Inspect(reference)).await?;
    let images: Vec<&Inspection> = drive.state.inspections.values().map(Arc::as_ref).collect();
    match printer.results {
        Results::Events => {}
        Results::Document => printer.document(&Document { schema: 1, images })?,
        Results::Text => {
            let parts: Vec<String> = images.iter().map(|image| show::inspection(image, printer.out_color)).collect();
            printer.result(&parts.join("\n\n"));
        }
    }
    if failed > 0 { Err(Error::failed(format!("{} could not be read whole", args.reference))) } else { Ok(()) }
}
