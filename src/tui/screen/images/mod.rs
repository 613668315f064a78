//! Images, the home screen: containers × architectures.

mod beside;
mod detail;
mod state;
mod view;

pub use state::{Images, act, clamp, click, is_empty, is_over_list, selection};
pub use view::view;
