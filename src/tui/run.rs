//! The loop: signals, keys, the engine and the clock in; frames and commands out. The only part that knows the time.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossterm::event::{Event as Input, EventStream};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::catalog_watch::CatalogWatch;
use super::exit_summary::{ExitSummary, public_now, summary};
use super::keymap::Keymap;
use super::model::{Model, Quit};
use super::msg::{Level, Msg, Request};
use super::perform::{perform, resize, stream};
use super::preferences::ConfigText;
use super::signals::{Received, Signals, leave_at_last};
use super::terminal::{Terminal, install_panic_hook};
use super::theme::{Depth, Library, Wishes};
use super::update::update;
use crate::session::{Command, Event, RunId};
use crate::{Error, Result};

/// The least time between frames that the engine causes; keys are answered at once.
const FRAME_TIME: Duration = Duration::from_millis(16);
/// What the engine causes to be written is kept below this, so that it fits through ssh: where whole screens of logs rush by, nobody sees
/// whether that is 60 or 15 times a second. Frames that keys cause are not counted.
const BYTES_PER_SECOND: f64 = 250e3;
/// A terminal that took longer than this to take a frame is at the end of a slow line, and gets fewer of them.
const SLOW_WRITE: Duration = Duration::from_millis(30);
/// The time between frames on a slow line.
const SLOW_FRAME_TIME: Duration = Duration::from_millis(50);
/// Events taken from the engine at a time.
pub(super) const BATCH: usize = 512;

/// Events taken at a time while their lines stream: what a slow terminal has to take before the dashboard is back.
const STREAMED: usize = 16;

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
    /// The user's `config.toml`, there or not: a theme that is kept is written into it.
    pub config: Option<PathBuf>,
    /// `[keys]` of the user's config, and where it is from.
    pub keys: Option<(toml::Table, ConfigText)>,
    /// The catalog, to notice when somebody else changes it.
    pub catalog: Option<PathBuf>,
    /// Where a catalog can be begun when there is none.
    pub begin: Option<PathBuf>,
    /// What is shown is a recording: nothing can be asked of it.
    pub replay: bool,
    /// What is wanted of every theme: ASCII symbols, nothing that turns.
    pub wishes: Wishes,
    /// Leave the mouse to the terminal.
    pub no_mouse: bool,
}

/// Shows the dashboard until the user leaves it.
pub async fn run(mut link: Link, options: Options) -> Result<ExitSummary> {
    let mut model = prepare(&options)?;
    let (told, mut panics) = mpsc::unbounded_channel();
    let (answers, mut answered) = mpsc::unbounded_channel();
    install_panic_hook(told);
    tokio::spawn(leave_at_last());
    let tty = |error: std::io::Error| Error::failed("the terminal cannot be used").source(error);
    let mut signals = Signals::new().map_err(tty)?;
    let mut terminal = Terminal::enter(model.mouse).map_err(tty)?;
    let mut input = EventStream::new();
    let mut clock = Clock::start();
    let mut batch = Vec::with_capacity(BATCH);
    let mut catalog = CatalogWatch::of(options.catalog.clone().or_else(|| options.begin.clone()));
    let mut commands = if options.replay { Vec::new() } else { vec![Command::LoadCatalog] };
    let (mut engine_gone, mut urgent, mut dirty) = (false, true, true);
    let (mut last_frame, mut frame_time) = (Instant::now(), FRAME_TIME);
    loop {
        if catalog.due(&model, &commands) {
            commands.insert(0, Command::LoadCatalog);
        }
        if options.replay && !commands.is_empty() {
            commands.clear();
            update(&mut model, Msg::Notice(Level::Info, "this is a recording: nothing can be asked of it".into()));
            if model.quit == Quit::Stopping {
                model.quit = Quit::Now; // nothing is left to stop
            }
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
            if let Some(command) = perform(effect, &mut model, &mut terminal, &mut input, &mut link, &answers).await.map_err(tty)? {
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
        // A frame begins when the terminal has taken the one before: on a slow line there are fewer of them, and each shows what is so
        // when it begins.
        let due = last_frame + frame_time;
        let ready = terminal.is_ready();
        if dirty && ready && (urgent || Instant::now() >= due) {
            let bytes = terminal.draw(&model).map_err(tty)?;
            frame_time = FRAME_TIME.max(Duration::from_secs_f64(bytes as f64 / BYTES_PER_SECOND));
            last_frame = Instant::now();
            (dirty, urgent) = (false, false);
        }
        let most = if model.streaming { STREAMED } else { BATCH };
        // From when the model knows what time it is: what wakes this loop in between must not put the change off.
        let since = clock.now().saturating_sub(model.now);
        let pause = model.next_change().map(|change| Duration::from_millis(change.saturating_sub(since)));
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
                // Somebody drags a corner: many sizes, of which the last one counts.
                Received::Resized => {
                    resize(&mut model);
                    (dirty, frame_time) = (true, FRAME_TIME);
                }
                Received::End => {
                    drop(terminal);
                    return Err(match public_now(&model) {
                        Some(public) => Error::interrupted().hint(public),
                        None => Error::interrupted(),
                    });
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
            took = terminal.written() => {
                last_frame = Instant::now();
                if took.map_err(tty)? > SLOW_WRITE {
                    frame_time = frame_time.max(SLOW_FRAME_TIME);
                }
            }
            () = tokio::time::sleep_until(due.into()), if dirty && ready => {}
            // Lines that stream are not dropped, so what comes from the engine waits for those before.
            n = link.events.recv_many(&mut batch, most), if !engine_gone && (ready || !model.streaming) => {
                if n == 0 {
                    engine_gone = true;
                    update(&mut model, match options.replay {
                        true => Msg::Notice(Level::Info, "the recording ends here; q quits".into()),
                        false => Msg::Notice(Level::Error, "the engine has stopped; quit and start again".into()),
                    });
                }
                let mut lines = String::new();
                for event in batch.drain(..) {
                    clock.saw(event.at);
                    catalog.saw(&event);
                    stream(&model, &event, &mut lines);
                    commands.extend(update(&mut model, Msg::Engine(Box::new(event))));
                }
                terminal.stream(lines);
                update(&mut model, Msg::Tick(clock.now()));
                dirty = true;
            }
            Some(panic) = panics.recv() => {
                update(&mut model, Msg::Notice(Level::Error, format!("a part of the program failed: {panic}")));
                (dirty, urgent) = (true, true);
            }
            Some(answer) = answered.recv() => {
                update(&mut model, answer);
                (dirty, urgent) = (true, true);
            }
            // One look at a file's time a second: no frame, no byte, no measurable work.
            () = tokio::time::sleep_until(catalog.next_look().into()) => catalog.look(),
            () = tokio::time::sleep(pause.unwrap_or(FRAME_TIME)), if pause.is_some() => {
                update(&mut model, Msg::Tick(clock.now()));
                dirty = true;
            }
        }
    }
    let mut summary = summary(&model);
    if !terminal.leave() {
        summary.lines.clear(); // nobody reads them, and they would be waited for
    }
    Ok(summary)
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
        Some((keys, config)) => Keymap::with_overrides(keys, config)?,
        None => Keymap::standard(),
    };
    let theme = library.load(name)?.at_depth(depth).as_wished(options.wishes);
    let mut model = Model::new(theme, library, keymap);
    (model.depth, model.wishes) = (depth, options.wishes);
    model.mouse = !options.no_mouse;
    model.file.clone_from(&options.catalog);
    model.config.clone_from(&options.config);
    if options.replay {
        model.screen = super::model::Screen::Builds;
    }
    model.begin = options.begin.clone().filter(|_| options.catalog.is_none());
    resize(&mut model);
    Ok(model)
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
