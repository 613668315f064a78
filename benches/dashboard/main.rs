//! Times the dashboard as a person has it: the program, as it is released, in a pseudo-terminal (Linux only: it reads /proc).
//!
//!     cargo bench --bench dashboard [-- WORD…]
//!
//! Without words it measures everything; `start`, `idle`, `keys`, `memory`, `sizes` and `slow` are the parts. A budget that is missed is
//! marked, and the exit code is 1. Loads come through `catamaran replay PIPE`: the events of a build that runs elsewhere.

#![allow(clippy::print_stdout, reason = "the table is what this is for")]

#[path = "../load/feed.rs"]
mod feed;
#[path = "../load/mod.rs"]
mod load;
#[allow(dead_code, reason = "tests use more of it")]
#[path = "../../tests/real/screen.rs"]
mod screen;

use std::fmt::Display;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use feed::Feed;
use screen::Screen;

/// A large window, in which nine logs are shown.
const LARGE: (u16, u16) = (240, 70);
const BUILDS: usize = 32;
const MIB: f64 = 1_024.0;

/// What has been measured, and whether any of it was too much.
#[derive(Default)]
struct Figures {
    missed: bool,
}

impl Figures {
    fn say(&self, what: &str, figure: impl Display) {
        println!("{what:<62}{figure}");
    }

    /// A figure that should be below `most`.
    fn within(&mut self, what: &str, figure: f64, most: f64, unit: &str) {
        let missed = if figure > most { "   MISSED" } else { "" };
        self.missed |= figure > most;
        println!("{what:<62}{figure:>9.1} {unit:<6} (at most {most} {unit}){missed}");
    }
}

/// The program, with folders of its own in `place`.
fn program(place: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_catamaran"));
    command.current_dir(place).stdin(Stdio::null()).env_remove("NO_COLOR").env("COLORTERM", "truecolor");
    for (variable, folder) in [("CATAMARAN_CACHE_DIR", "cache"), ("CATAMARAN_STATE_DIR", "state"), ("CATAMARAN_CONFIG_DIR", "config")] {
        command.env(variable, place.join(folder));
    }
    command
}

/// A folder with a catalog of 50 containers for two architectures each.
fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a folder");
    let mut text = String::from("[defaults]\ntargets = [\"x86_64\", \"aarch64\"]\nbase = [\"bash\", \"coreutils\"]\n");
    for n in 0..50 {
        text.push_str(&format!("[containers.service-{n:02}]\npackages = [\"bash\"]\nentrypoint = \"bash\"\n"));
    }
    std::fs::write(place.path().join("containers.toml"), text).expect("a catalog");
    place
}

/// The part of `times` in ms: the middle, the 99th of a hundred, the longest.
fn percentiles(times: &[Duration]) -> [f64; 3] {
    let mut times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_unstable_by(f64::total_cmp);
    [50, 99, 100].map(|part| times[((times.len() - 1) * part).div_ceil(100)])
}

fn start(figures: &mut Figures) {
    let place = place();
    let (mut frames, mut catalogs, mut helps) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..30 {
        let began = Instant::now();
        let mut screen = Screen::start(&program(place.path()), 120, 40);
        frames.push(screen.seen("a frame", Duration::from_secs(20), |s| s.text().contains("1 Images")) - began);
        catalogs.push(screen.seen("the catalog", Duration::from_secs(20), |s| s.text().contains("service-09")) - began);
        screen.keys("q");
        screen.ended();
        let began = Instant::now();
        let ran = program(place.path()).arg("--help").stdout(Stdio::null()).status().expect("the program runs");
        helps.push(began.elapsed());
        assert!(ran.success());
    }
    figures.within("start to first frame, p50", percentiles(&frames)[0], 30.0, "ms");
    figures.within("start to 50 containers x 2 on the screen, p50", percentiles(&catalogs)[0], 30.0, "ms");
    figures.within("--help, p50", percentiles(&helps)[0], 5.0, "ms");
}

/// The processor's time of a process so far, in ticks (proc_pid_stat(5): utime and stime).
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    let after = stat.rsplit_once(") ").expect("a process has a name").1;
    after.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

fn idle(figures: &mut Figures) {
    let place = place();
    let mut screen = Screen::start(&program(place.path()), LARGE.0, LARGE.1);
    screen.shows("service-09");
    screen.take_in(Duration::from_secs(1));
    let (bytes, used) = (screen.bytes, ticks(screen.pid()));
    screen.watch(Duration::from_secs(5));
    figures.within("idle for 5 s: written", (screen.bytes - bytes) as f64, 0.0, "bytes");
    figures.within("idle for 5 s: processor", (ticks(screen.pid()) - used) as f64, 0.0, "ticks");
    figures.within("idle: memory of its own", screen.memory("RssAnon") as f64 / MIB, 15.0, "MiB");
    figures.say("idle: memory, with the parts of the program that were read", format!("{:>9.1} MiB", screen.memory("VmRSS") as f64 / MIB));
    screen.keys("q");
    screen.ended();
}

/// The dashboard over a session elsewhere that says `rate` lines a second, nine of its logs on the screen.
fn watched(place: &Path, rate: u64) -> (Feed, Screen) {
    let pipe = place.join(format!("pipe-{rate}"));
    let feed = Feed::start(&pipe, BUILDS, rate);
    let mut screen = Screen::start(program(place).arg("replay").arg(&pipe), LARGE.0, LARGE.1);
    screen.seen("the builds", Duration::from_secs(20), |s| s.text().contains("32 running"));
    screen.keys("LLL");
    screen.watch(Duration::from_secs(1));
    (feed, screen)
}

/// The line on which the cursor of the list of tasks is.
fn cursor(screen: &Screen) -> Option<u16> {
    (0..LARGE.1).find(|y| screen.terminal.screen().cell(*y, 0).is_some_and(|cell| cell.contents() == "▌"))
}

/// Presses down and up; how long each took until the cursor was seen on another line.
fn press(screen: &mut Screen, times: usize) -> Vec<Duration> {
    let mut all = Vec::new();
    for n in 0..times {
        let before = cursor(screen);
        let pressed = Instant::now();
        screen.keys(if n % 2 == 0 { "j" } else { "k" });
        let seen = screen.seen("the cursor to move", Duration::from_secs(20), |s| cursor(s).is_some_and(|at| Some(at) != before));
        all.push(seen.saturating_duration_since(pressed));
        // Not in step with the frames.
        screen.watch(Duration::from_millis(20 + n as u64 * 7 % 17));
    }
    all
}

fn keys(figures: &mut Figures) {
    for (rate, name) in [(10_000, "10,000"), (100_000, "100,000")] {
        let place = place();
        let (feed, mut screen) = watched(place.path(), rate);
        let (bytes, frames, said, used) = (screen.bytes, screen.frames(), feed.said(), ticks(screen.pid()));
        screen.watch(Duration::from_secs(5));
        let each_second = |n: usize| n as f64 / 5.0;
        figures.say(&format!("{name} lines/s, of which were taken"), format!("{:>9.0} lines/s", (feed.said() - said) as f64 / 5.0));
        let written = each_second(screen.bytes - bytes) / 1e3;
        figures.within(&format!("{name} lines/s: written to the terminal"), written, 300.0, "KB/s");
        figures.say(&format!("{name} lines/s: frames"), format!("{:>9.0} /s", each_second(screen.frames() - frames)));
        let busy = (ticks(screen.pid()) - used) as f64 / 5.0; // ticks are hundredths of a second
        figures.say(&format!("{name} lines/s: processor, reading the pipe included"), format!("{busy:>9.0} % of a core"));
        let [p50, p99, most] = percentiles(&press(&mut screen, 300));
        figures.within(&format!("{name} lines/s: key to screen, p50"), p50, 16.0, "ms");
        figures.within(&format!("{name} lines/s: key to screen, p99"), p99, 16.0, "ms");
        figures.say(&format!("{name} lines/s: key to screen, longest"), format!("{most:>9.1} ms"));
        screen.keys("q");
        screen.shows("stop");
        screen.keys("\x03");
        screen.ended();
    }
}

fn memory(figures: &mut Figures) {
    let place = place();
    let (feed, mut screen) = watched(place.path(), 0);
    let (began, first) = (Instant::now(), feed.said());
    let mut after = Vec::new();
    for lines in [1_000_000, 10_000_000] {
        while feed.said() < lines {
            screen.watch(Duration::from_millis(50));
        }
        after.push(screen.memory("VmRSS") as f64 / MIB);
    }
    let speed = (feed.said() - first) as f64 / began.elapsed().as_secs_f64();
    figures.say("a flood: lines taken from the pipe", format!("{speed:>9.0} lines/s"));
    figures.say("memory after 1,000,000 lines of 32 builds", format!("{:>9.1} MiB", after[0]));
    figures.within("memory after 10,000,000: more by", after[1] - after[0], 2.0, "MiB");
    screen.keys("\x03\x03\x03");
    screen.ended();
}

fn sizes(figures: &mut Figures) {
    let place = place();
    let mut screen = Screen::start(&program(place.path()), LARGE.0, LARGE.1);
    screen.shows("service-09");
    let bytes = screen.bytes;
    for n in 0..1_000_u16 {
        screen.resize(40 + n * 7 % 200, 10 + n % 60);
        screen.watch(Duration::from_millis(2));
    }
    let resized = Instant::now();
    screen.resize(LARGE.0, LARGE.1);
    let whole = |s: &Screen| s.text().contains("? help") && s.text().contains("service-25");
    let seen = screen.seen("the last size", Duration::from_secs(20), whole);
    figures.within("1,000 sizes in 2 s: the last one is seen after", (seen - resized).as_secs_f64() * 1e3, 50.0, "ms");
    figures.say("1,000 sizes in 2 s: written", format!("{:>9.1} KB", (screen.bytes - bytes) as f64 / 1e3));
    screen.take_in(Duration::from_millis(200));
    let shown = screen.text();
    screen.keys("\x0c"); // redraw
    screen.take_in(Duration::from_millis(200));
    assert_eq!(shown, screen.text(), "what is left after a storm of sizes is a whole frame");
    screen.keys("q");
    screen.ended();
}

fn slow(figures: &mut Figures) {
    for (bytes, name) in [(20_000, "a line of 20 KB/s"), (0, "a terminal that takes nothing")] {
        let place = place();
        let (feed, mut screen) = watched(place.path(), 100_000);
        screen.watch(Duration::from_secs(3));
        screen.reads(bytes);
        let (before, said) = (screen.memory("VmRSS") as f64 / MIB, feed.said());
        screen.watch(Duration::from_secs(10));
        let speed = (feed.said() - said) as f64 / 10.0;
        figures.say(&format!("{name}: lines taken meanwhile"), format!("{speed:>9.0} lines/s"));
        figures.within(&format!("{name}: memory grew in 10 s by"), screen.memory("VmRSS") as f64 / MIB - before, 2.0, "MiB");
        let pressed = Instant::now();
        screen.keys("\x03\x03"); // the first one asks
        while screen.child.try_wait().expect("a child").is_none() && pressed.elapsed() < Duration::from_secs(20) {
            screen.watch(Duration::from_millis(5));
        }
        figures.within(&format!("{name}: ctrl-c, twice, ends it after"), pressed.elapsed().as_secs_f64() * 1e3, 1_500.0, "ms");
        screen.reads(screen::FAST);
        screen.ended();
    }
}

/// A part of the measurements, and its name.
type Part = (&'static str, fn(&mut Figures));

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let parts: [Part; 6] = [("start", start), ("idle", idle), ("keys", keys), ("memory", memory), ("sizes", sizes), ("slow", slow)];
    if let Some(unknown) = words.iter().find(|word| parts.iter().all(|(name, _)| name != word)) {
        println!("{unknown} is none of start, idle, keys, memory, sizes, slow");
        return ExitCode::from(2);
    }
    let mut figures = Figures::default();
    for (name, measure) in parts {
        if words.is_empty() || words.iter().any(|word| word == name) {
            measure(&mut figures);
        }
    }
    if figures.missed { ExitCode::from(1) } else { ExitCode::SUCCESS }
}
