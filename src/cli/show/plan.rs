//! A release plan.

use crate::cli::printer::{Ink, clean};
use crate::cli::quantity::{bytes, count};
use crate::cli::table::{Cell, Table};
use crate::release::{ContainerPlan, Plan, PlannedImage, PlannedTag, Presence, TagChange};

/// Everything a push would do, and every gate.
pub(in crate::cli) fn plan(plan: &Plan, color: bool) -> String {
    let (upload, present, shared) = plan.blob_counts();
    let (sending, blobs) = match plan.is_known() {
        true => (bytes(plan.bytes_to_upload()), format!("{upload} to send, {present} there already, {shared} shared")),
        false => ("unknown: the registry could not be asked".to_owned(), "unknown".to_owned()),
    };
    let mut head = Table::plain(2);
    for (name, value) in [
        ("registry", plan.registry.clone()),
        ("credentials", plan.credentials.clone()),
        ("tags", plan.tag_rule.clone()),
        ("to send", sending),
        ("blobs", blobs),
    ] {
        head.row([Cell::ink(name, Ink::Dim), value.into()]);
    }
    let mut out = vec![Ink::Bold.paint(&format!("Plan of {}", clean(&plan.version)), color), head.render(color)];
    for container in &plan.containers {
        out.push(String::new());
        out.push(format!("{}  {}", Ink::Bold.paint(container.container.as_str(), color), clean(&container.repository)));
        out.push(images(container).render(color));
        out.push(tags(container).render(color));
    }
    if !plan.gates.is_empty() {
        out.push(String::new());
        out.push(Ink::Bold.paint("Gates", color));
        let mut gates = Table::plain(2);
        for gate in &plan.gates {
            gates.row([Cell::verdict(gate.verdict), gate.id.as_str().into(), gate.message.as_str().into()]);
        }
        for (line, gate) in gates.render(color).lines().zip(&plan.gates) {
            out.push(line.to_owned());
            out.extend(gate.hint.iter().map(|hint| format!("      {}", Ink::Dim.paint(&clean(hint), color))));
        }
    }
    out.join("\n")
}

fn images(container: &ContainerPlan) -> Table {
    let mut table = Table::plain(2);
    let presence = |presence| match presence {
        Presence::Upload => Cell::from("+ send"),
        Presence::Present => Cell::ink("= there", Ink::Dim),
        Presence::Shared => Cell::ink("= shared", Ink::Dim),
        Presence::Unknown => Cell::ink("? unknown", Ink::Warn),
    };
    for image in &container.images {
        let size = image.blobs.iter().map(|b| b.size).sum::<u64>() + image.size;
        table.row([
            presence(image.presence),
            format!("image {}", image.platform).into(),
            image.digest.short().into(),
            Cell::number(bytes(size)),
            blobs(image).into(),
        ]);
    }
    if let Some(index) = &container.index {
        table.row([presence(index.presence), "index".into(), index.digest.short().into(), Cell::number(bytes(index.size))]);
        for (name, value) in &index.annotations {
            table.row(["".into(), Cell::ink(format!("{name} = {value}"), Ink::Dim)]);
        }
    }
    table
}

/// How many blobs an image has, and how those get there that need not be sent.
fn blobs(image: &PlannedImage) -> String {
    let all = count(image.blobs.len(), "blob");
    let of = |presence| image.blobs_that_are(presence);
    let (send, there, shared) = (of(Presence::Upload), of(Presence::Present), of(Presence::Shared));
    let counted = [(send, "to send"), (there, "there"), (shared, "shared")];
    if image.presence == Presence::Unknown {
        return all;
    }
    let mut parts: Vec<String> = counted.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    parts.extend(image.mounts().into_iter().map(|(from, n)| format!("{n} mounted from {from}")));
    if send == image.blobs.len() { all } else { format!("{all}: {}", parts.join(", ")) }
}

fn tags(container: &ContainerPlan) -> Table {
    let mut table = Table::plain(2);
    for PlannedTag { tag, to, change } in container.all_tags() {
        let change = match change {
            TagChange::New => Cell::ink("+ new", Ink::Good),
            TagChange::Unchanged => Cell::ink("= unchanged", Ink::Dim),
            TagChange::Moves { from } => Cell::ink(format!("~ moves from {}", from.short()), Ink::Warn),
            TagChange::Unknown => Cell::ink("? unknown", Ink::Warn),
        };
        table.row([format!("tag {tag}").into(), format!("→ {}", to.short()).into(), change]);
    }
    table
}
