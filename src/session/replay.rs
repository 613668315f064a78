//! Plays a recording back: the lines of `--output json`, as events, in their own time.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;

use super::RunId;
use super::event::{Event, EventKind};
use super::payload::Failure;
use crate::error::IoContext;
use crate::{Error, Result};

/// An event longer than this is none of ours.
const MAX_LINE: u64 = 64 << 20;
/// No pause of a recording is longer than this: nobody watches somebody think.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Reads the recording at `path` and plays it back, `speed` times as fast as it was. Every line of a file is read once before, so that a
/// mistake is told at once. What comes through a pipe is handed out as it comes, whatever the speed: a build elsewhere can be watched.
///
/// # Errors
/// The file cannot be read, or a line of it is no event of this version. Of a pipe that is told as the failure of the run.
pub fn replay(path: &Path, speed: f64) -> Result<mpsc::Receiver<Event>> {
    let mut file = File::open(path).at("opening", path)?;
    let live = !file.metadata().at("reading", path)?.is_file();
    if !live {
        let mut count = 0_usize;
        each(&file, path, |_| {
            count += 1;
            true
        })?;
        if count == 0 {
            return Err(Error::usage(format!("{}: there is no event in it", path.display()))
                .hint("`catamaran build --output json > FILE` makes a recording"));
        }
        file.rewind().at("reading", path)?;
    }
    let (sender, receiver) = mpsc::channel(256);
    let path = path.to_owned();
    let waits = !live && speed.is_finite() && speed > 0.0;
    tokio::task::spawn_blocking(move || {
        let (mut seq, mut before, mut run) = (0, 0, RunId(0));
        let ended = each(&file, &path, |event| {
            let pause = Duration::from_millis(event.at.saturating_sub(before)).min(LONGEST_PAUSE);
            (seq, before, run) = (event.seq, event.at, event.run);
            if waits {
                std::thread::sleep(pause.div_f64(speed.max(0.01)));
            }
            sender.blocking_send(event).is_ok()
        });
        if let Err(error) = ended {
            let kind = EventKind::RunFailed { failure: Failure::from(&error) };
            let _ = sender.blocking_send(Event { schema: 1, seq: seq + 1, at: before, run, kind });
        }
    });
    Ok(receiver)
}

/// Hands out the events of `file`, which is at `path`, as long as `go_on` says so.
fn each(file: &File, path: &Path, mut go_on: impl FnMut(Event) -> bool) -> Result<()> {
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).at("reading", path)? == 0 {
            break;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let event: Event = serde_json::from_slice(&line).map_err(|error| {
            Error::usage(format!("{}:{number}: this is no event: {error}", path.display()))
                .hint("a recording is what `--output json` prints, line by line")
        })?;
        if !go_on(event) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn line(at: u64) -> String {
        let event = Event { schema: 1, seq: at, at, run: RunId(1), kind: EventKind::RunFinished { failed: 0, took: at } };
        serde_json::to_string(&event).unwrap() + "\n"
    }

    #[tokio::test]
    async fn events_come_in_order_and_in_their_own_time() {
        let file = recording(&format!("{}\n{}{}", line(1), line(40), line(80)));
        let began = std::time::Instant::now();
        let mut events = replay(file.path(), 1.0).unwrap();
        let mut at = Vec::new();
        while let Some(event) = events.recv().await {
            at.push(event.at);
        }
        assert_eq!(at, [1, 40, 80]);
        assert!(began.elapsed() >= Duration::from_millis(79));
    }

    #[tokio::test]
    async fn a_line_that_is_no_event_is_named() {
        let file = recording(&format!("{}nonsense\n", line(1)));
        assert!(replay(file.path(), 1.0).unwrap_err().message().contains(":2: this is no event"));
        assert!(replay(recording("").path(), 1.0).unwrap_err().message().contains("no event in it"));
        assert!(replay(Path::new("/nowhere"), 1.0).is_err());
    }

    #[tokio::test]
    async fn a_pipe_is_shown_as_it_comes_and_what_is_wrong_with_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let writing = path.clone();
        let writer = std::thread::spawn(move || std::fs::write(writing, format!("{}{}nonsense\n", line(1), line(90_000))));
        let mut events = replay(&path, 1.0).unwrap();
        let mut seen = Vec::new();
        while let Some(event) = events.recv().await {
            seen.push(match event.kind {
                EventKind::RunFailed { failure } => failure.message,
                _ => event.at.to_string(),
            });
        }
        writer.join().unwrap().unwrap();
        assert_eq!(seen[..2], ["1", "90000"]);
        assert!(seen[2].contains(":3: this is no event"), "{seen:?}");
    }
}
