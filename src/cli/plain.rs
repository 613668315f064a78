//! Plain lines: one per fact, each with its subject in front; for CI, pipes, and people who read or listen line by line.

use std::collections::BTreeMap;

use super::display::Display;
use super::fact::{Fact, fact, name};
use super::printer::{Printer, clean};
use super::quantity::{bytes, progress};
use crate::progress::Unit;
use crate::session::{Event, EventKind, State};

/// Milliseconds between two progress lines of the same subject.
const INTERVAL: u64 = 5_000;

/// The display for logs.
pub(super) struct Plain {
    printer: Printer,
    /// When each subject last had a progress line, in session milliseconds.
    shown: BTreeMap<String, u64>,
}

impl Plain {
    pub fn new(printer: &Printer) -> Self {
        Plain { printer: printer.clone(), shown: BTreeMap::new() }
    }

    fn line(&self, subject: &str, text: &str) {
        let space = if subject.is_empty() { "" } else { " " };
        self.printer.note(&format!("{subject}{space}{text}"));
    }

    /// Whether `subject` may have a progress line now. The first one comes only after the interval: short work has none.
    fn is_due(&mut self, subject: &str, now: u64) -> bool {
        let last = self.shown.entry(subject.to_owned()).or_insert(now);
        let due = now.saturating_sub(*last) >= INTERVAL;
        if due {
            *last = now;
        }
        due
    }

    fn fact(&self, fact: &Fact) {
        let glyph = if fact.glyph.is_empty() { String::new() } else { format!("{} ", fact.ink.paint(fact.glyph, self.printer.err_color)) };
        self.line(&fact.subject, &format!("{glyph}{}", fact.text));
        for line in &fact.more {
            self.line(&fact.subject, &format!("  {line}"));
        }
    }
}

impl Display for Plain {
    fn on(&mut self, event: &Event, state: &State) {
        match &event.kind {
            EventKind::BuildStarted { target, .. } => self.line(&name(target), "started"),
            EventKind::PhaseChanged { target, phase } => self.line(&name(target), &clean(phase)),
            EventKind::RunPhaseChanged { phase } => self.line("", &clean(phase)),
            EventKind::RunOutput { lines } => lines.iter().for_each(|line| self.line("", &clean(line))),
            EventKind::OutputReceived { target, lines } => {
                lines.iter().for_each(|line| self.line(&name(target), &format!("| {}", clean(line))));
            }
            EventKind::TestOutput { target, lines } => {
                lines.iter().for_each(|line| self.line(&name(target), &format!("| {}", clean(line))));
            }
            EventKind::LoadProgressed { target, done, total } => {
                let subject = name(target);
                if self.is_due(&subject, event.at) {
                    self.line(&subject, &format!("sent {}", progress(*done, *total, Unit::Bytes)));
                }
            }
            EventKind::Progressed { target, done, total, unit } => {
                let subject = name(target);
                if self.is_due(&subject, event.at) {
                    self.line(&subject, &progress(*done, *total, *unit));
                }
            }
            EventKind::RunProgressed { done, total, unit } => {
                if self.is_due("", event.at) {
                    self.line("", &progress(*done, *total, *unit));
                }
            }
            EventKind::BlobProgressed { .. } => {
                if let Some(publication) = state.publication.as_ref().filter(|_| self.is_due("publish", event.at)) {
                    self.line("", &format!("sent {}/{}", bytes(publication.sent()), bytes(publication.bytes)));
                }
            }
            _ => {
                if let Some(fact) = fact(event, state) {
                    self.fact(&fact);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "display_tests.rs"]
mod tests;
