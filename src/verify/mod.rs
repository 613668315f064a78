//! IS IT RIGHT: facts read from an image, and pure checks over them.
//!
//! Knows `image` and `catalog`.

mod report;

pub use report::{Check, CheckResult, Finding, Report, Verdict};
