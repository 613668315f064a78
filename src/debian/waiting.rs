//! Servers that are silent: whoever waits is told whom for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use url::Url;

use super::http::shown;
use crate::progress::Progress;

/// After this long it is said that a server is waited for; then again each time the wait has doubled.
const TOLD_AFTER: Duration = if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(5) };

/// Who hears it. Cheap to clone; nobody at first.
#[derive(Clone, Default)]
pub(super) struct Listener(Arc<Mutex<Option<Arc<dyn Progress>>>>);

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

    /// Waits for `answer`, which `url` is asked for, and says so when that takes long.
    pub async fn wait<T>(&self, url: &Url, answer: impl Future<Output = T>) -> T {
        tokio::pin!(answer);
        let (began, mut next) = (Instant::now(), TOLD_AFTER);
        loop {
            tokio::select! {
                answer = &mut answer => return answer,
                () = sleep_until(began + next) => {
                    let host = url.host_str().unwrap_or_default();
                    self.hears(&format!("waiting for {host} for {} s: {}", began.elapsed().as_secs(), shown(url)));
                    next *= 2;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Unit;

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl Progress for Lines {
        fn phase(&self, _: &str) {}
        fn amount(&self, _: u64, _: u64, _: Unit) {}
        fn line(&self, line: &str) {
            self.0.lock().unwrap().push(line.to_owned());
        }
    }

    #[tokio::test]
    async fn a_silent_server_is_told_of_ever_more_rarely() {
        let (listener, lines) = (Listener::default(), Arc::new(Lines::default()));
        let url = Url::parse("http://me:secret@mirror.test/debian/x").unwrap();
        listener.is(Arc::clone(&lines) as Arc<dyn Progress>);
        assert_eq!(listener.wait(&url, async { 7 }).await, 7);
        assert!(lines.0.lock().unwrap().is_empty());
        listener.wait(&url, tokio::time::sleep(Duration::from_millis(300))).await;
        let told = lines.0.lock().unwrap().clone();
        assert!((1..=4).contains(&told.len()), "{told:?}");
        assert_eq!(told[0], "waiting for mirror.test for 0 s: http://mirror.test/debian/x");
    }
}
