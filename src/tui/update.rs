//! `update(&mut Model, Msg) -> Vec<Command>`: what a message changes, and what it asks of the engine. Pure: no clock,
//! no terminal, no files.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::action::Action;
use super::awaited;
use super::keymap::Key;
use super::model::{Model, Quit, Screen};
use super::mouse::on_mouse;
use super::msg::{Effect, Level, Msg};
use super::overlay::{self, Overlay};
use super::screen::{builds, images, inspect, release};
use super::widget::edit;
use crate::session::{BuildRequest, Command, LoadRequest, TestRequest};

/// Takes in one message.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Command> {
    match msg {
        Msg::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
        Msg::Key(key) => on_key(model, key),
        Msg::Mouse(mouse) => on_mouse(model, mouse),
        Msg::Paste(text) => {
            for c in text.chars().filter(|c| !c.is_control()).take(512) {
                type_key(model, KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
            }
            Vec::new()
        }
        Msg::Resize(width, height) => {
            (model.width, model.height) = (width, height);
            Vec::new()
        }
        Msg::Engine(event) => {
            model.feed(&event);
            let mut commands = inspect::wanted(model);
            commands.extend(release::wanted(model));
            commands
        }
        Msg::Tick(now) => {
            model.now = model.now.max(now);
            Vec::new()
        }
        Msg::Sent(request, run) => {
            model.sent(request, run);
            Vec::new()
        }
        Msg::LogRead(page) => {
            builds::arrived(model, page);
            Vec::new()
        }
        Msg::Notice(level, text) => {
            model.say(level, text);
            Vec::new()
        }
    }
}

fn on_key(model: &mut Model, event: KeyEvent) -> Vec<Command> {
    let key = Key::of(&event);
    let scope = model.screen.scope();
    let meant = model.keymap.action(scope, key);
    if meant == Some(Action::Interrupt) {
        return interrupt(model);
    }
    if model.streaming {
        // On the stream there is no screen to act on: only the way back, and out.
        if matches!(meant, Some(Action::Stream | Action::Back | Action::Quit)) || key == Key::of(&KeyEvent::from(KeyCode::Char('S'))) {
            model.streaming = false;
            model.effects.push(Effect::Stream(false));
        }
        return Vec::new();
    }
    if !model.overlays.is_empty() {
        return overlay::on_key(model, event, meant);
    }
    if type_key(model, event) {
        return Vec::new();
    }
    match meant {
        Some(action) => act(model, action),
        None => Vec::new(),
    }
}

/// Gives a key to the line being typed, if there is one and the key is for it.
fn type_key(model: &mut Model, event: KeyEvent) -> bool {
    if let Some(overlay) = model.overlays.last_mut() {
        return overlay.input().is_some_and(|input| edit(input, event));
    }
    let changed = match model.screen {
        Screen::Images if model.images.filtering => edit(&mut model.images.filter, event),
        Screen::Builds if model.builds.searching => edit(&mut model.builds.search, event),
        // What is left out is left out as it is typed; nothing else has to be counted.
        Screen::Builds if model.builds.narrowing => return edit(&mut model.builds.only, event),
        Screen::Inspect if model.inspect.searching => edit(&mut model.inspect.search, event),
        Screen::Release => match release::input(model) {
            Some(input) => edit(input, event),
            None => return false,
        },
        _ => return false,
    };
    if changed {
        match model.screen {
            Screen::Images => images::clamp(model),
            Screen::Builds => builds::search_changed(model),
            Screen::Inspect => inspect::search_changed(model),
            Screen::Release => {}
        }
    }
    changed
}

/// Does what `action` means; when it cannot be done, says why.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Command> {
    if let Err(why) = (action.entry().enabled)(model) {
        model.say(Level::Info, why);
        return Vec::new();
    }
    match action {
        Action::ShowImages => show(model, Screen::Images),
        Action::ShowBuilds => show(model, Screen::Builds),
        Action::ShowInspect => show(model, Screen::Inspect),
        Action::ShowRelease => show(model, Screen::Release),
        Action::Help => open(model, Overlay::help()),
        Action::Palette => open(model, Overlay::palette()),
        Action::Messages => open(model, Overlay::messages()),
        Action::Theme => open(model, Overlay::themes(&model.theme.name, &model.library)),
        Action::Quit => quit(model),
        Action::Interrupt => interrupt(model),
        Action::Reload => vec![Command::LoadCatalog],
        Action::Redraw => effect(model, Effect::Redraw),
        Action::Suspend => effect(model, Effect::Suspend),
        Action::Mouse => {
            model.mouse = !model.mouse;
            let whose =
                if model.mouse { "the mouse is ours; shift selects text" } else { "the mouse is the terminal's: select and copy as usual" };
            model.say(Level::Info, whose);
            effect(model, Effect::Mouse(model.mouse))
        }
        Action::BuildAll => build(model, Vec::new()),
        Action::Build => {
            let targets = model.selection();
            model.images.marked.clear();
            release::mending(model);
            build(model, targets)
        }
        Action::Verify => {
            release::mending(model);
            verify(model, model.selection())
        }
        Action::Test => {
            let targets = model.selection();
            test(model, targets)
        }
        Action::Load => {
            let targets = model.selection();
            load(model, targets)
        }
        Action::VerifyAll => verify(model, model.state.targets.iter().map(|t| t.target.clone()).collect()),
        Action::Release => {
            let marked = images::selection(model);
            release::start(model, &marked);
            show(model, Screen::Release)
        }
        Action::Edit if model.screen == Screen::Release => {
            let file = release::file_to_open(model);
            model.effects.extend(file.map(|file| Effect::Edit(file, 1)));
            Vec::new()
        }
        Action::Edit => match (model.catalog_file().cloned(), edited_line(model)) {
            (Some(path), line) => effect(model, Effect::Edit(path, line)),
            _ => Vec::new(),
        },
        Action::Cancel if model.screen == Screen::Builds => builds::cancel(model),
        Action::Cancel if builds::is_chosen_open(model) => builds::cancel_chosen(model),
        Action::Cancel if model.screen != Screen::Release || !release::is_sending(model) => awaited::cancel(model),
        Action::CancelAll => vec![Command::Cancel { run: None, target: None }],
        Action::Inspect => {
            let container = match model.screen {
                Screen::Release => release::container_to_inspect(model),
                _ => model.selection().first().map(|t| t.container.clone()),
            };
            match container {
                Some(container) => {
                    inspect::look_at(model, container);
                    if model.screen == Screen::Release {
                        inspect::show_checks(model);
                    }
                    show(model, Screen::Inspect)
                }
                None => Vec::new(),
            }
        }
        action => match model.screen {
            Screen::Images => images::act(model, action),
            Screen::Builds => builds::act(model, action),
            Screen::Inspect => inspect::act(model, action),
            Screen::Release => release::act(model, action),
        },
    }
}

fn open(model: &mut Model, overlay: Overlay) -> Vec<Command> {
    model.overlays.push(overlay);
    Vec::new()
}

fn effect(model: &mut Model, effect: Effect) -> Vec<Command> {
    model.effects.push(effect);
    Vec::new()
}

/// Brings `screen` to the front; looking inside something not read yet asks for it.
pub(super) fn show(model: &mut Model, screen: Screen) -> Vec<Command> {
    if screen == Screen::Inspect {
        inspect::came_from(model);
    }
    model.screen = screen;
    builds::arrange(model);
    match screen {
        Screen::Inspect => inspect::entered(model),
        Screen::Release => {
            release::entered(model);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Builds `targets` (none: all of them) and shows it when nothing was being built before.
pub(super) fn build(model: &mut Model, targets: Vec<crate::catalog::Target>) -> Vec<Command> {
    let what = match targets.as_slice() {
        [] => "everything".to_owned(),
        some => called(some),
    };
    model.say(Level::Info, format!("building {what}; 2 shows the logs"));
    vec![Command::Build(BuildRequest { targets, ..BuildRequest::default() })]
}

/// Checks those of `targets` that are built.
pub(super) fn verify(model: &Model, targets: Vec<crate::catalog::Target>) -> Vec<Command> {
    let references: Vec<_> = targets
        .into_iter()
        .filter(|t| model.state.target(t).is_some_and(|t| super::status::image(&t.state).is_some()))
        .map(|t| crate::image::Reference::Container { name: t.container, architecture: Some(t.architecture) })
        .collect();
    if references.is_empty() { Vec::new() } else { vec![Command::Verify(references.into())] }
}

/// Runs `targets` once.
pub(super) fn test(model: &mut Model, targets: Vec<crate::catalog::Target>) -> Vec<Command> {
    model.images.marked.clear();
    model.say(Level::Info, format!("testing {}; 2 shows what is said", called(&targets)));
    vec![Command::Test(TestRequest::of(targets))]
}

/// Puts those of `targets` that are built into an engine.
fn load(model: &mut Model, mut targets: Vec<crate::catalog::Target>) -> Vec<Command> {
    targets.retain(|target| model.state.target(target).is_some_and(|t| super::status::image(&t.state).is_some()));
    model.images.marked.clear();
    model.say(Level::Info, format!("loading {}; 2 shows how far it is", called(&targets)));
    vec![Command::Load(LoadRequest { targets, ..LoadRequest::default() })]
}

/// Some targets in a sentence.
fn called(targets: &[crate::catalog::Target]) -> String {
    match targets {
        [one] => one.to_string(),
        many => format!("{} targets", many.len()),
    }
}

/// The line to open: the first that is wrong, else the definition of what is selected.
fn edited_line(model: &Model) -> usize {
    if let Some(failure) = &model.catalog_failure {
        // `--> containers.toml:12:3`, as compilers say it.
        let place = failure.message.split("-->").nth(1).and_then(|rest| rest.lines().next()).unwrap_or_default();
        return place.split(':').find_map(|part| part.trim().parse().ok()).unwrap_or(1);
    }
    let target = model.selection().into_iter().next();
    target.and_then(|t| model.state.target(&t)).map_or(1, |t| t.line)
}

fn quit(model: &mut Model) -> Vec<Command> {
    if model.is_at_work() {
        open(model, Overlay::Quit)
    } else {
        model.quit = Quit::Now;
        Vec::new()
    }
}

/// Ctrl-C: ask, then stop everything and go, then go at once. It acts whatever lies above.
fn interrupt(model: &mut Model) -> Vec<Command> {
    if !model.is_at_work() || model.quit == Quit::Stopping {
        model.interrupted |= model.quit == Quit::Stopping;
        model.quit = Quit::Now;
        return Vec::new();
    }
    if model.streaming || model.overlays.contains(&Overlay::Quit) {
        return stop_and_quit(model);
    }
    open(model, Overlay::Quit)
}

/// Tells everything to stop; the dashboard is gone when it has.
pub(super) fn stop_and_quit(model: &mut Model) -> Vec<Command> {
    model.overlays.retain(|o| *o != Overlay::Quit);
    model.interrupted = true;
    model.quit = Quit::Stopping;
    model.say(Level::Info, "stopping what runs; ctrl-c again does not wait");
    vec![Command::Cancel { run: None, target: None }]
}
