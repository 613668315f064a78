//! The words in which a script's evaluation talks to the file system that is being made.

use std::collections::BTreeSet;

use crate::image::Capabilities;

/// What is at a path, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    /// A regular file, with its `0o7777` bits and its length.
    File { mode: u32, size: u64 },
    /// A directory.
    Directory,
    /// A device or fifo.
    Special,
}

/// The system a script believes to run on: the packages' files and everything earlier effects have made of them.
///
/// Paths are absolute as scripts write them (`/etc/passwd`, `/bin/sh`); links on the way are followed inside the root.
pub(in super::super) trait System {
    /// What opening `path` would reach.
    fn kind(&self, path: &str) -> Option<Kind>;
    /// The target of `path` when that itself is a symbolic link, as written.
    fn link(&self, path: &str) -> Option<String>;
    /// The bytes of a file; `None` when there is none or its bytes are not at hand.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// User and group that own what opening `path` would reach.
    fn owner(&self, path: &str) -> Option<(u32, u32)>;
    /// What `setcap` gave the file that opening `path` would reach.
    fn capabilities(&self, path: &str) -> Option<Capabilities>;
    /// The names in a directory, sorted; what globs are matched against.
    fn list(&self, path: &str) -> Vec<String>;
    /// The ids and home of a user: `getent passwd NAME`.
    fn user(&self, name: &str) -> Option<(u32, u32, String)>;
    /// The id of a group: `getent group NAME`.
    fn group(&self, name: &str) -> Option<u32>;
    /// The users a group lists: the last field of `getent group NAME`.
    fn members(&self, group: &str) -> Vec<String>;
    /// The names of a user's groups, the primary one first: `id -Gn NAME`. `None`: not known.
    fn groups_of(&self, user: &str) -> Option<Vec<String>>;
    /// The version of an installed package.
    fn version(&self, package: &str) -> Option<String>;
    /// The files and links that an installed package brings; `None`: not known.
    fn files(&self, package: &str) -> Option<Vec<String>>;
    /// Debian's name of the architecture: `arm64`.
    fn architecture(&self) -> &str;
    /// Files that no script makes on purpose, such as keys, though earlier ones would have: they are there for all that follow.
    fn withheld(&mut self) -> &mut BTreeSet<String>;
    /// Does it. The error says in a person's words why it cannot be done; the effect then counts as unhandled.
    fn apply(&mut self, effect: Effect) -> Result<(), String>;
}

/// Who owns something, as scripts write it: names or numbers. `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Owner {
    /// User name or number.
    pub user: Option<String>,
    /// Group name or number.
    pub group: Option<String>,
}

/// A change of permission bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum ModeChange {
    /// `0640`.
    Bits(u32),
    /// `u+s`, `go-rwx`: as written.
    Symbolic(String),
}

/// One thing a script would have done to the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Effect {
    /// `adduser --system`, `useradd`: `group` is the primary group's name, made when it is not there; `None`: nogroup.
    User { name: String, uid: Option<u32>, group: Option<String>, gecos: String, home: String, shell: String, make_home: bool },
    /// `addgroup`, `groupadd`.
    Group { name: String, gid: Option<u32> },
    /// `adduser USER GROUP`, `usermod -aG`.
    Member { user: String, group: String },
    /// `mkdir`, `install -d`: with `parents`, missing folders on the way too.
    Directory { path: String, mode: Option<u32>, owner: Owner, parents: bool },
    /// `chmod`.
    Mode { path: String, change: ModeChange, recursive: bool },
    /// `chown`, `chgrp`; without `follow` a link itself is meant.
    Owner { path: String, owner: Owner, recursive: bool, follow: bool },
    /// `setcap`: on a regular file, instead of what it had; `None` takes them away.
    Capabilities { path: String, capabilities: Option<Capabilities> },
    /// `dpkg-statoverride --add`: wins over later changes.
    StatOverride { path: String, mode: u32, owner: Owner },
    /// `ln -s`; the path is replaced when `force`.
    Link { path: String, target: String, force: bool },
    /// A file with these bytes: `cp`, `ucf`, `install`, `echo … >`, `cat > … <<EOF`. Keeps mode and owner of a file that was there.
    File { path: String, bytes: Vec<u8>, mode: Option<u32>, owner: Owner },
    /// `cp` of a file whose bytes the system has but has not at hand.
    Copy { from: String, to: String, mode: Option<u32>, owner: Owner },
    /// `mv`.
    Rename { from: String, to: String },
    /// `rm`; nothing happens when there is nothing.
    Remove { path: String, recursive: bool },
    /// `update-alternatives --install`.
    Alternative(Alternative),
    /// `dpkg-divert --add --rename`: files of other packages than `by` at `path` go to `to`.
    Divert { path: String, to: String, by: Option<String>, rename: bool },
    /// `dpkg-trigger`: sets off a trigger (deb-triggers(5)).
    Trigger(String),
    /// A generator that makes its files from the whole system once everything else is done: `ldconfig`, `update-ca-certificates`, ….
    Generator(&'static str),
}

/// `update-alternatives --install LINK NAME PATH PRIORITY [--slave LINK NAME PATH]…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Alternative {
    /// The generic link: `/usr/bin/awk`.
    pub link: String,
    /// Its name in `/etc/alternatives`.
    pub name: String,
    /// What it may point to.
    pub path: String,
    /// The highest wins; the first of equals.
    pub priority: i64,
    /// (link, name, path) of what follows it.
    pub slaves: Vec<(String, String, String)>,
}

/// What a script turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Class {
    /// It would change nothing that an image has.
    NoOp,
    /// Everything it would change has been changed.
    Emulated,
    /// Something of it was not understood, or cannot be done.
    Unhandled,
}

/// A command that was not understood or could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Unhandled {
    /// The command as written, shortened: what it would have done.
    pub command: String,
    /// Why it was not done.
    pub why: String,
}

/// The outcome of one script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Evaluation {
    /// The class.
    pub class: Class,
    /// What is missing because of it, in order; empty unless [`Class::Unhandled`].
    pub unhandled: Vec<Unhandled>,
}
