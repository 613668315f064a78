//! Step 3: everything that must be right first; all of it is shown.

use ratatui::layout::Rect;

use super::state::{accepted, plan};
use super::view::Page;
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
    for gate in &plan.gates {
        let (glyph, meaning) = status::of_verdict(gate.verdict);
        let message = text::printable(&gate.message).into_owned();
        let head = format!("{} {:<14} ", model.theme.glyph(glyph), gate.id);
        let indent = text::width(&head);
        for (i, piece) in text::wrap(&message, width.saturating_sub(indent)).into_iter().enumerate() {
            let first = if i == 0 { head.clone() } else { " ".repeat(indent) };
            page.pieces(vec![(first, meaning), (piece.to_owned(), Meaning::Text)]);
        }
        for piece in gate.hint.iter().filter(|_| gate.verdict > Verdict::Pass).flat_map(|h| text::wrap(h, width.saturating_sub(indent))) {
            page.line(format!("{}{piece}", " ".repeat(indent)), Meaning::Accent);
        }
    }
    page.blank();
    match plan.verdict() {
        Verdict::Fail => page.line("A gate blocks this release. Mend it, then r plans again.", Meaning::Failure),
        Verdict::Warn if model.release.accepting => page.line(WHY, Meaning::Warning),
        Verdict::Warn => match accepted(model) {
            Some(reason) => {
                for piece in text::wrap(&format!("[x] warnings accepted: {}", text::printable(&reason)), width) {
                    page.line(piece, Meaning::Warning);
                }
                page.line("W changes the reason   enter goes on", Meaning::Muted);
            }
            None => page.line("[ ] W accepts the warnings, with a reason", Meaning::Warning),
        },
        _ => page.line("Every gate is open. enter shows the plan.", Meaning::Success),
    }
    page
}

/// ```text
/// ✓ verified       4 images passed every check
/// ! git-clean      the work tree has changes that are not committed
///                  commit them, or accept the warning
///
/// why are they accepted? a hot fix▏
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let area = below(area, 1);
    if let Some(failure) = &model.release.failure {
        let used = canvas.paragraph(area, &text::printable(&failure.message), Meaning::Failure);
        let hint = failure.hint.as_deref().unwrap_or("enter tries again");
        let used = used + 1 + canvas.paragraph(below(area, used + 1), hint, Meaning::Text);
        canvas.text(row(area, usize::from(used) + 1), "enter tries again   esc goes back", Meaning::Muted);
        return;
    }
    if plan(model).is_none() {
        let phase = model.state.running().filter_map(|(_, r)| r.phase.as_deref()).next().unwrap_or("asking the registry");
        canvas.text(row(area, 0), &format!("{} {phase}", model.theme.turning(model.now)), Meaning::Running);
        view_hint(model, canvas, area);
        return;
    }
    let foot = u16::from(model.release.hint.is_some());
    let page_area = Rect { height: area.height.saturating_sub(foot), ..area };
    let page = page(model, usize::from(area.width));
    let first = if model.release.accepting { page.len() } else { model.release.scroll };
    page.draw(canvas, page_area, first);
    if model.release.accepting {
        // The question is the page's last line, and the page is scrolled to its end.
        let line = row(page_area, page.len().min(usize::from(page_area.height)).saturating_sub(1));
        draw_input(canvas, right_of(line, text::width(WHY) as u16), &model.release.reason, "the receipt keeps it", true);
    }
    view_hint(model, canvas, area);
}

fn view_hint(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if let Some(hint) = &model.release.hint {
        canvas.text(row(area, usize::from(area.height.saturating_sub(1))), hint, Meaning::Warning);
    }
}
