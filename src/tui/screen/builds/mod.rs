//! Builds: the list of what is being built, and live logs beside it.

mod failure;
mod state;
mod view;

pub use state::{Builds, Task, act, arrange, cancel, click, failed, log_file, search_changed, select, selected_is_open, selection, wheel};
pub use view::view;
