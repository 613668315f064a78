//! The checks, one column per architecture; and what one of them found.

use ratatui::layout::Rect;

use super::facts::short;
use super::files;
use super::state::{Column, columns, cursor};
use super::view::{Grid, view_cursor};
use crate::tui::action::Action;
use crate::tui::model::Model;
use crate::tui::overlay;
use crate::tui::spot::Spot;
use crate::tui::status;
use crate::tui::text;
use crate::tui::theme::Meaning;
use crate::tui::widget::{Canvas, below, beside_scrollbar, right_of, row, scrollbar, window};
use crate::verify::{Check, CheckResult, Finding, Verdict};

/// A finding is not wider than this: long lines are hard to read.
const MOST_WIDTH: u16 = 110;

/// The checks to show, as the differences switch leaves them.
pub fn rows(model: &Model) -> Vec<Check> {
    let columns = columns(model);
    let interesting = |check: &Check| {
        let verdicts: Vec<_> = columns.iter().map(|c| result(c, *check).map(|r| r.verdict)).collect();
        verdicts.windows(2).any(|w| w[0] != w[1]) || verdicts.iter().flatten().any(|v| *v >= Verdict::Warn)
    };
    Check::ALL.into_iter().filter(|check| !model.inspect.only_differences || interesting(check)).collect()
}

/// The first check that failed, for the cursor; the first of all when none did.
pub fn worst(model: &Model) -> usize {
    let columns = columns(model);
    let verdict = |check: &Check| columns.iter().filter_map(|c| result(c, *check)).map(|r| r.verdict).max();
    let rows = rows(model);
    let worst = rows.iter().filter_map(verdict).max();
    rows.iter().position(|check| verdict(check) == worst).unwrap_or(0)
}

fn result<'a>(column: &Column<'a>, check: Check) -> Option<&'a CheckResult> {
    column.report?.result(check)
}

/// ```text
///                    x86_64                      aarch64
/// ▌ config-platform  ✓ linux/amd64               ✓ linux/arm64
///   elf-machine      ✓ 312 ELF files, all x86-64 ✗ 3 of 310 are x86-64
///
///   every ELF file is for this architecture; enter shows the findings
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let rows = rows(model);
    let columns = columns(model);
    let grid = Grid::new(area, 18, columns.len());
    grid.head(model, canvas, "CHECK");
    let list = below(area, 1);
    let list = Rect { height: list.height.saturating_sub(2), ..list };
    if rows.is_empty() {
        canvas.text(right_of(row(list, 1), 2), "Every check ends alike on every architecture.", Meaning::Success);
        return;
    }
    let at = cursor(model).min(rows.len() - 1);
    let visible = window(at, rows.len(), usize::from(list.height));
    for (line, index) in visible.clone().enumerate() {
        let check = rows[index];
        grid.spots(canvas, line + 1, index);
        grid.label(canvas, line + 1, check.id(), Meaning::Text);
        for (i, column) in columns.iter().enumerate() {
            let cell = grid.cell(i, line + 1);
            match result(column, check) {
                Some(result) => {
                    let (glyph, meaning) = status::of_verdict(result.verdict);
                    let lies = result.verdict == Verdict::Fail && matches!(check, Check::ElfMachine | Check::ConfigPlatform);
                    let meaning = if lies { Meaning::Mismatch } else { meaning };
                    let said = format!("{} {} {}", canvas.glyph(glyph), result.verdict, text::printable(&short(result)));
                    canvas.text(cell, &said, meaning);
                }
                None => drop(canvas.text(cell, "not checked", Meaning::Muted)),
            }
        }
        if index == at {
            view_cursor(canvas, grid.line(line + 1));
        }
    }
    scrollbar(canvas, list, &visible, rows.len());
    let about = format!("{}; enter shows what was found", rows[at].about());
    canvas.text(right_of(row(area, usize::from(area.height.saturating_sub(1))), 2), &about, Meaning::Muted);
}

/// One line of what a check found.
struct Line {
    text: String,
    meaning: Meaning,
    /// The column and the path it speaks of.
    place: Option<(usize, String)>,
}

/// What a check found, on every architecture: path, expected, found, what to do; of an ELF file what its header says.
fn lines(model: &Model, check: Check, room: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let line = |text: String, meaning: Meaning| Line { text, meaning, place: None };
    lines.push(line(check.about().to_owned(), Meaning::Muted));
    lines.push(line(String::new(), Meaning::Text));
    for (index, column) in columns(model).iter().enumerate() {
        let Some(result) = result(column, check) else {
            lines.push(line(format!("{}: not checked yet", column.label), Meaning::Muted));
            continue;
        };
        let (glyph, meaning) = status::of_verdict(result.verdict);
        lines.push(line(format!("{} {}  {}", model.theme.glyph(glyph), column.label, text::printable(&result.summary)), meaning));
        for finding in &result.findings {
            let place = finding.path.clone().map(|path| (index, path));
            let header = place.iter().filter_map(|(_, path)| files::find(model, column, path)).flat_map(|(_, file)| file.details());
            let said = of_finding(finding, header.collect(), room);
            lines.extend(said.into_iter().map(|(text, meaning)| Line { text, meaning, place: place.clone() }));
        }
        lines.push(line(String::new(), Meaning::Text));
    }
    lines.pop();
    lines
}

/// The first place that is spoken of at or below line `scroll`: a column and a path.
pub fn place(model: &Model, check: Check, scroll: usize) -> Option<(usize, String)> {
    let lines = lines(model, check, room(model.width));
    let first = scroll.min(lines.len().saturating_sub(1));
    lines.into_iter().skip(first).find_map(|line| line.place)
}

/// How wide the text of a finding may be on a screen of `width`.
fn room(width: u16) -> usize {
    usize::from(width.min(MOST_WIDTH).saturating_sub(6))
}

/// Draws what a check found above everything else.
pub fn view_finding(model: &Model, canvas: &mut Canvas<'_>, check: Check, scroll: usize) {
    let (width, height) = (canvas.area().width.min(MOST_WIDTH), canvas.area().height);
    let lines = lines(model, check, room(canvas.area().width));
    let most = height.saturating_sub(4);
    let file = lines.iter().any(|line| line.place.is_some()).then_some((Action::Open, "shows the file"));
    let keys: Vec<_> = file.into_iter().chain([(Action::Back, "closes")]).collect();
    let size = (width, (lines.len() as u16).saturating_add(3).clamp(8, most.max(8)));
    let inside = overlay::frame(model, canvas, size, check.id(), &keys);
    let height = usize::from(inside.height);
    let first = scroll.min(lines.len().saturating_sub(height));
    let text = beside_scrollbar(inside, lines.len());
    for (i, line) in lines.iter().skip(first).take(height).enumerate() {
        canvas.text(row(text, i), &line.text, line.meaning);
        canvas.spot(row(text, i), Spot::Row(first + i));
    }
    scrollbar(canvas, inside, &(first..(first + height).min(lines.len())), lines.len());
}

fn of_finding(finding: &Finding, header: Vec<(&'static str, String)>, room: usize) -> Vec<(String, Meaning)> {
    let mut lines = vec![(String::new(), Meaning::Text)];
    let path = finding.path.as_deref().map(|p| format!("/{p}"));
    let layer = finding.layer.map(|d| format!("layer {}", d.short()));
    let place = [path, layer].into_iter().flatten().collect::<Vec<_>>().join("   ");
    if !place.is_empty() {
        lines.push((format!("  {}", text::printable(&place)), Meaning::Title));
    }
    let parts = [
        ("expected", finding.expected.clone(), Meaning::Text),
        ("found", finding.found.clone(), Meaning::Mismatch),
        ("do", finding.advice.clone(), Meaning::Accent),
    ];
    let header = header.into_iter().map(|(label, value)| (label, value, Meaning::Muted));
    for (label, value, meaning) in parts.into_iter().chain(header) {
        let value = text::printable(&value);
        for (i, piece) in text::wrap(&value, room.saturating_sub(17)).into_iter().enumerate() {
            let label = if i == 0 { label } else { "" };
            lines.push((format!("    {label:<12} {piece}"), meaning));
        }
    }
    if let Some(waived) = &finding.waived {
        for piece in text::wrap(&text::printable(&format!("waived: {}", waived.reason)), room.saturating_sub(4)) {
            lines.push((format!("    {piece}"), Meaning::Muted));
        }
    }
    lines
}
