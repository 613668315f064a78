//! HOW it goes: plan, gates, publish, receipt.
//!
//! Knows `registry`, `verify`, `image` and `catalog`. First [`choose_tags`], then [`plan()`] (which only asks), then
//! [`publish()`] (which sends exactly the plan, tags last, and proves what arrived).

mod candidate;
mod digests;
mod gates;
mod git;
mod index;
mod listener;
mod manifests;
mod neighbours;
mod plan;
mod planner;
mod proof;
mod public;
mod publish;
mod reach;
mod receipt;
mod sending;
mod tagging;
mod tags;
#[cfg(test)]
mod tests;

pub use candidate::{Candidate, CandidateImage, LockState};
pub use digests::{PushedDigests, PushedImage};
pub use index::index_of;
pub use listener::{Publishing, Unheard};
pub use plan::{ContainerPlan, Gate, Plan, PlannedBlob, PlannedImage, PlannedIndex, PlannedTag, Presence, Purpose, TagChange};
pub use planner::{PlanRequest, plan};
pub use public::{Named, in_words as public_in_words};
pub use publish::{Consent, NO_TAG, Unpublished, publish};
pub use receipt::{PublishedContainer, PublishedImage, PublishedTag, Receipt};
pub use tags::{Tags, check_tag, choose_tags, moves_latest};
