//! Images, the home screen: containers × architectures.

mod detail;
mod state;
mod view;

pub use state::{Images, act, clamp, click, selection};
pub use view::view;
