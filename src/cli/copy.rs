//! `catamaran copy`: from any reference to any other.

use std::sync::Arc;

use super::args::CopyArgs;
use super::drive::{Drive, Link};
use super::printer::{Printer, Results};
use super::quantity::{bytes, count};
use crate::session::{Command, Copied, CopyRequest};
use crate::{Error, Result};

/// Copies and prints the digest.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, args: &CopyArgs) -> Result<()> {
    let request = CopyRequest {
        source: args.source.parse()?,
        destination: args.destination.parse()?,
        target: args.target,
        preserve_digests: args.preserve_digests,
    };
    drive.run(Command::Copy(request)).await?;
    let copied = drive.state.copied.as_ref().map(Arc::as_ref).ok_or_else(|| Error::failed("the copy ended without a result"))?;
    match printer.results {
        Results::Events => {}
        Results::Document => printer.document(copied)?,
        Results::Text => printer.result(&sentence(copied)),
    }
    Ok(())
}

fn sentence(copied: &Copied) -> String {
    let mut what = count(copied.images, "image");
    if copied.attestations > 0 {
        what.push_str(&format!(" and {}", count(copied.attestations, "attestation")));
    }
    let moved = if copied.moved == 0 { "all of it was there".to_owned() } else { format!("{} moved", bytes(copied.moved)) };
    format!("{}\n{} → {}: {what}, {}, {moved}", copied.digest, copied.source, copied.destination, bytes(copied.bytes))
}
