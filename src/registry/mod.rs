//! WHERE it goes: client, authentication, uploads, and images read from a registry.
//!
//! Knows `image`, and `catalog`'s registry settings. One [`Registry`] is one host: one HTTP client and one connection
//! pool, through which every request goes with the same authentication, retries and errors.

mod auth;
mod blob_stream;
mod body;
mod challenge;
mod chunks;
mod client;
mod credential_helper;
mod credentials;
mod distrust;
mod docker_config;
mod endpoint;
mod failure;
#[cfg(test)]
pub(crate) mod fault_server;
#[cfg(test)]
mod fault_tests;
mod form;
#[cfg(test)]
mod hostile_tests;
mod limit;
mod login;
mod made;
#[cfg(test)]
mod made_tests;
mod manifest;
mod proxy;
mod receive;
mod remote;
mod retry;
mod silence;
mod tag;
#[cfg(test)]
mod tag_tests;
#[cfg(test)]
mod tests;
mod transport;
mod upload;
#[cfg(test)]
mod upload_tests;

pub use client::Registry;
pub use credentials::{Credentials, Variables};
pub use login::Login;
pub use manifest::{FetchedManifest, Found, Stored};
pub use receive::Received;
pub use upload::Arrival;
