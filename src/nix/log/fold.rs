//! The activities under way, and what the records say of them.

use std::collections::{BTreeMap, VecDeque};

use super::clean::clean;
use super::record::{Field, Line, Record};

/// Activities that are known at a time; further ones are not followed.
const MAX_ACTIVITIES: usize = 100_000;
/// Derivations whose last lines are kept.
const TAILS: usize = 256;
/// Lines that are kept of each.
const TAIL_LINES: usize = 20;

/// Numbers of activity types (`logging.hh`).
mod activity {
    pub(super) const COPY_PATH: u64 = 100;
    pub(super) const FILE_TRANSFER: u64 = 101;
    pub(super) const BUILDS: u64 = 104;
    pub(super) const BUILD: u64 = 105;
    pub(super) const POST_BUILD_HOOK: u64 = 110;
    pub(super) const BUILD_WAITING: u64 = 111;
    pub(super) const FETCH_TREE: u64 = 112;
}

/// Numbers of result types.
mod result {
    pub(super) const BUILD_LOG_LINE: u64 = 101;
    pub(super) const SET_PHASE: u64 = 104;
    pub(super) const PROGRESS: u64 = 105;
    pub(super) const SET_EXPECTED: u64 = 106;
    pub(super) const POST_BUILD_LOG_LINE: u64 = 107;
    pub(super) const FETCH_STATUS: u64 = 108;
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A derivation is being built, on another machine if one is named.
    Started { derivation: String, machine: Option<String> },
    /// Its build has ended. That says nothing about how.
    Ended { derivation: String },
    /// Its build is at a phase of its own.
    Phase { derivation: String, phase: String },
    /// It wrote a line.
    Output { derivation: String, line: String },
    /// How many builds there are.
    Builds(Counts),
    /// A store path comes from somewhere else.
    Copying { path: String, from: String },
    /// Bytes of store paths that have come, of those that are to come (0: unknown).
    Copied { done: u64, expected: u64 },
    /// A file or an input of the flake is on its way here.
    Fetching(String),
    /// A warning, or words that belong to nothing.
    Note(String),
    /// Something went wrong.
    Failed(Complaint),
}

/// Builds, counted by Nix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// That have succeeded.
    pub done: u64,
    /// In all.
    pub expected: u64,
    /// Under way.
    pub running: u64,
    /// That have failed.
    pub failed: u64,
}

/// An error of Nix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaint {
    /// What it says, without `error:`; may have several lines.
    pub message: String,
    /// `file:line:column` of the expression.
    pub place: Option<String>,
    /// What was being evaluated, outermost first, as far as it was asked for (`--show-trace`).
    pub trace: Vec<String>,
}

impl Complaint {
    /// The derivations it names.
    pub fn derivations(&self) -> impl Iterator<Item = &str> {
        let words = self.message.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '\u{2018}' | '\u{2019}'));
        let words = words.map(|word| word.split('^').next().unwrap_or(word));
        words.map(|word| word.trim_end_matches([',', '.', ':', ';'])).filter(|word| word.starts_with('/') && word.ends_with(".drv"))
    }
}

#[derive(Debug)]
enum Activity {
    Build(String),
    /// A hook after a build, whose lines belong to it.
    Hook(String),
    Builds,
    Copy {
        done: u64,
        expected: u64,
    },
    Other,
}

/// Follows one run of Nix.
#[derive(Debug, Default)]
pub struct BuildLog {
    activities: BTreeMap<u64, Activity>,
    counts: Counts,
    /// Bytes of store paths that have come whole.
    copied: u64,
    /// Bytes to come in all, as Nix says.
    expected: u64,
    told: (u64, u64),
    tails: BTreeMap<String, VecDeque<String>>,
    /// The derivations of `tails`, oldest first.
    tailed: VecDeque<String>,
}

impl BuildLog {
    /// Takes in a line of standard error and says what happened.
    pub fn take(&mut self, line: &[u8]) -> Option<Said> {
        match Line::parse(line) {
            Line::Nothing => None,
            Line::Text(text) => Some(Said::Note(text)),
            Line::Record(Record::Start { id, activity, text, fields }) => self.start(id, activity, text, &fields),
            Line::Record(Record::Stop { id }) => self.stop(id),
            Line::Record(Record::Result { id, result, fields }) => self.result(id, result, &fields),
            Line::Record(Record::Message { level, text, place, trace }) => message(level, text, place, trace),
        }
    }

    /// The last lines that a derivation wrote.
    pub fn tail(&self, derivation: &str) -> impl Iterator<Item = &str> {
        self.tails.get(derivation).into_iter().flatten().map(String::as_str)
    }

    /// How many activities are followed.
    #[cfg(test)]
    pub(super) fn activities(&self) -> usize {
        self.activities.len()
    }

    fn start(&mut self, id: u64, kind: u64, words: String, fields: &[Field]) -> Option<Said> {
        let (activity, said) = match kind {
            activity::BUILD => {
                let derivation = text(fields, 0)?;
                let machine = text(fields, 1).filter(|machine| !machine.is_empty());
                (Activity::Build(derivation.clone()), Some(Said::Started { derivation, machine }))
            }
            activity::POST_BUILD_HOOK => (Activity::Hook(text(fields, 0)?), None),
            activity::BUILDS => (Activity::Builds, None),
            activity::COPY_PATH => {
                let said = text(fields, 0).zip(text(fields, 1)).map(|(path, from)| Said::Copying { path, from });
                (Activity::Copy { done: 0, expected: 0 }, said)
            }
            activity::BUILD_WAITING => (Activity::Other, text(fields, 0).map(|derivation| Said::Note(format!("waiting for {derivation}")))),
            activity::FILE_TRANSFER | activity::FETCH_TREE if !words.is_empty() => return Some(Said::Fetching(words)),
            _ => return None,
        };
        if self.activities.len() < MAX_ACTIVITIES {
            self.activities.insert(id, activity);
        }
        said
    }

    fn stop(&mut self, id: u64) -> Option<Said> {
        match self.activities.remove(&id)? {
            Activity::Build(derivation) => Some(Said::Ended { derivation }),
            Activity::Copy { done, expected } => {
                self.copied = self.copied.saturating_add(done.max(expected));
                self.bytes()
            }
            Activity::Hook(_) | Activity::Builds | Activity::Other => None,
        }
    }

    fn result(&mut self, id: u64, result: u64, fields: &[Field]) -> Option<Said> {
        match (result, self.activities.get_mut(&id)) {
            (result::BUILD_LOG_LINE | result::POST_BUILD_LOG_LINE, Some(Activity::Build(derivation) | Activity::Hook(derivation))) => {
                let (derivation, line) = (derivation.clone(), text(fields, 0)?.trim_end().to_owned());
                self.remember(&derivation, &line);
                Some(Said::Output { derivation, line })
            }
            (result::SET_PHASE, Some(Activity::Build(derivation))) => {
                Some(Said::Phase { derivation: derivation.clone(), phase: text(fields, 0)? })
            }
            (result::PROGRESS, Some(Activity::Builds)) => {
                let at = |n| number(fields, n).unwrap_or(0);
                let counts = Counts { done: at(0), expected: at(1), running: at(2), failed: at(3) };
                let changed = std::mem::replace(&mut self.counts, counts) != counts;
                changed.then_some(Said::Builds(counts))
            }
            (result::PROGRESS, Some(Activity::Copy { done, expected })) => {
                (*done, *expected) = (number(fields, 0)?, number(fields, 1).unwrap_or(0));
                self.bytes()
            }
            (result::SET_EXPECTED, _) if number(fields, 0) == Some(activity::COPY_PATH) => {
                self.expected = number(fields, 1)?;
                self.bytes()
            }
            (result::FETCH_STATUS, _) => text(fields, 0).filter(|text| !text.trim().is_empty()).map(Said::Note),
            _ => None,
        }
    }

    /// Bytes that have come, when they are others than were told.
    fn bytes(&mut self) -> Option<Said> {
        let running = self.activities.values().map(|activity| match activity {
            Activity::Copy { done, .. } => *done,
            _ => 0,
        });
        let done = running.fold(self.copied, u64::saturating_add);
        let now = (done, self.expected);
        if std::mem::replace(&mut self.told, now) == now || now == (0, 0) {
            return None;
        }
        Some(Said::Copied { done, expected: self.expected })
    }

    fn remember(&mut self, derivation: &str, line: &str) {
        if !self.tails.contains_key(derivation) {
            if self.tailed.len() >= TAILS
                && let Some(oldest) = self.tailed.pop_front()
            {
                self.tails.remove(&oldest);
            }
            self.tailed.push_back(derivation.to_owned());
        }
        let tail = self.tails.entry(derivation.to_owned()).or_default();
        if tail.len() >= TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(line.chars().take(1000).collect());
    }
}

/// Levels: 0 is an error, 1 a warning; what is above is chatter that the activities tell better.
fn message(level: u64, text: String, place: Option<String>, trace: Vec<String>) -> Option<Said> {
    match level {
        0 if text.starts_with("error:") => {
            let message = text.trim_start_matches("error:").trim().to_owned();
            Some(Said::Failed(Complaint { message, place, trace }))
        }
        0 | 1 if !text.trim().is_empty() => Some(Said::Note(text)),
        _ => None,
    }
}

fn text(fields: &[Field], n: usize) -> Option<String> {
    match fields.get(n)? {
        Field::Text(text) => Some(clean(text)),
        Field::Number(_) => None,
    }
}

fn number(fields: &[Field], n: usize) -> Option<u64> {
    match fields.get(n)? {
        Field::Number(number) => Some(*number),
        Field::Text(_) => None,
    }
}
