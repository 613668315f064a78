//! Alternatives (R10): what `update-alternatives --install` leaves behind once the best has won.
//!
//! `/var/lib/dpkg/alternatives` is not written: it is dpkg's own state, and an image has no dpkg database beside
//! `status.d`. A person who installs dpkg into a running container registers anew.

use super::super::script::Alternative;
use super::super::segment::canonical::parent;
use super::{Node, Root};

impl Root {
    /// Registers `alternative` and lets the best of its name win: the highest priority, the first of equals.
    pub(super) fn install_alternative(&mut self, alternative: Alternative) -> Result<(), String> {
        if self.resolve(&alternative.path).is_none() {
            return Err(format!("{} is not in the image", alternative.path));
        }
        let name = alternative.name.clone();
        if name.is_empty() || name.contains('/') {
            return Err(format!("`{name}` is no name of an alternative"));
        }
        let known = self.alternatives.entry(name.clone()).or_default();
        // Installed again, an alternative is told anew.
        match known.iter_mut().find(|other| other.path == alternative.path) {
            Some(same) => *same = alternative,
            None => known.push(alternative),
        }
        let known = known.clone();
        let Some(best) = known.iter().rev().max_by_key(|alternative| alternative.priority) else { return Ok(()) };
        // The slaves of one that won before.
        for (link, slave, _) in known.iter().flat_map(|alternative| &alternative.slaves) {
            if !best.slaves.iter().any(|(_, name, path)| name == slave && self.resolve(path).is_some()) {
                self.unlink_alternative(link, slave);
            }
        }
        self.link_alternative(&best.link, &name, &best.path);
        for (link, slave, path) in &best.slaves {
            // A slave that is not there is left out, as update-alternatives does.
            if self.resolve(path).is_some() {
                self.link_alternative(link, slave, path);
            }
        }
        Ok(())
    }

    fn link_alternative(&mut self, link: &str, name: &str, path: &str) {
        self.nodes.insert(format!("etc/alternatives/{name}"), Node::link(path, self.mtime));
        if let Some(place) = self.place(link) {
            // A file of a package is never replaced by a link.
            let is_free = self.nodes.get(&place).is_none_or(|node| self.link_target(node).is_some());
            if is_free && !self.has_directory(&place) {
                let mut folder = parent(&place).to_owned();
                while !folder.is_empty() && !self.has_directory(&folder) {
                    self.nodes.insert(folder.clone(), Node::directory(0o755, self.mtime));
                    folder = parent(&folder).to_owned();
                }
                self.nodes.insert(place, Node::link(format!("/etc/alternatives/{name}"), self.mtime));
            }
        }
    }

    fn unlink_alternative(&mut self, link: &str, name: &str) {
        self.nodes.remove(&format!("etc/alternatives/{name}"));
        let ours = format!("/etc/alternatives/{name}");
        if let Some(place) = self.place(link)
            && self.nodes.get(&place).is_some_and(|node| self.link_target(node) == Some(&ours))
        {
            self.nodes.remove(&place);
        }
    }
}
