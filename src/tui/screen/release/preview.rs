//! Step 4: what would be sent, to the byte, and which tags move. Typing the version sends it.

use ratatui::layout::Rect;

use super::state::plan;
use super::view::Page;
use crate::release::{Presence, TagChange};
use crate::tui::action::Action;
use crate::tui::hint::hints;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Canvas, draw_input, right_of, row, rule};

/// The plan as lines.
pub fn page(model: &Model) -> Page {
    let mut page = Page::new();
    let Some(plan) = plan(model) else { return page };
    page.line(format!("to {}   with {}", plan.registry, text::printable(&plan.credentials)), Meaning::Text);
    page.line(format!("tags: {}", text::printable(&plan.tag_rule)), Meaning::Muted);
    for container in &plan.containers {
        page.blank();
        let bytes = container.bytes_to_upload();
        let sending = match bytes {
            _ if !plan.is_known() => "the registry could not be asked".to_owned(),
            0 => "everything is there already".to_owned(),
            bytes => format!("{} to send", text::bytes(bytes)),
        };
        page.pieces(vec![(container.repository.clone(), Meaning::Title), (format!("   {sending}"), Meaning::Muted)]);
        for image in &container.images {
            let count = |p| image.blobs_that_are(p);
            let (new, there, shared) = (count(Presence::Upload), count(Presence::Present), count(Presence::Shared));
            let unknown = image.presence == Presence::Unknown;
            let mut parts = vec![if unknown { "unknown".to_owned() } else { format!("{new} to send") }];
            parts.extend((there > 0).then(|| format!("{there} there already")));
            parts.extend((shared > 0).then(|| format!("{shared} shared")));
            parts.extend(image.mounts().into_iter().map(|(from, n)| format!("{n} mounted from {}", text::printable(from))));
            let size: u64 = image.blobs.iter().map(|b| b.size).sum::<u64>() + image.size;
            page.pieces(vec![
                (format!("  {:<12}", image.platform), Meaning::Text),
                (format!(" {:>10}  ", text::bytes(size)), Meaning::Muted),
                (format!("{}: {}", text::count(image.blobs.len(), "blob"), parts.join(", ")), Meaning::Text),
                (format!("  {}", image.digest.short()), Meaning::Muted),
            ]);
        }
        if let Some(index) = &container.index {
            let there = match index.presence {
                Presence::Present => "there already",
                Presence::Unknown => "unknown",
                Presence::Upload | Presence::Shared => "to send",
            };
            page.pieces(vec![
                (format!("  {:<12}", "index"), Meaning::Text),
                (format!(" {:>10}  ", text::bytes(index.size)), Meaning::Muted),
                (there.to_owned(), Meaning::Text),
                (format!("  {}", index.digest.short()), Meaning::Muted),
            ]);
            for (name, value) in &index.annotations {
                page.line(format!("  {:<12} {}", "", text::printable(&format!("{name} = {value}"))), Meaning::Muted);
            }
        }
        let widest = container.all_tags().map(|t| t.tag.len()).max().unwrap_or(0).clamp(12, 40);
        for tag in container.all_tags() {
            let (word, meaning) = match tag.change {
                TagChange::New => ("new".to_owned(), Meaning::Added),
                TagChange::Unchanged => ("unchanged".to_owned(), Meaning::Muted),
                TagChange::Moves { from } => (format!("moves from {}", from.short()), Meaning::Changed),
                TagChange::Unknown => ("unknown".to_owned(), Meaning::Muted),
            };
            let arrow = model.theme.glyph(Glyph::Arrow);
            page.pieces(vec![(format!("  {:<widest$} {arrow} {}  ", tag.tag, tag.to.short()), Meaning::Text), (word, meaning)]);
        }
    }
    page.blank();
    page.line(format!("the same headless: {}", super::result::dry_run(model)), Meaning::Muted);
    page
}

/// ```text
/// to ghcr.io   with GITHUB_TOKEN (environment)
/// ghcr.io/acme/fd   18.4 MiB to send
///   linux/amd64    24.1 MiB  3 blobs: 2 to send, 1 there already  9f2c41aa0b13
///   1.5.0 → 7ac1…  new
///   latest → 7ac1… moves from 0b13…
/// ── total ─────────────────────────────
/// 31.7 MiB to send: 2 images, 5 blobs new, 1 there already, 0 shared
/// type 1.5.0 to send it  ❯ 1.5▏
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(plan) = plan(model) else {
        canvas.text(row(area, 1), "There is no plan any more.", Meaning::Muted);
        hints(model, canvas, row(area, 2), &[(Action::Replan, "computes one"), (Action::Back, "goes back")]);
        return;
    };
    let bottom = 5.min(area.height);
    let top = Rect { height: area.height - bottom, ..area };
    page(model).draw(canvas, top, model.release.scroll);
    let foot = Rect { y: area.bottom() - bottom, height: bottom, ..area };
    rule(canvas, row(foot, 0), "total");
    let images: usize = plan.containers.iter().map(|c| c.images.len()).sum();
    let (new, there, shared) = plan.blob_counts();
    let total = format!(
        "{} to send: {}, {} new, {there} there already, {shared} shared",
        text::bytes(plan.bytes_to_upload()),
        text::count(images, "image"),
        text::count(new, "blob"),
    );
    canvas.text(row(foot, 1), &total, Meaning::Text);
    let line = row(foot, 3);
    let ask = format!("type {} to send it {} ", plan.version, canvas.glyph(Glyph::Caret));
    let used = canvas.text(line, &ask, Meaning::Accent);
    draw_input(canvas, right_of(line, used), &model.release.confirm, "", true);
    if let Some(hint) = &model.release.hint {
        canvas.text(row(foot, 4), hint, Meaning::Warning);
    }
}
