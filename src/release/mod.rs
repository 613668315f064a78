//! HOW it goes: plan, gates, publish, receipt.
//!
//! Knows `registry`, `verify`, `image` and `catalog`.

mod plan;
mod receipt;

pub use plan::{ContainerPlan, Gate, Plan, PlannedBlob, PlannedImage, PlannedIndex, PlannedTag, Presence, TagChange};
pub use receipt::{PublishedContainer, PublishedImage, PublishedTag, Receipt};
