//! What `base-files` makes when it is configured for the first time (R5).

use super::Root;
use super::generated::Additions;

/// Defaults it copies from `/usr/share/base-files`.
const COPIES: [(&str, &str); 5] = [
    ("dot.bashrc", "root/.bashrc"),
    ("dot.profile", "root/.profile"),
    ("info.dir", "usr/share/info/dir"),
    ("motd", "etc/motd"),
    ("profile", "etc/profile"),
];

/// Directories it makes: path, mode, group (8 is `mail`).
const DIRECTORIES: [(&str, u32, u64); 19] = [
    ("etc/opt", 0o755, 0),
    ("media", 0o755, 0),
    ("mnt", 0o755, 0),
    ("opt", 0o755, 0),
    ("run", 0o755, 0),
    ("run/lock", 0o1777, 0),
    ("srv", 0o755, 0),
    ("usr/local", 0o755, 0),
    ("usr/local/bin", 0o755, 0),
    ("usr/local/etc", 0o755, 0),
    ("usr/local/games", 0o755, 0),
    ("usr/local/include", 0o755, 0),
    ("usr/local/lib", 0o755, 0),
    ("usr/local/sbin", 0o755, 0),
    ("usr/local/share", 0o755, 0),
    ("usr/local/share/man", 0o755, 0),
    ("usr/local/src", 0o755, 0),
    ("var/mail", 0o2775, 8),
    ("var/opt", 0o755, 0),
];

/// Links it makes. `/var/run` and `/var/lock` are directories in the package, which it then turns into these.
const LINKS: [(&str, &str); 4] =
    [("etc/dpkg/origins/default", "debian"), ("var/lock", "/run/lock"), ("var/run", "/run"), ("var/spool/mail", "../mail")];

/// Everything but the empty log files: an image has no logs (R17).
pub(super) fn generate(root: &Root, out: &mut Additions) {
    let Some(package) = root.package("base-files") else { return };
    let mtime = package.newest;
    for (name, path) in COPIES {
        if let Some((bytes, _)) = root.content(&format!("usr/share/base-files/{name}")) {
            out.default_file(path, bytes, mtime);
        }
    }
    for (path, mode, gid) in DIRECTORIES {
        out.directory(path, mode, gid, mtime);
    }
    for (path, target) in LINKS {
        out.default_link(path, target, mtime);
    }
}
