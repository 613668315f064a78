//! Step 5: sending. A meter for every blob, grouped by container; tags come last.

use ratatui::layout::Rect;

use super::state::{is_sending, publication};
use crate::tui::action::Action;
use crate::tui::hint::hints;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Align, Canvas, below, beside_scrollbar, meter, right_of, row, scrollbar};

/// Cells for the size of a blob and how it stands.
const TAIL: u16 = 24;

/// How many lines the blobs and tags take.
pub fn len(model: &Model) -> usize {
    publication(model).map_or(0, |p| p.blobs.len() + p.tags.len() + p.manifests.len())
}

/// ```text
/// ━━━━━━━━━━━━━━━━━━━━━━━━━─────────── 18.4 of 31.7 MiB
/// fd   9f2c41aa0b13  ━━━━━━━━━━━━━━━━  12.0 MiB  sent
/// fd   0b13aa41      ━━━━━━──────────   4.1 MiB  41 %
/// fd   index 7ac1… arrived
/// ↑ ghcr.io/acme/fd:1.5.0
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let area = below(area, 1);
    let Some(publication) = publication(model) else {
        let run = model.release.run.and_then(|r| model.state.runs.get(&r));
        let phase = run.and_then(|r| r.phase.as_deref()).unwrap_or("checking the plan once more");
        canvas.text(row(area, 0), &format!("{} {phase}", model.theme.turning(model.now)), Meaning::Running);
        return view_failed_run(model, canvas, below(area, 2));
    };
    let head = row(area, 0);
    let words = format!("{} of {}", text::bytes(publication.sent()), text::bytes(publication.bytes));
    meter(canvas, Rect { width: head.width.saturating_sub(24), ..head }, publication.sent(), publication.bytes.max(1), Meaning::Accent);
    canvas.aligned(head, &words, Meaning::Text, Align::Right);
    let mut foot = 0;
    if let Some(hint) = model.release.hint.as_ref().filter(|_| area.height > 2) {
        canvas.text(row(area, 1), hint, Meaning::Warning);
    }
    if let Some(failure) = &publication.failure {
        let height = area.height.saturating_sub(1).min(5);
        let box_ = Rect { y: area.bottom() - height, height, ..area };
        let used = canvas.paragraph(Rect { height: 2.min(box_.height), ..box_ }, &text::printable(&failure.message), Meaning::Failure);
        let public = match publication.tags.len() {
            0 => "No tag was set: nothing is public yet.".to_owned(),
            n => format!("{} already public.", if n == 1 { "1 tag is".to_owned() } else { format!("{n} tags are") }),
        };
        canvas.text(row(box_, usize::from(used)), &public, Meaning::Text);
        let hint = failure.hint.as_deref().unwrap_or("what has arrived is not sent again");
        canvas.text(row(box_, usize::from(used) + 1), hint, Meaning::Text);
        let line = row(box_, usize::from(used) + 2);
        hints(model, canvas, line, &[(Action::Open, "plans what is left"), (Action::Back, "goes back")]);
        foot = 6;
    } else if !is_sending(model) {
        return view_failed_run(model, canvas, below(area, 2));
    }
    let list = below(area, 2);
    view_list(model, canvas, Rect { height: list.height.saturating_sub(foot), ..list });
}

fn view_list(model: &Model, canvas: &mut Canvas<'_>, list: Rect) {
    let Some(publication) = publication(model) else { return };
    let height = usize::from(list.height);
    let total = len(model);
    // While it goes, what happens now is at the end of what there is: unfinished blobs first, then tags.
    let mut blobs: Vec<_> = publication.blobs.iter().collect();
    blobs.sort_by_key(|(_, blob)| blob.done);
    let first = model.release.scroll.min(total.saturating_sub(height));
    let tags = publication.tags.iter().rev();
    let mut lines = Lines { canvas, list: beside_scrollbar(list, total), skip: first, next: 0 };
    for (reference, digest) in tags {
        if let Some(line) = lines.next() {
            let said = format!("{} {reference}  {}", lines.canvas.glyph(Glyph::Pushed), digest.short());
            lines.canvas.text(line, &said, Meaning::Success);
        }
    }
    for (container, digest) in &publication.manifests {
        if let Some(line) = lines.next() {
            let said = format!("{} {container}  manifest {} arrived", lines.canvas.glyph(Glyph::Pass), digest.short());
            lines.canvas.text(line, &said, Meaning::Text);
        }
    }
    for ((container, digest), blob) in blobs {
        let Some(line) = lines.next() else { continue };
        let canvas = &mut *lines.canvas;
        let name = format!("{:<10} {}", container.as_str(), digest.short());
        let used = canvas.text(Rect { width: line.width.saturating_sub(TAIL + 1).min(32), ..line }, &name, Meaning::Muted);
        let (word, meaning) = match (blob.present, blob.done) {
            (true, _) => ("there already".to_owned(), Meaning::Muted),
            (_, true) => (format!("{} sent", canvas.glyph(Glyph::Pass)), Meaning::Success),
            _ => (crate::tui::status::percent(blob.sent, blob.total).map_or(String::new(), |p| format!("{p} %")), Meaning::Running),
        };
        let bar = right_of(line, used + 2);
        meter(canvas, Rect { width: bar.width.saturating_sub(TAIL + 1), ..bar }, blob.sent, blob.total.max(1), meaning);
        let tail = right_of(line, line.width.saturating_sub(TAIL));
        canvas.aligned(Rect { width: 10.min(tail.width), ..tail }, &text::bytes(blob.total), Meaning::Text, Align::Right);
        canvas.text(right_of(tail, 11), &word, meaning);
    }
    scrollbar(canvas, list, &(first..(first + height).min(total)), total);
}

/// Hands out the visible lines of a list, one after the other.
struct Lines<'a, 'b> {
    canvas: &'a mut Canvas<'b>,
    list: Rect,
    skip: usize,
    next: usize,
}

impl Lines<'_, '_> {
    fn next(&mut self) -> Option<Rect> {
        let index = self.next;
        self.next += 1;
        let line = row(self.list, index.checked_sub(self.skip)?);
        (!line.is_empty()).then_some(line)
    }
}

fn view_failed_run(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let run = model.release.run.and_then(|r| model.state.runs.get(&r));
    if let Some(crate::session::RunEnd::Failed(failure)) = run.and_then(|r| r.end.as_ref()) {
        let used = canvas.paragraph(area, &text::printable(&failure.message), Meaning::Failure);
        canvas.paragraph(below(area, used), failure.hint.as_deref().unwrap_or_default(), Meaning::Text);
    }
}
