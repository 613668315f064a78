//! `layer-duplicates`: no layer's tar names a path twice (image-spec, "Image Layer Filesystem Changeset"), no manifest a
//! layer twice.

use std::collections::BTreeMap;

use super::Subject;
use super::tally::{Tally, count};
use crate::image::{Entries, EntryKind, EntryRef};
use crate::verify::report::{Check, CheckResult, Verdict};

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    let mut tally = Tally::default();
    let (mut seen_layers, mut entries) = (BTreeMap::new(), 0);
    for layer in &subject.facts.layers {
        let digest = layer.descriptor.digest;
        // Docker writes the same empty layer for every instruction that changes no file.
        let times = seen_layers.entry(digest).or_insert(0_usize);
        *times += usize::from(*times == 0 || !layer.entries.is_empty());
        if *times > 1 {
            continue;
        }
        entries += layer.entries.len();
        for (earlier, entry) in doubles(&layer.entries) {
            let path = entry.path();
            // In records of earlier versions, paths whose bytes are no UTF-8 look alike without being the same.
            if path.contains('\u{fffd}') {
                continue;
            }
            // The same folder again means the same to every reader; anything else depends on who unpacks it.
            let alike = earlier.is_like(&entry);
            let verdict = if alike && entry.kind == EntryKind::Directory { Verdict::Warn } else { Verdict::Fail };
            let found = if alike { "twice the same" } else { "two that differ" };
            let advice = "engines keep one of them, not all the same one: write each path once per layer, folders before their files";
            tally.path(verdict, &path, digest, "one entry of that path in the layer", found, advice);
        }
    }
    for (digest, times) in seen_layers.iter().filter(|(_, times)| **times > 1) {
        let advice = "applying it again changes nothing or undoes the layers between: list it once";
        let found = format!("layer {} {times} times", digest.short());
        tally.image(Verdict::Warn, Some(*digest), "each layer once in the manifest", found, advice);
    }
    let looked_at = format!("{} in {}", count(entries, "entry").replace("entrys", "entries"), count(seen_layers.len(), "layer"));
    tally.result(Check::LayerDuplicates, looked_at, "duplicate")
}

/// Entries of one path in the tar, each with the one before, in the order of the tar.
fn doubles(entries: &Entries) -> impl Iterator<Item = (EntryRef<'_>, EntryRef<'_>)> {
    // In the tar a whiteout has another name than what it hides.
    let key = |entry: &EntryRef<'_>| match entry.kind {
        EntryKind::Whiteout => 1u8,
        EntryKind::Opaque => 2,
        _ => 0,
    };
    let at = |at: &u32| entries.get(*at as usize).map(|entry| (entry.folder, entry.name, key(&entry)));
    // Numbers are sorted, for they are small; equal ones stay in order.
    let mut order: Vec<u32> = (0..entries.len() as u32).collect();
    order.sort_by(|a, b| at(a).cmp(&at(b)));
    let mut found: Vec<(u32, u32)> = order.windows(2).filter(|two| at(&two[0]) == at(&two[1])).map(|two| (two[0], two[1])).collect();
    found.sort_by_key(|(_, later)| *later);
    // One after the other: there may be as many as there are entries.
    found.into_iter().filter_map(move |(a, b)| entries.get(a as usize).zip(entries.get(b as usize)))
}

#[cfg(test)]
mod tests {
    use crate::verify::Check;
    use crate::verify::samples::{Layer, Sample, findings};

    #[test]
    fn files_twice_fail_and_equal_folders_twice_are_worth_a_look() {
        let layer =
            Layer::new().folder("etc/").folder("./etc").file("etc/a", 0o644, b"1").file("etc/a", 0o644, b"1").file("etc/.wh.b", 0o644, b"");
        let report = Sample::new("amd64").layer(layer.file("etc/b", 0o644, b"")).report();
        assert_eq!(findings(&report, Check::LayerDuplicates), ["fail etc/a", "warn etc"]);
    }

    #[test]
    fn a_layer_twice_is_worth_a_look_unless_it_is_empty() {
        let full = || Layer::new().file("a", 0o644, b"");
        let report = Sample::new("amd64").layer(full()).layer(Layer::new()).layer(Layer::new()).report();
        assert_eq!(findings(&report, Check::LayerDuplicates), [""; 0]);
        let report = Sample::new("amd64").layer(full()).layer(full()).layer(Layer::new()).layer(full()).report();
        assert_eq!(findings(&report, Check::LayerDuplicates), ["warn -"], "said once, however often");
    }
}
