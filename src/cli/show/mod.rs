//! Results as text: each function turns one of the session's documents into what a person reads.

mod checks;
mod comparison;
mod inspection;
mod listing;
mod plan;
mod receipt;
mod report;

pub(super) use checks::{check, checks};
pub(super) use comparison::comparison;
pub(super) use inspection::inspection;
pub(super) use listing::listing;
pub(super) use plan::plan;
pub(super) use receipt::{receipt, tag_was};
pub(super) use report::verification;

#[cfg(test)]
pub(super) use receipt::tests::{a_plan, a_receipt};
