//! A receipt.

use crate::cli::printer::{Ink, clean, clean_line};
use crate::cli::quantity::{bytes, count};
use crate::cli::table::{Cell, Table};
use crate::image::Digest;
use crate::release::{Purpose, Receipt, TagChange};
use crate::verify::AppliedWaiver;

/// What a tag that was set named before; `show` writes the digest.
pub(in crate::cli) fn tag_was(change: &TagChange, show: impl Fn(&Digest) -> String) -> String {
    match change {
        TagChange::New => "new".to_owned(),
        TagChange::Unchanged => "unchanged".to_owned(),
        TagChange::Moves { from } => format!("was {}", show(from)),
        TagChange::Unknown => "not known before".to_owned(),
    }
}

/// What was published, as read back; digests in full, to be copied.
pub(in crate::cli) fn receipt(receipt: &Receipt, color: bool) -> String {
    let mark = Ink::Good.paint("✓", color);
    let title = match receipt.purpose {
        Purpose::Digests => format!("Pushed {} by digest", clean(&receipt.version)),
        Purpose::Release | Purpose::Index => format!("Published {}", clean(&receipt.version)),
    };
    let mut out = vec![format!("{mark} {}", Ink::Bold.paint(&title, color))];
    for container in &receipt.containers {
        let mut table = Table::plain(2);
        for tag in &container.tags {
            let change = tag_was(&tag.change, Digest::short);
            table.row([format!("{}:{}", container.repository, tag.tag).into(), tag.digest.to_string().into(), Cell::ink(change, Ink::Dim)]);
        }
        for image in &container.images {
            let name = match container.tags.is_empty() {
                true => format!("{} {}", container.repository, image.target.architecture),
                false => format!("  {}", image.platform),
            };
            table.row([name.into(), image.digest.to_string().into()]);
        }
        out.push(table.render(color));
    }
    let there = count(receipt.present_blobs, "blob");
    out.push(match receipt.sent_nothing() {
        true => format!("nothing to send: {there} there already"),
        false => format!("sent {} in {}, {there} there already", bytes(receipt.uploaded_bytes), count(receipt.uploaded_blobs, "blob")),
    });
    for image in receipt.containers.iter().flat_map(|container| &container.images) {
        let waived = |w: &AppliedWaiver| format!("waived in {}: {}: {}", image.target, w.scope(), w.reason);
        out.extend(image.waived.iter().map(|w| format!("{} {}", Ink::Dim.paint("~", color), clean_line(&waived(w)))));
    }
    out.extend(receipt.accepted_warnings.iter().map(|w| format!("{} accepted: {}", Ink::Warn.paint("!", color), clean(w))));
    out.extend(receipt.reason.iter().map(|reason| format!("  because: {}", clean(reason))));
    out.join("\n")
}

#[cfg(test)]
#[path = "release_tests.rs"]
pub(super) mod tests;
