//! IS IT RIGHT: facts read from an image, and pure checks over them.
//!
//! Knows `image` and `catalog`. One pass over each layer ([`ImageFacts::gather`]) reads everything the checks need:
//! blob → `stream` (decompress, hash) → `tarball` (members) → `scan` (facts) → `rootfs` (merged) → `checks`,
//! with `loader` for what programs load. What a pass
//! found is recorded, and `known` takes it from there the next time.

mod checks;
mod circumstances;
mod compare;
mod explain;
mod facts;
mod file_head;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod known;
mod layer_path;
mod linked_texts;
mod listing;
mod loader;
mod platform;
mod report;
mod reproducible;
mod rootfs;
mod run;
#[cfg(any(test, fuzzing))]
mod samples;
mod scan;
mod sparse;
mod stream;
mod tarball;
mod usage;
mod waive;

pub use circumstances::{Circumstances, Group, Rebuild, Sibling};
pub use compare::{Aspect, Compared, Comparison, Contents, Row, Section, Side, compare, read_contents};
pub use explain::checks_markdown;
pub use facts::ImageFacts;
pub use known::Known;
pub use linked_texts::LinkedText;
pub use listing::{ListedFile, list_files};
pub use loader::Libraries;
pub use platform::not_looked_into;
pub use report::{Check, CheckResult, Finding, Report, Verdict};
pub use rootfs::{BrokenHardLink, Lookup, MergedRoot, Node, Path};
pub use run::{check_facts, inspect_facts, verify};
pub use scan::LayerFacts;
pub use waive::{AppliedWaiver, WaivedAs, waive, waive_result};
