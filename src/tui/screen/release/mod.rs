//! Release: a wizard in six steps. Nothing is sent before the version has been typed.

mod acting;
mod gates;
mod mend;
mod preview;
mod push;
mod result;
mod select;
mod state;
mod tags;
mod version;
mod view;

pub use acting::{act, click};
pub use mend::{container_to_inspect, file_to_open, mends, targets};
pub use state::{
    Release, Step, can_plan, catalog_changed, containers, entered, input, is_sending, is_typing, mending, plan, plan_failed, planned,
    published, publishing, ran, start, wanted,
};
pub use view::view;
