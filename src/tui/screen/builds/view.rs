//! Draws the list of tasks and the logs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::describe::describe;
use super::failure;
use super::state::{Layout, Task, log, rows};
use crate::session::{Outcome, Phase};
use crate::tui::action::Action;
use crate::tui::hint::centered;
use crate::tui::model::Model;
use crate::tui::spot::Spot;
use crate::tui::status;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Align, Canvas, Rows, below, draw_input, draw_log, meter, panel, right_of, row, scrollbar, window};

/// So many columns have room for the list beside the logs.
const BESIDE: u16 = 70;

/// The task list: beside the logs, or above them on a narrow terminal; gone when a log is zoomed.
fn list_area(model: &Model, body: Rect) -> Rect {
    if model.builds.zoom {
        return Rect { height: 0, ..body };
    }
    let body = below(body, 1);
    let drawn = model.builds.list_size;
    if body.width >= BESIDE {
        // A log keeps its room, however far the line is drawn.
        let width = drawn.map_or((body.width / 4).clamp(24, 40), |(x, _)| (x + 1).clamp(16, body.width - 36));
        Rect { width, ..body }
    } else {
        let height = match drawn {
            Some((_, y)) => y.saturating_sub(1).clamp(1, (body.height * 2 / 3).max(1)),
            None => (model.builds.order.len() as u16).min(body.height / 3).max(1),
        };
        Rect { height, ..body }
    }
}

/// The line between the list and the logs, which can be moved with the mouse.
fn divider(model: &Model, body: Rect) -> Rect {
    let list = list_area(model, body);
    match body.width >= BESIDE {
        // The list's last column, where its scrollbar is, and the frame beside it.
        true => Rect { x: list.right().saturating_sub(1), width: 2, ..list },
        false => Rect { y: list.bottom(), height: list.height.min(1), ..list },
    }
}

/// The logs that are visible, and where.
pub fn panes(model: &Model, body: Rect) -> Vec<(Task, Rect)> {
    let list = list_area(model, body);
    let beside = body.width >= BESIDE;
    let area = match (model.builds.zoom, beside) {
        (true, _) => body,
        (false, true) => right_of(below(body, 1), list.width),
        (false, false) => below(body, 1 + list.height),
    };
    let Some(selected) = &model.builds.selected else { return Vec::new() };
    let wanted = if model.builds.zoom || area.width < 40 || area.height < 10 { Layout::Focus } else { model.builds.layout };
    // A pane of fewer than 36 columns or 6 lines shows nothing of a log.
    let most = usize::from((area.width / 36).clamp(1, 3) * (area.height / 6).clamp(1, 3)).max(if wanted == Layout::Focus { 1 } else { 2 });
    let tasks = side_by_side(model, selected, wanted.panes().min(if most < 9 { most.min(4) } else { 9 }));
    let (columns, rows) = match (tasks.len(), area.width >= 100) {
        (0 | 1, _) => (1, 1),
        (2, true) => (2, 1),
        (2, false) => (1, 2),
        (3 | 4, _) => (2, 2),
        (5 | 6, _) => (3, 2),
        _ => (3, 3),
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

/// Columns and lines that the log of the selected task has.
pub fn log_size(model: &Model) -> (usize, usize) {
    let panes = panes(model, model.body());
    let selected = panes.into_iter().find(|(task, _)| Some(task) == model.builds.selected.as_ref());
    let area = selected.map(|(task, area)| log_area(model, area, &task)).unwrap_or_default();
    (usize::from(area.width).max(1), usize::from(area.height).max(1))
}

/// Where in the pane at `area` the log of `task` is: what stands above it is as high as it turns out when it is drawn.
pub fn log_area(model: &Model, area: Rect, task: &Task) -> Rect {
    let mut scratch = Buffer::empty(area);
    let mut canvas = Canvas::new(&mut scratch, &model.theme);
    view_above(model, &mut canvas, area, task, &rows(model, task))
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
        centered(model, canvas, row(middle, 1), &[(Action::ShowImages, "shows the images, where they are built")]);
        return;
    }
    if !model.builds.zoom {
        view_summary(model, canvas, row(body, 0));
        view_list(model, canvas, list_area(model, body));
    }
    for (task, area) in panes(model, body) {
        view_pane(model, canvas, area, &task);
    }
    canvas.spot(divider(model, body), Spot::Divider);
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
    let elapsed = model.state.running().map(|(_, run)| run.started).min().map(|started| text::clock(model.now.saturating_sub(started)));
    let time = match (elapsed, left(model)) {
        (Some(elapsed), Some(left)) => format!("{elapsed}  ~{} left", text::clock(left)),
        (elapsed, _) => elapsed.unwrap_or_default(),
    };
    canvas.aligned(Rect { width: area.width.saturating_sub(2), ..area }, &time, Meaning::Muted, Align::Right);
    let room = right_of(Rect { width: area.width.saturating_sub(text::width(&time) as u16 + 4), ..area }, 1);
    let parts = || parts.into_iter().filter(|(.., n)| *n > 0);
    // Symbols and numbers alone say it too, where there is no room for words.
    let words =
        parts().map(|(glyph, _, word, n)| text::width(&format!("{glyph} {n} {word}")) + 3).sum::<usize>() <= usize::from(room.width) + 3;
    let mut x = 0;
    for (glyph, meaning, word, n) in parts() {
        let said = if words { format!("{glyph} {n} {word}") } else { format!("{glyph} {n}") };
        x += canvas.text(right_of(room, x), &said, meaning) + if words { 3 } else { 2 };
    }
}

/// How long everything that is open will still take, in milliseconds, if each takes its usual time; `None` when one has no past.
fn left(model: &Model) -> Option<u64> {
    let open: Vec<_> = model.state.builds.iter().filter(|(_, build)| build.is_open()).collect();
    let sides = open.iter().filter(|(_, build)| build.started.is_some()).count().max(1) as u64;
    let each: Option<Vec<u64>> = open.into_iter().map(|(target, _)| status::left(model, target)).collect();
    each.filter(|each| !each.is_empty()).map(|each| each.iter().max().copied().unwrap_or(0).max(each.iter().sum::<u64>() / sides))
}

fn view_list(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let order = &model.builds.order;
    let at = order.iter().position(|t| Some(t) == model.builds.selected.as_ref()).unwrap_or(0);
    let visible = window(at, order.len(), usize::from(area.height));
    for (line, index) in visible.clone().enumerate() {
        let here = index == at;
        let line = row(area, line);
        let line = Rect { width: line.width.saturating_sub(1), ..line };
        canvas.spot(line, Spot::Row(index));
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

/// Draws the frame of a pane and what stands above its log; says where the log goes. Zoomed, there is no frame: what is selected with
/// the terminal's own mouse is then the log and nothing else.
fn view_above(model: &Model, canvas: &mut Canvas<'_>, area: Rect, task: &Task, rows: &Rows<'_>) -> Rect {
    let focused = model.builds.selected.as_ref() == Some(task);
    let (name, note, status) = describe(model, task);
    let title = if note.is_empty() { name } else { format!("{name} · {note}") };
    let stands = format!(
        "{}{} {} {}",
        reading_note(model, task, rows, usize::from(area.height.saturating_sub(2))),
        status.symbol(model),
        status.word,
        status.detail
    );
    let stands = stands.trim_end();
    let mut inside = if model.builds.zoom {
        let head = row(area, 0);
        let used = canvas.text(head, &title, Meaning::Title);
        canvas.aligned(right_of(head, (used + 1).min(head.width)), stands, Meaning::Muted, Align::Right);
        below(area, 1)
    } else {
        let inside = panel(canvas, area, &title, stands, focused);
        Rect { width: inside.width.saturating_sub(2), ..right_of(inside, 1) }
    };
    let top = model.builds.view(task).top;
    let following = top.is_none();
    if focused && (model.builds.searching || model.builds.narrowing) && inside.height > 1 {
        let line = row(inside, usize::from(inside.height) - 1);
        let (mark, input, about) = match model.builds.searching {
            true => ("/ ", &model.builds.search, "search this log"),
            false => ("& ", &model.builds.only, "show only lines with"),
        };
        let label = canvas.text(line, mark, Meaning::Accent);
        draw_input(canvas, right_of(line, label), input, about, true);
        inside.height -= 1;
    }
    if let Some(why) = failure::of(model, task).filter(|_| following && inside.height >= 8) {
        let used = failure::view(model, canvas, inside, task, &why);
        inside = below(inside, used);
    } else if let Some((done, total)) = progress(model, task).filter(|_| inside.height >= 4) {
        view_progress(canvas, row(inside, 0), done, total);
        inside = below(inside, 1);
    }
    let lines = log(model, task);
    let first = top.is_some_and(|top| top <= lines.dropped());
    if lines.dropped() > 0 && first && inside.height > 2 {
        let earlier = format!("{} {} earlier lines", canvas.glyph(Glyph::Ellipsis), text::thousands(lines.dropped()));
        canvas.text(row(inside, 0), &earlier, Meaning::Muted);
        inside = below(inside, 1);
    }
    inside
}

/// Where in the log somebody is: a match, what is below, which part of the file, what is left out.
fn reading_note(model: &Model, task: &Task, rows: &Rows<'_>, height: usize) -> String {
    let focused = model.builds.selected.as_ref() == Some(task);
    let view = model.builds.view(task);
    let mut out = String::new();
    match model.builds.found {
        (i, n) if focused && n > 0 => out.push_str(&format!("match {i}/{n}  ")),
        _ if focused && !model.builds.search.value().is_empty() => out.push_str("no match  "),
        _ => {}
    }
    if focused && !model.builds.only.value().is_empty() {
        out.push_str(&format!("{} of {} lines  ", text::thousands(rows.len() as u64), text::thousands(log(model, task).len() as u64)));
    }
    match (&model.builds.spool, view.top, view.unseen(rows, height)) {
        (Some(spool), Some(top), _) if spool.task == *task => {
            out.push_str(&format!("line {} of {}  ", text::thousands(top + 1), text::thousands(spool.total)));
        }
        (_, None, _) => {}
        (_, Some(_), 0) => out.push_str("paused  "),
        (_, Some(_), n) => out.push_str(&format!("paused, {n} below  ")),
    }
    out
}

fn view_pane(model: &Model, canvas: &mut Canvas<'_>, area: Rect, task: &Task) {
    let rows = rows(model, task); // what a filter leaves is looked for once a frame
    let inside = view_above(model, canvas, area, task, &rows);
    let focused = model.builds.selected.as_ref() == Some(task);
    let log_view = model.builds.view(task);
    if rows.len() == 0 {
        let queued = matches!(task, Task::Target(t) if model.state.builds.get(t).is_some_and(|b| b.phase == Phase::Queued));
        let word = match (queued, log(model, task).is_empty()) {
            (true, _) => "waiting for its turn",
            (false, true) => "no output",
            (false, false) => "no line has that; esc shows all",
        };
        canvas.text(row(inside, 0), word, Meaning::Muted);
        return;
    }
    let since = match task {
        Task::Target(target) => model.state.builds.get(target).and_then(|b| b.started),
        Task::Test(target) => model.state.tests.get(target).map(|trial| trial.started),
        Task::Run(run) => model.state.runs.get(run).map(|r| r.started),
    };
    let search = if focused { model.builds.search.value() } else { "" };
    draw_log(canvas, inside, &rows, &log_view, search, since.unwrap_or(0));
}

fn progress(model: &Model, task: &Task) -> Option<(String, (u64, u64))> {
    let (done, total, unit) = match task {
        Task::Target(target) => model.state.builds.get(target).filter(|b| b.is_open())?.progress?,
        Task::Run(run) => model.state.runs.get(run).filter(|r| r.is_running())?.progress?,
        Task::Test(_) => return None,
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
