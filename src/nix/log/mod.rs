//! What Nix says while it works (`--log-format internal-json`, `src/libutil/logging.cc`): records on standard error, understood leniently
//! and folded into what happened.
//!
//! Lines of bounded length come in, `record` reads one, `clean` takes out what is meant for terminals, `fold` keeps
//! the activities under way. Versions from 2.8 to 2.36 differ in what they add; whatever is not known here is passed over.

mod clean;
mod fold;
mod record;
#[cfg(test)]
mod tests;

pub use crate::lines::Lines;
pub use fold::{BuildLog, Complaint, Counts, Said};
