//! Trying again: with growing pauses, or as long as the registry asks for.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use super::failure::Failure;

/// How patient we are with a registry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Further tries after the first.
    pub retries: usize,
    /// The first pause; later ones double.
    pub first_pause: Duration,
    /// A registry that asks for a longer pause is not waited for.
    pub longest_pause: Duration,
    /// How long a request without a blob may take.
    pub answer_limit: Duration,
    /// How long a blob on its way may stand still.
    pub stall_limit: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            retries: 4,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(90),
            answer_limit: Duration::from_secs(60),
            stall_limit: Duration::from_secs(60),
        }
    }
}

impl Patience {
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
        operation
            .retry(pauses)
            .sleep(tokio::time::sleep)
            .when(|failure: &Failure| failure.transient)
            .adjust(move |failure, pause| match (pause, failure.retry_after) {
                (Some(pause), Some(asked)) => (asked <= longest).then(|| pause.max(asked)),
                (pause, _) => pause,
            })
            .await
    }
}
