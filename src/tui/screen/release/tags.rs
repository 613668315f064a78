//! Step 2: the version and the tags, and where they will point, as they are typed.

use ratatui::layout::Rect;

use super::state::{FIELDS, LATEST, containers, last_version, moves_latest, request};
use super::version;
use crate::catalog::Target;
use crate::release::check_tag;
use crate::tui::model::Model;
use crate::tui::spot::Spot;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Canvas, below, draw_input, right_of, row};

/// Why what was typed cannot be published, and what could: the version first, then the tags.
pub fn problem(model: &Model) -> Option<String> {
    let asked = request(model);
    if asked.version.is_empty() {
        return Some("a release needs a version".into());
    }
    let tags = asked.tags.iter().flatten().map(|tag| check_tag(tag, "the tag"));
    let wrong = std::iter::once(check_tag(&asked.version, "the version")).chain(tags).find_map(Result::err)?;
    Some(match wrong.advice() {
        Some(advice) => format!("{wrong}; {advice}"),
        None => wrong.to_string(),
    })
}

/// A reference that will name something.
struct Line {
    reference: String,
    what: String,
    /// What it names now, when this machine knows.
    now: Option<String>,
}

/// What each tag of a container will name, as the plan will say it.
fn expansion(model: &Model, targets: &[&Target], version: &str, more: &[String]) -> Vec<Line> {
    let Some(first) = targets.first() else { return Vec::new() };
    let repository = match &model.state.registry {
        Some(template) => template.replace("{container}", first.container.as_str()),
        None => first.container.to_string(),
    };
    let last = model.state.published.get(&first.container);
    let line = |tag: &str, what: String| {
        let named = last.and_then(|last| Some((last, last.tags.get(tag)?)));
        let now = named.map(|(last, digest)| format!("moves from {} ({})", digest.short(), text::printable(&last.version)));
        Line { reference: format!("{repository}:{tag}"), what, now }
    };
    let mut out = Vec::new();
    if targets.len() > 1 {
        out.extend(
            targets.iter().map(|t| line(&format!("{version}-{}", t.architecture.tag_suffix()), format!("the {} image", t.architecture))),
        );
    }
    let what = if targets.len() > 1 { format!("the index of {} images", targets.len()) } else { "the image".to_owned() };
    out.push(line(version, what.clone()));
    out.extend(more.iter().filter(|tag| *tag != version).map(|tag| line(tag, what.clone())));
    out
}

/// ```text
///   version   1.5.0
///   tags      none
///   latest    [x] moves too: the branch is main (git)
///   force     [ ] overwrite a version that exists and differs
///
///   ghcr.io/acme/fd:1.5.0-amd64   → the x86_64 image
///   ghcr.io/acme/fd:1.5.0         → the index of 2 images
///   ghcr.io/acme/fd:latest        → the index of 2 images  moves from 0b13aa41c2d0 (1.4.2)
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    // Fields are drawn apart when there is room for it.
    let step = if area.height >= 18 { 2 } else { 1 };
    let fields = below(area, u16::from(area.height >= 12));
    for (i, label) in FIELDS.into_iter().enumerate() {
        view_field(model, canvas, row(fields, i * step), i, label);
    }
    let rest = below(fields, (FIELDS.len() * step + usize::from(step == 1)) as u16);
    let version = model.release.version.value().trim();
    let asked = request(model);
    let mut more = asked.tags.clone().unwrap_or_default();
    if let Some(problem) = problem(model) {
        let meaning = if version.is_empty() && model.release.hint.is_none() { Meaning::Muted } else { Meaning::Failure };
        canvas.paragraph(right_of(rest, 2), &problem, meaning);
        return;
    }
    let used = match version::remark(version, last_version(model), model.release.force) {
        Some(remark) => canvas.paragraph(right_of(rest, 2), &format!("{} {remark}", canvas.glyph(Glyph::Warn)), Meaning::Warning),
        None => 0,
    };
    let rest = below(rest, used);
    if moves_latest(model) == Some(true) && !more.iter().any(|tag| tag == LATEST) {
        more.push(LATEST.into());
    }
    let chosen = containers(model).into_iter().filter(|c| model.release.chosen.contains(c));
    let lines: Vec<Line> = chosen
        .flat_map(|name| {
            let targets: Vec<&Target> = asked.targets.iter().filter(|t| t.container == name).collect();
            expansion(model, &targets, version, &more)
        })
        .collect();
    view_expansion(canvas, rest, &lines);
}

fn view_field(model: &Model, canvas: &mut Canvas<'_>, line: Rect, index: usize, label: &str) {
    let release = &model.release;
    let here = release.field == index;
    canvas.spot(line, Spot::Row(index));
    if here {
        canvas.text(line, canvas.glyph(Glyph::Gutter), Meaning::Accent);
    }
    canvas.text(right_of(line, 2), label, if here { Meaning::Title } else { Meaning::Muted });
    let value = right_of(line, 12);
    let mark = |on| if on { "[x]" } else { "[ ]" };
    if index >= 2 {
        canvas.spot(Rect { width: 3, ..value }.intersection(line), Spot::Mark(index));
    }
    match index {
        0 => draw_input(canvas, value, &release.version, &version::next(last_version(model)), here),
        1 => draw_input(canvas, value, &release.tags, "none", here),
        2 => {
            let moves = moves_latest(model);
            let why = match (release.latest, &model.state.tag_rule) {
                (Some(_), _) => "as you say".to_owned(),
                (None, _) if !release.tags.value().trim().is_empty() => "only the tags that are asked for".to_owned(),
                (None, Some((_, why))) => text::printable(why).into_owned(),
                (None, None) => "the tag rule decides".to_owned(),
            };
            let said = if moves == Some(true) { "moves too" } else { "stays" };
            let meaning = if moves == Some(true) { Meaning::Text } else { Meaning::Muted };
            canvas.text(value, &format!("{} {said}: {why}", mark(moves == Some(true))), meaning);
        }
        _ => {
            let meaning = if release.force { Meaning::Warning } else { Meaning::Muted };
            canvas.text(value, &format!("{} overwrite a version that exists and differs", mark(release.force)), meaning);
        }
    }
}

/// Where there is little room, a reference begins at its container, and what a tag moves from goes before what it will name.
fn view_expansion(canvas: &mut Canvas<'_>, area: Rect, lines: &[Line]) {
    let height = usize::from(area.height);
    let narrow = area.width < 90;
    let name = |line: &Line| {
        let from = if narrow { line.reference.rfind('/').map_or(0, |at| at + 1) } else { 0 };
        line.reference[from..].to_owned()
    };
    let widest = lines.iter().map(|line| text::width(&name(line))).max().unwrap_or(0).min(usize::from(area.width) * 2 / 3);
    let dots = canvas.glyph(Glyph::Ellipsis);
    // The last line says how many there are no lines for.
    let shown = if lines.len() > height { height.saturating_sub(1) } else { lines.len() };
    for (i, line) in lines.iter().take(shown).enumerate() {
        let full = name(line);
        let reference = text::elide_middle(&full, widest, dots);
        let reference = format!("{reference}{}", " ".repeat(widest.saturating_sub(text::width(&reference))));
        let (plain, muted, moved) = (canvas.style(Meaning::Text), canvas.style(Meaning::Muted), canvas.style(Meaning::Changed));
        let arrow = format!("  {} ", canvas.glyph(Glyph::Arrow));
        let what = (line.what.as_str(), muted);
        let now = (line.now.as_deref().unwrap_or_default(), moved);
        let (first, second) = if narrow && line.now.is_some() { (now, what) } else { (what, now) };
        canvas.spans(right_of(row(area, i), 2), &[(&reference, plain), (&arrow, muted), first, ("  ", muted), second]);
    }
    if shown < lines.len() {
        let more = format!("{dots} and {} more", lines.len() - shown);
        canvas.text(right_of(row(area, shown), 2), &more, Meaning::Muted);
    }
}
