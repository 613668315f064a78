//! Parts that screens are made of. They know the theme, ratatui's buffer and what a place can be for the
//! mouse, and nothing of the model.

mod canvas;
mod input;
mod log_pane;
mod log_view;
mod meter;
mod panel;
mod scroll;
mod tree;

pub use canvas::{Align, Canvas, below, columns, right_of, row};
pub use input::{draw_input, edit};
pub use log_pane::{draw_log, line_at, visible};
pub use log_view::{LogView, Needle, Rows};
pub use meter::meter;
pub use panel::{modal, panel, rule};
pub use scroll::{beside_scrollbar, scrollbar, window};
pub use tree::{Tree, TreeRow};
