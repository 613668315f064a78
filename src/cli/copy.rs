//! `catamaran copy`: from any reference to any other.

use std::sync::Arc;

use clap::Args;

use super::drive::{Drive, Link};
use super::printer::{Printer, Results};
use super::quantity::{bytes, count};
use crate::catalog::Architecture;
use crate::session::{Command, Copied, CopyRequest};
use crate::{Error, Result};

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
