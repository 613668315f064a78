//! Diversions (R11): the files of other packages at a path go elsewhere.

use super::super::segment::canonical::{canonical, join};
use super::{Content, Root};

impl Root {
    /// Where what `package` brings at `path` goes.
    pub(super) fn diverted<'a>(&'a self, path: &'a str, package: &str) -> &'a str {
        let diversion = self.diversions.iter().find(|(from, _, by)| from == path && by.as_deref() != Some(package));
        diversion.map_or(path, |(_, to, _)| to)
    }

    /// `dpkg-divert --add`: what other packages than `by` bring at `path` is at `to` instead.
    ///
    /// With `rename` a file that is there already moves too. All packages are unpacked at once here, so that makes no
    /// difference, but for paths that are aliases on a merged system: dpkg compares names as packages write them, and no package
    /// has those any more. These diversions only protect such files during upgrades (R4).
    pub(super) fn divert(&mut self, path: &str, to: &str, by: Option<&str>, rename: bool) -> Result<(), String> {
        let (written, target) = (join("", path), canonical(&join("", to)));
        let path = canonical(&written);
        if path != written && !rename {
            return Ok(());
        }
        self.diversions.push((path.clone(), target.clone(), by.map(str::to_owned)));
        let mut owners: Vec<(usize, usize)> = self.contested.remove(&path).unwrap_or_default();
        let node = self.nodes.get(&path).cloned();
        if let Some(Content::Packaged { segment, entry }) = node.as_ref().map(|node| &node.content) {
            owners.push((*segment, *entry));
        }
        let (own, others): (Vec<_>, Vec<_>) = owners.into_iter().partition(|(segment, _)| by == Some(&self.segments[*segment].package));
        let Some((segment, entry)) = others.first().copied() else {
            // Nobody else brings it; a file that was made there moves with `rename`.
            return match node.filter(|node| rename && !node.is_packaged() && node.content != Content::Directory) {
                Some(node) => {
                    self.nodes.remove(&path);
                    self.nodes.insert(target, node);
                    Ok(())
                }
                None => Ok(()),
            };
        };
        if self.nodes.contains_key(&target) {
            return Err(format!("/{target} is there already"));
        }
        if others.len() > 1 {
            self.contested.insert(target.clone(), others[1..].to_vec());
        }
        self.nodes.remove(&path);
        let moved = self.packaged(segment, entry);
        self.nodes.insert(target, moved);
        if let Some((segment, entry)) = own.first().copied() {
            let kept = self.packaged(segment, entry);
            self.nodes.insert(path, kept);
        }
        Ok(())
    }
}
