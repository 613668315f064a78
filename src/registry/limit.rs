//! How many requests may be under way at one registry: halved when it says "too many", grown while it answers (AIMD).
//!
//! All requests of a kind share one [`Limit`], and a `Retry-After` counts for every one of them: a registry that is
//! overrun by one request is not helped by the next one asking again at once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// A number of places that adapts.
pub(super) struct Limit {
    most: usize,
    state: Mutex<State>,
    free: Notify,
}

struct State {
    /// How many may be under way; grows by fractions.
    width: f64,
    active: usize,
    /// Nobody starts before.
    closed_until: Option<Instant>,
}

/// A request's place; given back when it is dropped.
pub(super) struct Place<'a>(&'a Limit);

impl Limit {
    /// At first, and at most, `most` at a time.
    pub fn new(most: usize) -> Self {
        Limit { most, state: Mutex::new(State { width: most as f64, active: 0, closed_until: None }), free: Notify::new() }
    }

    /// Waits for a place.
    pub async fn enter(&self) -> Place<'_> {
        loop {
            let changed = self.free.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let opens = {
                let mut state = self.state();
                match state.closed_until.filter(|until| *until > Instant::now()) {
                    None if state.active < (state.width as usize).max(1) => {
                        state.active += 1;
                        return Place(self);
                    }
                    opens => opens,
                }
            };
            match opens {
                Some(opens) => drop(timeout_at(opens, changed).await),
                None => changed.await,
            }
        }
    }

    /// The registry said "too many", and asked for `patience`.
    pub fn crowded(&self, patience: Duration) {
        let mut state = self.state();
        let now = Instant::now();
        // Requests that were under way together are refused together: that is one refusal, not many.
        if state.closed_until.is_none_or(|until| until <= now) {
            state.width = (state.width / 2.0).max(1.0);
        }
        let until = now + patience;
        state.closed_until = Some(state.closed_until.map_or(until, |u| u.max(until)));
    }

    /// The registry took a request.
    pub fn answered(&self) {
        let mut state = self.state();
        if state.width < self.most as f64 {
            state.width = (state.width + 1.0 / state.width).min(self.most as f64);
            drop(state);
            self.free.notify_waiters();
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.state().active -= 1;
        self.0.free.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn width(limit: &Limit) -> usize {
        limit.state().width as usize
    }

    #[tokio::test]
    async fn a_refusal_halves_the_width_once_and_answers_grow_it_back() {
        let limit = Limit::new(6);
        let first = limit.enter().await;
        for _ in 0..4 {
            limit.crowded(Duration::from_millis(200));
        }
        assert_eq!(width(&limit), 3);
        let began = Instant::now();
        let second = limit.enter().await;
        assert!(began.elapsed() >= Duration::from_millis(200));
        limit.crowded(Duration::ZERO);
        assert_eq!(width(&limit), 1);
        // Two are under way, one may be: the third waits for both.
        let waits = tokio::time::timeout(Duration::from_millis(100), limit.enter());
        drop(first);
        assert!(waits.await.is_err());
        drop(second);
        drop(limit.enter().await);
        for _ in 0..40 {
            limit.answered();
        }
        assert_eq!(width(&limit), 6);
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let limit = std::sync::Arc::new(Limit::new(2));
        let all = (0..200).map(|n| {
            let limit = std::sync::Arc::clone(&limit);
            tokio::spawn(async move {
                let _place = limit.enter().await;
                tokio::task::yield_now().await;
                if n % 10 == 0 { limit.crowded(Duration::from_millis(1)) } else { limit.answered() }
            })
        });
        tokio::time::timeout(Duration::from_secs(20), futures_util::future::join_all(all)).await.unwrap();
        assert_eq!(limit.state().active, 0);
    }
}
