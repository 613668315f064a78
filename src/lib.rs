//! Catamaran builds, verifies and publishes container images for several architectures at once.
//!
//! The rooms of this house, in the order data flows through them:
//!
//! | room | its one question |
//! |---|---|
//! | [`catalog`] | what can be built? `containers.toml`, architectures, targets, the CI matrix |
//! | [`image`] | what was built? digests, manifests, configs, the local store, references |
//! | [`debian`] | builder 1: signed archives → packages → reproducible layers |
//! | [`nix`] | builder 2: a JSON of nix2container → layers regenerated from store paths |
//! | [`verify`] | is it right? facts read from an image and pure checks over them |
//! | [`registry`] | where does it go? client, authentication, uploads |
//! | [`release`] | how does it go? plan, gates, publish, receipt |
//! | [`runtime`] | the container engine of this machine: images in and out, containers run |
//! | [`session`] | run it: commands in, events out, one fold of events into state |
//! | [`cli`], [`tui`] | the two front ends; they know `session` and never each other |
//!
//! Who may know whom is written down in `docs/architecture.md` and enforced by `tests/rooms.rs`.

pub mod catalog;
pub mod cli;
pub mod debian;
pub mod error;
pub mod image;
mod lines;
pub mod nix;
mod printable;
pub mod progress;
mod read_at_most;
mod read_full;
pub mod registry;
pub mod release;
pub mod runtime;
pub mod session;
mod trust;
pub mod tui;
pub mod verify;
mod waiting;

pub use error::{Error, Kind, Result};
use read_at_most::read_at_most;
use read_full::read_full;
