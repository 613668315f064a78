//! Front end 2: the dashboard.
//!
//! Plain Elm: `update(&mut Model, Msg) -> Vec<Command>` changes, `view(&Model, …)` draws, nothing else holds state.
//! Only `terminal` touches the terminal; only `run` and what it drives know the clock. [`action`] is the one table of what keys mean,
//! [`theme`] the one place that decides how things look. Knows [`crate::session`] and what it hands out.

pub mod action;
mod animation;
mod available;
mod awaited;
mod catalog_watch;
mod clipboard;
mod exit_summary;
#[cfg(test)]
mod fixture;
mod footer;
mod hint;
mod keymap;
mod log_file;
mod model;
mod mouse;
mod msg;
mod overlay;
mod painter;
mod perform;
mod preferences;
mod react;
mod run;
mod screen;
mod screenshot;
mod signals;
mod spot;
mod status;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
pub mod theme;
mod update;
mod view;
mod widget;
mod writer;

pub use animation::render_animation;
pub use exit_summary::ExitSummary;
pub use keymap::{Key, Keymap, parse_sequence};
pub use model::{Model, Screen};
pub use msg::{Effect, Level, Msg, Request};
pub use painter::Painter;
pub use preferences::preferences;
pub use run::{Link, Options, run};
pub use screen::builds::Task;
pub use screenshot::render_svg;
pub use update::update;
pub use view::{frame, view};
