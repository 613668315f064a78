//! The architecture with the cursor held against the first one: only what differs, aspect by aspect.

use ratatui::layout::Rect;

use super::state::{columns, cursor};
use super::view::{Grid, view_cursor};
use super::{files, state::Column};
use crate::tui::model::Model;
use crate::tui::msg::Request;
use crate::tui::spot::Spot;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Canvas, below, right_of, row, scrollbar, window};
use crate::verify::{Comparison, Row, Section};

/// Cells of a digest, `sha256:` and 64 letters.
const DIGEST: u16 = 71;

/// One line of the view.
pub enum Line<'a> {
    /// An aspect that differs, and in how many things.
    Heading(&'a Section),
    /// One difference.
    Difference(&'a Row),
    /// Differences of an aspect that were not kept.
    More(usize),
}

/// The two columns that are compared: the first, and the one with the cursor or else the second.
pub fn pair<'a, 'm>(model: &Model, columns: &'a [Column<'m>]) -> Option<(&'a Column<'m>, &'a Column<'m>)> {
    Some((columns.first()?, columns.get(model.inspect.column.max(1)).or_else(|| columns.get(1))?))
}

/// What was found about the pair that is shown.
fn comparison(model: &Model) -> Option<&Comparison> {
    let columns = columns(model);
    let (left, right) = pair(model, &columns)?;
    let wanted = (files::digest(left)?, files::digest(right)?);
    model.state.compared.values().map(|comparison| &**comparison).find(|c| (c.left.digest, c.right.digest) == wanted)
}

/// Whether the pair that is shown was compared.
pub fn is_known(model: &Model) -> bool {
    comparison(model).is_some()
}

/// The differences, as the search leaves them.
pub fn lines(model: &Model) -> Vec<Line<'_>> {
    let needle = model.inspect.search.value();
    let mut lines = Vec::new();
    for section in comparison(model).iter().flat_map(|c| &c.sections).filter(|section| section.different > 0) {
        let rows: Vec<&Row> = section.rows.iter().filter(|row| row.differs).collect();
        let kept = rows.len();
        let found: Vec<&Row> = rows.into_iter().filter(|row| row.name.contains(needle)).collect();
        if found.is_empty() && !needle.is_empty() {
            continue;
        }
        lines.push(Line::Heading(section));
        lines.extend(found.into_iter().map(Line::Difference));
        if section.different > kept {
            lines.push(Line::More(section.different - kept));
        }
    }
    lines
}

/// ```text
///                            x86_64                  aarch64
/// ▌ config: 1 of 14
///     created                2026-11-01T00:00:00Z    ≠ 2026-11-02T00:00:00Z
///   paths: 1 of 2 104
///     usr/lib/engines/x.so   file of 5 120 bytes     ✗ missing
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let columns = columns(model);
    let Some((left, right)) = pair(model, &columns) else {
        canvas.text(right_of(row(area, 1), 2), "There is one image: nothing to compare it with.", Meaning::Muted);
        return;
    };
    let Some(comparison) = comparison(model) else {
        let waiting = model.awaits(|r| matches!(r, Request::Compare(_)));
        let said = if waiting { format!("{} comparing", model.theme.turning(model.now)) } else { "Not compared.".into() };
        canvas.text(right_of(row(area, 1), 2), &said, Meaning::Muted);
        return;
    };
    let lines = lines(model);
    // Where there is room for two whole digests, names step back for them.
    let label = area.width.saturating_sub(2 * (DIGEST + 5));
    let grid = Grid::new(area, if label >= 32 { label.min(area.width / 3) } else { area.width / 3 }, 2);
    for (i, column) in [left, right].into_iter().enumerate() {
        canvas.text(grid.cell(i, 0), &column.label, if i == 1 { Meaning::Accent } else { Meaning::Muted });
    }
    let list = below(area, 1);
    if lines.is_empty() {
        let said = match comparison.differences() {
            0 if comparison.across_architectures => "No difference, apart from what an architecture decides.",
            0 => "No difference.",
            _ => "No difference is like that.",
        };
        canvas.text(right_of(row(list, 1), 2), said, Meaning::Success);
        return;
    }
    let at = cursor(model).min(lines.len() - 1);
    let visible = window(at, lines.len(), usize::from(list.height));
    for (line, index) in visible.clone().enumerate() {
        canvas.spot(grid.line(line + 1), Spot::Row(index));
        match &lines[index] {
            Line::Heading(section) => {
                let said = format!("{}: {} of {}", section.aspect, section.different, text::thousands(section.compared as u64));
                canvas.text(right_of(grid.line(line + 1), 2), &said, Meaning::Title);
            }
            Line::More(more) => drop(canvas.text(right_of(grid.line(line + 1), 4), &format!("and {more} more"), Meaning::Muted)),
            Line::Difference(difference) => view_difference(canvas, &grid, line + 1, difference),
        }
        if index == at {
            view_cursor(canvas, grid.line(line + 1));
        }
    }
    scrollbar(canvas, list, &visible, lines.len());
}

fn view_difference(canvas: &mut Canvas<'_>, grid: &Grid, line: usize, difference: &Row) {
    let dots = canvas.glyph(Glyph::Ellipsis);
    let room = usize::from(grid.cell(0, line).x - grid.line(line).x).saturating_sub(6);
    let name = text::printable(&difference.name);
    canvas.text(right_of(grid.line(line), 4), &text::elide_middle(&name, room, dots), Meaning::Text);
    for (i, value) in [&difference.left, &difference.right].into_iter().enumerate() {
        let (said, meaning) = match (value, i) {
            (None, _) => (format!("{} missing", canvas.glyph(Glyph::Fail)), Meaning::Removed),
            (Some(value), 0) => (value.clone(), Meaning::Text),
            (Some(value), _) => (format!("{} {value}", canvas.glyph(Glyph::Differs)), Meaning::Changed),
        };
        canvas.text(grid.cell(i, line), &text::printable(&said), meaning);
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::Architecture;
    use crate::session::Command;
    use crate::tui::fixture::{comparison, inspection, model, report, screen, target};

    #[test]
    fn two_architectures_are_compared_once_and_only_what_differs_is_shown() {
        let mut m = model();
        m.keys("jj<enter>").unwrap();
        for a in [Architecture::X86_64, Architecture::Aarch64] {
            m.feed(&inspection(&target("jq", a)));
            m.feed(&report(&target("jq", a), false));
        }
        let asked = m.keys("[").unwrap();
        assert!(matches!(asked.as_slice(), [Command::Compare(request)] if request.left.to_string() == "jq"), "{asked:?}");
        assert!(screen(&mut m, 120, 40).contains("[Compare]"));
        m.feed(&comparison("jq"));
        let shown = screen(&mut m, 120, 40);
        for needle in ["packages: 1 of 41", "curl", "8.14.1-2", "≠ 8.14.1-1", "✗ missing", "and 1000 more"] {
            assert!(shown.contains(needle), "{needle}\n{shown}");
        }
        m.keys("/engines").unwrap();
        assert!(!screen(&mut m, 120, 40).contains("8.14.1-1"));
        assert!(m.keys("<enter>lh[]").unwrap().is_empty());
        assert!(screen(&mut m, 40, 10).contains("[Compare]"));
    }
}
