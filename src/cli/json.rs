//! Shows exactly the events, one JSON object per line on stdout; a replay reads them back.

use super::display::Display;
use super::printer::Printer;
use crate::session::{Event, State};

/// The display for machines.
pub(super) struct Json {
    printer: Printer,
}

impl Json {
    pub fn new(printer: &Printer) -> Self {
        Json { printer: printer.clone() }
    }
}

impl Display for Json {
    fn on(&mut self, event: &Event, _: &State) {
        match serde_json::to_string(event) {
            Ok(line) => self.printer.result(&line),
            Err(error) => self.printer.note(&format!("an event could not be written as JSON: {error}")),
        }
    }
}
