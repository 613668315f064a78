//! Draws the list of tasks and the logs.

use std::borrow::Cow;

use ratatui::layout::Rect;

use super::failure;
use super::state::{Layout, Task, log};
use crate::session::{Outcome, Phase};
use crate::tui::model::Model;
use crate::tui::status::{self, Status};
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Align, Canvas, LogView, below, draw_input, draw_log, meter, panel, right_of, row, scrollbar, window};

/// The task list: beside the logs, or above them on a narrow terminal; gone when a log is zoomed.
pub fn list_area(model: &Model, body: Rect) -> Rect {
    if model.builds.zoom {
        return Rect { height: 0, ..body };
    }
    let body = below(body, 1);
    if body.width >= 70 {
        Rect { width: (body.width / 4).clamp(24, 40), ..body }
    } else {
        Rect { height: (model.builds.order.len() as u16).min(body.height / 3).max(1), ..body }
    }
}

/// The logs that are visible, and where.
pub fn panes(model: &Model, body: Rect) -> Vec<(Task, Rect)> {
    let list = list_area(model, body);
    let beside = body.width >= 70;
    let area = match (model.builds.zoom, beside) {
        (true, _) => body,
        (false, true) => right_of(below(body, 1), list.width),
        (false, false) => below(body, 1 + list.height),
    };
    let Some(selected) = &model.builds.selected else { return Vec::new() };
    let wanted = if model.builds.zoom || area.width < 40 || area.height < 10 { Layout::Focus } else { model.builds.layout };
    let tasks = side_by_side(model, selected, wanted.panes());
    let (columns, rows) = match (tasks.len(), area.width >= 100) {
        (0 | 1, _) => (1, 1),
        (2, true) => (2, 1),
        (2, false) => (1, 2),
        _ => (2, 2),
    };
    let cell = |i: u16| {
        let (c, r) = (i % columns, i / columns);
        let (x0, x1) = (area.width * c / columns, area.width * (c + 1) / columns);
        let (y0, y1) = (area.height * r / rows, area.height * (r + 1) / rows);
        Rect::new(area.x + x0, area.y + y0, x1 - x0, y1 - y0)
    };
    tasks.into_iter().enumerate().map(|(i, task)| (task, cell(i as u16))).collect()
}

/// The `n` tasks whose logs are worth seeing together: the selected one, builds at work, then what follows it in the
/// list; in the order of the list, so that a pane moves only when another ends.
fn side_by_side(model: &Model, selected: &Task, n: usize) -> Vec<Task> {
    let order = &model.builds.order;
    let at = order.iter().position(|t| t == selected).unwrap_or(0);
    let working = (0..order.len()).filter(|i| super::state::is_at_work(model, &order[*i]));
    let following = (at + 1..order.len()).chain((0..at).rev());
    let mut shown: Vec<usize> = Vec::with_capacity(n);
    for i in std::iter::once(at).chain(working).chain(following) {
        if shown.len() < n && !shown.contains(&i) {
            shown.push(i);
        }
    }
    shown.sort_unstable();
    shown.into_iter().filter_map(|i| order.get(i).cloned()).collect()
}

/// How many log lines of the selected task are visible.
pub fn log_height(model: &Model) -> usize {
    let panes = panes(model, model.body());
    let selected = panes.iter().find(|(task, _)| Some(task) == model.builds.selected.as_ref());
    selected.map_or(1, |(_, area)| usize::from(area.height.saturating_sub(2)).max(1))
}

/// ```text
///  Builds   ⠙ 2 running  ◌ 4 queued  ✓ 5 done  ✗ 1 failed                    1:42
/// ✗ fd      aarch64  ╭─ fd · aarch64 ──────────────────────── failed after 0:41 ─╮
/// ⠙ jq      x86_64   │ …                                                          │
/// ◌ rg      x86_64   ╰────────────────────────────────────────────────────────────╯
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, body: Rect) {
    if model.builds.order.is_empty() {
        let middle = below(body, body.height / 3);
        canvas.aligned(row(middle, 0), "Nothing has been built in this session.", Meaning::Title, Align::Center);
        canvas.aligned(row(middle, 1), "1 shows the images: b builds one, B builds all", Meaning::Muted, Align::Center);
        return;
    }
    if !model.builds.zoom {
        view_summary(model, canvas, row(body, 0));
        view_list(model, canvas, list_area(model, body));
    }
    for (task, area) in panes(model, body) {
        view_pane(model, canvas, area, &task);
    }
}

fn view_summary(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let count = |wanted: fn(&Phase) -> bool| model.state.builds.values().filter(|b| wanted(&b.phase)).count();
    let parts = [
        (model.theme.turning(model.now), Meaning::Running, "running", count(|p| matches!(p, Phase::Running(_)))),
        (canvas.glyph(Glyph::Queued), Meaning::Queued, "queued", count(|p| *p == Phase::Queued)),
        (
            canvas.glyph(Glyph::Pass),
            Meaning::Success,
            "done",
            count(|p| matches!(p, Phase::Ended(Outcome::Succeeded { .. } | Outcome::Cached { .. }))),
        ),
        (canvas.glyph(Glyph::Fail), Meaning::Failure, "failed", count(|p| matches!(p, Phase::Ended(Outcome::Failed(_))))),
        (canvas.glyph(Glyph::Cancelled), Meaning::Warning, "cancelled", count(|p| matches!(p, Phase::Ended(Outcome::Cancelled)))),
    ];
    let mut x = 1;
    for (glyph, meaning, word, n) in parts.into_iter().filter(|p| p.3 > 0) {
        x += canvas.text(right_of(area, x), &format!("{glyph} {n} {word}"), meaning) + 3;
    }
    let running = model.state.running().map(|(_, run)| run.started).min();
    if let Some(started) = running {
        let time = text::clock(model.now.saturating_sub(started));
        canvas.aligned(Rect { width: area.width.saturating_sub(2), ..area }, &time, Meaning::Muted, Align::Right);
    }
}

fn view_list(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let order = &model.builds.order;
    let at = order.iter().position(|t| Some(t) == model.builds.selected.as_ref()).unwrap_or(0);
    let visible = window(at, order.len(), usize::from(area.height));
    for (line, index) in visible.clone().enumerate() {
        let here = index == at;
        let line = row(area, line);
        let line = Rect { width: line.width.saturating_sub(1), ..line };
        let (name, note, status) = describe(model, &order[index]);
        if here {
            canvas.text(line, canvas.glyph(Glyph::Gutter), Meaning::Accent);
        }
        let symbol = status.symbol(model);
        let shift = 2 + canvas.text(right_of(line, 1), symbol, status.meaning).max(1);
        let room = right_of(line, shift);
        let taken =
            canvas.text(Rect { width: room.width.saturating_sub(1), ..room }, &name, if here { Meaning::Title } else { Meaning::Text });
        // The percent is dropped before the architecture: two rows of one container must not look alike.
        let both = format!("{note} {:>4}", status.detail);
        let fits = |note: &str| usize::from(taken) + 1 + text::width(note) <= usize::from(room.width);
        let note = if status.glyph == Glyph::Running && status.detail.ends_with('%') && fits(&both) { &both } else { &note };
        if fits(note) {
            canvas.aligned(room, note, Meaning::Muted, Align::Right);
        }
        if here && !model.theme.selection_is_reversed() {
            canvas.select(line);
        }
    }
    scrollbar(canvas, area, &visible, order.len());
}

/// A task's name, a word about it and how it stands.
fn describe(model: &Model, task: &Task) -> (String, String, Status) {
    match task {
        Task::Target(target) => {
            let status = match model.state.builds.get(target) {
                Some(b) => status::of_phase(model, &b.phase, b.progress.map(|(d, t, _)| (d, t)), b.started, b.took),
                None => status::of(model, target),
            };
            (target.container.to_string(), target.architecture.to_string(), status)
        }
        Task::Run(id) => {
            let Some(run) = model.state.runs.get(id) else {
                return (format!("run {}", id.0), String::new(), status::of_phase(model, &Phase::Queued, None, None, None));
            };
            let phase = match &run.end {
                None => Phase::Running(run.phase.clone().unwrap_or_default()),
                Some(crate::session::RunEnd::Failed(failure)) => Phase::Ended(Outcome::Failed(failure.clone())),
                Some(crate::session::RunEnd::Finished { .. }) => Phase::Ended(Outcome::Cancelled),
            };
            let mut status = status::of_phase(model, &phase, run.progress.map(|(d, t, _)| (d, t)), Some(run.started), None);
            if let Some(crate::session::RunEnd::Finished { .. }) = run.end {
                (status.glyph, status.meaning, status.word, status.detail) = (Glyph::Pass, Meaning::Muted, "done".into(), String::new());
            }
            let phase = run.phase.clone().unwrap_or_default();
            (in_words(&run.command, &phase).into_owned(), format!("run {}", id.0), status)
        }
    }
}

/// What a run does, as its user would say it.
fn in_words<'a>(command: &'a str, phase: &str) -> Cow<'a, str> {
    match (command, phase) {
        ("list", _) => "reading containers.toml".into(),
        ("build", "lock") => "locking packages".into(),
        ("build", "check" | "verify") => "verifying".into(),
        ("build", "out") => "writing the layout".into(),
        ("verify", _) | ("push" | "release", "verify") => "verifying".into(),
        ("inspect", _) => "reading an image".into(),
        ("plan", _) | ("push" | "release", "plan") => "planning".into(),
        ("push" | "release", "") => "publishing".into(),
        (command, "") => command.into(),
        (command, phase) => format!("{command}: {}", text::printable(phase)).into(),
    }
}

fn view_pane(model: &Model, canvas: &mut Canvas<'_>, area: Rect, task: &Task) {
    let focused = model.builds.selected.as_ref() == Some(task);
    let fallback = LogView::default();
    let log_view = model.builds.views.get(task).unwrap_or(&fallback);
    let (lines, dropped) = log(model, task);
    let (name, note, status) = describe(model, task);
    let title = if note.is_empty() { name } else { format!("{name} · {note}") };
    let height = usize::from(area.height.saturating_sub(2));
    let unseen = log_view.unseen(dropped, lines.len(), height);
    let follow = match (log_view.top, unseen) {
        (None, _) => String::new(),
        (Some(_), 0) => "paused  ".to_owned(),
        (Some(_), n) => format!("paused, {n} below  "),
    };
    let found = match model.builds.found {
        _ if !focused || model.builds.search.value().is_empty() => String::new(),
        (_, 0) => "no match  ".to_owned(),
        (i, n) => format!("match {i}/{n}  "),
    };
    let stands = format!("{found}{follow}{} {} {}", status.symbol(model), status.word, status.detail);
    let inside = panel(canvas, area, &title, stands.trim_end(), focused);
    let mut inside = Rect { width: inside.width.saturating_sub(2), ..right_of(inside, 1) };
    if focused && model.builds.searching && inside.height > 1 {
        let line = row(inside, usize::from(inside.height) - 1);
        let label = canvas.text(line, "/ ", Meaning::Accent);
        draw_input(canvas, right_of(line, label), &model.builds.search, "search this log", true);
        inside.height -= 1;
    }
    if let Task::Target(target) = task
        && let Some(why) = failure::of(model, target).filter(|_| log_view.top.is_none() && inside.height >= 8)
    {
        let used = failure::view(model, canvas, inside, target, why);
        inside = below(inside, used);
    } else if let Some((done, total)) = progress(model, task).filter(|_| inside.height >= 4) {
        view_progress(canvas, row(inside, 0), done, total);
        inside = below(inside, 1);
    }
    if dropped > 0 && log_view.top.is_none_or(|t| t <= dropped) && inside.height > 2 && log_view.top.is_some() {
        let earlier = format!("{} {} earlier lines; o opens the whole log", canvas.glyph(Glyph::Ellipsis), text::thousands(dropped));
        canvas.text(row(inside, 0), &earlier, Meaning::Muted);
        inside = below(inside, 1);
    }
    if lines.is_empty() {
        let word = if status.glyph == Glyph::Queued { "waiting for its turn" } else { "no output" };
        canvas.text(row(inside, 0), word, Meaning::Muted);
        return;
    }
    let search = if focused { model.builds.search.value() } else { "" };
    draw_log(canvas, inside, lines, dropped, log_view, search);
}

fn progress(model: &Model, task: &Task) -> Option<(String, (u64, u64))> {
    let (done, total, unit) = match task {
        Task::Target(target) => model.state.builds.get(target).filter(|b| b.is_open())?.progress?,
        Task::Run(run) => model.state.runs.get(run).filter(|r| r.is_running())?.progress?,
    };
    let of = |n: u64| match unit {
        crate::progress::Unit::Bytes => text::bytes(n),
        crate::progress::Unit::Packages => format!("{n} packages"),
        crate::progress::Unit::Entries => format!("{n} entries"),
    };
    let words = match (total, unit) {
        (0, _) => of(done),
        // A unit that is the same on both sides is said once.
        (_, crate::progress::Unit::Bytes) => format!("{} of {}", of(done.min(total)), of(total)),
        _ => format!("{} of {}", done.min(total), of(total)),
    };
    Some((words, (done, total)))
}

fn view_progress(canvas: &mut Canvas<'_>, area: Rect, words: String, (done, total): (u64, u64)) {
    let room = area.width.saturating_sub(text::width(&words) as u16 + 2);
    meter(canvas, Rect { width: room, ..area }, done, total, Meaning::Running);
    canvas.aligned(area, &words, Meaning::Muted, Align::Right);
}
