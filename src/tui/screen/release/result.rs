//! Step 6: what was done, as read back from the registry, and lines to copy.

use ratatui::layout::Rect;

use super::state::{publication, request};
use crate::release::Receipt;
use crate::tui::action::Action;
use crate::tui::hint::key;
use crate::tui::model::Model;
use crate::tui::spot::Spot;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Canvas, below, panel, right_of, row, scrollbar};

fn receipt(model: &Model) -> Option<&Receipt> {
    publication(model)?.receipt.as_deref()
}

/// The command that asks for the same without the dashboard, up to how it is agreed to.
fn command(model: &Model) -> String {
    let asked = request(model);
    let mut command = format!("catamaran push {}", asked.version);
    let mut names: Vec<&str> = asked.targets.iter().map(|t| t.container.as_str()).collect();
    names.dedup();
    let all = super::state::containers(model).len() == names.len();
    for name in names.into_iter().filter(|_| !all) {
        command.push(' ');
        command.push_str(name);
    }
    if let Some(tags) = &asked.tags {
        command.push_str(&format!(" --tags={}", tags.join(",")));
    }
    if asked.force {
        command.push_str(" --force");
    }
    command
}

/// The command that shows the same plan without the dashboard.
pub fn dry_run(model: &Model) -> String {
    format!("{} --dry-run", command(model))
}

/// The command that does the same without the dashboard.
pub fn headless(model: &Model) -> String {
    let command = command(model);
    match receipt(model).and_then(|receipt| receipt.reason.as_deref()) {
        Some(reason) => format!("{command} --reason '{}'", reason.replace('\'', r"'\''")),
        None => format!("{command} --yes"),
    }
}

/// The lines that can be copied: what to pull, to look at and to sign, by digest; and the same release headless.
pub fn copyable(model: &Model) -> Vec<String> {
    let Some(receipt) = receipt(model) else { return Vec::new() };
    let published = || receipt.containers.iter().filter_map(|c| c.digest.map(|digest| format!("{}@{digest}", c.repository)));
    let mut lines: Vec<String> = published().map(|name| format!("docker pull {name}")).collect();
    lines.extend(published().map(|name| format!("skopeo inspect docker://{name}")));
    lines.extend(published().map(|name| format!("cosign sign {name}")));
    lines.push(headless(model));
    lines
}

/// ```text
/// ✓ 1.5.0 is published: 5 blobs, 31.7 MiB sent, 3 there already
///
/// ghcr.io/acme/fd   sha256:7ac1…
///   1.5.0  latest  1.5.0-amd64  1.5.0-arm64
/// ╭─ copy: y one, Y all ───────────────────╮
/// │▌ docker pull ghcr.io/acme/fd@sha256:…  │
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(receipt) = receipt(model) else {
        canvas.text(row(area, 1), "Nothing was published.", Meaning::Muted);
        return;
    };
    let (sent, there) = (text::count(receipt.uploaded_blobs, "blob"), receipt.present_blobs);
    let transfer = match receipt.sent_nothing() {
        true => format!("nothing to send, {} there already", text::count(there, "blob")),
        false => format!("{sent}, {} sent, {there} there already", text::bytes(receipt.uploaded_bytes)),
    };
    let head = format!("{} {} is published and was read back: {transfer}", canvas.glyph(Glyph::Pass), receipt.version);
    let mut y = 1 + usize::from(canvas.paragraph(Rect { height: 2.min(area.height), ..below(area, 1) }, &head, Meaning::Success)) + 1;
    let begin = y - 1;
    let lines = copyable(model);
    let copy_height = (lines.len() as u16 + 2).min((area.height / 2).max(3));
    let list_end = usize::from(area.height.saturating_sub(copy_height + 1));
    let dots = canvas.glyph(Glyph::Ellipsis);
    for container in &receipt.containers {
        if y + 1 >= list_end {
            if y < list_end {
                canvas.text(row(area, y), &format!("{dots} and more; the receipt has all"), Meaning::Muted);
            }
            break;
        }
        let room = usize::from(area.width).saturating_sub(text::width(&container.repository) + 2);
        let digest = container.digest.map(|d| d.to_string()).unwrap_or_default();
        let digest = text::elide_middle(&digest, room.max(12), dots).into_owned();
        let (title, muted) = (canvas.style(Meaning::Title), canvas.style(Meaning::Muted));
        canvas.spans(row(area, y), &[(&container.repository, title), ("  ", muted), (&digest, muted)]);
        let tags: Vec<&str> = container.tags.iter().map(|t| t.tag.as_str()).collect();
        canvas.text(right_of(row(area, y + 1), 2), &tags.join("  "), Meaning::Text);
        y += 3;
    }
    // Where there is no room for it, w still writes it.
    if let Some(path) = publication(model).and_then(|p| p.receipt_path.as_ref()).filter(|_| list_end >= begin) {
        let path = format!("receipt  {}", path.display());
        let said = text::elide_middle(&path, usize::from(area.width), dots).into_owned();
        canvas.text(row(area, list_end), &said, Meaning::Muted);
    }
    let frame = Rect { y: area.bottom() - copy_height, height: copy_height, ..area };
    let inside =
        panel(canvas, frame, "copy", &format!("{} this line   {} all", key(model, Action::Copy), key(model, Action::CopyAll)), false);
    let at = model.release.scroll.min(lines.len().saturating_sub(1));
    let visible = crate::tui::widget::window(at, lines.len(), usize::from(inside.height));
    for (line, index) in visible.clone().enumerate() {
        let line = row(inside, line);
        canvas.spot(line, Spot::Row(index));
        let shown = text::elide_middle(&lines[index], usize::from(line.width.saturating_sub(3)), dots).into_owned();
        canvas.text(right_of(line, 2), &shown, if index == at { Meaning::Title } else { Meaning::Text });
        if index == at {
            canvas.text(line, canvas.glyph(Glyph::Gutter), Meaning::Accent);
        }
    }
    scrollbar(canvas, inside, &visible, lines.len());
}
