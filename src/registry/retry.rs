//! Trying again: with growing pauses, or as long as the registry asks for.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use super::credentials::Variables;
use super::failure::Failure;
use super::silence::{self, Silence};
use crate::{Error, Result};

/// The longest silence that can be asked for.
const MOST_SECONDS: u64 = 24 * 3600;

/// How patient we are with a registry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Further tries after the first.
    pub retries: usize,
    /// The first pause; later ones double.
    pub first_pause: Duration,
    /// A registry that asks for a longer pause is not waited for.
    pub longest_pause: Duration,
    /// Further tries after the first that ended in silence: each has taken its time.
    pub silent_retries: usize,
    /// How long an answer, or the next piece of a blob, may be waited for.
    pub answer: Silence,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            retries: 4,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(90),
            silent_retries: 1,
            answer: Silence { told_after: Duration::from_secs(5), limit: Duration::from_secs(60) },
        }
    }
}

impl Patience {
    /// What the environment asks for.
    ///
    /// # Errors
    /// It asks for something that is no number of seconds.
    pub fn of(variables: &Variables) -> Result<Self> {
        let mut patience = Patience::default();
        if let Some(text) = variables.get(silence::VARIABLE).filter(|text| !text.is_empty()) {
            let seconds = text.trim().parse().ok().filter(|seconds| (1..=MOST_SECONDS).contains(seconds));
            let wrong = || Error::usage(format!("{} has to be a number of seconds, 1 to {MOST_SECONDS}", silence::VARIABLE));
            patience.answer.limit = Duration::from_secs(seconds.ok_or_else(wrong)?);
        }
        Ok(patience)
    }

    /// Does `operation` until it succeeds, fails for good, or patience ends.
    pub async fn retry<T, F, Fut>(&self, operation: F) -> Result<T, Failure>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, Failure>>,
    {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(self.first_pause)
            .with_max_delay(self.longest_pause.min(Duration::from_secs(20)))
            .with_max_times(self.retries)
            .with_jitter();
        let longest = self.longest_pause;
        let mut silent = 0;
        operation
            .retry(pauses)
            .sleep(tokio::time::sleep)
            .when(|failure: &Failure| {
                silent += usize::from(failure.silent);
                failure.transient && silent <= self.silent_retries
            })
            .adjust(move |failure, pause| match (pause, failure.retry_after) {
                (Some(pause), Some(asked)) => (asked <= longest).then(|| pause.max(asked)),
                (pause, _) => pause,
            })
            .await
    }
}
