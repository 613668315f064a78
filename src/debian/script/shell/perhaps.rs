//! Files of which it is not known whether they are there, or what is in them.
//!
//! What was not done leaves something open: the paths it was about, or, when nobody knows what a command does, every path where
//! nothing is. A question about such a path has no answer, so that what hangs on it is said and not passed over.

use std::collections::BTreeSet;

use super::pattern::matches;
use super::state::{Shell, Status};
use crate::debian::script::Effect;

/// Stands for a part of a text that is not known, as what is no UTF-8 in a script does: such a text is compared with nothing and written
/// nowhere.
pub(in super::super) const UNKNOWN: char = '\u{fffd}';

/// Where no command leaves a file that a script looks for afterwards: the kernel's and dpkg's folders, and the administrator's own.
const NEVER: [&str; 10] =
    ["/proc", "/sys", "/dev", "/run", "/var/run", "/var/lib/dpkg", "/usr/local", "/etc/apparmor.d", "/etc/sysusers.d", "/etc/tmpfiles.d"];
/// Endings of what dpkg and ucf put beside a configuration file when it was changed by hand.
const REMNANTS: [&str; 5] = [".dpkg-", ".ucf-", ".bak", ".orig", ".old"];

#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Perhaps {
    /// Something may be there or not.
    open: BTreeSet<String>,
    /// A file is there, but perhaps with other contents.
    changed: BTreeSet<String>,
    /// Whether a command ran of which nobody knows what it makes.
    stranger: bool,
    /// Files that are not made on purpose, such as keys: scripts find them, and what they do to them is nothing.
    withheld: BTreeSet<String>,
    /// Users and groups that may be there.
    accounts: BTreeSet<String>,
}

impl Perhaps {
    /// What is known at a script's beginning: `withheld` by those before it.
    pub(super) fn after(withheld: BTreeSet<String>) -> Self {
        Perhaps { withheld, ..Perhaps::default() }
    }

    /// `effect` was done: what it made is there, what it took away is not.
    pub(super) fn settle(&mut self, effect: &Effect) {
        match effect {
            Effect::File { path, .. } | Effect::Copy { to: path, .. } | Effect::Link { path, .. } | Effect::Directory { path, .. } => {
                self.open.remove(path);
                self.changed.remove(path);
            }
            Effect::Remove { path, .. } => {
                self.open.retain(|open| !is_below(open, path));
                self.changed.retain(|changed| !is_below(changed, path));
            }
            Effect::User { name, .. } | Effect::Group { name, .. } => {
                self.accounts.remove(name);
            }
            _ => {}
        }
    }

    /// After one of two ways: what either left open is open.
    pub(super) fn merge(&mut self, other: Perhaps) {
        self.open.extend(other.open);
        self.changed.extend(other.changed);
        self.withheld.extend(other.withheld);
        self.accounts.extend(other.accounts);
        self.stranger |= other.stranger;
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Shell<'_> {
    /// `effect` was not done, and a real installation may have done it.
    pub(in super::super) fn leave_open(&mut self, effect: &Effect) {
        let paths: Vec<&String> = match effect {
            Effect::File { path, .. } | Effect::Copy { to: path, .. } if self.kind(path).is_some() => {
                self.state.perhaps.changed.insert(path.clone());
                return;
            }
            Effect::File { path, .. }
            | Effect::Copy { to: path, .. }
            | Effect::Directory { path, .. }
            | Effect::Link { path, .. }
            | Effect::Remove { path, .. }
            | Effect::Divert { path, .. } => vec![path],
            Effect::Rename { from, to } => vec![from, to],
            Effect::Alternative(alternative) => vec![&alternative.link],
            Effect::User { name, .. } | Effect::Group { name, .. } => {
                self.state.perhaps.accounts.insert(name.clone());
                return;
            }
            _ => return,
        };
        self.state.perhaps.open.extend(paths.into_iter().cloned());
    }

    /// A command ran of which nobody knows what it makes. One whose output is asked for makes nothing.
    pub(super) fn met_stranger(&mut self) {
        if self.substitutions == 0 {
            self.state.perhaps.stranger = true;
        }
    }

    /// The command would have made `path`, and does not.
    pub(in super::super) fn withhold(&mut self, path: &str) {
        if self.certain() && self.kind(path).is_none() {
            self.state.perhaps.withheld.insert(path.to_owned());
        } else {
            self.state.perhaps.open.insert(path.to_owned());
        }
    }

    /// Hands what this script and those before it withheld on to those that come after it.
    pub(in super::super) fn hand_on_withheld(&mut self) {
        *self.system.withheld() = std::mem::take(&mut self.state.perhaps.withheld);
    }

    /// Whether `effect` is about a file that is not made on purpose, so that nothing is to be done.
    pub(super) fn concerns_withheld(&mut self, effect: &Effect) -> bool {
        match effect {
            Effect::Mode { path, .. }
            | Effect::Owner { path, .. }
            | Effect::StatOverride { path, .. }
            | Effect::Capabilities { path, .. } => self.is_withheld(path),
            Effect::Remove { path, .. } => self.certain() && self.state.perhaps.withheld.remove(path),
            Effect::Rename { from, to } if self.certain() && self.state.perhaps.withheld.remove(from) => {
                self.state.perhaps.withheld.insert(to.clone());
                true
            }
            _ => false,
        }
    }

    /// Whether it is not known if something is at `path`.
    pub(in super::super) fn is_open(&self, path: &str) -> bool {
        let Perhaps { open, stranger, .. } = &self.state.perhaps;
        if self.is_scratch(path) {
            return false;
        }
        let mut ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        if !open.is_empty() && ends.any(|end| open.contains(&path[..end])) {
            return true;
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let nothing = || self.kind(path).is_none() && self.system.link(path).is_none();
        // What a pattern that finds nothing leaves (`*.alias`) is a pattern still: no command calls a file so.
        let pattern = || path.contains(['*', '?', '[']);
        let never =
            || pattern() || NEVER.iter().any(|folder| is_below(path, folder)) || REMNANTS.iter().any(|ending| name.contains(ending));
        *stranger && !never() && nothing()
    }

    /// Whether `pattern` may find more than it does: a path that is open by its name fits.
    pub(super) fn may_find_more(&self, pattern: &str) -> bool {
        let pattern = self.path(pattern);
        let fits = |path: &str| {
            path.split('/').count() == pattern.split('/').count() && pattern.split('/').zip(path.split('/')).all(|(p, n)| matches(p, n))
        };
        self.state.perhaps.open.iter().any(|path| fits(path) && self.kind(path).is_none())
    }

    /// A command finds nothing at `path`, which is this `status`; where something may be, it was not done.
    pub(in super::super) fn missing(&mut self, path: &str, status: Status) -> Status {
        if self.is_open(path) { self.refuse(format!("whether there is {path} is not known")) } else { status }
    }

    /// Whether it is not known what is in the file `path`, should there be one.
    pub(in super::super) fn may_be_otherwise(&self, path: &str) -> bool {
        let Perhaps { changed, withheld, .. } = &self.state.perhaps;
        changed.contains(path) || withheld.contains(path) || self.is_open(path)
    }

    /// User and group that own what is at `path`; a file that is not made is root's.
    pub(in super::super) fn owner(&self, path: &str) -> Option<(u32, u32)> {
        if self.is_withheld(path) { Some((0, 0)) } else { self.system.owner(path) }
    }

    /// Whether there would be a file `path` that is not made on purpose.
    pub(in super::super) fn is_withheld(&self, path: &str) -> bool {
        self.state.perhaps.withheld.contains(path)
    }

    /// Whether there may be users or groups that are not there.
    pub(in super::super) fn may_be_accounts(&self) -> bool {
        !self.state.perhaps.accounts.is_empty()
    }

    /// Whether a user or group called `name` may be there though none is.
    pub(in super::super) fn may_be_account(&self, name: &str) -> bool {
        self.state.perhaps.accounts.contains(name)
    }
}
