//! Builds: the list of what is being built, and live logs beside it.

mod failure;
mod reading;
mod state;
mod view;

pub use reading::{arrived, drag, release, search_changed, wheel};
pub use state::{Builds, Task, act, arrange, cancel, click, failed, log_file, select, selected_is_open, selection};
pub use view::view;
