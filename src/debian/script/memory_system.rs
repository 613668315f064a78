//! A system in memory, for tests: a tree of files that effects are really applied to.

use std::collections::{BTreeMap, BTreeSet};

use crate::image::Capabilities;

use super::{Alternative, Effect, Kind, ModeChange, Owner, System};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Directory,
    File(Bytes),
    Link(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    Here(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inode {
    pub node: Node,
    pub mode: u32,
    pub owner: Owner,
    pub capabilities: Option<Capabilities>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub uid: u32,
    pub gid: u32,
    pub gecos: String,
    pub home: String,
    pub shell: String,
}

/// The system. Ids are given out as adduser does: from 100 up.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemorySystem {
    pub files: BTreeMap<String, Inode>,
    pub users: BTreeMap<String, Account>,
    pub groups: BTreeMap<String, (u32, Vec<String>)>,
    pub versions: BTreeMap<String, String>,
    pub alternatives: Vec<Alternative>,
    pub diversions: Vec<(String, String)>,
    pub generators: Vec<&'static str>,
    pub effects: Vec<Effect>,
    pub withheld: BTreeSet<String>,
}

impl MemorySystem {
    /// An amd64 system with the usual folders and the users of base-passwd that tests name.
    pub(crate) fn new() -> Self {
        let mut system = MemorySystem::default();
        for folder in [
            "/",
            "/etc",
            "/usr",
            "/usr/bin",
            "/usr/sbin",
            "/usr/lib",
            "/usr/share",
            "/var",
            "/var/lib",
            "/var/log",
            "/tmp",
            "/run",
            "/root",
        ] {
            system.put(folder, Node::Directory, 0o755);
        }
        for (link, target) in [("/bin", "usr/bin"), ("/sbin", "usr/sbin"), ("/lib", "usr/lib"), ("/var/run", "/run")] {
            system.put(link, Node::Link(target.into()), 0o777);
        }
        for (name, id) in [("root", 0), ("daemon", 1), ("mail", 8), ("www-data", 33), ("nogroup", 65534), ("adm", 4)] {
            system.groups.insert(name.into(), (id, Vec::new()));
        }
        for (name, id, home) in [("root", 0, "/root"), ("www-data", 33, "/var/www"), ("nobody", 65534, "/nonexistent")] {
            let account = Account { uid: id, gid: id, gecos: String::new(), home: home.into(), shell: "/bin/sh".into() };
            system.users.insert(name.into(), account);
        }
        system
    }

    pub(crate) fn put(&mut self, path: &str, node: Node, mode: u32) {
        self.files.insert(path.to_owned(), Inode { node, mode, owner: Owner::default(), capabilities: None });
    }

    pub(crate) fn file(&mut self, path: &str, text: &str, mode: u32) {
        self.put(path, Node::File(Bytes::Here(text.as_bytes().to_vec())), mode);
    }

    /// Where `path` leads, with links followed; the last part too when `last`.
    fn resolve(&self, path: &str, last: bool) -> Option<String> {
        let mut left: Vec<String> = path.split('/').rev().filter(|p| !p.is_empty() && *p != ".").map(str::to_owned).collect();
        let (mut done, mut links) = (String::new(), 0);
        while let Some(part) = left.pop() {
            if part == ".." {
                done.truncate(done.rfind('/').unwrap_or(0));
                continue;
            }
            let next = format!("{done}/{part}");
            match self.files.get(&next).map(|inode| &inode.node) {
                Some(Node::Link(target)) if last || !left.is_empty() => {
                    links += 1;
                    if links > 40 {
                        return None;
                    }
                    if target.starts_with('/') {
                        done.clear();
                    }
                    left.extend(target.split('/').rev().filter(|p| !p.is_empty() && *p != ".").map(str::to_owned));
                }
                _ => done = next,
            }
        }
        Some(if done.is_empty() { "/".into() } else { done })
    }

    fn inode(&self, path: &str) -> Option<&Inode> {
        self.files.get(&self.resolve(path, true)?)
    }

    fn below(&self, path: &str) -> Vec<String> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        self.files.range(prefix.clone()..).map(|(name, _)| name).take_while(|name| name.starts_with(&prefix)).cloned().collect()
    }

    fn folders(&mut self, path: &str) {
        let mut at = String::new();
        for part in path.split('/').filter(|p| !p.is_empty()) {
            at = format!("{at}/{part}");
            let real = self.resolve(&at, true).unwrap_or(at.clone());
            self.files.entry(real).or_insert(Inode { node: Node::Directory, mode: 0o755, owner: Owner::default(), capabilities: None });
        }
    }

    fn place(&mut self, path: &str, node: Node, mode: Option<u32>, owner: Owner) -> Result<(), String> {
        let real = self.resolve(path, true).ok_or("too many links")?;
        let parent = real.rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        if !self.files.contains_key(parent) {
            return Err(format!("there is no folder {parent}"));
        }
        let before = self.files.get(&real);
        let default = if node == Node::Directory { 0o755 } else { 0o644 };
        let mode = mode.or(before.map(|inode| inode.mode)).unwrap_or(default);
        let mut all = before.map(|inode| inode.owner.clone()).unwrap_or_default();
        all.user = owner.user.or(all.user);
        all.group = owner.group.or(all.group);
        self.files.insert(real, Inode { node, mode, owner: all, capabilities: None });
        Ok(())
    }

    fn free(&self) -> u32 {
        let taken = |id: u32| self.users.values().any(|u| u.uid == id || u.gid == id) || self.groups.values().any(|g| g.0 == id);
        (100..).find(|id| !taken(*id)).unwrap_or(999)
    }

    fn bytes(&self, path: &str) -> Option<Bytes> {
        match &self.inode(path)?.node {
            Node::File(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

impl System for MemorySystem {
    fn kind(&self, path: &str) -> Option<Kind> {
        let inode = self.inode(path)?;
        Some(match &inode.node {
            Node::Directory | Node::Link(_) => Kind::Directory,
            Node::File(Bytes::Here(bytes)) => Kind::File { mode: inode.mode, size: bytes.len() as u64 },
        })
    }

    fn link(&self, path: &str) -> Option<String> {
        match &self.files.get(&self.resolve(path, false)?)?.node {
            Node::Link(target) => Some(target.clone()),
            _ => None,
        }
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        match self.bytes(path)? {
            Bytes::Here(bytes) => Some(bytes),
        }
    }

    fn list(&self, path: &str) -> Vec<String> {
        let Some(real) = self.resolve(path, true) else { return Vec::new() };
        let skip = if real == "/" { 1 } else { real.len() + 1 };
        self.below(&real).into_iter().map(|name| name[skip..].to_owned()).filter(|name| !name.is_empty() && !name.contains('/')).collect()
    }

    fn owner(&self, path: &str) -> Option<(u32, u32)> {
        let owner = &self.inode(path)?.owner;
        let uid = owner.user.as_deref().map_or(Some(0), |name| self.users.get(name).map(|user| user.uid))?;
        Some((uid, owner.group.as_deref().map_or(Some(0), |name| self.group(name))?))
    }

    fn capabilities(&self, path: &str) -> Option<Capabilities> {
        self.inode(path)?.capabilities
    }

    fn user(&self, name: &str) -> Option<(u32, u32, String)> {
        self.users.get(name).map(|user| (user.uid, user.gid, user.home.clone()))
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.groups.get(name).map(|group| group.0)
    }

    fn members(&self, group: &str) -> Vec<String> {
        self.groups.get(group).map(|group| group.1.clone()).unwrap_or_default()
    }

    fn groups_of(&self, user: &str) -> Option<Vec<String>> {
        let gid = self.users.get(user)?.gid;
        let own = self.groups.iter().find(|(_, group)| group.0 == gid).map(|(name, _)| name.clone());
        let others = self.groups.iter().filter(|(_, group)| group.1.iter().any(|member| member == user)).map(|(name, _)| name.clone());
        Some(own.into_iter().chain(others).collect())
    }

    fn version(&self, package: &str) -> Option<String> {
        self.versions.get(package).cloned()
    }

    fn files(&self, package: &str) -> Option<Vec<String>> {
        self.versions.get(package).map(|_| vec![format!("/usr/bin/{package}"), format!("/usr/share/doc/{package}/copyright")])
    }

    fn architecture(&self) -> &str {
        "amd64"
    }

    fn withheld(&mut self) -> &mut BTreeSet<String> {
        &mut self.withheld
    }

    fn apply(&mut self, effect: Effect) -> Result<(), String> {
        self.effects.push(effect.clone());
        match effect {
            Effect::User { name, uid, group, gecos, home, shell, make_home } => {
                let uid = uid.unwrap_or_else(|| self.free());
                let gid = match group {
                    Some(group) => match group.parse() {
                        Ok(gid) => gid,
                        Err(_) => self.groups.entry(group).or_insert((uid, Vec::new())).0,
                    },
                    None => 65534,
                };
                if make_home {
                    self.folders(&home);
                }
                self.users.insert(name, Account { uid, gid, gecos, home, shell });
            }
            Effect::Group { name, gid } => {
                let gid = gid.unwrap_or_else(|| self.free());
                self.groups.insert(name, (gid, Vec::new()));
            }
            Effect::Member { user, group } => self.groups.get_mut(&group).ok_or(format!("no group {group}"))?.1.push(user),
            Effect::Directory { path, mode, owner, parents } => {
                if parents && let Some((folder, _)) = path.rsplit_once('/') {
                    self.folders(folder);
                }
                self.place(&path, Node::Directory, mode, owner)?;
            }
            Effect::Mode { path, change, recursive } => {
                let real = self.resolve(&path, true).ok_or("too many links")?;
                let more = if recursive { self.below(&real) } else { Vec::new() };
                for path in std::iter::once(real).chain(more) {
                    if let Some(inode) = self.files.get_mut(&path)
                        && let ModeChange::Bits(bits) = change
                    {
                        inode.mode = bits;
                    }
                }
            }
            Effect::Owner { path, owner, recursive, follow } => {
                let real = self.resolve(&path, follow).ok_or("too many links")?;
                let more = if recursive { self.below(&real) } else { Vec::new() };
                for path in std::iter::once(real).chain(more) {
                    if let Some(inode) = self.files.get_mut(&path) {
                        inode.owner.user = owner.user.clone().or(inode.owner.user.take());
                        inode.owner.group = owner.group.clone().or(inode.owner.group.take());
                    }
                }
            }
            Effect::Capabilities { path, capabilities } => {
                let real = self.resolve(&path, true).ok_or("too many links")?;
                self.files.get_mut(&real).ok_or(format!("no file {path}"))?.capabilities = capabilities;
            }
            Effect::StatOverride { path, mode, owner } => {
                let real = self.resolve(&path, true).ok_or("too many links")?;
                if let Some(inode) = self.files.get_mut(&real) {
                    (inode.mode, inode.owner) = (mode, owner);
                }
            }
            Effect::Link { path, target, force } => {
                let real = self.resolve(&path, false).ok_or("too many links")?;
                if self.files.contains_key(&real) && !force {
                    return Err(format!("{path} is there"));
                }
                self.put(&real, Node::Link(target), 0o777);
            }
            Effect::File { path, bytes, mode, owner } => self.place(&path, Node::File(Bytes::Here(bytes)), mode, owner)?,
            Effect::Copy { from, to, mode, owner } => {
                let bytes = self.bytes(&from).ok_or(format!("no file {from}"))?;
                self.place(&to, Node::File(bytes), mode, owner)?;
            }
            Effect::Rename { from, to } => {
                let (from, to) = (self.resolve(&from, false).ok_or("too many links")?, self.resolve(&to, false).ok_or("too many links")?);
                for name in self.below(&from).into_iter().chain([from.clone()]) {
                    if let Some(inode) = self.files.remove(&name) {
                        self.files.insert(format!("{to}{}", &name[from.len()..]), inode);
                    }
                }
            }
            Effect::Remove { path, .. } => {
                let real = self.resolve(&path, false).ok_or("too many links")?;
                for name in self.below(&real) {
                    self.files.remove(&name);
                }
                self.files.remove(&real);
            }
            Effect::Alternative(alternative) => {
                let best = self.alternatives.iter().filter(|a| a.name == alternative.name).all(|a| a.priority < alternative.priority);
                if best {
                    let slaves = alternative.slaves.iter().filter(|(_, _, path)| self.inode(path).is_some()).cloned().collect::<Vec<_>>();
                    for (link, name, path) in
                        slaves.into_iter().chain([(alternative.link.clone(), alternative.name.clone(), alternative.path.clone())])
                    {
                        let real = self.resolve(&link, false).ok_or("too many links")?;
                        self.put(&format!("/etc/alternatives/{name}"), Node::Link(path), 0o777);
                        self.put(&real, Node::Link(format!("/etc/alternatives/{name}")), 0o777);
                    }
                }
                self.alternatives.push(alternative);
            }
            Effect::Divert { path, to, .. } => self.diversions.push((path, to)),
            Effect::Trigger(_) => {}
            Effect::Generator(name) => self.generators.push(name),
        }
        Ok(())
    }
}
