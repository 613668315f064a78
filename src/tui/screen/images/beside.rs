//! What a wide screen has room for beside the table: the checks of what the cursor is on, and what has happened lately.

use std::cmp::Reverse;

use ratatui::layout::Rect;

use super::state::under_cursor;
use crate::session::Phase;
use crate::tui::action::Action;
use crate::tui::hint::hints;
use crate::tui::model::Model;
use crate::tui::overlay;
use crate::tui::status;
use crate::tui::text;
use crate::tui::theme::Meaning;
use crate::tui::widget::{Align, Canvas, below, panel, right_of, row};
use crate::verify::{Check, CheckResult, Report};

/// At most so many builds are listed: what was said has to have room too.
const MOST_BUILDS: usize = 10;

/// ```text
/// ╭─ checks · fd ───────────────── x86_64 aarch64 ─╮
/// │ ✓ ✓ config-platform   linux/amd64               │
/// │ ✓ ✗ elf-machine       3 of 312 ELF files are …  │
/// ```
///
/// One symbol per architecture, then what the worst of them says.
pub fn view_checks(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let targets = under_cursor(model);
    let names: Vec<&str> = targets.iter().map(|t| t.architecture.name()).collect();
    let container = targets.first().map(|t| format!(" · {}", t.container)).unwrap_or_default();
    let inside = inside(panel(canvas, area, &format!("checks{container}"), &names.join(" "), false));
    let reports: Vec<Option<&Report>> = targets.iter().map(|target| status::report(model, target)).collect();
    if reports.iter().all(Option::is_none) {
        canvas.text(row(inside, 0), "No check was run in this session.", Meaning::Muted);
        if (Action::Verify.entry().enabled)(model).is_ok() {
            hints(model, canvas, row(inside, 1), &[(Action::Verify, "runs every check")]);
        }
        return;
    }
    let longest = Check::ALL.iter().map(|check| check.id().len()).max().unwrap_or(0);
    for (line, check) in Check::ALL.into_iter().enumerate() {
        let place = row(inside, line);
        let results: Vec<Option<&CheckResult>> = reports.iter().map(|report| (*report)?.result(check)).collect();
        let mut x = 0;
        for result in &results {
            let (symbol, meaning) = match result {
                Some(result) => {
                    let (glyph, meaning) = status::of_verdict(result.verdict);
                    (canvas.glyph(glyph), meaning)
                }
                None => (" ", Meaning::Muted),
            };
            canvas.text(right_of(place, x), symbol, meaning);
            x += text::width(symbol).max(1) as u16 + 1;
        }
        canvas.text(right_of(place, x + 1), check.id(), Meaning::Text);
        if let Some(worst) = results.iter().flatten().max_by_key(|result| result.verdict) {
            canvas.text(right_of(place, x + longest as u16 + 3), &text::printable(&worst.summary), Meaning::Muted);
        }
    }
}

/// ```text
/// ╭─ lately ─────────────────────────────────╮
/// │ ⠙ curl aarch64   fetch            62 %    │
/// │                                           │
/// │   0:42 ✗ git/x86_64 failed: could not …   │
/// ```
///
/// What is built now, then what was said, newest first.
pub fn view_lately(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let inside = inside(panel(canvas, area, "lately", "", false));
    let mut open: Vec<_> = model.state.builds.iter().filter(|(_, build)| build.is_open()).collect();
    open.sort_by_key(|(_, build)| Reverse(matches!(build.phase, Phase::Running(_))));
    let mut line = 0;
    for (target, _) in open.iter().take(MOST_BUILDS) {
        let status = status::of(model, target);
        let place = row(inside, line);
        let said = format!("{} {} {}  {}", status.symbol(model), target.container, target.architecture, status.word);
        let numbers = format!("{} {}", status.detail, status.left);
        let numbers = numbers.trim();
        let room = place.width.saturating_sub(text::width(numbers) as u16 + 1);
        canvas.text(Rect { width: room, ..place }, &said, status.meaning);
        canvas.aligned(right_of(place, room), numbers, Meaning::Muted, Align::Right);
        line += 1;
    }
    if open.len() > MOST_BUILDS {
        canvas.text(row(inside, line), &format!("  and {} more", open.len() - MOST_BUILDS), Meaning::Muted);
        line += 1;
    }
    let rest = below(inside, (line + usize::from(line > 0)) as u16);
    if model.notices.is_empty() && line == 0 {
        canvas.text(row(rest, 0), "Nothing has happened in this session.", Meaning::Muted);
        return;
    }
    overlay::view_newest(model, canvas, rest);
}

fn inside(panel: Rect) -> Rect {
    Rect { width: panel.width.saturating_sub(2), ..right_of(panel, 1) }
}
