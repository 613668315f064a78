//! What Nix says while it works (`--log-format internal-json`, `src/libutil/logging.cc`): records on standard error, understood leniently
//! and folded into what happened.
//!
//! `lines` cuts the stream into lines of bounded length, `record` reads one, `clean` takes out what is meant for terminals, `fold` keeps
//! the activities under way. Versions from 2.8 to 2.36 differ in what they add; whatever is not known here is passed over.

mod clean;
mod fold;
mod lines;
mod record;
#[cfg(test)]
mod tests;

pub use fold::{BuildLog, Complaint, Counts, Said};
pub use lines::Lines;
