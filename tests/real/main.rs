//! The whole path against real parts: the Debian archive, docker-registry, skopeo, umoci, readelf, a terminal.
//!
//! Nothing here is imitated and nothing is skipped: a test that misses a component fails and says what to install.
//! `tests/run.sh` installs everything.

#![allow(clippy::unwrap_used, reason = "a test may end at the first thing that is not as it should be")]

mod apt_parity;
mod architectures;
// Runs for minutes, much of it waiting: tests begin in the order of their names, and this one should not be alone at the end.
mod at_work;
mod bad_input;
mod builds;
mod capabilities;
mod comparing;
mod copying;
mod corpus;
mod dashboard;
mod docker;
#[path = "../../benches/load/feed.rs"]
mod feed;
mod files;
mod first_steps;
mod harness;
mod installation;
mod interrupted;
mod layers;
mod layouts;
#[path = "../../benches/load/mod.rs"]
mod load;
mod loading;
mod local;
mod metadata;
mod nix_builds;
mod nix_flake;
mod nix_images;
mod packaging;
mod proxies;
mod publishing;
mod reader;
mod registries;
mod reports;
mod rules;
mod running;
mod screen;
mod shared;
mod slow_terminal;
mod split;
mod verifying;
mod workflow;
