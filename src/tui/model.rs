//! Everything the dashboard knows. Changed by [`super::update()`] only; drawn by [`super::view()`] only.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ratatui::layout::{Position, Rect};

use super::action::Scope;
use super::awaited;
use super::keymap::{Keymap, parse_sequence};
use super::msg::{Effect, Level, Msg, Request};
use super::overlay::Overlay;
use super::screen::{builds, images, inspect, release};
use super::theme::{Depth, Library, Theme, Wishes};
use super::update::update;
use super::view;
use crate::Result;
use crate::catalog::Target;
use crate::session::{Command, Event, EventKind, Failure, Run, RunId, State};

/// The four screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Containers × architectures.
    Images,
    /// Live builds.
    Builds,
    /// One container, its architectures side by side.
    Inspect,
    /// The release wizard.
    Release,
}

impl Screen {
    /// Every screen, in the order of the tabs.
    pub const ALL: [Screen; 4] = [Screen::Images, Screen::Builds, Screen::Inspect, Screen::Release];

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Screen::Images => "Images",
            Screen::Builds => "Builds",
            Screen::Inspect => "Inspect",
            Screen::Release => "Release",
        }
    }

    /// Whose keys it has.
    pub const fn scope(self) -> Scope {
        match self {
            Screen::Images => Scope::Images,
            Screen::Builds => Scope::Builds,
            Screen::Inspect => Scope::Inspect,
            Screen::Release => Scope::Release,
        }
    }
}

/// Whether and how it is ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quit {
    /// It is not.
    No,
    /// Everything was told to stop; gone when it has.
    Stopping,
    /// Now.
    Now,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// What.
    pub text: String,
    /// When, in session milliseconds.
    pub at: u64,
    /// At which step of the wizard, when the wizard was in front.
    pub step: Option<release::Step>,
}

/// How long a notice stays visible, in milliseconds.
pub const NOTICE_TIME: u64 = 4_000;
/// How many notices are remembered.
const KEPT_NOTICES: usize = 500;

/// Everything the dashboard knows.
#[derive(Clone, Debug)]
pub struct Model {
    /// What the engine said, folded.
    pub state: State,
    /// The screen in front.
    pub screen: Screen,
    /// What lies above it, topmost last.
    pub overlays: Vec<Overlay>,
    /// How it looks.
    pub theme: Theme,
    /// How it could look.
    pub library: Library,
    /// How many colours the terminal shows.
    pub depth: Depth,
    /// What is wanted of every theme.
    pub wishes: Wishes,
    /// Which key means what.
    pub keymap: Keymap,
    /// Milliseconds since the session began.
    pub now: u64,
    /// Columns of the terminal.
    pub width: u16,
    /// Lines of the terminal.
    pub height: u16,
    /// The Images screen.
    pub images: images::Images,
    /// The Builds screen.
    pub builds: builds::Builds,
    /// The Inspect screen.
    pub inspect: inspect::Inspect,
    /// The Release screen.
    pub release: release::Release,
    /// Why the catalog could not be read.
    pub catalog_failure: Option<Failure>,
    /// The catalog, as far as it was known at the start.
    pub file: Option<PathBuf>,
    /// The user's `config.toml`, there or not.
    pub config: Option<PathBuf>,
    /// Where a catalog can be begun, because there is none.
    pub begin: Option<PathBuf>,
    /// What was said, oldest first.
    pub notices: Vec<Notice>,
    /// What the terminal side has to do; it takes them away.
    pub effects: Vec<Effect>,
    /// Whether we listen to the mouse.
    pub mouse: bool,
    /// Where and when it was clicked last, for double clicks.
    pub clicked: Option<(Position, u64)>,
    /// Whether logs stream to the terminal instead of a screen.
    pub streaming: bool,
    /// Whether it is ending.
    pub quit: Quit,
    /// The user broke off what was running.
    pub interrupted: bool,
    /// Runs that screens wait for.
    pub requests: BTreeMap<RunId, Request>,
    /// The highest run seen.
    last_run: u64,
}

impl Model {
    /// A dashboard that knows nothing yet.
    pub fn new(theme: Theme, library: Library, keymap: Keymap) -> Self {
        Model {
            state: State::default(),
            screen: Screen::Images,
            overlays: Vec::new(),
            theme,
            library,
            depth: Depth::True,
            wishes: Wishes::default(),
            keymap,
            now: 0,
            width: 120,
            height: 40,
            images: images::Images::default(),
            builds: builds::Builds::default(),
            inspect: inspect::Inspect::default(),
            release: release::Release::default(),
            catalog_failure: None,
            file: None,
            config: None,
            begin: None,
            notices: Vec::new(),
            effects: Vec::new(),
            mouse: true,
            clicked: None,
            streaming: false,
            quit: Quit::No,
            interrupted: false,
            requests: BTreeMap::new(),
            last_run: 0,
        }
    }

    /// A dashboard with a built-in theme and the standard keys: for screenshots, tests and benchmarks.
    pub fn with_theme(name: &str) -> Result<Self> {
        let library = Library::built_in();
        Ok(Model::new(library.load(name)?, library, Keymap::standard()))
    }

    /// Takes in one event, as the engine sends it or a recording has it.
    pub fn feed(&mut self, event: &Event) {
        self.now = self.now.max(event.at);
        self.last_run = self.last_run.max(event.run.0);
        let was_stopping = self.quit == Quit::Stopping;
        self.state.apply(event);
        super::react::react(self, event);
        if was_stopping && !self.is_running() {
            self.quit = Quit::Now;
        }
        if !self.is_at_work() {
            self.overlays.retain(|o| *o != Overlay::Quit); // the question has answered itself
        }
    }

    /// Presses keys, written like `jj<space>b<ctrl-p>`; gives the commands that came of it. Each command is taken as
    /// sent, with the next run's number, as a session would number it.
    pub fn keys(&mut self, sequence: &str) -> Result<Vec<Command>> {
        let mut all = Vec::new();
        for key in parse_sequence(sequence)? {
            for command in update(self, Msg::Key(key.event())) {
                let run = RunId(self.last_run + 1);
                self.sent(Request::of(&command), run);
                all.push(command);
            }
        }
        Ok(all)
    }

    /// A command was handed over as `run`.
    pub fn sent(&mut self, request: Request, run: RunId) {
        self.last_run = self.last_run.max(run.0);
        if request == Request::Publish {
            self.release.run = Some(run);
        }
        if request != Request::Other {
            self.requests.insert(run, request);
        }
    }

    /// The catalog's file, whether or not it could be read.
    pub fn catalog_file(&self) -> Option<&PathBuf> {
        self.state.catalog.as_ref().or(self.file.as_ref())
    }

    /// Whether anything is still going on.
    pub fn is_running(&self) -> bool {
        self.state.running().next().is_some()
    }

    /// Whether something is going on that leaving would break off; reading and checking can be left at any time.
    pub fn is_at_work(&self) -> bool {
        self.at_work().next().is_some()
    }

    /// The runs that leaving would break off.
    pub fn at_work(&self) -> impl Iterator<Item = &Run> {
        self.state
            .running()
            .map(|(_, run)| run)
            .filter(|run| matches!(run.command.as_str(), "build" | "load" | "test" | "push" | "release"))
    }

    /// Whether what is awaited of kind `request` has not been answered.
    pub fn awaits(&self, matches: impl Fn(&Request) -> bool) -> bool {
        self.requests.values().any(matches)
    }

    /// Says something: visible for a moment, remembered in the messages.
    pub fn say(&mut self, level: Level, text: impl Into<String>) {
        let text = text.into();
        // What is still visible is not said twice.
        self.notices.retain(|n| n.at + NOTICE_TIME <= self.now || (n.level, &n.text) != (level, &text));
        if self.notices.len() >= KEPT_NOTICES {
            self.notices.remove(0);
        }
        let step = (self.screen == Screen::Release).then_some(self.release.step);
        self.notices.push(Notice { level, text, at: self.now, step });
    }

    /// The notices to show now, newest first: fresh ones, without remarks on a step of the wizard that is over.
    pub fn visible_notices(&self) -> impl Iterator<Item = &Notice> {
        let fresh = self.notices.iter().rev().take_while(|n| n.at + NOTICE_TIME > self.now);
        fresh.filter(|n| n.level != Level::Info || n.step.is_none_or(|step| step == self.release.step))
    }

    /// What a build or a check would be about: the cursor's or the marked targets of the screen in front.
    pub fn selection(&self) -> Vec<Target> {
        match self.screen {
            Screen::Images => images::selection(self),
            Screen::Builds => builds::selection(self),
            Screen::Inspect => inspect::selection(self),
            Screen::Release => release::targets(self),
        }
    }

    /// Whether a line is being typed: letters are then no keys.
    pub fn is_typing(&self) -> bool {
        if let Some(top) = self.overlays.last() {
            return top.is_typed();
        }
        match self.screen {
            Screen::Images => self.images.filtering,
            Screen::Builds => self.builds.searching || self.builds.narrowing,
            Screen::Inspect => self.inspect.searching,
            Screen::Release => release::is_typing(self),
        }
    }

    /// The part of the screen between tabs and footer.
    pub fn body(&self) -> Rect {
        view::layout(Rect::new(0, 0, self.width, self.height)).body
    }

    /// How long the screen can wait before it looks different by itself, in milliseconds; `None` means for ever.
    pub fn next_change(&self) -> Option<u64> {
        let notice = self.notices.last().map(|n| (n.at + NOTICE_TIME).saturating_sub(self.now)).filter(|left| *left > 0);
        let moving = if !self.is_running() {
            None
        } else if self.theme.spinner {
            Some(125)
        } else {
            Some(1_000)
        };
        [notice, moving, awaited::next_word(self)].into_iter().flatten().min()
    }

    /// Whether `event` ends the session's wait for its run.
    pub(super) fn settle(&mut self, event: &Event) -> Option<Request> {
        match event.kind {
            EventKind::RunFinished { .. } | EventKind::RunFailed { .. } => self.requests.remove(&event.run),
            _ => None,
        }
    }
}
