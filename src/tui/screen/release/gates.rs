//! Step 3: everything that must be right first; all of it is shown.

use ratatui::layout::Rect;

use super::state::plan;
use super::view::Page;
use crate::tui::model::Model;
use crate::tui::status;
use crate::tui::text;
use crate::tui::theme::Meaning;
use crate::tui::widget::{Canvas, below, row};
use crate::verify::Verdict;

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
        Verdict::Warn if model.release.accept => page.line("[x] warnings accepted   W takes it back   enter goes on", Meaning::Warning),
        Verdict::Warn => page.line("[ ] W accepts the warnings", Meaning::Warning),
        _ => page.line("Every gate is open. enter shows the plan.", Meaning::Success),
    }
    page
}

/// ```text
/// ✓ verified       4 images passed every check
/// ✗ version-free   1.5.0 exists and differs
///                  choose another version, or force
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
    page(model, usize::from(area.width)).draw(canvas, page_area, model.release.scroll);
    view_hint(model, canvas, area);
}

fn view_hint(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if let Some(hint) = &model.release.hint {
        canvas.text(row(area, usize::from(area.height.saturating_sub(1))), hint, Meaning::Warning);
    }
}
