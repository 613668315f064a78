//! `scripts`: every executable script has its interpreter in the image, found as the kernel finds it; behind
//! `#!/usr/bin/env NAME` it is NAME on the image's `PATH`.
//!
//! Debian ships far more scripts than any one image means to run, also on `PATH` (iproute2's routel wants a python3 that the
//! package only suggests), so nothing fails here; what the image starts is the check `entrypoint`'s concern. Where a script is and
//! what it lacks decide:
//!
//! - A script on `PATH` whose interpreter is not there is worth a look, each by itself: whoever calls it gets "no such file or
//!   directory" about a file that is plainly there.
//! - Unless the interpreter is one that Debian calls essential (a shell, perl, awk) and that the image has nowhere. Packages
//!   do not declare that they need those (Policy 3.5), so an image that leaves perl out on purpose gets `debconf` and
//!   `c_rehash` with openssl through nobody's mistake: they are counted, and the interpreter is named in the summary.
//! - Scripts elsewhere (libraries, hooks of an init system) are worth a look, once per interpreter.
//! - What is below usr/share, documentation, examples and tests are only counted: templates and things to be read.

use std::collections::BTreeMap;

use super::Subject;
use super::launch::{Launcher, Problem};
use super::tally::{Tally, count, skip, skip_if_damaged};
use crate::image::{Digest, EntryKind};
use crate::verify::report::{Check, CheckResult, Verdict};
use crate::verify::rootfs::Lookup;

/// Names of the interpreters in Debian's essential packages, and of what `base-files` depends on.
const ESSENTIAL: [&str; 9] = ["sh", "bash", "dash", "rbash", "perl", "awk", "mawk", "env", "sed"];
/// How many scripts one finding names besides the first.
const NAMED: usize = 3;

/// Scripts off `PATH` that lack the same thing.
struct Group {
    problem: Problem,
    layer: Digest,
    paths: Vec<String>,
}

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    if let Some(skipped) = skip_if_damaged(Check::Scripts, subject.facts) {
        return skipped;
    }
    let launcher = Launcher::of(subject);
    let on_path = real_folders(subject, &launcher);
    let mut tally = Tally::default();
    let mut known: BTreeMap<&str, Option<Problem>> = BTreeMap::new();
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut scripts, mut quiet) = (0usize, 0usize);
    for (path, node, entry) in subject.root.iter() {
        let EntryKind::File { shebang: Some(line), elf: None, .. } = entry.kind else { continue };
        if entry.mode & 0o111 == 0 {
            continue;
        }
        scripts += 1;
        let path = path.text();
        let problem = known
            .entry(line)
            .or_insert_with(|| launcher.interpreter(&path, line).and_then(|interpreter| launcher.start(&interpreter)).err());
        let Some(problem) = problem else { continue };
        if is_documentation(&path) {
            quiet += 1;
            continue;
        }
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let layer = subject.facts.layers[node.layer].descriptor.digest;
        if let Some(name) = lacks_essential(subject, line, problem) {
            *left_out.entry(name).or_insert(0usize) += 1;
            continue;
        }
        if on_path.iter().any(|on| on == folder) {
            tally.path(Verdict::Warn, &path, layer, expected(line), problem.found.clone(), problem.advice);
            continue;
        }
        let group = groups.entry(line).or_insert_with(|| Group { problem: problem.clone(), layer, paths: Vec::new() });
        group.paths.push(path);
    }
    for (line, Group { problem, layer, paths }) in groups {
        let first = paths.first().map_or("", String::as_str);
        let found = match paths.get(1..).unwrap_or_default() {
            [] => problem.found,
            others => {
                let named = others.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if others.len() > NAMED { ", …" } else { "" };
                format!("{}; so it is for {}: {named}{more}", problem.found, count(others.len(), "more script"))
            }
        };
        tally.path(Verdict::Warn, first, layer, expected(line), found, "add the package with the interpreter if the image is to run these");
    }
    if scripts == 0 {
        return skip(Check::Scripts, "no executable scripts");
    }
    let mut looked_at = format!("{}, {}", count(scripts, "script"), count(known.len(), "interpreter line"));
    for (name, number) in left_out {
        looked_at.push_str(&format!(", {number} for {name}, which the image leaves out"));
    }
    if quiet > 0 {
        looked_at.push_str(&format!(", {quiet} of documentation, examples and templates without interpreter"));
    }
    tally.result(Check::Scripts, looked_at, "finding")
}

fn expected(line: &str) -> String {
    format!("the interpreter of `#!{}` in the image", line.escape_debug())
}

/// The real paths of the folders on `PATH`.
fn real_folders(subject: &Subject<'_>, launcher: &Launcher<'_>) -> Vec<String> {
    let real = |folder: &str| match subject.root.lookup(folder) {
        Lookup::Found(real, _) => Some(real),
        _ => None,
    };
    launcher.folders().filter_map(real).collect()
}

/// The program of the essential packages that is nowhere in the image, when that is all that is wrong.
fn lacks_essential(subject: &Subject<'_>, line: &str, problem: &Problem) -> Option<&'static str> {
    let lacked = problem.path.rsplit('/').next()?;
    let is_asked_for = line.split([' ', '\t']).any(|word| word.rsplit('/').next() == Some(lacked));
    let name = ESSENTIAL.into_iter().find(|name| *name == lacked && is_asked_for)?;
    let there = |folder: &&str| matches!(subject.root.lookup(&format!("{folder}/{name}")), Lookup::Found(..));
    let nowhere = !["bin", "usr/bin", "usr/local/bin"].iter().any(there);
    nowhere.then_some(name)
}

/// Places whose scripts are there to be read or copied.
fn is_documentation(path: &str) -> bool {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    path.starts_with("usr/share/")
        || folder.split('/').any(|name| matches!(name, "examples" | "contrib" | "doc" | "docs" | "test" | "tests" | "testdata"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::samples::{Layer, Sample, elf, findings, result};

    /// `/bin/sh` and env are there, python3 and perl are not.
    fn base() -> Layer {
        Layer::new().file("usr/bin/sh", 0o755, &elf(62, "")).file("usr/bin/env", 0o755, &elf(62, "")).symlink("bin", "usr/bin")
    }

    fn found(layer: Layer) -> Vec<String> {
        findings(&Sample::new("amd64").layer(base()).layer(layer).report(), Check::Scripts)
    }

    #[test]
    fn on_path_every_script_is_named_and_elsewhere_one_for_all() {
        let layer = Layer::new()
            .file("usr/bin/good", 0o755, b"#!/bin/sh -e\n")
            .file("usr/bin/py", 0o755, b"#!/usr/bin/python3\n")
            .file("usr/sbin/env-py", 0o755, b"#!/usr/bin/env python3\n")
            .file("usr/bin/data", 0o644, b"#!/usr/bin/python3\n")
            .file("usr/lib/a", 0o755, b"#!/usr/bin/python3\n")
            .file("usr/lib/b", 0o755, b"#!/usr/bin/python3\n")
            .file("usr/share/doc/x/c", 0o755, b"#!/usr/bin/python3\n")
            .file("usr/share/x/examples/d", 0o755, b"#!/usr/bin/ruby\n");
        let report = Sample::new("amd64").layer(base()).layer(layer).report();
        assert_eq!(findings(&report, Check::Scripts), ["warn usr/bin/py", "warn usr/sbin/env-py", "warn usr/lib/a"]);
        let result = result(&report, Check::Scripts);
        assert_eq!(result.findings[2].found, "/usr/bin/python3 does not exist; so it is for 1 more script: usr/lib/b");
        assert!(result.summary.contains("7 scripts") && result.summary.contains("2 of documentation"), "{}", result.summary);
    }

    #[test]
    fn an_image_without_the_essential_interpreter_is_not_accused_of_every_script() {
        let layer = || Layer::new().file("usr/bin/a", 0o755, b"#!/usr/bin/perl -w\n").file("usr/bin/b", 0o755, b"#!/usr/bin/perl -w\n");
        let report = Sample::new("amd64").layer(base()).layer(layer()).report();
        let summary = &result(&report, Check::Scripts).summary;
        assert_eq!(findings(&report, Check::Scripts), [""; 0]);
        assert!(summary.contains("2 for perl, which the image leaves out"), "{summary}");
        // It is there under another name: the script names the wrong one.
        let layer = layer().file("usr/local/bin/perl", 0o755, &elf(62, ""));
        assert_eq!(found(layer), ["warn usr/bin/a", "warn usr/bin/b"]);
    }

    #[test]
    fn the_line_is_read_as_the_kernel_and_env_read_it() {
        for (line, verdict) in [
            ("#!/bin/sh\r\n", "warn"),
            ("#!/bin/sh -e -u\n", ""),
            ("#! \t/bin/sh\t\n", ""),
            ("#!sh\n", "warn"),
            ("#!/usr/bin/env sh\n", ""),
            ("#!/usr/bin/env sh -e\n", "warn"),
            ("#!/usr/bin/env -S A=b sh -e\n", ""),
            ("#!/usr/bin/env -S\n", ""),
            ("#!/usr/bin\n", "warn"),
            ("#!\n", "warn"),
        ] {
            let expected: Vec<String> = (!verdict.is_empty()).then(|| format!("{verdict} usr/bin/x")).into_iter().collect();
            assert_eq!(found(Layer::new().file("usr/bin/x", 0o755, line.as_bytes())), expected, "{line:?}");
        }
    }

    #[test]
    fn an_interpreter_that_is_a_script_without_one_is_what_is_named() {
        let layer = Layer::new().file("usr/bin/a", 0o755, b"#!/usr/bin/b\n").file("usr/bin/b", 0o755, b"#!/usr/bin/python3\n");
        let report = Sample::new("amd64").layer(base()).layer(layer).report();
        let said: Vec<&str> = result(&report, Check::Scripts).findings.iter().map(|f| f.found.as_str()).collect();
        assert_eq!(said, ["/usr/bin/python3 does not exist; /usr/bin/b names it as its interpreter", "/usr/bin/python3 does not exist"]);
    }

    #[test]
    fn path_is_the_images_own() {
        let found = |path: &str| {
            let layer =
                Layer::new().file("opt/x/a", 0o755, b"#!/usr/bin/env nothing\n").file("opt/x/b", 0o755, b"#!/usr/bin/env nothing\n");
            let mut sample = Sample::new("amd64").layer(base()).layer(layer);
            sample.config.env = vec![format!("PATH={path}")];
            findings(&sample.report(), Check::Scripts)
        };
        assert_eq!(found("/bin:/opt/x"), ["warn opt/x/a", "warn opt/x/b"]);
        assert_eq!(found("/bin"), ["warn opt/x/a"]);
    }
}
