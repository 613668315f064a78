//! Which packages share a layer, when an image has more than two.
//!
//! Packages of one source are built together and updated together, so a source is never split (apko groups by origin for the
//! same reason). The largest sources get layers of their own; the small ones, which are many, share the rest, each at a place
//! that only its name decides. A source that comes, goes or grows therefore moves no other but at the border between large and small.
//!
//! How often a source is depended on, what the catalog's other containers have, and an even distribution of bytes were tried as
//! well; `docs/layers.md` has the figures.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::segment::{Segment, stanza};
use crate::image::Digest;

/// Changes whenever the same packages would be cut otherwise.
pub(in super::super) const LAYERING: u32 = 1;

/// The packages of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Source packages, by name.
    pub sources: Vec<String>,
    /// Their binary packages, in name order.
    pub packages: Vec<Arc<Segment>>,
}

/// Cuts `packages` into at most `count` groups (at least one), in the order of their layers: single sources first, largest first,
/// so that images which have them in common begin alike; Docker keeps and finds layers by everything below them.
pub(super) fn groups(packages: &[Arc<Segment>], count: usize) -> Vec<Group> {
    let mut sources: BTreeMap<String, Vec<Arc<Segment>>> = BTreeMap::new();
    for package in packages {
        sources.entry(source(package)).or_default().push(package.clone());
    }
    sources.values_mut().for_each(|packages| packages.sort_by(|a, b| a.package.cmp(&b.package)));
    let mut sources: Vec<(String, Vec<Arc<Segment>>)> = sources.into_iter().collect();
    let size = |packages: &[Arc<Segment>]| packages.iter().fold(0u64, |sum, package| sum.saturating_add(package.raw_size));
    // A stable sort: names decide among those of a class.
    sources.sort_by_key(|(_, packages)| std::cmp::Reverse(size_class(size(packages))));
    let count = count.max(1);
    // A third of the layers for what is small: the best of the fractions that were measured.
    let shared = if sources.len() <= count { 0 } else { count.div_ceil(3) };
    let single = if shared == 0 { sources.len() } else { count - shared };
    let small = sources.split_off(single);
    let mut bins: BTreeMap<u64, Group> = BTreeMap::new();
    for (name, packages) in small {
        let bin = bins.entry(place(&name, shared as u64)).or_insert_with(|| Group { sources: Vec::new(), packages: Vec::new() });
        bin.sources.push(name);
        bin.packages.extend(packages);
    }
    let singles = sources.into_iter().map(|(name, packages)| Group { sources: vec![name], packages });
    let mut groups: Vec<Group> = singles.chain(bins.into_values()).collect();
    for group in &mut groups {
        group.sources.sort();
        group.packages.sort_by(|a, b| a.package.cmp(&b.package));
    }
    groups
}

/// The source package that `package` was built from (Debian Policy 5.6.1: absent when it has the same name).
fn source(package: &Segment) -> String {
    let field = stanza::field(&package.control, "Source");
    let name = field.as_deref().and_then(|value| value.split([' ', '(']).next()).filter(|name| !name.is_empty());
    name.unwrap_or(&package.package).to_owned()
}

/// `size` to its first three binary digits: an update that adds a few bytes seldom changes the order.
fn size_class(size: u64) -> u64 {
    let digits = (u64::BITS - size.leading_zeros()).saturating_sub(3);
    size >> digits << digits
}

/// Which of `count` bins the source `name` is in: the same on every machine, whatever else there is.
fn place(name: &str, count: u64) -> u64 {
    let hex = Digest::of(name.as_bytes()).hex();
    u64::from_str_radix(&hex[..15], 16).unwrap_or(0) % count.max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::fixtures::{Archive, file};
    use super::*;

    /// One real segment, under other names and sizes.
    fn packages(of: &[(usize, u64)]) -> Vec<Arc<Segment>> {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = Archive::new(folder.path());
        archive.add("a", "", &[file("a", 0o644, b"a")]);
        let one = archive.segments(&["a"])[0].clone();
        let package = |(index, (source, size)): (usize, &(usize, u64))| {
            let control = format!("Package: p{index:03}\nSource: s{source} (1:2)\nVersion: 1\n");
            Arc::new(Segment { package: format!("p{index:03}"), control, raw_size: *size, ..(*one).clone() })
        };
        of.iter().enumerate().map(package).collect()
    }

    fn names(groups: &[Group]) -> Vec<Vec<&str>> {
        groups.iter().map(|group| group.sources.iter().map(String::as_str).collect()).collect()
    }

    #[test]
    fn the_largest_sources_stand_alone_and_the_small_ones_share() {
        let all = packages(&[(1, 10), (2, 5_000), (3, 20), (4, 900), (2, 1), (5, 30), (6, 40)]);
        assert_eq!(names(&groups(&all, 1)).len(), 1);
        let cut = groups(&all, 3);
        assert_eq!(names(&cut), [vec!["s2"], vec!["s4"], vec!["s1", "s3", "s5", "s6"]]);
        assert_eq!(cut[0].packages.iter().map(|p| p.package.as_str()).collect::<Vec<_>>(), ["p001", "p004"]);
        assert_eq!(groups(&all, 6).len(), 6, "as many as there are sources: nothing is shared");
        assert_eq!(groups(&all, 90).len(), 6);
        assert_eq!(groups(&[], 3), []);
    }

    #[test]
    fn sizes_are_compared_by_their_first_three_digits() {
        assert_eq!([0, 1, 7, 8, 9, 15, 16, u64::MAX].map(size_class), [0, 1, 7, 8, 8, 14, 16, 7 << 61]);
    }

    proptest! {
        /// Every package once, no source in two groups, whatever order they come in; one more small source changes one group.
        #[test]
        fn a_source_is_whole_and_moves_no_other(of in prop::collection::vec((0usize..20, 1u64..5_000_000), 1..40), count in 1usize..12) {
            let all = packages(&of);
            let cut = groups(&all, count);
            prop_assert!(cut.len() <= count.max(1));
            let mut sources: Vec<&String> = cut.iter().flat_map(|group| &group.sources).collect();
            let mut found: Vec<&str> = cut.iter().flat_map(|group| &group.packages).map(|p| p.package.as_str()).collect();
            found.sort_unstable();
            prop_assert_eq!(found, all.iter().map(|p| p.package.as_str()).collect::<Vec<_>>());
            sources.sort();
            prop_assert!(sources.windows(2).all(|pair| pair[0] != pair[1]));
            let reversed: Vec<_> = all.iter().rev().cloned().collect();
            prop_assert_eq!(&groups(&reversed, count), &cut);
            // Beyond `count` sources, where something is shared already.
            let kinds = sources.len();
            let more = groups(&packages(&[&of[..], &[(99, 0)]].concat()), count);
            let kept = cut.iter().filter(|group| more.contains(group)).count();
            if kinds > count {
                prop_assert!(kept + 1 >= cut.len(), "{kept} of {}", cut.len());
            }
        }
    }
}
