//! Servers that are silent: whoever waits is told whom for.

use std::time::Duration;

use tokio::time::sleep_until;
use url::Url;

use super::http::shown;
use crate::waiting::{Listener, Telling};

/// After this long it is said that a server is waited for.
const TOLD_AFTER: Duration = if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(5) };

/// Waits for `answer`, which `url` is asked for; `listener` hears it when that takes long.
pub(super) async fn wait<T>(listener: &Listener, url: &Url, answer: impl Future<Output = T>) -> T {
    tokio::pin!(answer);
    let mut telling = Telling::new(listener, url.host_str().unwrap_or_default(), TOLD_AFTER);
    loop {
        tokio::select! {
            answer = &mut answer => return answer,
            () = sleep_until(telling.due(Duration::MAX)) => telling.tell(&shown(url).to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::progress::Progress;
    use crate::waiting::Lines;

    #[tokio::test]
    async fn a_silent_server_is_told_of_ever_more_rarely() {
        let (listener, lines) = (Listener::default(), Arc::new(Lines::default()));
        let url = Url::parse("http://me:secret@mirror.test/debian/x").unwrap();
        listener.is(Arc::clone(&lines) as Arc<dyn Progress>);
        assert_eq!(wait(&listener, &url, async { 7 }).await, 7);
        assert!(lines.0.lock().unwrap().is_empty());
        wait(&listener, &url, tokio::time::sleep(Duration::from_millis(300))).await;
        let told = lines.0.lock().unwrap().clone();
        assert!((1..=4).contains(&told.len()), "{told:?}");
        assert_eq!(told[0], "waiting for mirror.test for 0 s: http://mirror.test/debian/x");
    }
}
