//! An image against a real installation of the very same packages: mmdebstrap with dpkg, apt and every maintainer script, in a
//! chroot. Path by path: kind, mode, owner and group by name, link, content.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::BufReader;
use std::process::{Command, Stdio};

use crate::files::{File, Files, image, neutral, read_tar, text};
use crate::harness::{Project, judge, need};
use crate::metadata::{self, Locked, locked};

/// Users, modes, alternatives, diversions, links, certificates, time zone, configuration files, stat overrides, setuid and
/// setgid programs, PAM, modules that are enabled: all of it is in these and what they depend on.
const PACKAGES: [&str; 17] = [
    "apache2",
    "ca-certificates",
    "cron",
    "dbus",
    "fontconfig",
    "gawk",
    "haproxy",
    "iputils-ping",
    "nginx",
    "openssh-server",
    "php-cli",
    "postgresql-common",
    "python3",
    "redis-server",
    "sudo",
    "tzdata",
    "vim-tiny",
];

/// Why a difference may be.
enum Why {
    /// It is right as it is.
    Meant(&'static str),
    /// The check `maintainer-scripts` says so of this package.
    Said(&'static str),
}

use Why::{Meant, Said};

const INIT: &str = "an image has no init system; its entrypoint starts what it is for";
const MACHINE: &str = "belongs to one machine";
const TOOL: &str = "mmdebstrap and apt leave it";
const UPGRADES: &str = "the memory of a tool, for upgrades only";
const LOCK: &str = "a lock or a copy of what was there before";
const CACHE: &str = "a cache that is made when something runs";
const KEY: &str = "ssl-cert";

/// What may differ in every release: patterns of paths, in which `*` is anything.
const ALLOWED: &[(&str, Why)] = &[
    ("dev/*", Meant("devices are the runtime's")),
    ("run/*", Meant("a runtime has its own")),
    ("var/lib/dpkg/*", Meant("status.d stands for dpkg's database")),
    ("etc/rc?.d/*", Meant(INIT)),
    ("etc/systemd/*", Meant(INIT)),
    ("var/lib/systemd/deb-systemd-*", Meant(INIT)),
    ("etc/fstab", Meant(TOOL)),
    ("etc/hostname", Meant(MACHINE)),
    ("etc/resolv.conf", Meant(MACHINE)),
    ("etc/apt/*", Meant(TOOL)),
    ("etc/dpkg/dpkg.cfg.d/99mmdebstrap", Meant(TOOL)),
    ("var/lib/apt*", Meant(TOOL)),
    ("var/cache/apt*", Meant(TOOL)),
    ("var/log/*", Meant("an image has no logs")),
    ("var/cache/debconf/*", Meant("debconf's database of questions nobody was asked")),
    ("var/cache/fontconfig/*", Meant(CACHE)),
    ("*/__pycache__*", Meant(CACHE)),
    ("var/lib/ucf/*", Meant(UPGRADES)),
    ("var/lib/shells.state", Meant(UPGRADES)),
    ("etc/.pwd.lock", Meant(LOCK)),
    ("etc/passwd-", Meant(LOCK)),
    ("etc/group-", Meant(LOCK)),
    ("etc/shadow-", Meant(LOCK)),
    ("etc/gshadow-", Meant(LOCK)),
    ("etc/ssh/ssh_host_*", Said("openssh-server")),
    ("etc/ssl/certs/ssl-cert-snakeoil.pem", Said(KEY)),
    ("etc/ssl/certs/????????.0", Said(KEY)),
    ("etc/ssl/private/ssl-cert-snakeoil.key", Said(KEY)),
    ("var/cache/postgresql*", Said("postgresql-common")),
];

fn fits(pattern: &[u8], path: &[u8]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => fits(rest, path) || path.split_first().is_some_and(|(_, path)| fits(pattern, path)),
        (Some((b'?', rest)), Some((_, path))) => fits(rest, path),
        (Some((wanted, rest)), Some((byte, path))) => wanted == byte && fits(rest, path),
        _ => false,
    }
}

/// Installs what the lock has for amd64 with mmdebstrap, from the very files that were built from.
fn installed(project: &Project, suite: &str, locked: &[Locked]) -> Files {
    let folder = project.path().join("archive");
    fs::create_dir_all(&folder).unwrap();
    for package in locked {
        fs::hard_link(&package.file, folder.join(&package.name)).unwrap();
    }
    let packages = judge("sh", &["-c", "cd \"$1\" && dpkg-scanpackages -m . 2>/dev/null", "sh", folder.to_str().unwrap()]);
    fs::write(folder.join("Packages"), &packages).unwrap();
    let sum = judge("sha256sum", &[folder.join("Packages").to_str().unwrap()]);
    let release = format!(
        "Suite: {suite}\nCodename: {suite}\nArchitectures: amd64\nDate: {}\nSHA256:\n {} {} Packages\n",
        judge("date", &["-Ru"]).trim(),
        sum.split(' ').next().unwrap(),
        packages.len()
    );
    fs::write(folder.join("Release"), release).unwrap();
    let log = project.path().join("mmdebstrap.log");
    let mut child = Command::new("mmdebstrap")
        .args(["--mode=root", "--variant=essential", "--dpkgopt=force-unsafe-io", "--format=tar"])
        .arg("--aptopt=APT::Install-Recommends \"false\"")
        .args(["--arch=amd64", &format!("--include={}", PACKAGES.join(","))])
        .args([suite, "-", &format!("deb [trusted=yes] copy:{} ./", folder.display())])
        .env("TMPDIR", project.path())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut files = Files::new();
    read_tar(&mut files, BufReader::with_capacity(1 << 20, child.stdout.take().unwrap()));
    assert!(child.wait().unwrap().success(), "mmdebstrap: {}", fs::read_to_string(&log).unwrap());
    files
}

/// Accounts by name, with what is the same whatever ids were given.
struct Accounts {
    users: BTreeMap<u64, String>,
    groups: BTreeMap<u64, String>,
    /// What each file says of each name.
    said: BTreeMap<String, String>,
}

const ACCOUNT_FILES: [&str; 4] = ["etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"];

impl Accounts {
    fn read(files: &Files) -> Self {
        let rows = |path: &str| -> Vec<Vec<String>> {
            text(files, path).lines().map(|line| line.split(':').map(str::to_owned).collect()).collect()
        };
        let ids = |path: &str| rows(path).into_iter().map(|row| (row[2].parse().unwrap(), row[0].clone())).collect();
        let (users, groups): (BTreeMap<u64, String>, BTreeMap<u64, String>) = (ids("etc/passwd"), ids("etc/group"));
        let sorted = |list: &str| list.split(',').collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(",");
        let mut said = BTreeMap::new();
        for row in rows("etc/passwd") {
            let group = &groups[&row[3].parse().unwrap()];
            // bookworm's adduser writes commas for the rooms and numbers that nobody gave.
            let gecos = row[4].trim_end_matches(',');
            said.insert(format!("user {}", row[0]), [&row[1], group, gecos, &row[5], &row[6]].join(":"));
        }
        for row in rows("etc/group") {
            said.insert(format!("group {}", row[0]), format!("{}:{}", row[1], sorted(&row[3])));
        }
        // Whether somebody can log in, and when the password expires; not the day of the installation. systemd-sysusers says
        // "expired" where adduser does not: of an account that is locked.
        for row in rows("etc/shadow") {
            assert!(row[1].starts_with(['!', '*']), "{row:?}");
            said.insert(format!("shadow {}", row[0]), "locked".into());
        }
        for row in rows("etc/gshadow") {
            assert!(row[1].starts_with(['!', '*']), "{row:?}");
            said.insert(format!("gshadow {}", row[0]), format!("{}:{}", sorted(&row[2]), sorted(&row[3])));
        }
        Accounts { users, groups, said }
    }

    fn owner(&self, file: &File) -> String {
        let name = |names: &BTreeMap<u64, String>, id: u64| names.get(&id).cloned().unwrap_or_else(|| id.to_string());
        format!("{}:{}", name(&self.users, file.uid), name(&self.groups, file.gid))
    }
}

/// How `ours` differs from `theirs`; nothing when it does not.
fn difference(path: &str, ours: (&File, &Accounts), theirs: (&File, &Accounts)) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, ours: String, theirs: String| {
        if ours != theirs {
            found.push(format!("{what} {ours}, installed {theirs}"));
        }
    };
    compare("kind", ours.0.kind.into(), theirs.0.kind.into());
    if ours.0.kind != 'l' {
        compare("mode", format!("{:o}", ours.0.mode), format!("{:o}", theirs.0.mode));
    }
    compare("owner", ours.1.owner(ours.0), theirs.1.owner(theirs.0));
    compare("link", ours.0.link.clone(), theirs.0.link.clone());
    // The order in which shells were added means nothing.
    let lines = |file: &File| file.bytes.as_deref().unwrap_or_default().split(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<BTreeSet<_>>();
    let same = ours.0.sha256 == theirs.0.sha256 || path == "etc/shells" && lines(ours.0) == lines(theirs.0);
    if !same && !ACCOUNT_FILES.contains(&path) {
        compare("content", "built".into(), "otherwise".into());
    }
    found
}

/// Builds for both architectures, installs the same for one, compares.
fn compare(suite: &str, more: &[(&'static str, Why)]) {
    need("mmdebstrap", "mmdebstrap");
    need("dpkg-scanpackages", "dpkg-dev");
    let names = PACKAGES.map(|name| format!("\"{name}\"")).join(", ");
    let project = Project::new(&format!(
        "[defaults]\ntargets = [\"x86_64\", \"aarch64\"]\nbase = [\"bash\", \"coreutils\"]\n[debian]\nsuite = \"{suite}\"\nessential = true\n[containers.all]\npackages = [{names}]\nentrypoint = \"/bin/bash\"\n"
    ))
    .with_releases(suite);
    let out = project.path().join("out");
    project.ok(&["build", "--out", out.to_str().unwrap()]);
    let ours = image(&out, "all/x86_64");
    let packages = locked(&project, "x86_64", "amd64");
    metadata::check(&ours, &packages);
    let theirs = installed(&project, suite, &packages);
    let (our_accounts, their_accounts) = (Accounts::read(&ours), Accounts::read(&theirs));

    let report = project.json(&["verify", "all/x86_64", "--json"]);
    let checks = report["reports"][0]["checks"].as_array().unwrap();
    let scripts = checks.iter().find(|check| check["check"] == "maintainer-scripts").unwrap();
    let said: Vec<&str> =
        scripts["findings"].as_array().into_iter().flatten().map(|finding| finding["expected"].as_str().unwrap()).collect();
    let mut unused: BTreeMap<&str, &str> =
        ALLOWED.iter().chain(more).map(|(pattern, Meant(reason) | Said(reason))| (*pattern, *reason)).collect();
    let mut is_fine = |path: &str| {
        let fitting = ALLOWED.iter().chain(more).find(|(pattern, _)| fits(pattern.as_bytes(), path.as_bytes()));
        fitting.is_some_and(|(pattern, why)| {
            unused.remove(pattern);
            match why {
                Meant(_) => true,
                Said(package) => said.iter().any(|said| said.contains(&format!(" of {package} "))),
            }
        })
    };

    let (mut problems, mut same) = (String::new(), 0);
    for path in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
        let differs = match (ours.get(path), theirs.get(path)) {
            (Some(ours), Some(theirs)) => difference(path, (ours, &our_accounts), (theirs, &their_accounts)),
            (_, None) => vec!["nothing installs it".into()],
            (None, Some(file)) => vec![format!("missing: {} {:o} {} {}", file.kind, file.mode, their_accounts.owner(file), file.link)],
        };
        same += usize::from(differs.is_empty());
        if !differs.is_empty() && !is_fine(path) {
            writeln!(problems, "/{path}: {}", differs.join("; ")).unwrap();
        }
    }
    for name in our_accounts.said.keys().chain(their_accounts.said.keys()).collect::<BTreeSet<_>>() {
        let (ours, theirs) = (our_accounts.said.get(name), their_accounts.said.get(name));
        if ours != theirs {
            writeln!(problems, "{name}: {ours:?}, installed {theirs:?}").unwrap();
        }
    }
    assert!(problems.is_empty(), "{suite}:\n{problems}\nsaid of scripts: {said:#?}");
    assert!(unused.is_empty(), "{suite}: nothing differs any longer here: {unused:#?}");
    assert!(same > 8_000, "{same} paths are the same");

    // What an emulator would take ten minutes to install: the other architecture has the same but for machine code.
    let arm64 = image(&out, "all/aarch64");
    metadata::check(&arm64, &locked(&project, "aarch64", "arm64"));
    let (amd64, arm64) = (neutral(&ours), neutral(&arm64));
    let differ: Vec<_> = amd64.keys().chain(arm64.keys()).filter(|path| amd64.get(*path) != arm64.get(*path)).collect();
    assert!(differ.is_empty(), "{suite}, on amd64 and arm64: {differ:?}");
}

#[test]
fn trixie_is_what_dpkg_installs() {
    const IDS: &str = "no user of an image is handed ids of its own";
    compare(
        "trixie",
        &[
            ("etc/subuid*", Meant(IDS)),
            ("etc/subgid*", Meant(IDS)),
            ("var/lib/dbus/machine-id", Meant(MACHINE)),
            ("var/lib/systemd/catalog*", Meant("explanations for the journal, which an image does not have")),
        ],
    );
}

#[test]
fn bookworm_is_what_dpkg_installs() {
    compare("bookworm", &[("etc/runit/*", Meant(INIT)), ("etc/machine-id", Meant("empty: every container makes its own"))]);
}
