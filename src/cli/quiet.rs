//! Shows nothing: errors are printed when the run ends.

use super::display::Display;
use crate::session::{Event, State};

/// The display that shows nothing.
pub(super) struct Quiet;

impl Display for Quiet {
    fn on(&mut self, _: &Event, _: &State) {}
}
