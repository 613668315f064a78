//! `packages`: scanners can read which packages are installed, and all of them are for this architecture.
//!
//! What scanners (syft, trivy) look for: `var/lib/dpkg/status` and `var/lib/dpkg/status.d/*`, apk's database, rpm's. An image
//! of which no package is known passes every vulnerability scan without having been scanned. rpm's database is binary, and
//! only named.

use std::collections::BTreeMap;

use super::Subject;
use super::tally::{Tally, count, skip, skip_if_damaged};
use crate::image::{EntryKind, InstalledPackage, KeptFile, MAX_METADATA, Metadata, Platform};
use crate::verify::report::{Check, CheckResult, Verdict};
use crate::verify::rootfs::Lookup;

/// Where rpm keeps its database, now and before.
const RPM: [&str; 4] =
    ["usr/lib/sysimage/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/Packages.db", "var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages"];
const READ_AGAIN: &str = "scanners pass the file over, and its packages are not scanned: write it as the package manager does";

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    if let Some(skipped) = skip_if_damaged(Check::Packages, subject.facts) {
        return skipped;
    }
    let mut tally = Tally::default();
    let platform = subject.image.platform();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut dpkg: BTreeMap<(&str, &str), (String, &str)> = BTreeMap::new();
    let mut files = 0;
    for (path, node, entry) in subject.root.iter() {
        let EntryKind::File { size, .. } = entry.kind else { continue };
        let path = path.text();
        let Some(metadata) = Metadata::of_path(&path) else { continue };
        files += 1;
        let layer = &subject.facts.layers[node.layer];
        let digest = layer.descriptor.digest;
        let Some(KeptFile::Packages(packages)) = layer.kept(&path) else {
            let found = if size > MAX_METADATA {
                format!("{size} bytes")
            } else {
                "a file that is not stored plainly, or names more packages than there are".to_owned()
            };
            tally.path(Verdict::Warn, &path, digest, "a package list of a reasonable size", found, READ_AGAIN);
            continue;
        };
        // dpkg's own status is empty in a fresh root; a file for one package is not.
        if packages.is_empty() && path.contains("/status.d/") {
            tally.path(Verdict::Fail, &path, digest, "a package with Package, Version and Architecture", "none", READ_AGAIN);
        }
        let names = Names::of(metadata, &platform);
        *counts.entry(names.system).or_default() += packages.len();
        for package in packages {
            if let Some((verdict, expected, found, advice)) = judge(package, &names, &platform) {
                tally.path(verdict, &path, digest, expected, found, advice);
            }
            if metadata == Metadata::Dpkg
                && let Some((other, version)) =
                    dpkg.insert((&package.name, &package.architecture), (path.clone(), package.version.as_str()))
            {
                let found = format!("version {} here and {version} in {other}", package.version);
                let advice = "scanners report both: leave the list of the package that is not there out";
                tally.path(Verdict::Warn, &path, digest, format!("{} once in all lists", package.name), found, advice);
            }
        }
    }
    let rpm = RPM.iter().find(|path| matches!(subject.root.lookup(path), Lookup::Found(..)));
    if files == 0 {
        return match rpm {
            Some(path) => skip(Check::Packages, format!("rpm's database is at /{path}; it is not read")),
            None => skip(Check::Packages, "no package metadata: scanners see no package of it"),
        };
    }
    if !["etc/os-release", "usr/lib/os-release"].iter().any(|path| matches!(subject.root.lookup(path), Lookup::Found(..))) {
        let advice = "scanners do not know which advisories apply: add the package with os-release (base-files on Debian)";
        tally.image(Verdict::Warn, None, "/etc/os-release or /usr/lib/os-release, which names the distribution", "neither", advice);
    }
    let mut shown: Vec<String> = counts.iter().map(|(system, n)| format!("{} of {system}", count(*n, "package"))).collect();
    shown.extend(rpm.map(|path| format!("rpm's database at /{path}, not read")));
    tally.result(Check::Packages, shown.join(", "), "finding")
}

/// What a packaging system calls things.
struct Names {
    system: &'static str,
    /// Its names for the image's architecture; empty when it is not known.
    architectures: &'static [&'static str],
    /// Its name for packages of every architecture.
    every: &'static str,
}

impl Names {
    fn of(metadata: Metadata, platform: &Platform) -> Self {
        let (dpkg, apk): (&[&str], &[&str]) = match (platform.architecture.as_str(), platform.variant.as_deref()) {
            ("amd64", _) => (&["amd64"], &["x86_64"]),
            ("arm64", _) => (&["arm64"], &["aarch64"]),
            ("arm", Some("v5")) => (&["armel"], &["armel"]),
            // Raspbian's armhf is for v6.
            ("arm", Some("v6")) => (&["armel", "armhf"], &["armhf"]),
            ("arm", _) => (&["armhf", "armel"], &["armv7", "armhf"]),
            ("386", _) => (&["i386"], &["x86"]),
            ("riscv64", _) => (&["riscv64"], &["riscv64"]),
            ("ppc64le", _) => (&["ppc64el"], &["ppc64le"]),
            ("ppc64", _) => (&["ppc64"], &["ppc64"]),
            ("s390x", _) => (&["s390x"], &["s390x"]),
            ("loong64", _) => (&["loong64"], &["loongarch64"]),
            ("mips64le", _) => (&["mips64el"], &["mips64el"]),
            ("mipsle", _) => (&["mipsel"], &["mipsel"]),
            ("mips64", _) => (&["mips64"], &["mips64"]),
            ("mips", _) => (&["mips"], &["mips"]),
            _ => (&[], &[]),
        };
        match metadata {
            Metadata::Dpkg => Names { system: "dpkg", architectures: dpkg, every: "all" },
            Metadata::Apk => Names { system: "apk", architectures: apk, every: "noarch" },
        }
    }
}

type Judgement = (Verdict, String, String, &'static str);

fn judge(package: &InstalledPackage, names: &Names, platform: &Platform) -> Option<Judgement> {
    let InstalledPackage { name, version, architecture } = package;
    if name.is_empty() || version.is_empty() || architecture.is_empty() {
        let found = format!("name `{name}`, version `{version}`, architecture `{architecture}`");
        return Some((Verdict::Fail, "a package with name, version and architecture".into(), found, READ_AGAIN));
    }
    if version.contains(char::is_whitespace) || name.contains(char::is_whitespace) {
        let found = format!("`{name}` `{version}`");
        return Some((Verdict::Fail, "a name and a version without spaces".into(), found, READ_AGAIN));
    }
    let fits = architecture == names.every || names.architectures.is_empty() || names.architectures.contains(&architecture.as_str());
    if fits {
        return None;
    }
    // Multi-arch on purpose: 32-bit programs on a 64-bit processor. Whether they are the exception, elf-machine judges.
    let also = matches!((platform.architecture.as_str(), architecture.as_str()), ("amd64", "i386") | ("arm64", "armhf"));
    let verdict = if also { Verdict::Warn } else { Verdict::Fail };
    let expected = format!("{name} for {} or {}", names.architectures.join(" or "), names.every);
    let advice = "take the package of the image's architecture, or correct the config's";
    Some((verdict, expected, format!("for {architecture}"), advice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::samples::{Layer, Sample, findings, result};

    const STATUS: &str = "var/lib/dpkg/status.d";

    fn stanza(name: &str, version: &str, architecture: &str) -> Vec<u8> {
        format!("Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n").into_bytes()
    }

    fn base() -> Layer {
        Layer::new().file("etc/os-release", 0o644, b"ID=debian\n")
    }

    fn with(files: &[(&str, Vec<u8>)]) -> Sample {
        let layer = files.iter().fold(base(), |layer, (name, text)| layer.file(&format!("{STATUS}/{name}"), 0o644, text));
        Sample::new("arm64").layer(layer)
    }

    #[test]
    fn packages_of_the_image_and_of_every_architecture_pass_and_others_fail() {
        let sample = with(&[("a", stanza("a", "1", "arm64")), ("b", stanza("b", "2", "all")), ("a.md5sums", b"x".to_vec())]);
        let report = sample.report();
        let found = result(&report, Check::Packages);
        assert_eq!((found.verdict, found.summary.as_str()), (Verdict::Pass, "2 packages of dpkg"));
        let report = with(&[("a", stanza("a", "1", "amd64")), ("b", stanza("b", "1", "armhf"))]).report();
        assert_eq!(findings(&report, Check::Packages), ["fail var/lib/dpkg/status.d/a", "warn var/lib/dpkg/status.d/b"]);
        assert_eq!(result(&report, Check::Packages).findings[0].found, "for amd64");
    }

    #[test]
    fn what_scanners_cannot_read_fails() {
        for text in [&b""[..], b"nothing at all", b"Package: a\nArchitecture: arm64\n", b"Package: a\nVersion: 1\n"] {
            let report = with(&[("a", text.to_vec())]).report();
            assert_eq!(findings(&report, Check::Packages), ["fail var/lib/dpkg/status.d/a"], "{}", String::from_utf8_lossy(text));
        }
        // A package that was removed is no package of the image.
        let removed = b"Package: a\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: amd64\n";
        let report = Sample::new("arm64").layer(base().file("var/lib/dpkg/status", 0o644, removed)).report();
        assert_eq!(result(&report, Check::Packages).summary, "0 packages of dpkg");
    }

    #[test]
    fn a_package_in_two_lists_and_a_root_without_its_distributions_name_are_worth_a_look() {
        let report = with(&[("ssl1", stanza("ssl", "1", "arm64")), ("ssl3", stanza("ssl", "3", "arm64"))]).report();
        assert_eq!(findings(&report, Check::Packages), ["warn var/lib/dpkg/status.d/ssl3"]);
        let layer = Layer::new().file("lib/apk/db/installed", 0o644, b"P:musl\nV:1\nA:aarch64\n\nP:x\nV:1\nA:x86_64\n\n");
        assert_eq!(findings(&Sample::new("arm64").layer(layer).report(), Check::Packages), ["fail lib/apk/db/installed", "warn -"]);
    }

    #[test]
    fn without_metadata_it_is_skipped_and_rpm_is_named() {
        let summary = |layer| result(&Sample::new("amd64").layer(layer).report(), Check::Packages).summary.clone();
        assert!(summary(base()).starts_with("no package metadata"));
        assert!(summary(base().file("var/lib/rpm/rpmdb.sqlite", 0o644, b"x")).contains("/var/lib/rpm/rpmdb.sqlite"));
    }
}
