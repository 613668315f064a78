//! Step 3: everything that must be right first; all of it is shown.

use std::cmp::Reverse;

use ratatui::layout::Rect;

use super::mend;
use super::state::{accepted, plan};
use super::view::Page;
use crate::release::{Gate, Plan};
use crate::tui::action::Action;
use crate::tui::hint::{hints, key};
use crate::tui::model::Model;
use crate::tui::status;
use crate::tui::text;
use crate::tui::theme::Meaning;
use crate::tui::widget::{Canvas, below, draw_input, right_of, row};
use crate::verify::Verdict;

/// Asked before the line in which the reason is typed.
const WHY: &str = "why are they accepted? ";

/// The gates as lines of at most `width` cells.
pub fn page(model: &Model, width: usize) -> Page {
    let mut page = Page::new();
    let Some(plan) = plan(model) else { return page };
    // What has to be mended comes first: there may be no room for all.
    let mut gates: Vec<&Gate> = plan.gates.iter().collect();
    gates.sort_by_key(|gate| Reverse(gate.verdict.max(Verdict::Pass)));
    for gate in gates {
        let (glyph, meaning) = status::of_verdict(gate.verdict);
        let message = text::printable(&gate.message).into_owned();
        let head = format!("{} {:<14} ", model.theme.glyph(glyph), gate.id);
        let indent = text::width(&head);
        for (i, piece) in text::wrap(&message, width.saturating_sub(indent)).into_iter().enumerate() {
            let first = if i == 0 { head.clone() } else { " ".repeat(indent) };
            page.pieces(vec![(first, meaning), (piece.to_owned(), Meaning::Text)]);
        }
        for piece in gate.hint.iter().filter(|_| gate.verdict > Verdict::Pass).flat_map(|h| text::wrap(h, width.saturating_sub(indent))) {
            page.line(format!("{}{piece}", " ".repeat(indent)), Meaning::Muted);
        }
        if let Some((action, word)) = mend::of(model, gate) {
            page.key(" ".repeat(indent), &key(model, action), &word, action);
        }
    }
    page
}

/// Said while what a gate has found is built or checked.
fn mending(model: &Model) -> String {
    format!("{} mending; a new plan follows", model.theme.turning(model.now))
}

/// What follows from the gates, and what to press: always in sight, however long the gates are.
fn verdict(model: &Model, width: usize) -> Page {
    let mut page = Page::new();
    page.blank();
    if model.release.mending {
        page.line(mending(model), Meaning::Running);
        return page;
    }
    match plan(model).map(Plan::verdict) {
        Some(Verdict::Fail) => {
            page.line("A gate blocks this release: the key below it mends it.", Meaning::Failure);
            page.key(String::new(), &key(model, Action::Replan), "plans again", Action::Replan);
        }
        Some(Verdict::Warn) if model.release.accepting => page.line(WHY, Meaning::Warning),
        Some(Verdict::Warn) => match accepted(model) {
            Some(reason) => {
                for piece in text::wrap(&format!("[x] warnings accepted: {}", text::printable(&reason)), width) {
                    page.line(piece, Meaning::Warning);
                }
                page.key(String::new(), &key(model, Action::AcceptWarnings), "changes the reason", Action::AcceptWarnings);
                page.key(String::new(), &key(model, Action::Open), "shows the plan", Action::Open);
            }
            None => {
                let word = "accepts the warnings, with a reason";
                page.key("[ ] ".into(), &key(model, Action::AcceptWarnings), word, Action::AcceptWarnings);
            }
        },
        _ => {
            page.line("Every gate is open.", Meaning::Success);
            page.key(String::new(), &key(model, Action::Open), "shows the plan", Action::Open);
        }
    }
    page
}

/// ```text
/// ✓ verified       4 images passed every check
/// ! git-clean      1 uncommitted: containers.toml
///                  commit, so that the release can be made again from the repository
///                  e opens containers.toml
///
/// why are they accepted? a hot fix▏
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let area = below(area, 1);
    if let Some(failure) = model.release.failure.as_ref().filter(|_| !model.release.mending) {
        let used = canvas.paragraph(area, &text::printable(&failure.message), Meaning::Failure);
        let hint = failure.hint.as_deref().unwrap_or_default();
        let used = used + 1 + canvas.paragraph(below(area, used + 1), hint, Meaning::Text);
        let build = mend::mends(model, Action::Build).then_some((Action::Build, "builds it"));
        let keys: Vec<_> = build.into_iter().chain([(Action::Open, "tries again"), (Action::Back, "goes back")]).collect();
        hints(model, canvas, row(area, usize::from(used) + 1), &keys);
        return;
    }
    if plan(model).is_none() && model.release.mending {
        canvas.text(row(area, 0), &mending(model), Meaning::Running);
        return view_hint(model, canvas, area);
    }
    if plan(model).is_none() {
        let phase = model.state.running().filter_map(|(_, r)| r.phase.as_deref()).next().unwrap_or("asking the registry");
        canvas.text(row(area, 0), &format!("{} {phase}", model.theme.turning(model.now)), Meaning::Running);
        view_hint(model, canvas, area);
        return;
    }
    let hint = u16::from(model.release.hint.is_some());
    let area_of_both = Rect { height: area.height.saturating_sub(hint), ..area };
    let width = usize::from(area.width);
    let (page, verdict) = (page(model, width), verdict(model, width));
    // Right below the gates; where those are too long, at the bottom, and the gates scroll.
    let foot = (verdict.len() as u16).min(area_of_both.height);
    let gates = (page.len() as u16).min(area_of_both.height - foot);
    page.draw(canvas, Rect { height: gates, ..area_of_both }, model.release.scroll);
    let foot = Rect { height: foot, ..below(area_of_both, gates) };
    verdict.draw(canvas, foot, verdict.len());
    if model.release.accepting {
        let question = row(foot, usize::from(foot.height.saturating_sub(1)));
        draw_input(canvas, right_of(question, text::width(WHY) as u16), &model.release.reason, "the receipt keeps it", true);
    }
    view_hint(model, canvas, area);
}

fn view_hint(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if let Some(hint) = &model.release.hint {
        canvas.text(row(area, usize::from(area.height.saturating_sub(1))), hint, Meaning::Warning);
    }
}
