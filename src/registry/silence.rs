//! A host that says nothing: told while it is waited for, and given up after a while.
//!
//! Limits are on silence, never on work: an answer whose body flows, and a blob that is on its way, take as long as they take.

use std::time::Duration;

use tokio::time::sleep_until;

use super::failure::Failure;
use crate::waiting::{Listener, Telling};
use crate::{Error, Result};

/// How many bytes are sent in a second over a line that is slow.
const SLOW_LINE: u64 = 64 << 10;
/// How many bytes of a blob a slow registry puts away in a second: with some storage services that is a copy.
const SLOW_STORAGE: u64 = 8 << 20;
/// The variable that says how many seconds an answer is waited for.
pub(super) const VARIABLE: &str = "CATAMARAN_ANSWER_TIMEOUT";

/// How long a host may be silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    /// After this long it is said that it is waited for; then again each time the wait has doubled.
    pub told_after: Duration,
    /// After this long it is given up.
    pub limit: Duration,
}

impl Silence {
    /// The same for a request with a body of `bytes` that is sent before there can be an answer.
    pub fn with_body(self, bytes: u64) -> Self {
        let more = Duration::from_secs(bytes / SLOW_LINE);
        Silence { told_after: self.told_after + more, limit: self.limit + more }
    }

    /// The same for a registry that has all `bytes` of a blob, and has to check and keep them before it answers.
    pub fn to_put_away(self, bytes: u64) -> Self {
        Silence { limit: self.limit + Duration::from_secs(bytes / SLOW_STORAGE), ..self }
    }
}

/// One wait for a host, which may go on and on while something moves.
pub(super) struct Wait<'a> {
    listener: &'a Listener,
    host: &'a str,
    telling: Telling<'a>,
    limit: Duration,
}

impl<'a> Wait<'a> {
    pub fn new(listener: &'a Listener, host: &'a str, silence: Silence) -> Self {
        Wait { listener, host, telling: Telling::new(listener, host, silence.told_after), limit: silence.limit }
    }

    /// Something has moved, or other limits count from now on.
    pub fn moved(&mut self, silence: Silence) {
        *self = Wait::new(self.listener, self.host, silence);
    }

    /// Tells what is due by now; the failure that it is when the limit is over.
    pub fn look(&mut self, doing: &str) -> Result<(), Failure> {
        if self.telling.waited() >= self.limit {
            return Err(given_up(self.host, doing, self.limit));
        }
        self.telling.tell(doing);
        Ok(())
    }

    /// Waits for `answer`.
    pub async fn hear<T>(mut self, doing: &str, answer: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => return Ok(answer),
                () = sleep_until(self.telling.due(self.limit)) => self.look(doing)?,
            }
        }
    }
}

/// What it is to have waited in vain.
fn given_up(host: &str, doing: &str, limit: Duration) -> Failure {
    let error =
        Error::network(format!("{doing}: {host} did not answer in time: nothing has come or gone for {} seconds", limit.as_secs_f32()));
    Failure::from(error.hint(format!(
        "check the network and {host}, and run it again: what has arrived is kept; {VARIABLE}=SECONDS waits longer for each answer"
    )))
    .silent()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Instant;

    use crate::progress::Progress;
    use crate::waiting::Lines;

    #[tokio::test]
    async fn a_silent_host_is_told_of_and_then_given_up() {
        let (listener, lines) = (Listener::default(), Arc::new(Lines::default()));
        listener.is(Arc::clone(&lines) as Arc<dyn Progress>);
        let silence = Silence { told_after: Duration::from_millis(20), limit: Duration::from_millis(300) };
        let began = Instant::now();
        let failure = Wait::new(&listener, "r.test", silence).hear("asking", std::future::pending::<()>()).await.unwrap_err();
        assert!(began.elapsed() >= silence.limit);
        assert!(failure.transient && failure.silent, "{failure:?}");
        assert!(failure.error.message().contains("r.test did not answer in time"), "{}", failure.error);
        // Each wait is twice the one before: some lines, never many.
        let told = std::mem::take(&mut *lines.0.lock().unwrap());
        assert!((1..=4).contains(&told.len()) && told[0] == "waiting for r.test for 0 s: asking", "{told:?}");

        // A body on its way has its time, and so has a blob that is put away.
        let sending = silence.with_body(4 << 20);
        assert!(sending.told_after.as_secs() == 64 && sending.limit > sending.told_after);
        assert_eq!(silence.to_put_away(800 << 20).limit.as_secs(), 100);
        Wait::new(&listener, "r.test", sending).hear("sending", tokio::time::sleep(Duration::from_millis(400))).await.unwrap();
        assert!(lines.0.lock().unwrap().is_empty());
    }
}
