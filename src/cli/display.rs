//! Displays: what is shown while a command runs.

use super::bars::Bars;
use super::json::Json;
use super::plain::Plain;
use super::printer::{Mode, Printer};
use super::quiet::Quiet;
use crate::session::{Event, State};

/// Shows events as they come in. The state has already taken in the event it is shown with.
pub(super) trait Display {
    /// Something happened.
    fn on(&mut self, event: &Event, state: &State);

    /// Time passed; called a few times a second.
    fn tick(&mut self, _state: &State) {}

    /// Clears what must not stay on the screen; called before anything else is printed, and possibly again.
    fn finish(&mut self) {}
}

/// The display that `printer` decided on.
pub(super) fn display(printer: &Printer) -> Box<dyn Display> {
    match printer.mode {
        Mode::Bars => Box::new(Bars::new(printer)),
        Mode::Plain => Box::new(Plain::new(printer)),
        Mode::Json => Box::new(Json::new(printer)),
        Mode::Quiet => Box::new(Quiet),
    }
}
