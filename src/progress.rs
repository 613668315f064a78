//! How work tells what it is doing, without knowing who listens.
//!
//! Builders, checks and uploads take a `&dyn Progress`; the session turns the calls into events. A room never
//! prints and never knows whether a dashboard, a bar or a log file is at the other end.

/// What is being counted by [`Progress::amount`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Packages.
    Packages,
    /// Files or layer entries.
    Entries,
}

/// Bytes for people: `512 B`, `12.3 MiB`; binary units, one decimal. The same everywhere, so that numbers can be compared.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would round to `1024.0`: move on to the next unit before it does.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `1 layer`, `3 layers`.
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// Receives what a piece of work is doing. All calls are cheap and may come from any thread.
pub trait Progress: Send + Sync {
    /// A new phase begins: `fetch`, `segments`, `layers`, … (one lower-case word).
    fn phase(&self, phase: &str);
    /// `done` of `total` within the phase; called often, the listener thins it out. `total` 0 means unknown.
    fn amount(&self, done: u64, total: u64, unit: Unit);
    /// A line worth keeping in the log: what was fetched, what was made, what was noticed.
    fn line(&self, line: &str);
}

/// Nobody listens.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn phase(&self, _: &str) {}
    fn amount(&self, _: u64, _: u64, _: Unit) {}
    fn line(&self, _: &str) {}
}
