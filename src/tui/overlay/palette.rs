//! Every command by name, with its key, and why it cannot be done now when it cannot. `inspect REF` and `verify REF`
//! take any reference.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::layout::Rect;
use tui_input::Input;

use super::frame;
use crate::catalog::{ContainerName, Target};
use crate::image::Reference;
use crate::session::Command;
use crate::tui::action::{ACTIONS, Action, Entry};
use crate::tui::model::{Model, Screen};
use crate::tui::msg::Level;
use crate::tui::screen::inspect;
use crate::tui::screen::release::{self, containers};
use crate::tui::spot::Spot;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::update::{act, build, show, verify};
use crate::tui::widget::{Align, Canvas, below, beside_scrollbar, draw_input, right_of, row, scrollbar, window};

/// A row of the palette.
pub enum Choice {
    /// An action of the table.
    Action(&'static Entry),
    /// A verb and the container it is about, with all its architectures.
    Container(&'static str, ContainerName),
    /// A verb and the target it is about.
    Target(&'static str, Target),
    /// A verb and any reference, as it was typed.
    Reference(&'static str, Reference),
}

impl Choice {
    fn title(&self) -> String {
        match self {
            Choice::Action(entry) => entry.name.replace('-', " "),
            Choice::Container(verb, container) => format!("{verb} {container}"),
            Choice::Target(verb, target) => format!("{verb} {} {}", target.container, target.architecture),
            Choice::Reference(verb, reference) => format!("{verb} {reference}"),
        }
    }

    fn about(&self) -> &'static str {
        match self {
            Choice::Action(entry) => entry.help,
            Choice::Container(..) => "every architecture",
            Choice::Target(..) => "",
            Choice::Reference(..) => "any image: a registry's, a layout's, a file's",
        }
    }
}

/// What `typed` could mean, likeliest first.
pub fn choices(model: &Model, typed: &str) -> Vec<Choice> {
    let typed = typed.trim();
    let scope = model.screen.scope();
    let reachable = |e: &&Entry| e.scopes.contains(&scope) || e.scopes.contains(&crate::tui::action::Scope::Global);
    let mut all: Vec<Choice> = ACTIONS.iter().filter(reachable).map(Choice::Action).collect();
    if typed.is_empty() {
        return all;
    }
    for verb in ["build", "inspect", "verify"] {
        // Alike in score, the whole comes before its parts: sorting keeps this order.
        all.extend(containers(model).into_iter().map(|c| Choice::Container(verb, c)));
        all.extend(model.state.targets.iter().map(|t| Choice::Target(verb, t.target.clone())));
    }
    all.extend(containers(model).into_iter().map(|c| Choice::Container("release", c)));
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, Choice)> = all
        .into_iter()
        .filter_map(|choice| {
            let title = pattern.score(Utf32Str::new(&choice.title(), &mut buffer), &mut matcher).map(|s| s * 2);
            let about = pattern.score(Utf32Str::new(choice.about(), &mut buffer), &mut matcher);
            Some((title.max(about)?, choice))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let mut found: Vec<Choice> = Vec::new();
    for verb in ["inspect", "verify"] {
        // Only what is spelled out as a place is one: a half-typed container name is a search.
        if let Some(reference) = typed.strip_prefix(verb).map(str::trim).filter(|r| r.contains(['/', ':']) && !r.ends_with('/'))
            && let Ok(reference) = reference.parse()
        {
            found.push(Choice::Reference(verb, reference));
        }
    }
    found.extend(scored.into_iter().map(|(_, choice)| choice));
    found
}

/// Does what the row with the cursor says.
pub fn run(model: &mut Model, typed: &str, cursor: usize) -> Vec<Command> {
    let mut choices = choices(model, typed);
    if choices.is_empty() {
        model.say(Level::Info, format!("there is no command “{typed}”"));
        return Vec::new();
    }
    match choices.swap_remove(cursor.min(choices.len() - 1)) {
        Choice::Action(entry) => act(model, entry.action),
        Choice::Container(verb, container) => {
            let of_it = |t: &&Target| t.container == container;
            let targets: Vec<Target> = model.state.targets.iter().map(|t| &t.target).filter(of_it).cloned().collect();
            match verb {
                "build" => build(model, targets),
                "verify" => verify(model, targets),
                "release" => {
                    release::start(model, &targets);
                    show(model, Screen::Release)
                }
                _ => {
                    inspect::look_at(model, container);
                    show(model, Screen::Inspect)
                }
            }
        }
        Choice::Target("build", target) => build(model, vec![target]),
        Choice::Target("verify", target) => verify(model, vec![target]),
        Choice::Target(_, target) => {
            inspect::look_at(model, target.container);
            show(model, Screen::Inspect)
        }
        Choice::Reference(verb, reference) => {
            if verb == "verify" {
                model.inspect.tab = inspect::Tab::Checks;
            }
            inspect::came_from(model);
            model.screen = Screen::Inspect;
            inspect::look_at_reference(model, reference)
        }
    }
}

/// Columns and lines of its frame.
const SIZE: (u16, u16) = (90, 18);

/// Draws it.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, typed: &Input, cursor: usize) {
    let choices = choices(model, typed.value());
    let inside = frame(model, canvas, SIZE, "Commands", &[(Action::Open, "runs"), (Action::Back, "closes")]);
    let used = canvas.text(row(inside, 0), &format!("{} ", canvas.glyph(Glyph::Caret)), Meaning::Accent);
    draw_input(canvas, right_of(row(inside, 0), used), typed, "build fd aarch64, inspect ghcr.io/acme/fd:1.2, theme …", true);
    let list = below(inside, 2);
    if choices.is_empty() {
        canvas.text(row(list, 0), "No command is like that.", Meaning::Muted);
        return;
    }
    let at = cursor.min(choices.len() - 1);
    let visible = window(at, choices.len(), usize::from(list.height));
    for (line, index) in visible.clone().enumerate() {
        let choice = &choices[index];
        let area = row(beside_scrollbar(list, choices.len()), line);
        canvas.spot(area, Spot::Row(index));
        let mut why = None;
        let mut keys = String::new();
        if let Choice::Action(entry) = choice {
            why = (entry.enabled)(model).err();
            keys = model.keymap.keys(model.screen.scope(), entry.action).join(" ");
        }
        let meaning = match (why, index == at) {
            (Some(_), _) => Meaning::Muted,
            (None, true) => Meaning::Title,
            (None, false) => Meaning::Text,
        };
        if index == at {
            canvas.text(area, canvas.glyph(Glyph::Gutter), Meaning::Accent);
        }
        let title = choice.title();
        canvas.text(right_of(area, 2), &title, meaning);
        let keys_width = text::width(&keys) as u16;
        canvas.aligned(Rect { width: area.width.saturating_sub(2), ..area }, &keys, Meaning::Accent, Align::Right);
        let start = (text::width(&title) as u16 + 4).max(22);
        let rest = right_of(area, start);
        let rest = Rect { width: rest.width.saturating_sub(keys_width + 4), ..rest };
        canvas.text(rest, why.unwrap_or(choice.about()), Meaning::Muted);
        if index == at && !model.theme.selection_is_reversed() {
            canvas.select(area);
        }
    }
    scrollbar(canvas, list, &visible, choices.len());
}
