//! Waiting for others: whoever listens is told whom for, ever more rarely.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::progress::Progress;

/// Who hears it. Cheap to clone; nobody at first.
#[derive(Clone, Default)]
pub(crate) struct Listener(Arc<Mutex<Option<Arc<dyn Progress>>>>);

impl Listener {
    /// From now on `progress` hears it, and nobody else.
    pub fn is(&self, progress: Arc<dyn Progress>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
    }

    /// Passes a line on.
    pub fn hears(&self, line: &str) {
        let listener = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(progress) = listener {
            progress.line(line);
        }
    }
}

/// What is told of one wait: first after some time, then again each time the wait has doubled.
pub(crate) struct Telling<'a> {
    listener: &'a Listener,
    host: &'a str,
    began: Instant,
    next: Duration,
}

impl<'a> Telling<'a> {
    /// A wait for `host` begins, of which `listener` hears after `first`.
    pub fn new(listener: &'a Listener, host: &'a str, first: Duration) -> Self {
        Telling { listener, host, began: Instant::now(), next: first }
    }

    /// How long it has been.
    pub fn waited(&self) -> Duration {
        self.began.elapsed()
    }

    /// When it is told next, but no later than after `limit`.
    pub fn due(&self, limit: Duration) -> Instant {
        self.began + self.next.min(limit)
    }

    /// Tells it if it is due; `doing` is what is waited for.
    pub fn tell(&mut self, doing: &str) {
        let waited = self.waited();
        if waited >= self.next {
            self.listener.hears(&format!("waiting for {} for {} s: {doing}", self.host, waited.as_secs()));
            self.next = waited * 2;
        }
    }
}

/// Keeps the lines it is told.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Lines(pub Mutex<Vec<String>>);

#[cfg(test)]
impl Progress for Lines {
    fn phase(&self, _: &str) {}
    fn amount(&self, _: u64, _: u64, _: crate::progress::Unit) {}
    fn line(&self, line: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    }
}
