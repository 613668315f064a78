//! Who the process in a container is, as engines find it out (moby/sys/user, `GetExecUser`), and what it may do with a file.
//!
//! Names are looked up in the image's own passwd(5) and group(5). Without a group in the config, the groups that have the user among
//! their members count as well.

use super::Subject;
use crate::image::{EntryKind, EntryRef, MAX_KEPT_TEXT};
use crate::verify::rootfs::{Lookup, Node};

const PASSWD: &str = "etc/passwd";
const GROUP: &str = "etc/group";
/// Engines refuse larger ids (moby/sys/user).
const MAX_ID: u64 = i32::MAX as u64;

/// The right to run a file, or to look for names in a folder.
pub(super) const EXECUTE: u32 = 1;
/// The right to read.
pub(super) const READ: u32 = 4;

/// Who the process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub uid: u64,
    pub gid: u64,
    /// Supplementary groups.
    pub groups: Vec<u64>,
    /// The home folder, when passwd(5) has the user.
    pub home: Option<String>,
}

/// Why it cannot be told.
pub(super) struct Unknown {
    pub expected: String,
    pub found: String,
    pub advice: &'static str,
}

/// An account as passwd(5) has it.
struct Account<'a> {
    name: &'a str,
    uid: u64,
    gid: u64,
    home: &'a str,
}

impl Identity {
    /// Root, as whom an image runs that names nobody.
    const ROOT: Identity = Identity { uid: 0, gid: 0, groups: Vec::new(), home: None };

    /// The user that the config of `subject` names, `user[:group]`, or root.
    pub(super) fn of(subject: &Subject<'_>) -> Result<Self, Unknown> {
        match written(subject) {
            "" => Ok(Identity::ROOT),
            written => named(subject, written),
        }
    }

    /// Whether it has the `right` to `entry`. To root everything is open, but only what anybody may run can be run.
    pub(super) fn may(&self, right: u32, entry: &EntryRef<'_>) -> bool {
        if self.uid == 0 {
            return right != EXECUTE || entry.kind == EntryKind::Directory || entry.mode & 0o111 != 0;
        }
        // The first class that fits decides, also when a later one would allow more (path_resolution(7)).
        let shift = if entry.uid == self.uid {
            6
        } else if entry.gid == self.gid || self.groups.contains(&entry.gid) {
            3
        } else {
            0
        };
        entry.mode >> shift & right == right
    }

    /// The first of `folders` in which it may not look for names. Folders that no layer names are open: engines make them so.
    pub(super) fn shut_out<'f, 'n>(&self, folders: &'f [(String, Node<'n>)]) -> Option<(&'f str, EntryRef<'n>)> {
        folders.iter().find_map(|(path, node)| node.entry.filter(|entry| !self.may(EXECUTE, entry)).map(|entry| (path.as_str(), entry)))
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

/// The user as the config has it; empty for none.
pub(super) fn written<'a>(subject: &Subject<'a>) -> &'a str {
    subject.image.config.config.user.as_deref().unwrap_or("").trim()
}

/// `mode 0700 of 33:34`.
pub(super) fn described(entry: &EntryRef<'_>) -> String {
    format!("mode {:04o} of {}:{}", entry.mode, entry.uid, entry.gid)
}

fn named(subject: &Subject<'_>, written: &str) -> Result<Identity, Unknown> {
    let (user, group) = written.split_once(':').map_or((written, None), |(user, group)| (user, Some(group)));
    let account = subject.facts.text(subject.root, PASSWD).and_then(|text| account(text, user));
    let (uid, own_group) = match (&account, user.parse::<u64>()) {
        (Some(account), _) => (account.uid, account.gid),
        (None, Ok(uid)) => (uid, 0),
        (None, Err(_)) => {
            return Err(Unknown {
                expected: format!("the user `{user}` in the image's /{PASSWD}"),
                found: absence(subject, PASSWD),
                advice: "add the package that makes the user, or name a number: `user = \"1000:1000\"` needs no entry",
            });
        }
    };
    let groups = subject.facts.text(subject.root, GROUP);
    let (gid, supplementary) = match group {
        None => (own_group, account.as_ref().zip(groups).map(|(account, text)| groups_of(text, account.name)).unwrap_or_default()),
        Some(group) => match groups.and_then(|text| gid(text, group)).or_else(|| group.parse().ok()) {
            Some(gid) => (gid, Vec::new()),
            None => {
                return Err(Unknown {
                    expected: format!("the group `{group}` in the image's /{GROUP}"),
                    found: absence(subject, GROUP),
                    advice: "add the package that makes the group, or name a number",
                });
            }
        },
    };
    if uid.max(gid) > MAX_ID {
        return Err(Unknown {
            expected: format!("ids up to {MAX_ID}"),
            found: format!("{uid}:{gid}"),
            advice: "engines refuse larger ids: choose a smaller one",
        });
    }
    Ok(Identity { uid, gid, groups: supplementary, home: account.map(|account| account.home.to_owned()) })
}

/// Why a name cannot be found in the file at `path`.
fn absence(subject: &Subject<'_>, path: &str) -> String {
    match (subject.facts.text(subject.root, path), subject.root.lookup(path)) {
        (Some(_), _) => "no such line".into(),
        (None, Lookup::Found(_, node)) => match node.entry.map(|entry| entry.kind) {
            Some(EntryKind::File { size, .. }) if size > MAX_KEPT_TEXT => {
                format!("a file of {size} bytes, of which no more than {MAX_KEPT_TEXT} are read")
            }
            Some(EntryKind::File { .. }) => "a file that is no text".into(),
            _ => "it is no file".into(),
        },
        (None, Lookup::Missing(at)) if subject.root.get(path).is_some() => {
            format!("the image has no such file: it leads to /{at}, which does not exist")
        }
        (None, Lookup::Loop) => "symbolic links that lead to each other".into(),
        (None, _) => "the image has no such file".into(),
    }
}

/// The account called `user`: by name, or by the number that an engine also looks for.
fn account<'a>(text: &'a str, user: &str) -> Option<Account<'a>> {
    let accounts = || {
        text.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, uid, gid, _, home, ..] = fields.as_slice() else { return None };
            Some(Account { name, uid: uid.parse().ok()?, gid: gid.parse().ok()?, home })
        })
    };
    let by_name = accounts().find(|account| account.name == user);
    by_name.or_else(|| user.parse().ok().and_then(|uid: u64| accounts().find(|account| account.uid == uid)))
}

/// Lines of group(5): name, number, members.
fn lines(text: &str) -> impl Iterator<Item = (&str, Option<u64>, &str)> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        Some((name, fields.nth(1).and_then(|gid| gid.parse().ok()), fields.next().unwrap_or_default()))
    })
}

fn gid(text: &str, group: &str) -> Option<u64> {
    lines(text).find(|(name, ..)| *name == group).and_then(|(_, gid, _)| gid)
}

/// The groups that have `user` among their members.
fn groups_of(text: &str, user: &str) -> Vec<u64> {
    lines(text).filter(|(_, _, members)| members.split(',').any(|member| member.trim() == user)).filter_map(|(_, gid, _)| gid).collect()
}
