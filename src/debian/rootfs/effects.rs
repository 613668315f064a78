//! Does to the root what a script would have done to the system.

use std::collections::BTreeSet;

use super::super::script::{Effect, Kind, ModeChange, Owner, System};
use super::super::segment::canonical::{join, parent};
use super::accounts::User;
use super::mode::symbolic;
use super::ownership::{disown, own};
use super::{Content, Node, Root};
use crate::image::{Capabilities, EntryKind};

impl System for Root {
    fn kind(&self, path: &str) -> Option<Kind> {
        let path = self.physical(path)?;
        let Some(node) = self.nodes.get(&path) else { return self.has_directory(&path).then_some(Kind::Directory) };
        Some(match (&node.content, self.entry(node).map(|entry| &entry.kind)) {
            (Content::Directory, _) => Kind::Directory,
            (Content::File(bytes), _) => Kind::File { mode: node.mode, size: bytes.len() as u64 },
            (_, Some(EntryKind::File { size, .. })) => Kind::File { mode: node.mode, size: *size },
            (_, Some(EntryKind::HardLink { target })) => {
                let size = self.nodes.get(target).and_then(|n| self.entry(n)).map_or(0, |entry| match entry.kind {
                    EntryKind::File { size, .. } => size,
                    _ => 0,
                });
                Kind::File { mode: node.mode, size }
            }
            _ => Kind::Special,
        })
    }

    fn link(&self, path: &str) -> Option<String> {
        let node = self.nodes.get(&self.place(path)?)?;
        self.link_target(node).map(str::to_owned)
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        // dpkg's own folder is not in an image; scripts and debconf read control files there.
        if let Some((package, name)) = path.strip_prefix("/var/lib/dpkg/info/").and_then(|file| file.rsplit_once('.')) {
            let package = self.package(package.split(':').next()?)?;
            return package.scripts.get(name)?.text.clone().map(String::into_bytes);
        }
        let (_, node) = self.resolve(path)?;
        self.bytes(node).map(<[u8]>::to_vec)
    }

    fn owner(&self, path: &str) -> Option<(u32, u32)> {
        self.kind(path)?;
        // A folder that nobody lists is root's.
        let ids = self.resolve(path).map_or((0, 0), |(_, node)| (node.uid, node.gid));
        Some((ids.0.try_into().ok()?, ids.1.try_into().ok()?))
    }

    fn capabilities(&self, path: &str) -> Option<Capabilities> {
        self.resolve(path).and_then(|(_, node)| node.capabilities.as_deref().copied())
    }

    fn list(&self, path: &str) -> Vec<String> {
        self.physical(path).map(|path| self.names(&path)).unwrap_or_default()
    }

    fn user(&self, name: &str) -> Option<(u32, u32, String)> {
        self.accounts.user(name).map(|user| (user.uid, user.gid, user.home.clone()))
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.accounts.group(name).map(|group| group.gid)
    }

    fn members(&self, group: &str) -> Vec<String> {
        self.accounts.group(group).map(|group| group.members.clone()).unwrap_or_default()
    }

    fn groups_of(&self, user: &str) -> Option<Vec<String>> {
        let primary = self.accounts.user(user)?.gid;
        let groups = &self.accounts.groups;
        let first = groups.iter().find(|group| group.gid == primary);
        let others = groups.iter().filter(|group| group.gid != primary && group.members.iter().any(|member| member == user));
        Some(first.into_iter().chain(others).map(|group| group.name.clone()).collect())
    }

    fn version(&self, package: &str) -> Option<String> {
        self.package(package).map(|segment| segment.version.clone())
    }

    fn files(&self, package: &str) -> Option<Vec<String>> {
        let package = self.package(package)?;
        Some(package.entries.iter().map(|entry| format!("/{}", entry.path)).collect())
    }

    fn architecture(&self) -> &str {
        let specific = self.segments.iter().map(|segment| segment.architecture.as_str()).find(|name| *name != "all");
        specific.unwrap_or("all")
    }

    fn withheld(&mut self) -> &mut BTreeSet<String> {
        &mut self.withheld
    }

    fn apply(&mut self, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::User { name, uid, group, gecos, home, shell, make_home } => {
                let user = User { name, uid: 0, gid: 0, gecos, home: home.clone(), shell, is_added: true };
                let (uid, gid) = self.accounts.add_user(user, uid, group.as_deref())?;
                self.write_accounts();
                if make_home && self.kind(&home).is_none() {
                    self.make_directory(&home, 0o755, (uid.into(), gid.into()), true)?;
                }
                Ok(())
            }
            Effect::Group { name, gid } => self.accounts.add_group(&name, gid).map(|_| self.write_accounts()),
            Effect::Member { user, group } => self.accounts.add_member(&user, &group).map(|()| self.write_accounts()),
            Effect::Directory { path, mode, owner, parents } => self.directory(&path, mode, &owner, parents),
            Effect::Mode { path, change, recursive } => {
                let path = self.existing(&path, true)?;
                for path in self.with_below(path, recursive) {
                    if !self.settled.contains(&path) && self.nodes.get(&path).is_some_and(|node| self.link_target(node).is_none()) {
                        let is_directory = self.nodes[&path].content == Content::Directory;
                        self.change(&path, |node| {
                            match &change {
                                ModeChange::Bits(bits) => node.mode = bits & 0o7777,
                                ModeChange::Symbolic(text) => node.mode = symbolic(text, node.mode, is_directory)?,
                            }
                            Ok(())
                        })?;
                    }
                }
                Ok(())
            }
            Effect::Owner { path, owner, recursive, follow } => {
                let ids = self.ids(&owner)?;
                let path = self.existing(&path, follow)?;
                for path in self.with_below(path, recursive) {
                    if !self.settled.contains(&path) {
                        self.change(&path, |node| {
                            disown(node);
                            own(node, ids);
                            Ok(())
                        })?;
                    }
                }
                Ok(())
            }
            Effect::Capabilities { path, capabilities } => {
                if !matches!(self.kind(&path), Some(Kind::File { .. })) {
                    return Err(format!("{path} is no regular file"));
                }
                let path = self.existing(&path, true)?;
                self.change(&path, |node| {
                    node.capabilities = capabilities.map(Box::new);
                    Ok(())
                })
            }
            Effect::StatOverride { path, mode, owner } => {
                let ids = self.ids(&owner)?;
                let path = self.existing(&path, true)?;
                self.change(&path, |node| {
                    disown(node);
                    own(node, ids);
                    node.mode = mode & 0o7777;
                    Ok(())
                })?;
                self.settled.insert(path);
                Ok(())
            }
            Effect::Link { path, target, force } => self.make_link(&path, &target, force),
            Effect::File { path, bytes, mode, owner } => {
                let ids = self.ids(&owner)?;
                let path = self.to_write(&path)?;
                let mut node = Node::file(bytes, self.mtime);
                if let Some(there) = self.nodes.get(&path) {
                    (node.mode, node.uid, node.gid) = (there.mode, there.uid, there.gid);
                }
                node.mode = mode.map_or(node.mode, |mode| mode & 0o7777);
                own(&mut node, ids);
                self.put(path, node);
                Ok(())
            }
            Effect::Copy { from, to, mode, owner } => {
                let ids = self.ids(&owner)?;
                let (source, mut node) = self.resolve(&from).map(|(path, node)| (path, node.clone())).ok_or_else(|| missing(&from))?;
                if node.content == Content::Directory {
                    return Err(format!("{from} is a directory"));
                }
                // A copy of a hard link is one of its file.
                if let (Content::Packaged { segment, .. }, Some(EntryKind::HardLink { target })) =
                    (&node.content, self.entry(&node).map(|e| &e.kind))
                    && let Some(entry) = self.segments[*segment].entries.iter().position(|entry| entry.path == *target)
                {
                    node.content = Content::Packaged { segment: *segment, entry };
                }
                let name = source.rsplit('/').next().unwrap_or_default();
                let to = if self.kind(&to) == Some(Kind::Directory) { format!("{to}/{name}") } else { to };
                let path = self.to_write(&to)?;
                (node.uid, node.gid, node.capabilities) = (0, 0, None);
                if let Some(there) = self.nodes.get(&path) {
                    (node.mode, node.uid, node.gid) = (there.mode, there.uid, there.gid);
                }
                node.mode = mode.map_or(node.mode & 0o1777, |mode| mode & 0o7777);
                own(&mut node, ids);
                node.mtime = self.mtime;
                self.put(path, node);
                Ok(())
            }
            Effect::Rename { from, to } => self.rename(&from, &to),
            Effect::Remove { path, recursive } => self.remove(&path, recursive),
            Effect::Alternative(alternative) => self.install_alternative(alternative),
            Effect::Divert { path, to, by, rename } => self.divert(&path, &to, by.as_deref(), rename),
            Effect::Trigger(name) => {
                self.triggers.insert(name);
                Ok(())
            }
            Effect::Generator("locale-gen") if self.has_locales() => Err("locale-gen is not made natively".into()),
            // All others run anyway once every script is done (`install`).
            Effect::Generator(_) => Ok(()),
        }
    }
}

impl Root {
    /// Whether `/etc/locale.gen` asks for a locale; as the package makes it, it lists them in comments.
    fn has_locales(&self) -> bool {
        let list = self.read("/etc/locale.gen").unwrap_or_default();
        list.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).any(|line| !line.is_empty() && !line.starts_with(b"#"))
    }

    /// The physical path of what is at `path`, made a node when it is a folder nobody lists.
    fn existing(&mut self, path: &str, follow: bool) -> Result<String, String> {
        let physical = if follow { self.physical(path) } else { self.place(path) }.ok_or_else(|| missing(path))?;
        if !self.nodes.contains_key(&physical) {
            if physical.is_empty() || !self.has_directory(&physical) {
                return Err(missing(path));
            }
            self.nodes.insert(physical.clone(), Node::directory(0o755, self.mtime));
        }
        Ok(physical)
    }

    fn with_below(&self, path: String, recursive: bool) -> Vec<String> {
        let below: Vec<String> = if recursive { self.below(&path).map(|(path, _)| path.clone()).collect() } else { Vec::new() };
        [vec![path], below].concat()
    }

    /// Puts a file at a physical path; who writes the accounts' files changes the accounts.
    fn put(&mut self, path: String, node: Node) {
        let is_accounts = matches!(&*path, "etc/passwd" | "etc/group");
        self.nodes.insert(path, node);
        if is_accounts {
            self.read_accounts(true);
        }
    }

    fn directory(&mut self, path: &str, mode: Option<u32>, owner: &Owner, parents: bool) -> Result<(), String> {
        let ids = self.ids(owner)?;
        if self.kind(path) == Some(Kind::Directory) {
            // `install -d` sets them also on what is there; plain `mkdir -p` does not ask for either.
            let path = self.existing(path, true)?;
            return self.change(&path, |node| {
                node.mode = mode.map_or(node.mode, |mode| mode & 0o7777);
                own(node, ids);
                Ok(())
            });
        }
        self.make_directory(path, mode.unwrap_or(0o755) & 0o7777, (ids.0.unwrap_or(0), ids.1.unwrap_or(0)), parents)
    }

    fn make_directory(&mut self, path: &str, mode: u32, (uid, gid): (u64, u64), parents: bool) -> Result<(), String> {
        let physical = self.physical(path).ok_or_else(|| missing(path))?;
        if self.nodes.contains_key(&physical) {
            return Err(format!("{path} is there and no directory"));
        }
        let folder = parent(&physical);
        if !self.has_directory(folder) {
            if !parents {
                return Err(missing(&format!("/{folder}")));
            }
            let folder = folder.to_owned();
            self.make_directory(&folder, 0o755, (0, 0), true)?;
        }
        self.nodes.insert(physical, Node { uid, gid, ..Node::directory(mode, self.mtime) });
        Ok(())
    }

    /// The physical path that opening `path` for writing would reach.
    fn to_write(&self, path: &str) -> Result<String, String> {
        let physical = self.physical(path).ok_or_else(|| missing(path))?;
        if self.has_directory(&physical) {
            return Err(format!("{path} is a directory"));
        }
        if !self.has_directory(parent(&physical)) {
            return Err(missing(&format!("/{}", parent(&physical))));
        }
        Ok(physical)
    }

    fn make_link(&mut self, path: &str, target: &str, force: bool) -> Result<(), String> {
        let mut place = self.place(path).ok_or_else(|| missing(path))?;
        let is_link = self.nodes.get(&place).is_some_and(|node| self.link_target(node).is_some());
        // Links are made inside a directory; what a link to one means, `ln -n` would have to say.
        if !is_link && self.has_directory(&place) {
            place = join(&place, target.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
        }
        if self.nodes.get(&place).is_some_and(|node| self.link_target(node) == Some(target)) {
            return Ok(());
        }
        if self.nodes.contains_key(&place) && !force {
            return Err(format!("/{place} is there already"));
        }
        if !self.has_directory(parent(&place)) {
            return Err(missing(&format!("/{}", parent(&place))));
        }
        self.nodes.insert(place, Node::link(target, self.mtime));
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), String> {
        let source = self.place(from).ok_or_else(|| missing(from))?;
        let name = source.rsplit('/').next().unwrap_or_default().to_owned();
        let to = if self.kind(to) == Some(Kind::Directory) { format!("{to}/{name}") } else { to.to_owned() };
        let place = self.place(&to).ok_or_else(|| missing(&to))?;
        if place == source || format!("{place}/").starts_with(&format!("{source}/")) {
            return Err(format!("{from} cannot be moved into itself"));
        }
        if !self.has_directory(parent(&place)) {
            return Err(missing(&format!("/{}", parent(&place))));
        }
        let below: Vec<String> = self.below(&source).map(|(path, _)| path.clone()).collect();
        if !self.nodes.contains_key(&source) && below.is_empty() {
            return Err(missing(from));
        }
        for path in [vec![source.clone()], below].concat() {
            if let Some(node) = self.nodes.remove(&path) {
                self.put(format!("{place}{}", &path[source.len()..]), node);
            }
        }
        Ok(())
    }

    fn remove(&mut self, path: &str, recursive: bool) -> Result<(), String> {
        let Some(place) = self.place(path) else { return Ok(()) };
        let below: Vec<String> = self.below(&place).map(|(path, _)| path.clone()).collect();
        if place.is_empty() || (!below.is_empty() && !recursive) {
            return Err(format!("{path} is a directory with files in it"));
        }
        for path in below.iter().chain([&place]) {
            self.nodes.remove(path);
        }
        Ok(())
    }
}

fn missing(path: &str) -> String {
    format!("there is no {path}")
}
