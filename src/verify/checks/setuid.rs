//! `setuid`: programs that run with the rights of their owner or group, or with some of root's (capabilities), and what everybody may
//! write to.
//!
//! - A setuid or setgid program that its group or everybody may write to fails: whoever is in the container can become its owner.
//! - One that is not among those Debian is known to ship ([`KNOWN`]) is worth a look, and so are files that everybody may
//!   write to, and folders without the sticky bit, whose files anybody may replace.
//! - So are capabilities; `cap_net_bind_service` alone is not, with which a service listens on a low port without being root.
//! - Capabilities that no container has by default keep a program from starting. A value that Linux does not let be set fails: no engine
//!   that unpacks attributes gets past it.
//! - The known ones are only counted.

use super::Subject;
use super::tally::{Tally, count, skip_if_damaged};
use crate::image::{Capabilities, EntryKind, EntryRef, FileCapabilities};
use crate::verify::report::{Check, CheckResult, Verdict};

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const GROUP_WRITES: u32 = 0o020;
const ALL_WRITE: u32 = 0o002;

/// `CAP_NET_BIND_SERVICE` of `linux/capability.h`.
const NET_BIND_SERVICE: u64 = 1 << 10;
/// What Docker gives every container; Podman gives less.
const OF_CONTAINERS: u64 = {
    // chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap
    let files_and_users = 1 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8;
    // net_raw, sys_chroot, mknod, audit_write, setfcap
    files_and_users | NET_BIND_SERVICE | 1 << 13 | 1 << 18 | 1 << 27 | 1 << 29 | 1 << 31
};

/// Programs of Debian that are setuid or setgid, or have capabilities, on purpose, with what needs it. They count as known only when root owns them
/// and where distributions put programs ([`is_program_folder`]).
const KNOWN: [(&[&str], &str); 9] = [
    (&["su", "sudo", "sudoedit", "runuser", "pkexec", "doas", "newgrp", "sg"], "becoming somebody else"),
    (
        &["passwd", "chsh", "chfn", "gpasswd", "chage", "expiry", "unix_chkpwd", "newuidmap", "newgidmap"],
        "reading and changing /etc/shadow",
    ),
    (&["mount", "umount", "fusermount", "fusermount3", "mount.nfs", "mount.cifs", "mount.ecryptfs_private", "ntfs-3g"], "mounting"),
    (
        &["ping", "ping4", "ping6", "arping", "clockdiff", "fping", "traceroute6.iputils", "mtr-packet", "pppd", "dumpcap", "pinger"],
        "raw network access",
    ),
    (&["crontab", "at", "atd", "wall", "write", "write.ul", "bsd-write", "utempter"], "other users' jobs and terminals"),
    (&["ssh-agent", "ssh-keysign", "gpg-agent"], "keeping keys from other processes of the user"),
    (&["dbus-daemon-launch-helper", "polkit-agent-helper-1", "snap-confine", "Xorg.wrap", "chrome-sandbox"], "starting services"),
    (
        &["locate", "plocate", "mlocate", "dotlockfile", "mail-lock", "mail-unlock", "mail-touchlock", "lockspool"],
        "shared databases and spools",
    ),
    (&["exim4", "sendmail", "postdrop", "postqueue", "procmail", "lockfile", "maildrop", "sensible-mda"], "delivering mail"),
];

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    if let Some(skipped) = skip_if_damaged(Check::Setuid, subject.facts) {
        return skipped;
    }
    let mut tally = Tally::default();
    let (mut known, mut others): (Vec<&str>, usize) = (Vec::new(), 0);
    let mut capable: Vec<&str> = Vec::new();
    for (path, node, entry) in subject.root.iter() {
        let layer = subject.facts.layers[node.layer].descriptor.digest;
        if let EntryKind::File { capabilities: Some(capabilities), .. } = entry.kind {
            capable.push(path.name);
            if let Some((verdict, expected, found, advice)) = objection(capabilities, is_known(&path.text(), &entry)) {
                tally.path(verdict, &path.text(), layer, expected, found, advice);
            }
        }
        match entry.kind {
            EntryKind::File { .. } if entry.mode & (SETUID | SETGID) != 0 => {
                let bits = bits(entry.mode);
                others += usize::from(!is_known(&path.text(), &entry));
                let found = format!("{bits}, {}", described(&entry));
                if entry.mode & (GROUP_WRITES | ALL_WRITE) != 0 {
                    let who = if entry.mode & ALL_WRITE != 0 { "everybody" } else { "its group" };
                    let advice = "whoever may write to it can run what they like with its rights: take the write permission away";
                    let expected = format!("a {bits} program that only its owner may write to");
                    tally.path(Verdict::Fail, &path.text(), layer, expected, format!("{found}: {who} may"), advice);
                } else if is_known(&path.text(), &entry) {
                    known.push(path.name);
                } else {
                    let advice =
                        "take the bit away (`chmod u-s,g-s`) unless every user is to have these rights; then waive it with the reason";
                    let expected = "a program that runs with the rights of whoever starts it, or one that is known to need more";
                    tally.path(Verdict::Warn, &path.text(), layer, expected, format!("{found}: it runs as {}", runs_as(&entry)), advice);
                }
            }
            EntryKind::File { .. } if entry.mode & ALL_WRITE != 0 => {
                let advice = "every user of the container can change it: take the permission away";
                tally.path(Verdict::Warn, &path.text(), layer, "a file that not everybody may write to", described(&entry), advice);
            }
            EntryKind::Directory if entry.mode & (ALL_WRITE | STICKY) == ALL_WRITE => {
                let advice = "every user of the container can replace the files in it: set the sticky bit, or take the permission away";
                let expected = "the sticky bit on a folder that everybody may write to";
                tally.path(Verdict::Warn, &path.text(), layer, expected, described(&entry), advice);
            }
            _ => {}
        }
    }
    let looked_at = match known.as_slice() {
        [] if others > 0 => format!("{}, none known from Debian", count(others, "setuid or setgid program")),
        [] => "no setuid or setgid programs".to_owned(),
        known => format!("{} known from Debian: {}", count(known.len(), "setuid or setgid program"), some(known)),
    };
    let looked_at = match capable.as_slice() {
        [] => looked_at,
        capable => format!("{looked_at}; {} with capabilities: {}", capable.len(), some(capable)),
    };
    tally.result(Check::Setuid, looked_at, "path")
}

/// The first of `names`.
fn some(names: &[&str]) -> String {
    let more = if names.len() > 4 { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(4)].join(", "))
}

/// What is to be said of a file's capabilities: verdict, expected, found, advice.
fn objection(capabilities: &FileCapabilities, is_known: bool) -> Option<(Verdict, &'static str, String, &'static str)> {
    let Some(set) = capabilities.set() else {
        let found = format!("{}: {capabilities}", capabilities.damage().unwrap_or_default());
        let advice = "Linux lets no engine set it, and Docker unpacks no such layer: set them anew with `setcap` where the layer is made";
        return Some((Verdict::Fail, "capabilities (`security.capability`) that Linux lets be set", found, advice));
    };
    let Capabilities { permitted, effective, .. } = set;
    if effective && permitted & !OF_CONTAINERS != 0 {
        let advice = "where the container has less, Linux refuses to start it, also for root: run it with `--cap-add`, or take them away";
        return Some((Verdict::Warn, "capabilities that containers have", set.to_string(), advice));
    }
    let harmless = is_known || permitted & !NET_BIND_SERVICE == 0;
    let advice = "take them away (`setcap -r`) unless every user is to have these rights; then waive it with the reason";
    let expected = "a program that has no more rights than who starts it, or one that is known to need more";
    (!harmless).then(|| (Verdict::Warn, expected, format!("{set}, whoever starts it"), advice))
}

fn described(entry: &EntryRef<'_>) -> String {
    format!("mode {:04o}, of {}:{}", entry.mode, entry.uid, entry.gid)
}

/// Which of the bits are set.
fn bits(mode: u32) -> &'static str {
    match (mode & SETUID != 0, mode & SETGID != 0) {
        (true, true) => "setuid and setgid",
        (true, false) => "setuid",
        _ => "setgid",
    }
}

/// Whose rights a program with these bits has.
fn runs_as(entry: &EntryRef<'_>) -> String {
    let name = |id: u64| if id == 0 { "root".to_owned() } else { id.to_string() };
    match (entry.mode & SETUID != 0, entry.mode & SETGID != 0) {
        (true, true) => format!("user {} and group {}", name(entry.uid), name(entry.gid)),
        (true, false) => format!("user {}", name(entry.uid)),
        _ => format!("group {}", name(entry.gid)),
    }
}

fn is_known(path: &str, entry: &EntryRef<'_>) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    entry.uid == 0 && is_program_folder(folder) && KNOWN.iter().any(|(names, _)| names.contains(&name))
}

/// Where distributions put programs, and helpers that other programs start.
fn is_program_folder(folder: &str) -> bool {
    matches!(folder, "bin" | "sbin" | "usr/bin" | "usr/sbin")
        || ["lib", "usr/lib", "usr/libexec"]
            .iter()
            .any(|at| folder == *at || folder.strip_prefix(at).is_some_and(|rest| rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::samples::{Layer, Sample, findings, result};

    fn folder(mut layer: Layer, path: &str, mode: u32) -> Layer {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(mode);
        header.set_size(0);
        header.set_uid(0);
        header.set_gid(0);
        layer.0.append_data(&mut header, path, &[][..]).unwrap();
        layer
    }

    #[test]
    fn known_programs_are_counted_others_named_and_writable_ones_fail() {
        let layer = Layer::new()
            .file("usr/bin/su", 0o4755, b"x")
            .file("usr/bin/chage", 0o2755, b"x")
            .file("usr/lib/openssh/ssh-keysign", 0o4755, b"x")
            .file("opt/app/su", 0o4755, b"x")
            .file("usr/bin/backdoor", 0o4755, b"x")
            .file("usr/bin/mount", 0o4775, b"x")
            .file("etc/open", 0o666, b"x")
            .file("usr/bin/plain", 0o755, b"x")
            .symlink("usr/bin/link", "su");
        let layer = folder(folder(folder(layer, "tmp", 0o1777), "srv/all", 0o777), "var/mail", 0o2775);
        let report = Sample::new("amd64").layer(layer).report();
        let expected = ["fail usr/bin/mount", "warn etc/open", "warn opt/app/su", "warn srv/all", "warn usr/bin/backdoor"];
        assert_eq!(findings(&report, Check::Setuid), expected);
        let said = |path: &str| {
            let finding = result(&report, Check::Setuid).findings.iter().find(|f| f.path.as_deref() == Some(path)).unwrap();
            format!("{} | {}", finding.expected, finding.found)
        };
        assert_eq!(said("usr/bin/mount"), "a setuid program that only its owner may write to | setuid, mode 4775, of 0:0: its group may");
        assert!(said("usr/bin/backdoor").ends_with(" | setuid, mode 4755, of 0:0: it runs as user root"), "{}", said("usr/bin/backdoor"));
        let summary = &result(&report, Check::Setuid).summary;
        assert!(summary.contains("3 setuid or setgid programs known from Debian: chage, su, ssh-keysign"), "{summary}");
    }

    #[test]
    fn capabilities_are_rights_too() {
        let value = |text: &str| text.parse::<FileCapabilities>().unwrap().to_bytes();
        let layer = Layer::new()
            .capabilities(&value("cap_net_raw=ep"))
            .file("usr/bin/ping", 0o755, b"x")
            .capabilities(&value("cap_net_bind_service=ep"))
            .file("usr/bin/server", 0o755, b"x")
            .capabilities(&value("="))
            .file("usr/bin/nothing", 0o755, b"x")
            .capabilities(&value("cap_setuid=ep"))
            .file("usr/bin/backdoor", 0o755, b"x")
            .capabilities(&value("cap_sys_admin=ep"))
            .file("usr/bin/ping6", 0o755, b"x")
            .capabilities(&value("cap_net_raw=ep")[..19])
            .file("usr/bin/damaged", 0o755, b"x");
        let report = Sample::new("amd64").layer(layer).report();
        assert_eq!(findings(&report, Check::Setuid), ["fail usr/bin/damaged", "warn usr/bin/backdoor", "warn usr/bin/ping6"]);
        let CheckResult { findings, summary, .. } = result(&report, Check::Setuid);
        let found: Vec<&str> = findings.iter().map(|finding| finding.found.as_str()).collect();
        let damaged = "19 bytes, which revision 2 does not have: 0x01000002002000000000000000000000000000";
        assert_eq!(found, [damaged, "cap_setuid=ep, whoever starts it", "cap_sys_admin=ep"]);
        assert!(summary.contains("no setuid or setgid programs; 6 with capabilities: backdoor, damaged, nothing, ping, …"), "{summary}");
    }

    #[test]
    fn a_known_name_of_another_owner_is_not_known() {
        let mut layer = Layer::new();
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o4755);
        header.set_uid(1000);
        header.set_gid(1000);
        header.set_size(0);
        layer.0.append_data(&mut header, "usr/bin/su", &[][..]).unwrap();
        let report = Sample::new("amd64").layer(layer).report();
        assert_eq!(findings(&report, Check::Setuid), ["warn usr/bin/su"]);
        let summary = &result(&report, Check::Setuid).summary;
        assert!(summary.contains("1 setuid or setgid program, none known from Debian"), "{summary}");
    }
}
