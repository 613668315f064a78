//! Inspect: one container, its architectures side by side. What the config claims against what the ELF files are.

mod checks;
mod compare;
mod facts;
mod files;
mod layers;
mod packages;
mod state;
mod tree_view;
mod view;

pub use checks::view_finding;
pub use state::{
    Inspect, Tab, act, came_from, click, entered, failed, look_at, look_at_reference, search_changed, selection, show_checks, show_file,
    wanted,
};
pub use view::view;
