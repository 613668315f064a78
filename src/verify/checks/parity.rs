//! `parity`: the architectures of one image run the same way, with the same packages, and have the same paths.
//!
//! It is a check of several images, and each has a report of its own: the first image of a group is what the others are held
//! against, and what differs is reported for the other. Names that an architecture decides are taken out first, as for `compare`.
//!
//! - How it runs (entrypoint, user, environment, labels …) and the versions of packages are to be the same: else it fails. Another
//!   rebuild of the same source (`+b1`, `+b2`) is the archive's doing, and only worth a look.
//! - A package or a path that only one has is worth a look, and so is another mode or owner. Packages that exist for some architectures only, and paths below folders
//!   called after the architecture while all packages are the same, are as they have to be.

use super::Subject;
use super::tally::{Tally, count, skip, skip_if_damaged};
use crate::verify::circumstances::{Group, Sibling};
use crate::verify::compare::{self, Row};
use crate::verify::report::{Check, CheckResult, Verdict};
use crate::verify::rootfs::MergedRoot;

/// Runtime libraries that GCC has for some architectures only (gcc-14, debian/control).
const SOME_ARCHITECTURES: [&str; 7] = ["libquadmath", "libhwasan", "libitm", "liblsan", "libtsan", "libubsan", "libasan"];

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    let first = match subject.group {
        Group::Unknown => return skip(Check::Parity, "the architectures of an image are compared when all of them are verified together"),
        Group::Alone => return skip(Check::Parity, "there is only one architecture here"),
        Group::First(others) => {
            let others = count(*others, "other architecture");
            return skip(Check::Parity, format!("the first of its architectures: see the {others}, held against this one"));
        }
        Group::Later(first) => first,
    };
    let platform = subject.image.platform();
    if first.image.platform() == platform {
        return skip(Check::Parity, format!("{} is for {platform} too, see index-platform", first.subject));
    }
    if let Some(skipped) = skip_if_damaged(Check::Parity, subject.facts) {
        return skipped;
    }
    if first.facts.damaged().next().is_some() {
        return skip(Check::Parity, format!("{} could not be read to its end, see its layer-digests", first.subject));
    }
    held_against(first, subject)
}

fn held_against(first: &Sibling, subject: &Subject<'_>) -> CheckResult {
    let root = MergedRoot::merge(&first.facts.layers);
    let (sections, mut aside) = compare::parity((&first.image, &first.facts, &root), (subject.image, subject.facts, subject.root));
    let [config, packages, paths, modes, owners] = sections;
    let mut tally = Tally::default();
    let mut report = |verdict, what: &str, row: &Row, path: bool, advice: &str| {
        let said = |value: &Option<String>| match value {
            Some(value) if path => value.clone(),
            Some(value) => format!("{what} {value}"),
            None if path => "nothing there".to_owned(),
            None => format!("no {what}"),
        };
        tally.add(crate::verify::report::Finding {
            verdict,
            path: path.then(|| row.name.clone()),
            layer: None,
            expected: format!("{}, as {} has it", said(&row.left), first.subject),
            found: said(&row.right),
            advice: advice.to_owned(),
            waived: None,
        });
    };
    for row in config.rows.iter().filter(|row| row.differs) {
        report(
            Verdict::Fail,
            &row.name,
            row,
            false,
            "all architectures of an image are to run the same way: build them from one definition",
        );
    }
    for row in packages.rows.iter().filter(|row| row.differs) {
        match (&row.left, &row.right) {
            (Some(left), Some(right)) => {
                let rebuilt = without_rebuild(left) == without_rebuild(right);
                let verdict = if rebuilt { Verdict::Warn } else { Verdict::Fail };
                report(verdict, &row.name, row, false, "build all architectures with one lock, so that they get the same versions");
            }
            _ if SOME_ARCHITECTURES.iter().any(|name| row.name.starts_with(name)) => aside += 1,
            _ => report(Verdict::Warn, &row.name, row, false, "see whether the package exists for both architectures"),
        }
    }
    for row in paths.rows.iter().filter(|row| row.differs) {
        let advice = "see which package it is from, `catamaran compare` tells, and whether the other architecture misses it";
        report(Verdict::Warn, "", row, true, advice);
    }
    for (what, section) in [("mode", &modes), ("owner", &owners)] {
        for row in section.rows.iter().filter(|row| row.differs) {
            let advice =
                "whoever may use it on one architecture is to be able to on the other: see what sets it, and build both from one lock";
            let said = |value: &Option<String>| value.as_ref().map(|value| format!("{what} {value}"));
            let row = Row { left: said(&row.left), right: said(&row.right), ..row.clone() };
            report(Verdict::Warn, "", &row, true, advice);
        }
    }
    let aside = if aside > 0 { format!(", {} of one architecture aside", count(aside, "thing")) } else { String::new() };
    let looked_at = format!(
        "as {}: {}, {}, {}{aside}",
        first.subject,
        count(config.compared, "setting"),
        count(packages.compared, "package"),
        count(paths.compared, "path")
    );
    // Of differences beyond what a section keeps, the number is known all the same.
    let lost = [&config, &packages, &paths, &modes, &owners].iter().map(|section| section.different - section.rows.len()).sum::<usize>();
    tally.warned += lost;
    tally.result(Check::Parity, looked_at, "difference")
}

/// A version without the suffix of a binary rebuild (Debian Developer's Reference, 5.10.2.1): `1.0-1+b2` is `1.0-1` built again.
fn without_rebuild(version: &str) -> &str {
    match version.rsplit_once("+b") {
        Some((source, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => source,
        _ => version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;
    use crate::progress::Silent;
    use crate::verify::samples::{Layer, Sample, findings, result};
    use crate::verify::{Circumstances, ImageFacts, Known, Report, verify};
    use std::sync::Arc;

    fn package(name: &str, version: &str, architecture: &str) -> (String, Vec<u8>) {
        let stanza = format!("Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n");
        (format!("var/lib/dpkg/status.d/{name}"), stanza.into_bytes())
    }

    fn sample(architecture: &'static str, packages: &[(&str, &str)], paths: &[&str], user: &str) -> Image {
        let mut layer = Layer::new();
        for (name, version) in packages {
            let (path, stanza) = package(name, version, architecture);
            layer = layer.file(&path, 0o644, &stanza);
        }
        for path in paths {
            layer = layer.file(path, 0o644, b"");
        }
        let mut sample = Sample::new(architecture).layer(layer);
        sample.config.user = Some(user.into());
        sample.image()
    }

    fn report(image: &Image, group: Group) -> Report {
        let circumstances = Circumstances { group, ..Circumstances::default() };
        verify(image, "second", &circumstances, &Known::default(), &mut |_| {}, &Silent, &|| false).unwrap().0
    }

    fn later(first: &Image) -> Group {
        let facts = ImageFacts::gather(first, &Silent, &|| false).unwrap();
        Group::Later(Arc::new(Sibling { subject: "first".into(), image: first.clone(), facts }))
    }

    #[test]
    fn what_has_to_be_the_same_fails_and_what_may_differ_warns() {
        let first = sample("amd64", &[("a", "1.0"), ("b", "2-1+b1"), ("only", "1"), ("libquadmath0", "14")], &["etc/x"], "app");
        let second = sample("arm64", &[("a", "1.1"), ("b", "2-1+b2")], &["etc/y"], "root");
        let report = report(&second, later(&first));
        let found = &result(&report, Check::Parity).findings;
        let said: Vec<String> = found.iter().map(|f| format!("{} {} | {}", f.verdict, f.expected, f.found)).collect();
        assert_eq!(
            said[..4],
            [
                "fail user app, as first has it | user root",
                "fail a 1.0, as first has it | a 1.1",
                "warn b 2-1+b1, as first has it | b 2-1+b2",
                "warn only 1, as first has it | no only",
            ]
        );
        let paths: Vec<String> = findings(&report, Check::Parity).split_off(4);
        let stanzas = ["libquadmath0", "only"].map(|name| format!("warn var/lib/dpkg/status.d/{name}"));
        assert_eq!(paths, ["warn etc/x".to_owned(), "warn etc/y".to_owned(), stanzas[0].clone(), stanzas[1].clone()]);
    }

    #[test]
    fn an_architectures_own_folder_may_hold_more_while_the_packages_are_the_same() {
        let first = sample("amd64", &[("a", "1")], &["usr/lib/x86_64-linux-gnu/a.so", "usr/lib/x86_64-linux-gnu/x86only.so"], "app");
        let second = sample("arm64", &[("a", "1")], &["usr/lib/aarch64-linux-gnu/a.so"], "app");
        let report = report(&second, later(&first));
        let parity = result(&report, Check::Parity);
        assert_eq!(parity.verdict, Verdict::Pass, "{parity:?}");
        assert_eq!(parity.summary, "as first: 1 setting, 1 package, 3 paths, 1 thing of one architecture aside");
    }

    #[test]
    fn modes_and_owners_are_part_of_it() {
        let image = |architecture, mode, uid| {
            let mut layer = Layer::new().file("usr/bin/tool", mode, b"x");
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_uid(uid);
            header.set_gid(0);
            header.set_size(0);
            layer.0.append_data(&mut header, "srv", &[][..]).unwrap();
            Sample::new(architecture).layer(layer).image()
        };
        let report = report(&image("arm64", 0o644, 7), later(&image("amd64", 0o755, 0)));
        let found: Vec<String> = result(&report, Check::Parity)
            .findings
            .iter()
            .map(|f| format!("{} {}: {} | {}", f.verdict, f.path.as_deref().unwrap_or("-"), f.expected, f.found))
            .collect();
        assert_eq!(
            found,
            ["warn usr/bin/tool: mode 0755, as first has it | mode 0644", "warn srv: owner 0:0, as first has it | owner 7:0"]
        );
    }

    #[test]
    fn without_another_architecture_there_is_nothing_to_say() {
        let image = sample("amd64", &[], &["x"], "app");
        for (group, words) in
            [(Group::Unknown, "verified together"), (Group::Alone, "only one architecture"), (Group::First(1), "1 other architecture")]
        {
            let report = report(&image, group);
            let parity = result(&report, Check::Parity);
            assert_eq!(parity.verdict, Verdict::Skip);
            assert!(parity.summary.contains(words), "{}", parity.summary);
        }
    }

    #[test]
    fn a_rebuild_is_told_from_another_version() {
        assert_eq!(["1.0-1+b2", "1.0+b", "1.0+beta1", "1"].map(without_rebuild), ["1.0-1", "1.0+b", "1.0+beta1", "1"]);
    }
}
