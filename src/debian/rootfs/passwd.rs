//! `/etc/passwd` and `/etc/group` (R6): from `base-passwd`'s master copies, and what scripts add; shadow files where the `passwd`
//! package would have made them.

use super::generated::Additions;
use super::{Node, Root};

const SECONDS_A_DAY: u64 = 86_400;
/// The group that may read shadow files, in `base-passwd`.
const SHADOW_GID: u64 = 42;

/// The two files that `base-passwd`'s preinst writes. Passwords are `*`: nobody can log in.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    for (master, path) in [("group.master", "etc/group"), ("passwd.master", "etc/passwd")] {
        if let Some((bytes, package)) = root.content(&format!("usr/share/base-passwd/{master}")) {
            out.default_file(path, bytes, package.newest);
        }
    }
}

impl Root {
    /// Reads the accounts from the two files; lines that were not there before are `added` by a script.
    pub(super) fn read_accounts(&mut self, added: bool) {
        let text = |path: &str| {
            let bytes = self.nodes.get(path).and_then(|node| self.bytes(node)).unwrap_or_default();
            String::from_utf8_lossy(bytes).into_owned()
        };
        let (passwd, group) = (text("etc/passwd"), text("etc/group"));
        self.accounts.read(&passwd, &group, added);
        self.write_accounts();
    }

    /// Writes the files from the accounts: all that change, with the time of the package that is at work.
    pub(super) fn write_accounts(&mut self) {
        if self.accounts.users.is_empty() && self.accounts.groups.is_empty() {
            return;
        }
        let shadow = self.package("passwd").map(|package| package.newest);
        let mut files = vec![
            ("etc/passwd", self.accounts.passwd(shadow.is_some()), 0o644, 0),
            ("etc/group", self.accounts.groups(shadow.is_some()), 0o644, 0),
        ];
        if let Some(newest) = shadow {
            // The day is the package's, not today's: the same image again must be the same bytes.
            files.push(("etc/shadow", self.accounts.shadow(newest / SECONDS_A_DAY), 0o640, SHADOW_GID));
            files.push(("etc/gshadow", self.accounts.gshadow(), 0o640, SHADOW_GID));
        }
        for (path, text, mode, gid) in files {
            let known = self.nodes.get(path);
            if known.and_then(|node| self.bytes(node)) != Some(text.as_bytes()) {
                let mtime = known.map_or(0, |node| node.mtime).max(self.mtime).max(shadow.unwrap_or(0));
                self.nodes.insert(path.to_owned(), Node { mode, gid, ..Node::file(text, mtime) });
            }
        }
    }
}
