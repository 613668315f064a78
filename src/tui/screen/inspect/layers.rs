//! The layers of the image with the cursor: digest, size, what made it, and who shares it.

use ratatui::layout::Rect;

use super::state::{chosen, columns, cursor};
use super::view::{view_architectures, view_cursor};
use crate::image::Digest;
use crate::tui::model::Model;
use crate::tui::spot::Spot;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Align, Canvas, below, beside_scrollbar, meter, right_of, row, scrollbar, window};

/// How many layers the image with the cursor has.
pub fn len(model: &Model) -> usize {
    let columns = columns(model);
    columns.get(chosen(model, &columns)).and_then(|c| c.inspection).map_or(0, |i| i.layers.len())
}

/// Other images that were read and have the same layer.
fn shared_with(model: &Model, layer: Digest, mine: Digest) -> Vec<String> {
    let others = model.state.inspections.values().filter(|i| i.digest != mine && i.layers.iter().any(|l| l.digest == layer));
    let mut names: Vec<String> = others.map(|i| i.target.as_ref().map_or_else(|| i.subject.clone(), ToString::to_string)).collect();
    names.dedup();
    names
}

/// ```text
///   x86_64  aarch64                                      2 layers, 24.1 MiB
/// ▌ 1  sha256:9f2c…41aa  ━━━━━━━━━━───  18.0 MiB  2 104 entries   base: bash coreutils
///                                                shared with jq/x86_64
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let columns = columns(model);
    view_architectures(model, canvas, row(area, 0), &columns);
    let Some(inspection) = columns.get(chosen(model, &columns)).and_then(|c| c.inspection) else {
        canvas.text(right_of(row(area, 2), 2), "not read yet", Meaning::Muted);
        return;
    };
    let sum: u64 = inspection.layers.iter().map(|l| l.size).sum();
    let total = format!("{}, {}", text::count(inspection.layers.len(), "layer"), text::bytes(sum));
    let head = row(area, 0);
    canvas.aligned(Rect { width: head.width.saturating_sub(2), ..head }, &total, Meaning::Muted, Align::Right);
    let list = below(area, 1);
    let at = cursor(model).min(inspection.layers.len().saturating_sub(1));
    let per_page = usize::from(list.height / 2).max(1);
    let visible = window(at, inspection.layers.len(), per_page);
    let lines = if visible.len() < inspection.layers.len() { beside_scrollbar(list, usize::MAX) } else { list };
    let dots = canvas.glyph(Glyph::Ellipsis);
    for (i, index) in visible.clone().enumerate() {
        let layer = &inspection.layers[index];
        let (top, bottom) = (row(lines, i * 2), row(lines, i * 2 + 1));
        canvas.spot(top, Spot::Row(index));
        canvas.spot(bottom, Spot::Row(index));
        canvas.text(right_of(top, 2), &format!("{}", index + 1), Meaning::Muted);
        let wide = area.width >= 100;
        let digest = if area.width >= 170 { layer.digest.to_string() } else { format!("{}{dots}", &layer.digest.to_string()[..19]) };
        let mut x = 5 + canvas.text(right_of(top, 5), &digest, Meaning::Text) + 2;
        if wide {
            meter(canvas, Rect { width: 16, ..right_of(top, x) }, layer.size, sum.max(layer.size + 1), Meaning::Accent);
            x += 18;
        }
        canvas.aligned(
            Rect { width: 10.min(top.width), ..right_of(top, x) }.intersection(top),
            &text::bytes(layer.size),
            Meaning::Text,
            Align::Right,
        );
        let entries = layer.entries.map(|entries| format!("{} entries", text::thousands(entries as u64))).unwrap_or_default();
        canvas.text(right_of(top, x + 12), &entries, Meaning::Muted);
        let mut said = text::printable(layer.created_by.as_deref().unwrap_or_default()).into_owned();
        let shared = shared_with(model, layer.digest, inspection.digest);
        if !shared.is_empty() {
            let list = shared.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
            said = format!("shared with {list}{}  {said}", if shared.len() > 4 { dots } else { "" });
        }
        canvas.text(right_of(bottom, 5), &said, Meaning::Muted);
        if index == at {
            view_cursor(canvas, top);
        }
    }
    scrollbar(canvas, list, &visible, inspection.layers.len());
}
