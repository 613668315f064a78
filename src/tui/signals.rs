//! Signals, as far as they concern the terminal.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long the end may take once a signal has asked for it.
const LAST_WORDS: Duration = Duration::from_secs(6);

/// Ends the process when it was told to end and has not: a terminal that goes away can catch the reading of its input in an
/// endless loop (crossterm 0.29), and nobody would be left to stop it.
pub(super) async fn leave_at_last() {
    let told = async |kind| match signal(kind) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = told(SignalKind::hangup()) => {}
        () = told(SignalKind::terminate()) => {}
    }
    tokio::time::sleep(LAST_WORDS).await;
    std::process::exit(i32::from(crate::Kind::Interrupted.exit_code()));
}

/// Signals that concern the terminal.
pub(super) struct Signals {
    streams: [(Received, Signal); 6],
}

/// What a signal says.
#[derive(Clone, Copy)]
pub(super) enum Received {
    Interrupt,
    Continue,
    Resized,
    End,
}

impl Signals {
    /// Listens from now on.
    pub fn new() -> std::io::Result<Self> {
        let end = |kind| Ok::<_, std::io::Error>((Received::End, signal(kind)?));
        Ok(Signals {
            streams: [
                end(SignalKind::terminate())?,
                end(SignalKind::hangup())?,
                end(SignalKind::quit())?,
                (Received::Interrupt, signal(SignalKind::interrupt())?),
                // crossterm 0.29 tells of a new size too, but not when a key comes at the same time: it leaves a batch of
                // readiness at its first event, and the rest of the batch is lost until the next signal.
                (Received::Resized, signal(SignalKind::window_change())?),
                // SIGCONT (18 on Linux, 19 on macOS): something else stopped us and we are back.
                (Received::Continue, signal(SignalKind::from_raw(if cfg!(target_os = "macos") { 19 } else { 18 }))?),
            ],
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Received {
        std::future::poll_fn(|context| {
            for (what, stream) in &mut self.streams {
                if stream.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*what);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}
