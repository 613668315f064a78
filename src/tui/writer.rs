//! Writes to the terminal on a thread of its own: a write takes as long as the terminal does, and keys, signals and work do not wait
//! for it.

use std::io::{self, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Written at a time; between two pieces it is seen that the rest is not wanted any more.
const PIECE: usize = 4096;
/// How long a terminal that takes nothing is waited for when it is given back.
const PATIENCE: Duration = Duration::from_secs(1);
/// Ends an escape sequence that was begun (CAN, ECMA-48).
const CANCEL: &[u8] = b"\x18";

/// Hands over what is to be written, and hears how long that took.
pub(super) struct Writer {
    jobs: Sender<Vec<u8>>,
    done: UnboundedReceiver<io::Result<Duration>>,
    open: usize,
}

impl Writer {
    /// A writer that writes for as long as `ours` is true, and breaks off in what it writes when it is not.
    pub fn start(ours: &'static AtomicBool) -> io::Result<Self> {
        let (jobs, queue) = channel::<Vec<u8>>();
        let (told, done) = unbounded_channel();
        std::thread::Builder::new().name("terminal".into()).spawn(move || {
            for bytes in queue {
                let began = Instant::now();
                if told.send(write_while(&bytes, ours).map(|()| began.elapsed())).is_err() {
                    return;
                }
            }
        })?;
        Ok(Writer { jobs, done, open: 0 })
    }

    /// Hands over `bytes`; they come after what was handed over before.
    pub fn write(&mut self, bytes: Vec<u8>) {
        if self.jobs.send(bytes).is_ok() {
            self.open += 1;
        }
    }

    /// Whether everything that was handed over has been taken by the terminal.
    pub fn is_idle(&self) -> bool {
        self.open == 0
    }

    /// Waits until something that was handed over has been written; says how long that took. Never ends when nothing is being written.
    pub async fn written(&mut self) -> io::Result<Duration> {
        if self.is_idle() {
            return std::future::pending().await;
        }
        let took = self.done.recv().await;
        self.open -= 1;
        took.unwrap_or_else(|| Err(io::Error::other("the thread that writes has ended")))
    }
}

fn write_while(bytes: &[u8], ours: &AtomicBool) -> io::Result<()> {
    let mut out = stdout().lock(); // what gives the terminal back comes after this, also when it is cut short
    for (n, piece) in bytes.chunks(PIECE).enumerate() {
        if !ours.load(Ordering::SeqCst) {
            return if n == 0 { Ok(()) } else { out.write_all(CANCEL).and_then(|()| out.flush()) };
        }
        out.write_all(piece)?;
        out.flush()?;
    }
    Ok(())
}

/// Writes `bytes` at once.
pub(super) fn write_now(bytes: &[u8]) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Writes `bytes`, unless the terminal takes nothing for a second; whether it took them.
pub(super) fn write_at_last(bytes: Vec<u8>) -> bool {
    let (told, done) = channel();
    let begun = std::thread::Builder::new().name("last words".into()).spawn(move || {
        // A terminal that has gone away is no reason to stop restoring the rest.
        let _ = write_now(&bytes);
        let _ = told.send(());
    });
    begun.is_ok() && done.recv_timeout(PATIENCE).is_ok()
}
