//! `catamaran inspect`: config, layers and packages of an image, or its files; of every member of an index.

use std::sync::Arc;

use serde::Serialize;

use clap::Args;

use super::args::REFERENCES;
use super::drive::{Drive, Link};
use super::printer::{Printer, Results};
use super::show;
use crate::Result;
use crate::session::{Command, Inspection, Listing};

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

/// What `inspect --json` prints.
#[derive(Serialize)]
struct Document<T> {
    schema: u32,
    images: Vec<T>,
}

/// Reads what the reference names and prints it.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, args: &InspectArgs) -> Result<()> {
    let reference = args.reference.parse()?;
    let command = if args.files { Command::ListFiles(reference) } else { Command::Inspect(reference) };
    // What could be read is shown even when something else could not.
    let ended = drive.run(command).await;
    let nothing = drive.state.inspections.is_empty() && drive.state.listings.is_empty();
    if ended.is_err() && nothing {
        return ended.map(|_| ());
    }
    let color = printer.out_color;
    if args.files {
        let images: Vec<&Listing> = drive.state.listings.values().map(Arc::as_ref).collect();
        print(printer, images, |listing| show::listing(listing, color))?;
    } else {
        let images: Vec<&Inspection> = drive.state.inspections.values().map(Arc::as_ref).collect();
        print(printer, images, |image| show::inspection(image, color))?;
    }
    ended.map(|_| ())
}

fn print<T: Serialize>(printer: &Printer, images: Vec<&T>, shown: impl Fn(&T) -> String) -> Result<()> {
    match printer.results {
        Results::Events => Ok(()),
        Results::Document => printer.document(&Document { schema: 1, images }),
        Results::Text => {
            printer.result(&images.into_iter().map(shown).collect::<Vec<_>>().join("\n\n"));
            Ok(())
        }
    }
}
