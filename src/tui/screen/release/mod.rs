//! Release: a wizard in six steps. Nothing is sent before the version has been typed.

mod gates;
mod preview;
mod push;
mod result;
mod select;
mod state;
mod tags;
mod version;
mod view;

pub use state::{
    Release, Step, act, can_plan, catalog_changed, containers, entered, input, is_sending, plan, plan_failed, planned, published,
    publishing, selection, start,
};
pub use view::view;
