//! Step 1: which containers.

use ratatui::layout::Rect;

use super::state::{Readiness, containers, readiness};
use crate::tui::action::Action;
use crate::tui::hint::hints;
use crate::tui::model::Model;
use crate::tui::spot::Spot;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Align, Canvas, below, right_of, row, scrollbar, window};

/// ```text
/// 2 of 3 chosen. All architectures of a container travel together.
///
/// ▌ [x] fd      x86_64 aarch64          ✓ verified
///   [ ] jq      x86_64 aarch64          ○ not built: b builds it in Images
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let names = containers(model);
    if names.is_empty() {
        canvas.text(row(area, 1), "No container is defined yet.", Meaning::Muted);
        return;
    }
    let chosen = model.release.chosen.len();
    let about = format!("{chosen} of {} chosen. All architectures of a container travel together.", names.len());
    let used = canvas.paragraph(Rect { height: area.height.min(2), ..area }, &about, Meaning::Muted);
    let list = below(area, used + 1);
    let list = Rect { height: list.height.saturating_sub(2), ..list };
    let at = model.release.cursor.min(names.len() - 1);
    let visible = window(at, names.len(), usize::from(list.height));
    let longest = names.iter().map(|n| text::width(n.as_str())).max().unwrap_or(0).clamp(8, 28) as u16;
    for (line, index) in visible.clone().enumerate() {
        let name = &names[index];
        let line = row(list, line);
        let marked = model.release.chosen.contains(name);
        let (mark, meaning) = if marked { ("[x]", Meaning::Accent) } else { ("[ ]", Meaning::Muted) };
        canvas.text(right_of(line, 2), mark, meaning);
        canvas.spot(line, Spot::Row(index));
        canvas.spot(Rect { width: 3, ..right_of(line, 2) }.intersection(line), Spot::Mark(index));
        canvas.text(
            Rect { width: longest, ..right_of(line, 6) }.intersection(line),
            name.as_str(),
            if index == at { Meaning::Title } else { Meaning::Text },
        );
        let targets = model.state.targets.iter().filter(|t| t.target.container == *name);
        let architectures: Vec<&str> = targets.map(|t| t.target.architecture.name()).collect();
        let rest = right_of(line, longest + 8);
        let (glyph, word, meaning) = match readiness(model, name) {
            Readiness::Verified => (Glyph::Pass, "verified", Meaning::Success),
            Readiness::Unverified => (Glyph::Warn, "not verified", Meaning::Warning),
            Readiness::Stale => (Glyph::Stale, "stale", Meaning::Stale),
            Readiness::Missing => (Glyph::Never, "not built", Meaning::Muted),
        };
        let state = format!("{} {word}", canvas.glyph(glyph));
        let state_width = text::width(&state) as u16;
        canvas.text(Rect { width: rest.width.saturating_sub(state_width + 2), ..rest }, &architectures.join(" "), Meaning::Muted);
        canvas.aligned(Rect { width: rest.width.saturating_sub(1), ..rest }, &state, meaning, Align::Right);
        if index == at {
            canvas.text(line, canvas.glyph(Glyph::Gutter), Meaning::Accent);
            if !model.theme.selection_is_reversed() {
                canvas.select(line);
            }
        }
    }
    scrollbar(canvas, list, &visible, names.len());
    let foot = row(area, usize::from(area.height.saturating_sub(1)));
    match &model.release.hint {
        Some(hint) => canvas.text(foot, hint, Meaning::Warning),
        None => hints(model, canvas, foot, &[(Action::Mark, "chooses"), (Action::MarkAll, "all"), (Action::Open, "goes on")]),
    };
}
