//! What scanners read (R14, R15), against dpkg-deb and the lock: for every package of an image, and for no other.

use std::collections::BTreeSet;
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::files::Files;
use crate::harness::Project;

/// The packages that the lock has for `target` of the only container, with the files they were built from.
pub fn locked(project: &Project, target: &str, architecture: &str) -> Vec<Locked> {
    let lock = project.lock();
    let of = |table: &&toml::Value| table["target"].as_str() == Some(target);
    let pins = lock["target"].as_array().unwrap().iter().find(of).unwrap()["packages"].as_array().unwrap();
    let pins: BTreeSet<&str> = pins.iter().map(|pin| pin.as_str().unwrap()).collect();
    let mut found = Vec::new();
    for package in lock["package"].as_array().unwrap() {
        let field = |name: &str| package[name].as_str().unwrap();
        let is_for = field("architecture") == architecture || field("architecture") == "all";
        if is_for && pins.contains(&*format!("{}={}", field("name"), field("version"))) {
            let file = project.cache().join(format!("debian/packages/{}.deb", field("sha256")));
            let name = field("path").rsplit('/').next().unwrap();
            found.push(Locked { package: field("name").to_owned(), version: field("version").to_owned(), name: name.to_owned(), file });
        }
    }
    assert_eq!(found.len(), pins.len());
    found
}

pub struct Locked {
    pub package: String,
    pub version: String,
    /// As the archive calls the file.
    pub name: String,
    pub file: std::path::PathBuf,
}

/// Holds `status.d` against `dpkg-deb`, byte for byte, and against what is locked.
pub fn check(files: &Files, locked: &[Locked]) {
    const FOLDER: &str = "var/lib/dpkg/status.d/";
    let mut names = BTreeSet::new();
    for package in locked {
        let deb = package.file.to_str().unwrap();
        let run = |command: &mut Command| command.output().unwrap();
        let path = format!("{FOLDER}{}", package.package);
        let bytes = |path: &str| files.get(path).unwrap_or_else(|| panic!("there is no {path}")).bytes.clone().unwrap();
        let (ours, field) = (bytes(&path), run(Command::new("dpkg-deb").args(["--field", deb])));
        assert!(field.status.success() && ours == field.stdout, "{path}\n{}", String::from_utf8_lossy(&ours));
        let text = String::from_utf8(ours).unwrap();
        let version = text.lines().find_map(|line| line.strip_prefix("Version: "));
        assert_eq!(version, Some(&*package.version), "{path}");
        names.insert(path.clone());
        let sums = run(Command::new("dpkg-deb").args(["--info", deb, "md5sums"]));
        if sums.status.success() && !sums.stdout.is_empty() {
            let path = path + ".md5sums";
            // Paths are where files really are, so that scanners find them.
            let physical = |line: &str| {
                let (sum, path) = line.split_once("  ").unwrap();
                let is_merged = ["bin/", "sbin/", "lib/", "lib32/", "lib64/", "libx32/"].iter().any(|folder| path.starts_with(folder));
                format!("{sum}  {}{path}\n", if is_merged { "usr/" } else { "" })
            };
            let expected: String = std::str::from_utf8(&sums.stdout).unwrap().lines().map(physical).collect();
            let ours = files.get(&path).unwrap_or_else(|| panic!("there is no {path}"));
            assert_eq!(ours.sha256, <[u8; 32]>::from(Sha256::digest(&expected)), "{path}");
            names.insert(path);
        }
        // Debian Policy 12.5: the folder may be a link to another package's, and that one again.
        let mut owner = package.package.as_str();
        while let Some(folder) = files.get(&format!("usr/share/doc/{owner}")).filter(|folder| !folder.link.is_empty()) {
            owner = folder.link.rsplit('/').next().unwrap();
        }
        let copyright = files.get(&format!("usr/share/doc/{owner}/copyright"));
        assert!(copyright.is_some_and(|file| matches!(file.kind, 'f' | 'l')), "{} has no copyright", package.package);
    }
    let there = files.iter().filter(|(path, file)| path.starts_with(FOLDER) && file.kind == 'f');
    assert_eq!(there.map(|(path, _)| path.clone()).collect::<BTreeSet<_>>(), names);
    assert!(!files.contains_key("var/lib/dpkg/status"));
}
