//! The loop: signals, keys, the engine and the clock in; frames and commands out. The only part that knows the time.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossterm::event::{Event as Input, EventStream};
use futures_util::StreamExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::clipboard;
use super::keymap::Keymap;
use super::model::{Model, Quit};
use super::msg::{Effect, Level, Msg, Request};
use super::terminal::{Terminal, install_panic_hook};
use super::text;
use super::theme::{Depth, Library};
use super::update::update;
use crate::session::{Command, Event, EventKind, Failure, Outcome, Phase, RunEnd, RunId};
use crate::{Error, Result};

/// The least time between frames that the engine causes; keys are answered at once.
const FRAME_TIME: Duration = Duration::from_millis(16);
/// A frame that took longer to write than this went over a slow line, which then gets fewer of them.
const SLOW_WRITE: Duration = Duration::from_millis(30);
/// The time between frames on a slow line.
const SLOW_FRAME_TIME: Duration = Duration::from_millis(50);
/// How long the end may take once a signal has asked for it.
const LAST_WORDS: Duration = Duration::from_secs(6);
/// Events taken from the engine at a time.
const BATCH: usize = 512;

/// The engine, as the dashboard sees it.
pub struct Link {
    /// What happens.
    pub events: mpsc::Receiver<Event>,
    /// Asks for something; gives the run it will have. Never waits.
    pub send: Box<dyn Fn(Command) -> RunId + Send>,
}

/// How the dashboard starts.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The theme; `None` means `no-color` when `NO_COLOR` is set, else `auto`.
    pub theme: Option<String>,
    /// A folder with more themes.
    pub themes: Option<PathBuf>,
    /// `[keys]` of the user's config, and the file it is from.
    pub keys: Option<(toml::Table, String)>,
    /// Leave the mouse to the terminal.
    pub no_mouse: bool,
}

/// What was done, once the dashboard is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExitSummary {
    /// Lines for the terminal: a table of what was built, why what failed did, what was published.
    pub lines: Vec<String>,
    /// Builds and publications that failed.
    pub failed: usize,
    /// The user broke off what was running.
    pub interrupted: bool,
}

impl ExitSummary {
    /// The process exit code (DESIGN, "Exit codes").
    pub fn exit_code(&self) -> u8 {
        match (self.interrupted, self.failed) {
            (true, _) => 130,
            (false, 0) => 0,
            (false, _) => 1,
        }
    }
}

/// Shows the dashboard until the user leaves it.
pub async fn run(mut link: Link, options: Options) -> Result<ExitSummary> {
    let mut model = prepare(&options)?;
    let (told, mut panics) = mpsc::unbounded_channel();
    install_panic_hook(told);
    tokio::spawn(leave_at_last());
    let tty = |error: std::io::Error| Error::failed("the terminal cannot be used").source(error);
    let mut signals = Signals::new().map_err(tty)?;
    let mut terminal = Terminal::enter(model.mouse).map_err(tty)?;
    let mut input = EventStream::new();
    let mut clock = Clock::start();
    let mut batch = Vec::with_capacity(BATCH);
    let mut catalog = CatalogWatch::default();
    let mut commands = vec![Command::LoadCatalog];
    let (mut engine_gone, mut urgent, mut dirty) = (false, true, true);
    let (mut last_frame, mut frame_time) = (Instant::now(), FRAME_TIME);
    loop {
        if catalog.due(&model, &commands) {
            commands.insert(0, Command::LoadCatalog);
        }
        for command in commands.drain(..) {
            if matches!(command, Command::LoadCatalog) {
                catalog.reading(&model);
            }
            let request = Request::of(&command);
            let run = (link.send)(command);
            update(&mut model, Msg::Sent(request, run));
        }
        for effect in std::mem::take(&mut model.effects) {
            if let Some(command) = perform(effect, &mut model, &mut terminal, &mut input, &mut link).await.map_err(tty)? {
                commands.push(command);
            }
            (dirty, urgent) = (true, true);
        }
        if !commands.is_empty() {
            continue;
        }
        if model.quit == Quit::Now {
            break;
        }
        let due = last_frame + frame_time;
        if dirty && (urgent || Instant::now() >= due) {
            let began = Instant::now();
            terminal.draw(&model).map_err(tty)?;
            last_frame = Instant::now();
            frame_time = if last_frame - began > SLOW_WRITE { SLOW_FRAME_TIME } else { FRAME_TIME };
            (dirty, urgent) = (false, false);
        }
        let pause = model.next_change().map(Duration::from_millis);
        tokio::select! {
            biased;
            received = signals.next() => match received {
                Received::Interrupt => {
                    update(&mut model, Msg::Tick(clock.now()));
                    commands = super::update::act(&mut model, super::action::Action::Interrupt);
                    (dirty, urgent) = (true, true);
                }
                Received::Continue => {
                    terminal.reclaim(model.streaming).map_err(tty)?;
                    resize(&mut model);
                    (dirty, urgent) = (true, true);
                }
                Received::Resized => {
                    resize(&mut model);
                    (dirty, urgent) = (true, true);
                }
                Received::End => {
                    drop(terminal);
                    return Err(Error::interrupted());
                }
            },
            event = input.next() => {
                update(&mut model, Msg::Tick(clock.now()));
                let mut next = Some(event);
                // What is already waiting (a paste, a resize storm) is taken in before the next frame.
                while let Some(event) = next {
                    catalog.touched(&event);
                    match event {
                        Some(Ok(event)) => commands.extend(take(&mut model, event)),
                        Some(Err(error)) => return Err(tty(error)),
                        None => return Ok(summary(&model)),
                    }
                    next = if commands.len() < 64 && model.effects.is_empty() { waiting(&mut input).await } else { None };
                }
                (dirty, urgent) = (true, true);
            }
            () = tokio::time::sleep_until(due.into()), if dirty => {}
            n = link.events.recv_many(&mut batch, BATCH), if !engine_gone => {
                if n == 0 {
                    engine_gone = true;
                    update(&mut model, Msg::Notice(Level::Error, "the engine has stopped; quit and start again".into()));
                }
                for event in batch.drain(..) {
                    clock.saw(event.at);
                    catalog.saw(&event);
                    stream(&mut terminal, &model, &event).map_err(tty)?;
                    commands.extend(update(&mut model, Msg::Engine(Box::new(event))));
                }
                update(&mut model, Msg::Tick(clock.now()));
                dirty = true;
            }
            Some(panic) = panics.recv() => {
                update(&mut model, Msg::Notice(Level::Error, format!("a part of the program failed: {panic}")));
                (dirty, urgent) = (true, true);
            }
            () = tokio::time::sleep(pause.unwrap_or(FRAME_TIME)), if pause.is_some() => {
                update(&mut model, Msg::Tick(clock.now()));
                dirty = true;
            }
        }
    }
    drop(terminal);
    Ok(summary(&model))
}

fn prepare(options: &Options) -> Result<Model> {
    let term = std::env::var("TERM").ok();
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() || term.as_deref() == Some("dumb") {
        return Err(Error::usage("the dashboard needs a terminal")
            .hint("every screen has a command: `catamaran list`, `build`, `verify`, `inspect`, `push`; see `catamaran --help`"));
    }
    let library = match &options.themes {
        Some(folder) => Library::with_folder(folder)?,
        None => Library::built_in(),
    };
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let name = options.theme.as_deref().unwrap_or(if no_color { "no-color" } else { "auto" });
    let depth = Depth::from_environment(std::env::var("COLORTERM").ok().as_deref(), term.as_deref());
    let keymap = match &options.keys {
        Some((keys, origin)) => Keymap::with_overrides(keys, origin)?,
        None => Keymap::standard(),
    };
    let mut model = Model::new(library.load(name)?.at_depth(depth), library, keymap);
    model.depth = depth;
    model.mouse = !options.no_mouse;
    resize(&mut model);
    Ok(model)
}

fn resize(model: &mut Model) {
    if let Ok((width, height)) = crossterm::terminal::size() {
        update(model, Msg::Resize(width, height));
    }
}

/// Ends the process when it was told to end and has not: a terminal that goes away can catch the reading of its input in an
/// endless loop (crossterm 0.29), and nobody would be left to stop it.
async fn leave_at_last() {
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

/// An event that is there already. Polled with the task's own waker: crossterm's stream keeps the first waker it gets
/// while it waits, so a `now_or_never` here would leave it deaf.
async fn waiting(input: &mut EventStream) -> Option<Option<std::io::Result<Input>>> {
    std::future::poll_fn(|context| match input.poll_next_unpin(context) {
        std::task::Poll::Ready(event) => std::task::Poll::Ready(Some(event)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

fn take(model: &mut Model, event: Input) -> Vec<Command> {
    match event {
        Input::Key(key) => update(model, Msg::Key(key)),
        Input::Mouse(mouse) => update(model, Msg::Mouse(mouse)),
        Input::Paste(text) => update(model, Msg::Paste(text)),
        // The signal says it, with the size there is now; this one may be older (see `Signals`).
        Input::Resize(..) | Input::FocusGained | Input::FocusLost => Vec::new(),
    }
}

/// Does what only the side with the terminal can do.
async fn perform(
    effect: Effect,
    model: &mut Model,
    terminal: &mut Terminal,
    input: &mut EventStream,
    link: &mut Link,
) -> std::io::Result<Option<Command>> {
    match effect {
        Effect::Redraw => terminal.redraw(),
        Effect::Mouse(on) => terminal.set_mouse(on)?,
        Effect::Stream(on) => {
            terminal.set_streaming(on)?;
            if on {
                terminal.stream("-- streaming; S returns to the dashboard --")?;
            }
        }
        Effect::Copy { text, what } => {
            let way = tokio::task::spawn_blocking(move || clipboard::copy(&text)).await;
            let (level, said) = match way {
                Ok(Ok(way)) => (Level::Success, format!("copied {what} (via {way})")),
                Ok(Err(why)) => (Level::Error, format!("not copied: {why}")),
                Err(error) => (Level::Error, format!("not copied: {error}")),
            };
            update(model, Msg::Notice(level, said));
        }
        Effect::Suspend => {
            terminal.leave();
            // There is no safe call that stops this process; the shell's own `kill` does it. `fg` comes back here.
            let stopped = std::process::Command::new("sh").args(["-c", "kill -TSTP $PPID"]).status();
            if let Err(error) = stopped {
                update(model, Msg::Notice(Level::Error, format!("cannot suspend: {error}")));
            }
            terminal.resume()?;
            resize(model);
        }
        Effect::Edit(path, line) => {
            let editor = std::env::var("VISUAL").or_else(|_| std::env::var("EDITOR")).unwrap_or_else(|_| "vi".into());
            outside(&editor, &[format!("+{line}"), path.display().to_string()], model, terminal, input, link).await?;
            return Ok(Some(Command::LoadCatalog));
        }
        Effect::Page(path) => {
            let pager = std::env::var("PAGER").unwrap_or_else(|_| "less".into());
            outside(&pager, &[path.display().to_string()], model, terminal, input, link).await?;
        }
    }
    Ok(None)
}

/// Runs another program in the terminal; the engine goes on, and what it says is not lost.
async fn outside(
    program: &str,
    args: &[String],
    model: &mut Model,
    terminal: &mut Terminal,
    input: &mut EventStream,
    link: &mut Link,
) -> std::io::Result<()> {
    let mut words = program.split_whitespace();
    let Some(name) = words.next() else { return Ok(()) };
    terminal.leave();
    // The stream's reader would take the other program's keys; a fresh one starts when it is over.
    let (old, mut batch) = (std::mem::replace(input, EventStream::new()), Vec::new());
    drop(old);
    let child = tokio::process::Command::new(name).args(words).args(args).spawn();
    match child {
        Ok(mut child) => loop {
            tokio::select! {
                ended = child.wait() => {
                    ended?;
                    break;
                }
                n = link.events.recv_many(&mut batch, BATCH) => {
                    for event in batch.drain(..) {
                        model.feed(&event);
                    }
                    if n == 0 {
                        child.wait().await?;
                        break;
                    }
                }
            }
        },
        Err(error) => drop(update(model, Msg::Notice(Level::Error, format!("cannot run {name}: {error}")))),
    }
    terminal.resume()?;
    resize(model);
    Ok(())
}

/// Writes what an event says to the terminal, while logs stream.
fn stream(terminal: &mut Terminal, model: &Model, event: &Event) -> std::io::Result<()> {
    if !model.streaming {
        return Ok(());
    }
    match &event.kind {
        EventKind::OutputReceived { target, lines } => {
            for line in lines {
                terminal.stream(&format!("{}.{} │ {}", target.container, target.architecture, text::printable(line)))?;
            }
        }
        EventKind::RunOutput { lines } => {
            for line in lines {
                terminal.stream(&text::printable(line))?;
            }
        }
        EventKind::BuildFinished { target, outcome, took } => {
            let word = match outcome {
                Outcome::Succeeded { .. } => "built",
                Outcome::Cached { .. } => "unchanged",
                Outcome::Failed(_) => "failed",
                Outcome::Cancelled => "cancelled",
            };
            terminal.stream(&format!("{}.{} │ {word} after {}", target.container, target.architecture, text::clock(*took)))?;
        }
        _ => {}
    }
    Ok(())
}

/// One table of what was done, with an extract of what failed only; the rest is in its log.
fn summary(model: &Model) -> ExitSummary {
    let mut out = ExitSummary { interrupted: model.interrupted, ..ExitSummary::default() };
    for (target, build) in &model.state.builds {
        let Phase::Ended(outcome) = &build.phase else { continue };
        let time = build.took.map(text::clock).unwrap_or_default();
        let name = target.to_string();
        match outcome {
            Outcome::Succeeded { image } => out.lines.push(format!("built      {name:<28} {:>10}  {time}", text::bytes(image.size))),
            Outcome::Cached { image } => out.lines.push(format!("unchanged  {name:<28} {:>10}", text::bytes(image.size))),
            Outcome::Cancelled => out.lines.push(format!("cancelled  {name}")),
            Outcome::Failed(failure) => {
                out.failed += 1;
                out.lines.push(format!("failed     {name:<28} {:>10}  {time}", ""));
                out.lines.push(format!("           {}", text::printable(&failure.message)));
                out.lines.extend(failure.hint.iter().map(|h| format!("           {h}")));
                let last = build.lines.len().saturating_sub(20);
                out.lines.extend(build.lines.range(last..).map(|l| format!("           | {}", text::printable(l))));
                out.lines.extend(build.log.iter().map(|p| format!("           log: {}", p.display())));
            }
        }
    }
    if let Some(publication) = &model.state.publication {
        match (&publication.receipt, &publication.failure) {
            (Some(receipt), _) => {
                out.lines.extend(
                    receipt
                        .containers
                        .iter()
                        .filter_map(|c| c.digest.map(|digest| format!("published  {}:{}  {digest}", c.repository, receipt.version))),
                );
            }
            (None, Some(Failure { message, .. })) => {
                out.failed += 1;
                out.lines.push(format!("not published: {}", text::printable(message)));
                out.lines.extend(publication.tags.iter().map(|(reference, _)| format!("           but public already: {reference}")));
            }
            (None, None) => {}
        }
    }
    let broken = model
        .state
        .runs
        .values()
        .filter(|r| matches!(&r.end, Some(RunEnd::Failed(f)) if f.kind == crate::error::Kind::Failed && r.command == "build"));
    out.failed = out.failed.max(broken.count());
    out
}

/// Notices that `containers.toml` was changed by somebody else. It looks when something is asked of the engine and, at
/// most once a second, when the user is there; never by itself, so that an idle dashboard stays idle.
#[derive(Default)]
struct CatalogWatch {
    /// How the file was when it was read last; `None` before it was.
    known: Option<Stamp>,
    /// When it was looked at last.
    looked: Option<Instant>,
    /// The user is there: a key, the mouse, or the terminal got the focus.
    wanted: bool,
}

/// Modification time and length; `None` when the file cannot be looked at.
type Stamp = Option<(std::time::SystemTime, u64)>;

impl CatalogWatch {
    fn stamp(path: &std::path::Path) -> Stamp {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }

    fn touched(&mut self, event: &Option<std::io::Result<Input>>) {
        let focused = matches!(event, Some(Ok(Input::FocusGained)));
        let rested = self.looked.is_none_or(|at| at.elapsed() >= Duration::from_secs(1));
        self.wanted |= focused || (rested && matches!(event, Some(Ok(Input::Key(_) | Input::Mouse(_) | Input::Paste(_)))));
    }

    /// Whether the file has to be read again before `commands` are sent.
    fn due(&mut self, model: &Model, commands: &[Command]) -> bool {
        let reads = |c: &Command| {
            matches!(c, Command::Build(_) | Command::Verify(_) | Command::Plan(_) | Command::Publish { .. } | Command::Release(_))
        };
        if !std::mem::take(&mut self.wanted) && !commands.iter().any(reads) {
            return false;
        }
        let (Some(path), Some(known)) = (&model.state.catalog, &self.known) else { return false };
        self.looked = Some(Instant::now());
        Self::stamp(path) != *known && !commands.iter().any(|c| matches!(c, Command::LoadCatalog))
    }

    /// The file is about to be read: what is written from now on is a change.
    fn reading(&mut self, model: &Model) {
        if let Some(path) = &model.state.catalog {
            self.known = Some(Self::stamp(path));
        }
    }

    /// The first answer says which file it is.
    fn saw(&mut self, event: &Event) {
        if let (None, EventKind::CatalogLoaded { path, .. }) = (&self.known, &event.kind) {
            self.known = Some(Self::stamp(path));
        }
    }
}

/// The session's clock: the engine's time, carried on between its events.
struct Clock {
    at: u64,
    since: Instant,
}

impl Clock {
    fn start() -> Self {
        Clock { at: 0, since: Instant::now() }
    }

    fn now(&self) -> u64 {
        self.at + self.since.elapsed().as_millis() as u64
    }

    fn saw(&mut self, at: u64) {
        if at > self.now() {
            (self.at, self.since) = (at, Instant::now());
        }
    }
}

/// Signals that concern the terminal.
struct Signals {
    streams: [(Received, Signal); 6],
}

#[derive(Clone, Copy)]
enum Received {
    Interrupt,
    Continue,
    Resized,
    End,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
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

    async fn next(&mut self) -> Received {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_that_was_edited_is_read_before_it_is_built_and_only_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("containers.toml");
        std::fs::write(&path, "a").unwrap();
        let mut model = Model::with_theme("auto").unwrap();
        let mut watch = CatalogWatch::default();
        let build = [Command::Build(crate::session::BuildRequest::default())];
        assert!(!watch.due(&model, &build));
        model.state.catalog = Some(path.clone());
        watch.reading(&model);
        assert!(!watch.due(&model, &build));
        std::fs::write(&path, "ab").unwrap();
        assert!(!watch.due(&model, &[]));
        assert!(watch.due(&model, &build));
        watch.touched(&Some(Ok(Input::FocusGained)));
        assert!(watch.due(&model, &[]));
        watch.reading(&model);
        assert!(!watch.due(&model, &build));
        std::fs::remove_file(&path).unwrap();
        assert!(watch.due(&model, &build));
    }
}
