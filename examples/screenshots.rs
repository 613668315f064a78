//! Makes the pictures in `screenshots/`.
//!
//! ```console
//! cargo run --example screenshots              # draws them again from screenshots/session.jsonl: same bytes every time
//! cargo run --example screenshots -- record    # records a session first: a real build, a real release
//! ```
//!
//! Recording drives the dashboard without a terminal: keys go in as a person would press them, commands go to a real
//! engine, which builds the first containers of our own `containers.toml` from the Debian archive and publishes one to a
//! `docker-registry` on a loopback port. What happened is written down line by line: keys, events, and where a picture
//! belongs. Drawing feeds the lines back in.
#![allow(clippy::print_stderr, reason = "a program for developers")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::Duration;

use catamaran::session::{self, Command, Event, Folders, Outcome, Phase, State};
use catamaran::tui::{self, Model, Request};
use ratatui::buffer::Buffer;
use serde::{Deserialize, Serialize};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// One line of a recording.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// The dashboard asks for the catalog, as it does when it starts.
    Start,
    /// Keys were pressed.
    Keys(String),
    /// The engine said something.
    Event(Box<Event>),
    /// Nobody did anything for so many milliseconds.
    Pause(u64),
    /// A picture belongs here.
    Picture(String),
}

/// Columns and lines of a picture.
const SIZE: (u16, u16) = (112, 30);
/// The pictures' themes; the first has the plain name.
const THEMES: [&str; 2] = ["dark", "light"];
/// So many milliseconds of work are one frame of the tour.
const WATCHED: u64 = 700;
const REGISTRY: &str = "127.0.0.1:5000";

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
    fs::create_dir_all(&folder)?;
    let recording = folder.join("session.jsonl");
    if std::env::args().nth(1).as_deref() == Some("record") {
        let lines = record()?;
        let text: Vec<String> = lines.iter().map(serde_json::to_string).collect::<std::result::Result<_, _>>()?;
        fs::write(&recording, text.join("\n") + "\n")?;
    }
    let lines: Vec<Line> = fs::read_to_string(&recording)?.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?;
    for (n, theme) in THEMES.into_iter().enumerate() {
        let suffix = if n == 0 { String::new() } else { format!("-{theme}") };
        if n == 0 {
            fs::write(folder.join("tour.svg"), tour(&lines, theme)?)?;
        }
        draw(&lines, theme, |name, svg| fs::write(folder.join(format!("{name}{suffix}.svg")), svg))?;
    }
    Ok(())
}

/// Feeds a recording to a dashboard and hands out the pictures.
fn draw(lines: &[Line], theme: &str, save: impl Fn(&str, String) -> std::io::Result<()>) -> Result<()> {
    let mut model = dashboard(theme)?;
    for line in lines {
        match line {
            Line::Start => model.sent(Request::of(&Command::LoadCatalog), session::RunId(1)),
            Line::Keys(keys) => drop(model.keys(keys)?),
            Line::Event(event) => model.feed(event),
            Line::Pause(milliseconds) => pause(&mut model, *milliseconds),
            Line::Picture(name) => save(name, tui::render_svg(&tui::frame(&model, SIZE.0, SIZE.1), "catamaran"))?,
        }
    }
    Ok(())
}

/// The whole recording, moving: waiting is cut short, what there is to read stays longer.
fn tour(lines: &[Line], theme: &str) -> Result<String> {
    let mut model = dashboard(theme)?;
    let mut frames: Vec<(Buffer, u64)> = Vec::new();
    let mut shown_at = 0;
    for line in lines {
        let stays = match line {
            Line::Start => {
                model.sent(Request::of(&Command::LoadCatalog), session::RunId(1));
                0
            }
            Line::Keys(keys) => {
                model.keys(keys)?;
                600
            }
            Line::Event(event) => {
                model.feed(event);
                if event.at >= shown_at + WATCHED { 150 } else { 0 }
            }
            Line::Pause(milliseconds) => {
                pause(&mut model, *milliseconds);
                0
            }
            Line::Picture(_) => 2_200,
        };
        if stays == 0 {
            continue;
        }
        shown_at = model.now;
        let frame = tui::frame(&model, SIZE.0, SIZE.1);
        match frames.last_mut() {
            Some((last, shown)) if *last == frame => *shown += stays,
            _ => frames.push((frame, stays)),
        }
    }
    Ok(tui::render_animation(&frames, "catamaran"))
}

fn dashboard(theme: &str) -> Result<Model> {
    let mut model = Model::with_theme(theme)?;
    tui::update(&mut model, tui::Msg::Resize(SIZE.0, SIZE.1));
    Ok(model)
}

fn pause(model: &mut Model, milliseconds: u64) {
    let then = model.now + milliseconds;
    tui::update(model, tui::Msg::Tick(then));
}

/// A session under way, and what of it is written down.
struct Recorder {
    model: Model,
    session: session::Session,
    lines: Vec<Line>,
}

impl Recorder {
    fn press(&mut self, keys: &str) -> Result<()> {
        self.lines.push(Line::Keys(keys.into()));
        for command in self.model.keys(keys)? {
            self.session.commands.send(command);
        }
        Ok(())
    }

    /// A person looks at what there is; what was said in passing is gone after that.
    fn look(&mut self) {
        self.lines.push(Line::Pause(5_000));
        pause(&mut self.model, 5_000);
    }

    fn picture(&mut self, name: &str) {
        self.lines.push(Line::Picture(name.into()));
    }

    /// Takes events in until `done`.
    async fn until(&mut self, what: &str, done: impl Fn(&State) -> bool) -> Result<()> {
        while !done(&self.model.state) {
            let event = tokio::time::timeout(Duration::from_secs(300), self.session.events.recv());
            let event = event.await.map_err(|_| format!("waited for {what}"))?.ok_or("the engine is gone")?;
            self.model.feed(&event);
            self.lines.push(Line::Event(Box::new(event)));
        }
        Ok(())
    }
}

fn record() -> Result<Vec<Line>> {
    let place = tempfile::tempdir()?;
    let own = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("containers.toml"))?;
    fs::write(place.path().join("containers.toml"), own.replace("\"ghcr.io\"", &format!("{REGISTRY:?}")))?;
    // Relative folders from here on: a recording names no path of the machine it was made on.
    std::env::set_current_dir(place.path())?;
    let _registry = Registry::start(place.path())?;
    let folders = Folders { cache: "cache".into(), state: "state".into(), config: "config".into() };
    let runtime = tokio::runtime::Runtime::new()?;
    let lines = runtime.block_on(async {
        let options = session::Options { file: Some(PathBuf::from("containers.toml")), folders };
        let mut recorder = Recorder { model: dashboard("dark")?, session: session::start(options), lines: vec![Line::Start] };
        let run = recorder.session.commands.send(Command::LoadCatalog);
        recorder.model.sent(Request::of(&Command::LoadCatalog), run);
        script(&mut recorder).await?;
        Result::Ok(recorder.lines)
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    lines
}

/// The session that is recorded.
async fn script(recorder: &mut Recorder) -> Result<()> {
    let idle = |state: &State| !state.runs.is_empty() && state.running().next().is_none();
    recorder.until("the catalog", |state| !state.targets.is_empty() && idle(state)).await?;

    recorder.press("ab2L")?;
    let ended = |state: &State| state.builds.values().filter(|b| matches!(b.phase, Phase::Ended(Outcome::Succeeded { .. }))).count();
    let lively = |state: &State| state.builds.values().filter(|b| matches!(b.phase, Phase::Running(_)) && b.lines.len() > 6).count() >= 2;
    recorder.until("builds at work", |state| ended(state) >= 4 && lively(state)).await?;
    let order = recorder.model.builds.order.clone();
    let at_work = |state: &State, task: &tui::Task| match task {
        tui::Task::Target(target) => state.builds.get(target).is_some_and(|b| matches!(b.phase, Phase::Running(_))),
        tui::Task::Run(_) | tui::Task::Test(_) => false,
    };
    let down = order.iter().position(|task| at_work(&recorder.model.state, task)).unwrap_or(0);
    recorder.press(&"j".repeat(down))?;
    recorder.picture("builds");

    recorder.until("every build and check", |state| state.builds.values().all(|b| !b.is_open()) && idle(state)).await?;
    recorder.press("1jj")?;
    recorder.look();
    recorder.picture("images");

    recorder.press("<enter>")?;
    let inspected = |state: &State| state.inspections.len() >= 2 && idle(state);
    recorder.until("the inspection", inspected).await?;
    recorder.look();
    recorder.picture("inspect");

    recorder.press("1p<enter>1.2.0<enter>")?;
    recorder.until("the plan", |state| state.plan.is_some() && idle(state)).await?;
    recorder.press("<enter>")?;
    recorder.look();
    recorder.picture("release-plan");

    recorder.press("1.2.0<enter>")?;
    recorder.until("the receipt", |state| state.publication.as_ref().is_some_and(|p| p.receipt.is_some()) && idle(state)).await?;
    recorder.look();
    recorder.picture("release-result");
    Ok(())
}

/// A `docker-registry` of this recording.
struct Registry(Child);

impl Registry {
    fn start(place: &Path) -> Result<Self> {
        let data = place.join("registry");
        let config = place.join("registry.yml");
        fs::write(
            &config,
            format!(
                "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {REGISTRY}}}\n",
                data.display()
            ),
        )?;
        let mut command = Process::new("docker-registry");
        let child = command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.map_err(|error| format!("docker-registry does not start ({error}): apt-get install docker-registry"))?;
        for _ in 0..100 {
            if std::net::TcpStream::connect(REGISTRY).is_ok() {
                return Ok(Registry(child));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("docker-registry does not answer on {REGISTRY}").into())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
