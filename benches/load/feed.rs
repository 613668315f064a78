//! A session that `catamaran replay` watches through a pipe: builds that say so many lines a second, as events, as an engine elsewhere
//! would send them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use catamaran::session::Event;

use crate::load::{self, Session};

/// How long lines are gathered before they travel together, as in a session.
const GATHER: Duration = Duration::from_millis(16);
/// Different batches of each build; after these they repeat.
const BATCHES: u64 = 16;

/// The writing end of the pipe.
pub struct Feed {
    said: Arc<AtomicU64>,
    enough: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// Makes a pipe at `path` and begins `builds` builds in it, which say `rate` lines a second; as many as are taken when that is 0.
    pub fn start(path: &Path, builds: usize, rate: u64) -> Self {
        let made = std::process::Command::new("mkfifo").arg(path).status().expect("this needs mkfifo");
        assert!(made.success(), "no pipe at {}", path.display());
        let (said, enough) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counts, ends, path) = (Arc::clone(&said), Arc::clone(&enough), path.to_owned());
        let thread = std::thread::spawn(move || {
            let pipe = File::create(path).expect("a pipe");
            // A reader that has gone away is the end of a measurement.
            let _ = say(BufWriter::with_capacity(64 * 1024, pipe), builds, rate, &counts, &ends);
        });
        Feed { said, enough, thread: Some(thread) }
    }

    /// Lines that have gone into the pipe.
    pub fn said(&self) -> u64 {
        self.said.load(Ordering::Relaxed)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.enough.store(true, Ordering::Relaxed);
        self.thread.take().into_iter().for_each(|thread| drop(thread.join()));
    }
}

fn say(mut pipe: impl Write, builds: usize, rate: u64, said: &AtomicU64, enough: &AtomicBool) -> std::io::Result<()> {
    let began = Instant::now();
    let mut session = Session::default();
    let put = |pipe: &mut dyn Write, event: &Event| {
        serde_json::to_writer(&mut *pipe, event)?;
        pipe.write_all(b"\n")
    };
    session.begin(builds).iter().try_for_each(|event| put(&mut pipe, event))?;
    pipe.flush()?;
    let each = (rate * GATHER.as_millis() as u64 / 1_000 / builds as u64).clamp(1, 1_000);
    let each = if rate == 0 { 100 } else { each };
    // Written beforehand, so that little of the machine is taken from who reads: only number and time change.
    let bodies: Vec<String> = (0..BATCHES)
        .flat_map(|batch| (0..builds).map(move |n| (batch, n)))
        .map(|(batch, n)| {
            let text = serde_json::to_string(&load::output(n, batch * each, each)).map_err(std::io::Error::from)?;
            Ok(text.trim_start_matches('{').to_owned())
        })
        .collect::<std::io::Result<_>>()?;
    let mut seq = 10_000;
    for body in bodies.iter().cycle() {
        if enough.load(Ordering::Relaxed) {
            break;
        }
        let lines = said.fetch_add(each, Ordering::Relaxed) + each;
        writeln!(pipe, "{{\"schema\":1,\"seq\":{seq},\"at\":{},\"run\":1,{body}", began.elapsed().as_millis())?;
        seq += 1;
        // All builds speak, then there is a pause until it is time for what they say next.
        if rate > 0 && seq % builds as u64 == 0 {
            pipe.flush()?;
            let due = Duration::from_secs_f64(lines as f64 / rate as f64);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
        }
    }
    pipe.flush()
}
