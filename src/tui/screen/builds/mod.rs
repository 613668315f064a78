//! Builds: the list of what is being built, and live logs beside it.

mod describe;
mod failure;
mod reading;
mod selecting;
mod state;
mod view;

pub use reading::{arrived, search_changed, wheel};
pub use state::{
    Builds, Task, act, arrange, cancel, cancel_chosen, click, drag, failed, is_chosen_open, log_file, moves, press, release, select,
    selected_is_open, selection, test_failed, test_started,
};
pub use view::view;
