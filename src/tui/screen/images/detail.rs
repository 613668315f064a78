//! Draws what the cursor is on, in more words.

use ratatui::layout::Rect;

use super::state::under_cursor;
use crate::catalog::{BuilderKind, Target};
use crate::session::{Outcome, Phase};
use crate::tui::action::{Action, Scope};
use crate::tui::model::Model;
use crate::tui::status;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Canvas, panel, right_of, row};
use crate::verify::Verdict;

/// ```text
/// ╭─ fd · x86_64 ─────────────────────────────────────── containers.toml:12 ─╮
/// │ ✓ verified   8 checks: 8 pass                                             │
/// │ image        sha256:9f2c…  24.1 MiB  2 layers  41 packages                │
/// │ packages     fd-find                                                      │
/// │ runs         fdfind                                                       │
/// ╰───────────────────────────────────────────────────────────────────────────╯
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let targets = under_cursor(model);
    let Some(first) = targets.first() else {
        panel(canvas, area, "", "", false);
        return;
    };
    let whole = targets.len() > 1;
    let title = if whole { first.container.to_string() } else { format!("{} · {}", first.container, first.architecture) };
    let line = model.state.target(first).map_or(0, |t| t.line);
    let file = model.state.catalog.as_ref().and_then(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned());
    let place = match (file, line) {
        (None, _) => String::new(),
        (Some(_), 0) => "found in the flake".to_owned(),
        (Some(file), line) => format!("{file}:{line}"),
    };
    let inside = panel(canvas, area, &title, &place, false);
    let inside = Rect { width: inside.width.saturating_sub(2), ..right_of(inside, 1) };
    let mut lines = Lines(Vec::new());
    if model.state.targets.iter().all(|t| status::image(&t.state).is_none()) && model.state.builds.is_empty() {
        // The first thing a newcomer needs.
        let key = |action: Action| model.keymap.keys(Scope::Images, action).into_iter().next().unwrap_or_default();
        let (build, all, every) = (key(Action::Build), key(Action::BuildAll), text::count(model.state.targets.len(), "target"));
        lines.pair("next", &format!("{build} builds {}, {all} builds all {every}", first.container), Meaning::Accent);
    }
    for target in &targets {
        of_target(model, &mut lines, target, whole);
    }
    if let Some(summary) = model.state.target(first) {
        let said = status::image(&summary.state).map(|image| &image.entrypoint).filter(|entrypoint| !entrypoint.is_empty());
        for (name, words) in [("packages", &summary.packages), ("runs", said.unwrap_or(&summary.entrypoint))] {
            if !words.is_empty() {
                lines.pair(name, &words.join(" "), Meaning::Text);
            }
        }
        let builder = match summary.builder {
            BuilderKind::Debian => "debian, from signed .deb packages",
            BuilderKind::Nix => "nix, from store paths",
        };
        lines.pair("builder", builder, Meaning::Muted);
    }
    if let Some(last) = model.state.published.get(&first.container) {
        let digest = last.digest.map(|digest| digest.short()).unwrap_or_default();
        let day = last.at.split('T').next().unwrap_or_default();
        let tags: Vec<&str> = last.tags.keys().filter(|tag| !tag.starts_with(&last.version)).map(String::as_str).collect();
        let tags = if tags.is_empty() { String::new() } else { format!("  also {}", tags.join(" ")) };
        lines.pair("published", &format!("{} on {day}  {digest}{tags}", last.version), Meaning::Text);
    }
    // Of the whole catalog, whatever the filter leaves.
    let total = model.state.targets.iter().map(|t| &t.target.container).collect::<std::collections::BTreeSet<_>>().len();
    let targets = text::count(model.state.targets.len(), "target");
    lines.pair("catalog", &format!("{}, {targets}", text::count(total, "container")), Meaning::Muted);
    lines.draw(canvas, inside);
}

fn of_target(model: &Model, lines: &mut Lines, target: &Target, whole: bool) {
    let state = status::of(model, target);
    let mut said = if state.detail.is_empty() { state.word.clone() } else { format!("{}  {}", state.word, state.detail) };
    if let Some(report) = status::report(model, target) {
        let parts = [Verdict::Pass, Verdict::Warn, Verdict::Fail].map(|v| (report.count(v), v));
        let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, v)| format!("{n} {v}")).collect();
        said = format!("{said}   checks: {}", parts.join(", "));
    }
    let label = if whole { target.architecture.name() } else { "state" };
    lines.pair(label, &format!("{} {said}", state.symbol(model)), state.meaning);
    if let Some(Phase::Ended(Outcome::Failed(failure))) = model.state.builds.get(target).map(|b| &b.phase) {
        lines.pair("why", &failure.message, Meaning::Failure);
        if let Some(hint) = &failure.hint {
            lines.pair("hint", hint, Meaning::Text);
        }
    }
    if let Some(image) = model.state.target(target).and_then(|t| status::image(&t.state)).filter(|_| !whole) {
        lines.pair("digest", &image.digest.to_string(), Meaning::Text);
        let numbers =
            format!("{}, {}, {}", text::bytes(image.size), text::count(image.layers, "layer"), text::count(image.packages, "package"));
        lines.pair("holds", &numbers, Meaning::Text);
    }
    for finding in status::report(model, target)
        .iter()
        .flat_map(|r| &r.checks)
        .flat_map(|c| &c.findings)
        .filter(|f| f.verdict == Verdict::Fail)
        .take(1)
    {
        let path = finding.path.as_deref().map(|p| format!("/{p}: ")).unwrap_or_default();
        lines.pair("finding", &format!("{path}expected {}, found {}", finding.expected, finding.found), Meaning::Mismatch);
    }
}

/// Labelled lines: what each is about, what it says, and how that looks.
struct Lines(Vec<(String, String, Meaning)>);

impl Lines {
    fn pair(&mut self, label: &str, value: &str, meaning: Meaning) {
        if !value.is_empty() {
            self.0.push((label.to_owned(), text::printable(value).into_owned(), meaning));
        }
    }

    /// Draws them, one below the other; where there is no room for all, the last line says so.
    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let height = usize::from(area.height);
        let mark = canvas.glyph(Glyph::Ellipsis);
        let shown = if self.0.len() > height { height.saturating_sub(1) } else { self.0.len() };
        for (i, (label, value, meaning)) in self.0.iter().take(shown).enumerate() {
            let line = row(area, i);
            canvas.text(Rect { width: line.width.min(9), ..line }, label, Meaning::Muted);
            let rest = right_of(line, 10);
            let value = if label == "digest" { text::elide_middle(value, usize::from(rest.width), mark) } else { value.into() };
            canvas.text(rest, &value, *meaning);
        }
        if shown < self.0.len() {
            canvas.text(row(area, shown), &format!("{mark} {} more lines; a larger window has them", self.0.len() - shown), Meaning::Muted);
        }
    }
}
