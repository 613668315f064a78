//! Segments: each .deb, once, as the compressed tar entries it gives to any layer, with the facts others need.
//!
//! .deb → canonical paths → normalised headers → 1 MiB gzip members, and a sidecar of facts. Layers are concatenations of
//! segments, so a package is decompressed and compressed once for all containers that ever use it.

mod cached;
pub(super) mod canonical;
mod contents;
mod facts;
mod gzip;
#[cfg(test)]
mod hostile_tests;
mod make;
pub(super) mod member;
mod plain;
mod rewrite;
mod scripts;
pub(super) mod stanza;
pub(super) mod tar_header;
mod workers;

pub(super) use cached::Cached;
pub(super) use facts::{Directory, Segment};
pub(super) use make::{Making, make};
pub(super) use plain::trim;
#[cfg(any(test, fuzzing))]
pub(super) use rewrite::rewritten;
pub(super) use workers::{Buffer, Workers};
