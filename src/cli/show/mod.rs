//! Results as text: each function turns one of the session's documents into what a person reads.

mod inspection;
mod listing;
mod plan;
mod receipt;
mod report;

pub(super) use inspection::inspection;
pub(super) use listing::listing;
pub(super) use plan::plan;
pub(super) use receipt::receipt;
pub(super) use report::report;

#[cfg(test)]
pub(super) use receipt::tests::{a_plan, a_receipt};
