//! The lock against apt: the same packages in the same versions as `apt-get install` on an empty machine.
//!
//! apt has state, cache, keys and sources of its own in a temporary folder, for any suite and architecture, and is asked for
//! exactly what the lock says was asked for: what the base layer holds, and the container's packages.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::harness::{Project, Ran, need};

/// Name of a container, and what it asks for.
const SETS: [(&str, &str); 45] = [
    // servers
    ("nginx", "nginx"),
    ("postgresql", "postgresql"),
    ("mariadb", "mariadb-server"),
    ("apache", "apache2"),
    ("exim", "exim4"),
    ("dovecot", "dovecot-imapd"),
    ("slapd", "slapd"),
    ("samba", "samba"),
    ("bind", "bind9"),
    ("haproxy", "haproxy"),
    ("rabbitmq", "rabbitmq-server"),
    ("prometheus", "prometheus"),
    ("openssh", "openssh-server"),
    ("cups", "cups"),
    // languages
    ("python", "python3"),
    ("django", "python3-django gunicorn"),
    ("jupyter", "jupyter-notebook"),
    ("nodejs", "nodejs"),
    ("jre", "default-jre-headless"),
    ("ruby", "ruby"),
    ("php", "php"),
    ("perl", "perl"),
    ("golang", "golang"),
    ("rust", "rustc cargo"),
    ("rlang", "r-base"),
    ("octave", "octave"),
    ("haskell", "ghc cabal-install"),
    ("elixir", "elixir"),
    ("lua", "lua5.4"),
    // tools
    ("git", "git"),
    ("build", "build-essential"),
    ("vim", "vim"),
    ("emacs", "emacs-nox"),
    ("ffmpeg", "ffmpeg"),
    ("imagemagick", "imagemagick"),
    ("mailutils", "mailutils"),
    ("texlive", "texlive-full"),
    // systems and desktops
    ("systemd", "systemd"),
    ("docker", "docker.io"),
    ("podman", "podman buildah"),
    ("qemu", "qemu-system"),
    ("gnome", "gnome-core"),
    ("kde", "kde-standard"),
    ("xfce", "xfce4"),
    ("writer", "libreoffice-writer"),
];

/// The names that are asked about with recommended packages too: plain `apt-get install`.
const WITH_RECOMMENDS: [&str; 10] = ["nginx", "postgresql", "apache", "exim", "python", "jre", "php", "git", "docker", "xfce"];

const ARCHITECTURES: [(&str, &str); 2] = [("x86_64", "amd64"), ("aarch64", "arm64")];

/// apt for one suite and architecture.
struct Apt {
    folder: tempfile::TempDir,
}

impl Apt {
    fn new(suite: &str, architecture: &str) -> Self {
        need("apt-get", "apt");
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for part in ["state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d", "etc/sources.list.d"] {
            fs::create_dir_all(root.join(part)).unwrap();
        }
        fs::write(root.join("status"), "").unwrap();
        // The keys that the program trusts: those of this machine may be older than the suite.
        let keyring = root.join("keyring.gpg");
        fs::write(&keyring, keys()).unwrap();
        let (mirror, security) = mirrors();
        let line = |base: &str, suite: String| format!("deb [signed-by={}] {base} {suite} main\n", keyring.display());
        let sources =
            [line(&mirror, suite.to_owned()), line(&mirror, format!("{suite}-updates")), line(&security, format!("{suite}-security"))];
        fs::write(root.join("etc/sources.list"), sources.concat()).unwrap();
        let config = format!(
            "Dir::State \"{0}/state\"; Dir::State::status \"{0}/status\"; Dir::Cache \"{0}/cache\"; Dir::Etc \"{0}/etc\";\n\
             APT::Architecture \"{architecture}\"; APT::Architectures {{ \"{architecture}\"; }}; Acquire::Languages \"none\";\n\
             APT::Solver \"internal\"; APT::Sandbox::User \"root\"; pkgCacheGen::ForceEssential \",\";\n",
            root.display()
        );
        fs::write(root.join("apt.conf"), config).unwrap();
        let apt = Apt { folder };
        let ran = Ran::of(apt.command().args(["update", "-qq"]));
        assert_eq!(ran.code, 0, "apt-get update for {suite} {architecture}: {}", ran.err);
        apt
    }

    fn command(&self) -> Command {
        let mut command = Command::new("apt-get");
        command.env("APT_CONFIG", self.folder.path().join("apt.conf")).env("LC_ALL", "C.UTF-8");
        command
    }

    /// `name=version` of everything that would be installed.
    fn install(&self, packages: &[String], recommends: bool) -> BTreeSet<String> {
        let mut command = self.command();
        // As `-s` would, but without working out the order of unpacking, which takes longer than all the rest.
        command.args(["-qq", "--print-uris", if recommends { "--install-recommends" } else { "--no-install-recommends" }, "install"]);
        let ran = Ran::of(command.args(packages));
        assert_eq!(ran.code, 0, "apt-get {packages:?}: {}{}", ran.out, ran.err);
        // 'http://…/bash_5.2.37-2+b5_amd64.deb' bash_5.2.37-2+b5_amd64.deb 1496000 SHA256:…
        let entry = |line: &str| {
            let mut parts = line.strip_prefix('\'')?.split(' ').nth(1)?.split('_');
            Some(format!("{}={}", parts.next()?, parts.next()?.replace("%3a", ":").replace("%5f", "_").replace("%25", "%")))
        };
        let found: BTreeSet<String> = ran.out.lines().filter_map(entry).collect();
        assert!(found.len() >= packages.len(), "apt-get {packages:?}: {}", ran.out);
        found
    }
}

/// The keyring files of the program, as one.
fn keys() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/debian/keyring");
    let files =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "pgp"));
    files.flat_map(|path| fs::read(path).unwrap()).collect()
}

/// Where this machine gets Debian from, as its apt says; so that both sides read the same archive.
fn mirrors() -> (String, String) {
    let ran = Ran::of(Command::new("apt-get").args(["indextargets", "--format", "$(REPO_URI) $(CODENAME)"]));
    let find = |ending: &str, fallback: &str| {
        let uris = ran.out.lines().filter_map(|line| line.split(' ').next()).map(|uri| uri.trim_end_matches('/'));
        uris.filter(|uri| uri.ends_with(ending)).map(str::to_owned).next().unwrap_or_else(|| fallback.to_owned())
    };
    (find("/debian", "http://ftp.debian.org/debian"), find("/debian-security", "http://security.debian.org/debian-security"))
}

/// Locks `sets` and holds every target against apt.
fn compare(suite: &str, sets: &[(&str, &str)], recommends: bool) {
    let (mirror, security) = mirrors();
    let mut text = format!(
        "[defaults]\nbase = []\n\n[debian]\nsuite = \"{suite}\"\nrecommends = {recommends}\nmirror = \"{mirror}\"\nsecurity-mirror = \"{security}\"\n"
    );
    for (name, packages) in sets {
        for (architecture, debian) in ARCHITECTURES {
            let packages: Vec<String> = packages.split(' ').map(|name| format!("\"{name}\"")).collect();
            write!(text, "\n[containers.{name}-{debian}]\ntargets = [\"{architecture}\"]\npackages = [{}]\n", packages.join(", ")).unwrap();
        }
    }
    let project = Project::new(&text).with_releases(suite);
    project.ok(&["update", "--output", "quiet"]);
    let lock = project.lock();
    let tables = |key: &str| lock[key].as_array().unwrap().iter().map(|t| t.as_table().unwrap()).collect::<Vec<_>>();
    let strings = |table: &toml::Table, key: &str| {
        table[key].as_array().unwrap().iter().map(|s| s.as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    let (targets, bases) = (tables("target"), tables("base"));
    assert_eq!(targets.len(), sets.len() * ARCHITECTURES.len());
    let differences = std::thread::scope(|scope| {
        let judges = ARCHITECTURES.map(|(architecture, debian)| {
            let of = |table: &&toml::Table| table["target"].as_str() == Some(architecture);
            let base = strings(bases.iter().copied().find(of).unwrap(), "packages");
            let mine: Vec<_> = targets.iter().copied().filter(|target| of(target)).collect();
            scope.spawn(move || {
                let apt = Apt::new(suite, debian);
                let mut differences = String::new();
                for target in mine {
                    let mut wanted: Vec<String> = base.iter().map(|entry| entry.split('=').next().unwrap().to_owned()).collect();
                    wanted.extend(strings(target, "request"));
                    let ours: BTreeSet<String> = strings(target, "packages").into_iter().collect();
                    let theirs = apt.install(&wanted, recommends);
                    let (more, less): (Vec<_>, Vec<_>) = (ours.difference(&theirs).collect(), theirs.difference(&ours).collect());
                    if !more.is_empty() || !less.is_empty() {
                        writeln!(differences, "{} on {suite}: only here {more:?}, only apt {less:?}", target["container"]).unwrap();
                    }
                }
                differences
            })
        });
        judges.map(|judge| judge.join().unwrap()).concat()
    });
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn trixie_is_solved_as_apt_does() {
    compare("trixie", &SETS, false);
}

#[test]
fn bookworm_is_solved_as_apt_does() {
    compare("bookworm", &SETS, false);
}

#[test]
fn recommended_packages_are_those_of_apt() {
    let sets: Vec<(&str, &str)> = SETS.into_iter().filter(|(name, _)| WITH_RECOMMENDS.contains(name)).collect();
    assert_eq!(sets.len(), WITH_RECOMMENDS.len());
    compare("trixie", &sets, true);
    compare("bookworm", &sets, true);
}

#[test]
fn essential_packages_are_those_of_apt() {
    let (mirror, security) = mirrors();
    for suite in ["bookworm", "trixie"] {
        let project = Project::new(&format!(
            "[defaults]\ntargets = [\"x86_64\", \"aarch64\"]\nbase = []\n[debian]\nsuite = \"{suite}\"\nessential = true\nmirror = \"{mirror}\"\nsecurity-mirror = \"{security}\"\n[containers.all]\npackages = [\"bash\"]\n"
        ))
        .with_releases(suite);
        project.ok(&["update", "--output", "quiet"]);
        let lock = project.lock();
        for (target, debian) in ARCHITECTURES {
            let of = |table: &&toml::Value| table["target"].as_str() == Some(target);
            let base = lock["base"].as_array().unwrap().iter().find(of).unwrap();
            let ours: BTreeSet<String> = base["packages"].as_array().unwrap().iter().map(|pin| pin.as_str().unwrap().to_owned()).collect();
            // What every image has, besides what apt itself finds to be essential.
            let mut wanted: Vec<String> =
                base["request"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
            assert_eq!(wanted.iter().filter(|name| *name == "?essential").count(), 1, "{wanted:?}");
            wanted.sort();
            assert_eq!(ours, Apt::new(suite, debian).install(&wanted, false), "{suite} {debian}");
            assert!(ours.iter().any(|pin| pin.starts_with("dpkg=")) && ours.iter().any(|pin| pin.starts_with("perl-base=")), "{ours:?}");
        }
    }
}
