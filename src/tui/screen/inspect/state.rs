//! What is looked at, which view of it, and where the cursor is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tui_input::Input;

use super::{checks, compare, facts, files, layers, packages, tree_view};
use crate::catalog::{ContainerName, Target};
use crate::image::{Digest, Reference};
use crate::session::{Command, CompareRequest, Failure, Inspection, TargetSummary};
use crate::tui::action::Action;
use crate::tui::model::{Model, Screen};
use crate::tui::msg::{Effect, Level};
use crate::tui::overlay::Overlay;
use crate::tui::spot::Spot;
use crate::tui::status;
use crate::tui::text;
use crate::tui::widget::Tree;
use crate::verify::Report;

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A container of the catalog, with all its targets.
    Container(ContainerName),
    /// Anything else a reference names, as it was written.
    Reference(String),
}

/// The views of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// Claims against facts, and the numbers.
    #[default]
    Overview,
    /// The config, as JSON.
    Config,
    /// The layers.
    Layers,
    /// The packages.
    Packages,
    /// The files.
    Files,
    /// The checks.
    Checks,
    /// One architecture against another.
    Compare,
}

impl Tab {
    /// Every view, in order.
    pub const ALL: [Tab; 7] = [Tab::Overview, Tab::Config, Tab::Layers, Tab::Packages, Tab::Files, Tab::Checks, Tab::Compare];

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Tab::Overview => "Overview",
            Tab::Config => "Config",
            Tab::Layers => "Layers",
            Tab::Packages => "Packages",
            Tab::Files => "Files",
            Tab::Checks => "Checks",
            Tab::Compare => "Compare",
        }
    }
}

/// The Inspect screen's own state.
#[derive(Clone, Debug, Default)]
pub struct Inspect {
    /// What is looked at.
    pub subject: Option<Subject>,
    /// Which view of it.
    pub tab: Tab,
    /// Which architecture has the cursor.
    pub column: usize,
    /// The line of each view, by its position in [`Tab::ALL`].
    pub cursor: [usize; Tab::ALL.len()],
    /// What is folded in the config.
    pub tree: Tree,
    /// What is searched.
    pub search: Input,
    /// Whether the search is being typed.
    pub searching: bool,
    /// Only what differs between architectures.
    pub only_differences: bool,
    /// What could not be read, by subject.
    pub failures: BTreeMap<String, Failure>,
    /// The screen to go back to, when it is not Images.
    came_from: Option<Screen>,
    /// What has been asked for: each image is read and checked once.
    asked: BTreeSet<(Target, Digest)>,
    /// Images whose files were asked for: each is listed once, when somebody wants to see them.
    listed: BTreeSet<Digest>,
    /// Pairs of images that were to be compared: each is once, when somebody wants to see it.
    compared: BTreeSet<(Digest, Digest)>,
}

/// One architecture of what is looked at.
pub struct Column<'a> {
    /// Its heading: the architecture, or the platform.
    pub label: String,
    /// What to call it in references.
    pub name: String,
    /// The target, when it is one of ours.
    pub target: Option<Target>,
    /// What it says and holds, once it was read.
    pub inspection: Option<&'a Arc<Inspection>>,
    /// Its checks, once they ended.
    pub report: Option<&'a Report>,
}

/// The architectures of what is looked at, in file order.
pub fn columns(model: &Model) -> Vec<Column<'_>> {
    match &model.inspect.subject {
        None => Vec::new(),
        Some(Subject::Container(container)) => {
            model.state.targets.iter().filter(|t| t.target.container == *container).map(|t| of_target(model, t)).collect()
        }
        Some(Subject::Reference(subject)) => {
            let mine = model.state.inspections.values().filter(|i| is_of(&i.subject, subject));
            mine.map(|i| Column {
                label: i.platform.to_string(),
                name: i.subject.clone(),
                target: i.target.clone(),
                inspection: Some(i),
                report: model.state.verifications.values().filter_map(|v| v.report.as_deref()).find(|r| r.digest == i.digest),
            })
            .collect()
        }
    }
}

/// Which of `columns` has the cursor.
pub fn chosen(model: &Model, columns: &[Column<'_>]) -> usize {
    model.inspect.column.min(columns.len().saturating_sub(1))
}

/// Whether a subject the engine reports belongs to what the user asked for: itself, or a member of that index.
fn is_of(reported: &str, asked: &str) -> bool {
    let bare = |s: &str| s.strip_prefix("docker://").unwrap_or(s).to_owned();
    bare(reported).starts_with(&bare(asked))
}

fn of_target<'a>(model: &'a Model, summary: &TargetSummary) -> Column<'a> {
    let target = &summary.target;
    Column {
        label: target.architecture.to_string(),
        name: target.to_string(),
        target: Some(target.clone()),
        inspection: model.state.inspection(target),
        report: status::report(model, target),
    }
}

/// Looks at a container from now on.
pub fn look_at(model: &mut Model, container: ContainerName) {
    let subject = Some(Subject::Container(container));
    if model.inspect.subject != subject {
        model.inspect.subject = subject;
        (model.inspect.column, model.inspect.cursor) = (0, Default::default());
    }
}

/// Looks at what a reference names; what to ask the engine for.
pub fn look_at_reference(model: &mut Model, reference: Reference) -> Vec<Command> {
    if let Reference::Container { name, .. } = &reference
        && model.state.targets.iter().any(|t| t.target.container == *name)
    {
        look_at(model, name.clone());
        return entered(model);
    }
    model.inspect.subject = Some(Subject::Reference(reference.to_string()));
    (model.inspect.column, model.inspect.cursor) = (0, Default::default());
    vec![Command::Inspect(reference.clone()), Command::Verify(vec![reference].into())]
}

/// The screen is about to come to the front: going back leads to the one in front now.
pub fn came_from(model: &mut Model) {
    if model.screen != Screen::Inspect {
        model.inspect.came_from = Some(model.screen);
    }
}

/// The screen came to the front: without a subject it looks at what the Images cursor is on.
pub fn entered(model: &mut Model) -> Vec<Command> {
    if model.inspect.subject.is_none() {
        let target = super::super::images::selection(model).into_iter().next();
        model.inspect.subject = target.map(|t| Subject::Container(t.container));
    }
    wanted(model)
}

/// What has to be read and checked for what is on the screen: each image once.
pub fn wanted(model: &mut Model) -> Vec<Command> {
    if model.screen != Screen::Inspect {
        return Vec::new();
    }
    let mut commands = unlisted(model);
    commands.extend(uncompared(model));
    let Some(Subject::Container(container)) = &model.inspect.subject else { return commands };
    let mut unread = Vec::new();
    for summary in model.state.targets.iter().filter(|t| t.target.container == *container) {
        let Some(image) = status::image(&summary.state) else { continue };
        let column = of_target(model, summary);
        let read = column.inspection.is_some_and(|i| i.digest == image.digest);
        if !read || column.report.is_none() {
            unread.push((summary.target.clone(), image.digest, read, column.report.is_some()));
        }
    }
    let mut unchecked = Vec::new();
    for (target, digest, read, checked) in unread {
        if !model.inspect.asked.insert((target.clone(), digest)) {
            continue;
        }
        let reference = Reference::Container { name: target.container, architecture: Some(target.architecture) };
        if !read {
            commands.push(Command::Inspect(reference.clone()));
        }
        if !checked {
            unchecked.push(reference);
        }
    }
    if !unchecked.is_empty() {
        commands.push(Command::Verify(unchecked.into()));
    }
    commands
}

/// The listings that the view or the finding in front needs and nobody has asked for.
fn unlisted(model: &mut Model) -> Vec<Command> {
    let wanted = model.inspect.tab == Tab::Files || model.overlays.iter().any(|o| matches!(o, Overlay::Finding { .. }));
    if !wanted {
        return Vec::new();
    }
    let whole: Option<Reference> = match &model.inspect.subject {
        Some(Subject::Reference(text)) => text.parse().ok(),
        _ => None,
    };
    let mut found: Vec<(Digest, Reference)> = Vec::new();
    for column in columns(model) {
        let container = column.target.clone().map(|t| Reference::Container { name: t.container, architecture: Some(t.architecture) });
        if let (Some(digest), Some(reference)) = (files::digest(&column), whole.clone().or(container)) {
            found.push((digest, reference));
        }
    }
    found.retain(|(digest, _)| model.inspect.listed.insert(*digest));
    // A reference lists all its members at once.
    found.dedup_by(|(_, a), (_, b)| a == b);
    found.into_iter().map(|(_, reference)| Command::ListFiles(reference)).collect()
}

/// The comparison that the view in front needs and nobody has asked for.
fn uncompared(model: &mut Model) -> Option<Command> {
    if model.inspect.tab != Tab::Compare || compare::is_known(model) {
        return None;
    }
    let left: Reference = match &model.inspect.subject {
        Some(Subject::Container(name)) => Reference::Container { name: name.clone(), architecture: None },
        Some(Subject::Reference(text)) => text.parse().ok()?,
        None => return None,
    };
    let pair = {
        let columns = columns(model);
        let (left, right) = compare::pair(model, &columns)?;
        (files::digest(left)?, files::digest(right)?)
    };
    let all = CompareRequest { left, right: None, targets: Vec::new(), all: false };
    model.inspect.compared.insert(pair).then_some(Command::Compare(all))
}

/// Goes from what a check found to the file: the first whose path is in sight when the finding is scrolled to `scroll`.
pub fn show_file(model: &mut Model, check: crate::verify::Check, scroll: usize) -> Vec<Command> {
    let Some((column, path)) = checks::place(model, check, scroll) else { return Vec::new() };
    model.inspect.column = column;
    model.inspect.search.reset();
    let at = columns(model).get(column).and_then(|c| files::find(model, c, &path)).map(|(at, _)| at);
    match at {
        Some(at) => {
            model.inspect.cursor[Tab::Files as usize] = at;
            model.inspect.tab = Tab::Files;
        }
        // It is in a layer, but a later one replaced or removed it, or the files are not listed yet.
        None => model.say(Level::Info, format!("/{path} is not among the files of the image that runs")),
    }
    wanted(model)
}

/// `subject` could not be read or checked.
pub fn failed(model: &mut Model, subject: &str, failure: &Failure) {
    model.inspect.failures.insert(subject.to_owned(), failure.clone());
}

/// What build and verify would be about: the targets of the container, or the one with the cursor.
pub fn selection(model: &Model) -> Vec<Target> {
    columns(model).into_iter().filter_map(|c| c.target).collect()
}

fn len(model: &Model) -> usize {
    match model.inspect.tab {
        Tab::Overview => facts::rows(model).len(),
        Tab::Config => tree_view::rows(model).len(),
        Tab::Layers => layers::len(model),
        Tab::Packages => packages::rows(model).len(),
        Tab::Files => files::files(model).map_or(0, |files| files.len()),
        Tab::Checks => checks::rows(model).len(),
        Tab::Compare => compare::lines(model).len(),
    }
}

/// Where the cursor of the present view is.
pub fn cursor(model: &Model) -> usize {
    model.inspect.cursor[model.inspect.tab as usize]
}

/// Does what `action` means here.
pub fn act(model: &mut Model, action: Action) -> Vec<Command> {
    let tab = model.inspect.tab as usize;
    let last = len(model).saturating_sub(1);
    let at = cursor(model).min(last);
    let page = usize::from(model.body().height).saturating_sub(4).max(1);
    let columns_last = columns(model).len().saturating_sub(1);
    let turn = |by: usize| Tab::ALL[(tab + by) % Tab::ALL.len()];
    match action {
        Action::Up => model.inspect.cursor[tab] = at.saturating_sub(1),
        Action::Down => model.inspect.cursor[tab] = (at + 1).min(last),
        Action::PageUp => model.inspect.cursor[tab] = at.saturating_sub(page),
        Action::PageDown => model.inspect.cursor[tab] = (at + page).min(last),
        Action::Top => model.inspect.cursor[tab] = 0,
        Action::Bottom => model.inspect.cursor[tab] = last,
        Action::Left => model.inspect.column = model.inspect.column.saturating_sub(1),
        Action::Right => model.inspect.column = (model.inspect.column + 1).min(columns_last),
        Action::NextTab | Action::FocusNext => model.inspect.tab = turn(1),
        Action::PreviousTab | Action::FocusPrevious => model.inspect.tab = turn(Tab::ALL.len() - 1),
        Action::NextContainer => return step(model, 1),
        Action::PreviousContainer => return step(model, -1),
        Action::Differences => model.inspect.only_differences = !model.inspect.only_differences,
        Action::Filter => {
            model.inspect.searching = true;
            if !matches!(model.inspect.tab, Tab::Config | Tab::Packages | Tab::Files | Tab::Compare) {
                model.inspect.tab = Tab::Packages;
            }
        }
        Action::Back => {
            if model.inspect.searching || !model.inspect.search.value().is_empty() {
                model.inspect.searching = false;
                model.inspect.search.reset();
            } else {
                model.screen = model.inspect.came_from.take().unwrap_or(Screen::Images);
                super::super::builds::arrange(model);
            }
        }
        Action::Open if model.inspect.searching => model.inspect.searching = false,
        Action::NextMatch | Action::PreviousMatch if model.inspect.tab == Tab::Config => {
            tree_view::next_match(model, action == Action::NextMatch);
        }
        Action::Open | Action::Mark if model.inspect.tab == Tab::Config => tree_view::toggle(model),
        Action::Open if model.inspect.tab == Tab::Overview => show_checks(model),
        Action::Open if model.inspect.tab == Tab::Checks => {
            if let Some(check) = checks::rows(model).get(at).copied() {
                model.overlays.push(Overlay::Finding { check, scroll: 0 });
            }
        }
        Action::Copy => copy(model, at),
        Action::CopyAll => match tree_view::value(model) {
            Some(text) if model.inspect.tab == Tab::Config => {
                model.effects.push(Effect::Copy { what: text::count(text.lines().count(), "line"), text });
            }
            _ => model.say(Level::Info, "nothing more to copy here; y copies the line"),
        },
        _ => {}
    }
    wanted(model)
}

/// Brings the checks to the front, the cursor on the worst.
pub fn show_checks(model: &mut Model) {
    model.inspect.tab = Tab::Checks;
    model.inspect.cursor[Tab::Checks as usize] = checks::worst(model);
}

/// The mouse was clicked on `spot`: a view comes to the front, or the cursor goes there.
pub fn click(model: &mut Model, spot: Spot) -> Vec<Command> {
    match spot {
        Spot::View(tab) => model.inspect.tab = tab,
        Spot::Architecture(column) => model.inspect.column = column,
        Spot::Row(row) => go_to(model, row),
        Spot::Cell(row, column) => {
            model.inspect.column = column;
            go_to(model, row);
        }
        _ => {}
    }
    wanted(model)
}

fn go_to(model: &mut Model, row: usize) {
    model.inspect.searching = false;
    model.inspect.cursor[model.inspect.tab as usize] = row;
}

/// The next container of the catalog, around the end.
fn step(model: &mut Model, by: isize) -> Vec<Command> {
    let mut names: Vec<ContainerName> = Vec::new();
    for target in &model.state.targets {
        if !names.contains(&target.target.container) {
            names.push(target.target.container.clone());
        }
    }
    let at = match &model.inspect.subject {
        Some(Subject::Container(name)) => names.iter().position(|n| n == name).unwrap_or(0) as isize,
        _ => 0,
    };
    if !names.is_empty() {
        let next = (at + by).rem_euclid(names.len() as isize) as usize;
        look_at(model, names.swap_remove(next));
    }
    wanted(model)
}

/// The search has changed: the cursor goes to the first match.
pub fn search_changed(model: &mut Model) {
    match model.inspect.tab {
        Tab::Config => tree_view::next_match(model, true),
        _ => model.inspect.cursor[model.inspect.tab as usize] = 0,
    }
}

fn copy(model: &mut Model, at: usize) {
    let columns = columns(model);
    let column = columns.get(chosen(model, &columns));
    let inspection = column.and_then(|c| c.inspection);
    let text = match model.inspect.tab {
        Tab::Overview => facts::rows(model).get(at).map(|row| row.values.iter().map(|v| v.text.as_str()).collect::<Vec<_>>().join("\n")),
        Tab::Config => tree_view::rows(model).get(at).map(|row| row.pointer.clone()),
        Tab::Layers => inspection.and_then(|i| i.layers.get(at)).map(|l| l.digest.to_string()),
        Tab::Packages => packages::rows(model).get(at).map(|row| row.name.to_owned()),
        Tab::Files => files::files(model).and_then(|files| files.get(at)).map(|file| format!("/{}", file.entry.path)),
        Tab::Checks => checks::rows(model).get(at).map(|check| check.id().to_owned()),
        Tab::Compare => match compare::lines(model).get(at) {
            Some(compare::Line::Difference(row)) => Some(row.name.clone()),
            _ => None,
        },
    };
    match text {
        Some(text) => model.effects.push(Effect::Copy { what: text.lines().next().unwrap_or_default().to_owned(), text }),
        None => model.say(Level::Info, "nothing to copy here"),
    }
}
