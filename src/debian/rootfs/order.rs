//! The order in which dpkg configures packages: what others depend on first (Debian Policy 6.6, 7.2).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::segment::{Segment, stanza};

/// Indexes of `packages` in configuration order. Essential packages come as early as they can; among packages that do not
/// depend on each other names decide, and a cycle is cut at the package that would come first.
pub(super) fn configuration_order(packages: &[Arc<Segment>]) -> Vec<usize> {
    let mut names: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, package) in packages.iter().enumerate() {
        names.entry(package.package.clone()).or_default().push(index);
        if let Some(provides) = stanza::field(&package.control, "Provides") {
            for name in stanza::relation_names(&provides) {
                names.entry(name.to_owned()).or_default().push(index);
            }
        }
    }
    let needs = |package: &Segment| -> Vec<usize> {
        let fields = ["Pre-Depends", "Depends"].iter().filter_map(|field| stanza::field(&package.control, field));
        let text: Vec<String> = fields.collect();
        text.iter().flat_map(|text| stanza::relation_names(text)).filter_map(|name| names.get(name)).flatten().copied().collect()
    };
    let mut order =
        Order { needs: packages.iter().map(|package| needs(package)).collect(), seen: vec![false; packages.len()], out: Vec::new() };
    let is_essential = |index: &usize| stanza::field(&packages[*index].control, "Essential").as_deref() == Some("yes");
    let mut all: Vec<usize> = (0..packages.len()).collect();
    all.sort_by_key(|index| (!is_essential(index), packages[*index].package.clone()));
    all.into_iter().for_each(|index| order.visit(index));
    order.out
}

struct Order {
    needs: Vec<Vec<usize>>,
    seen: Vec<bool>,
    out: Vec<usize>,
}

impl Order {
    /// Depth first, without recursion: a chain of dependencies may be as long as there are packages.
    fn visit(&mut self, first: usize) {
        let mut stack = vec![(first, 0)];
        if std::mem::replace(&mut self.seen[first], true) {
            return;
        }
        while let Some((index, next)) = stack.pop() {
            match self.needs[index].get(next).copied() {
                None => self.out.push(index),
                Some(need) => {
                    stack.push((index, next + 1));
                    if !std::mem::replace(&mut self.seen[need], true) {
                        stack.push((need, 0));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::Archive;
    use super::*;

    #[test]
    fn dependencies_come_first_essentials_early_and_cycles_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = Archive::new(folder.path());
        archive.add("a", "Depends: z (>= 1) | y, virtual\n", &[]);
        archive.add("b", "Pre-Depends: c\n", &[]);
        archive.add("c", "Depends: b\n", &[]);
        archive.add("p", "Provides: virtual (= 2)\n", &[]);
        archive.add("s", "Essential: yes\nDepends: z\n", &[]);
        archive.add("z", "", &[]);
        let segments = archive.segments(&["a", "b", "c", "p", "s", "z"]);
        let order: Vec<&str> = configuration_order(&segments).into_iter().map(|index| segments[index].package.as_str()).collect();
        assert_eq!(order, ["z", "s", "p", "a", "c", "b"]);
        let reversed = archive.segments(&["z", "s", "p", "c", "b", "a"]);
        let again: Vec<&str> = configuration_order(&reversed).into_iter().map(|index| reversed[index].package.as_str()).collect();
        assert_eq!(again, order);
    }
}
