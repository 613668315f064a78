//! Times frames of the dashboard, and how fast it takes in log lines.
//!
//!     cargo bench --bench frame [-- NAME]
//!
//! Criterion's figures are means of the time on the wall; the table at the beginning has the slow frames too, in processor time. `-- table`
//! prints that alone.

mod load;

use std::hint::black_box;
use std::time::Duration;

use catamaran::tui::{Model, Painter, frame};
use criterion::{BatchSize, Criterion, Throughput};
use load::Session;

/// Frames of which the table has the middle and the slowest of a hundred.
const FRAMES: usize = 1_000;
/// Lines that come to every build between two frames.
const NEW_LINES: u64 = 5;

/// A terminal and what is on it.
struct Case {
    name: &'static str,
    size: (u16, u16),
    builds: usize,
    lines: u64,
    /// What is pressed to see it.
    keys: &'static str,
}

const CASES: [Case; 8] = [
    Case { name: "80x24, 4 builds", size: (80, 24), builds: 4, lines: 5_000, keys: "2LL" },
    Case { name: "120x40, 32 builds", size: (120, 40), builds: 32, lines: 5_000, keys: "2LLL" },
    Case { name: "240x70, 32 builds, 9 logs", size: (240, 70), builds: 32, lines: 5_000, keys: "2LLL" },
    Case { name: "240x70, one log", size: (240, 70), builds: 32, lines: 5_000, keys: "2z" },
    Case { name: "240x70, one log, wrapped", size: (240, 70), builds: 32, lines: 5_000, keys: "2zwt" },
    Case { name: "240x70, 9 logs, a search", size: (240, 70), builds: 32, lines: 5_000, keys: "2LLL/queue<enter>" },
    Case { name: "240x70, 9 logs, one narrowed", size: (240, 70), builds: 32, lines: 5_000, keys: "2LLL&queue<enter>" },
    Case { name: "240x70, 400 builds, 9 logs", size: (240, 70), builds: 400, lines: 500, keys: "2LLL" },
];

/// A session on a screen.
struct Scene {
    model: Model,
    session: Session,
    painter: Painter,
    said: u64,
    builds: usize,
}

impl Scene {
    fn of(case: &Case) -> Self {
        let (mut model, mut session) = (Model::with_theme("dark").expect("a theme"), Session::default());
        (model.width, model.height) = case.size;
        session.begin(case.builds).iter().for_each(|event| model.feed(event));
        let mut scene = Scene { model, session, painter: Painter::default(), said: 0, builds: case.builds };
        scene.say(case.lines);
        scene.model.keys(case.keys).expect("keys");
        scene.paint();
        scene
    }

    /// Every build says `lines` more lines.
    fn say(&mut self, lines: u64) {
        for n in 0..self.builds {
            let event = self.session.event(load::output(n, self.said, lines));
            self.model.feed(&event);
        }
        self.said += lines;
    }

    fn paint(&mut self) -> usize {
        self.painter.paint(&self.model).expect("memory can be written").len()
    }
}

/// The processor's time of this thread so far: what others do on the machine is not in it.
fn spent() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The middle and the 99th of a hundred.
fn percentiles(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort_unstable();
    let at = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e3;
    (at(50), at(99))
}

#[allow(clippy::print_stdout, reason = "the table is what this is for")]
fn table() {
    println!("{:<32}{:>10}{:>10}{:>12}{:>16}{:>12}", "frame, ms", "p50", "p99", "bytes", "unchanged p50", "p99");
    for case in &CASES {
        let mut scene = Scene::of(case);
        let (mut changed, mut unchanged, mut bytes) = (Vec::new(), Vec::new(), 0);
        for _ in 0..FRAMES {
            scene.say(NEW_LINES);
            let began = spent();
            bytes += black_box(scene.paint());
            changed.push(spent() - began);
            let began = spent();
            assert_eq!(black_box(scene.paint()), 0, "nothing has changed");
            unchanged.push(spent() - began);
        }
        let ((p50, p99), (same50, same99)) = (percentiles(changed), percentiles(unchanged));
        println!("{:<32}{p50:>10.2}{p99:>10.2}{:>12}{same50:>16.2}{same99:>12.2}", case.name, bytes / FRAMES);
    }
}

fn frames(criterion: &mut Criterion) {
    for case in &CASES {
        let mut scene = Scene::of(case);
        let mut group = criterion.benchmark_group(format!("frame, {}", case.name));
        group.bench_function("into a buffer", |b| b.iter(|| black_box(frame(&scene.model, case.size.0, case.size.1))));
        group.bench_function("unchanged", |b| b.iter(|| black_box(scene.paint())));
        group.bench_function("to the terminal's bytes, in full", |b| {
            b.iter(|| {
                scene.painter.forget();
                black_box(scene.paint())
            });
        });
        group.finish();
    }
}

/// Lines taken in by the model, as the engine sends them: 16 ms of 100,000 lines/s at a time.
fn ingest(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ingest");
    for case in [&CASES[2], &CASES[7]] {
        let mut scene = Scene::of(case);
        let each = (1_600 / case.builds).max(1) as u64;
        group.throughput(Throughput::Elements(each * case.builds as u64));
        group.bench_function(case.name, |b| {
            b.iter_batched(
                || (0..case.builds).map(|n| scene.session.event(load::output(n, 7, each))).collect::<Vec<_>>(),
                |events| events.iter().for_each(|event| scene.model.feed(event)),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
        .configure_from_args();
    table();
    if std::env::args().any(|argument| argument == "table") {
        return;
    }
    frames(&mut criterion);
    ingest(&mut criterion);
    criterion.final_summary();
}
