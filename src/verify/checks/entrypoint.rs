//! `entrypoint`: what the image starts exists, is executable and of the right architecture.
//!
//! A script is followed to its interpreter, as the kernel does ([`Launcher`]).

use super::Subject;
use super::launch::{Launcher, Problem, Program};
use super::tally::{Tally, skip, skip_if_damaged};
use crate::verify::platform::{ElfPlatform, describe_elf};
use crate::verify::report::{Check, CheckResult, Finding, Verdict};

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    if let Some(skipped) = skip_if_damaged(Check::Entrypoint, subject.facts) {
        return skipped;
    }
    let config = &subject.image.config.config;
    let (what, command) = match (config.entrypoint.first(), config.cmd.first()) {
        (Some(command), _) => ("entrypoint", command),
        (None, Some(command)) => ("command", command),
        (None, None) => return skip(Check::Entrypoint, "the config has neither entrypoint nor command"),
    };
    let mut tally = Tally::default();
    let mut looked_at = format!("{what} {command}");
    match Launcher::of(subject).start(command).and_then(|program| can_run(subject, program)) {
        Ok(way) => looked_at = format!("{what} {}", way.join(" → ")),
        Err(Problem { path, expected, found, advice }) => {
            let path = Some(path.trim_start_matches('/').to_owned()).filter(|p| !p.is_empty());
            tally.add(Finding { verdict: Verdict::Fail, path, layer: None, expected, found, advice: advice.into(), waived: None });
        }
    }
    tally.result(Check::Entrypoint, looked_at, "program")
}

/// The way to the program, when a processor of the image's platform can run it.
fn can_run(subject: &Subject<'_>, program: Program<'_>) -> Result<Vec<String>, Problem> {
    let platform = subject.image.platform();
    let Program { way, path, elf } = program;
    match ElfPlatform::of(&platform) {
        Some(wanted) if !wanted.is(elf) => Err(Problem {
            path,
            expected: format!("{wanted}, for {platform}"),
            found: describe_elf(elf),
            advice: "it cannot run: take the build of it for this architecture",
        }),
        _ if !matches!(elf.object_type, 2 | 3) => Err(Problem {
            path,
            expected: "an executable ELF file".into(),
            found: format!("an ELF file of type {}", elf.object_type),
            advice: "an object file cannot be run: name the linked program in the config",
        }),
        _ => Ok(way),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::samples::{Layer, Sample, elf, result};

    fn sample(entrypoint: &str) -> Sample {
        let layer = Layer::new()
            .file("usr/bin/tool", 0o755, &elf(62, ""))
            .file("usr/bin/arm", 0o755, &elf(183, ""))
            .file("usr/bin/plain", 0o644, &elf(62, ""))
            .file("usr/local/bin/plain", 0o755, &elf(62, ""))
            .file("usr/bin/text", 0o755, b"echo")
            .file("app/run", 0o755, b"#!/bin/tool -x\n")
            .file("app/env", 0o755, b"#!/usr/bin/env -S tool a\n")
            .file("usr/bin/env", 0o755, &elf(62, ""))
            .file("app/lost", 0o755, b"#!/bin/bash\n")
            .file("app/circle", 0o755, b"#!/app/circle\n")
            .symlink("bin", "usr/bin");
        Sample::new("amd64").layer(layer).entrypoint(entrypoint)
    }

    fn summary(sample: Sample) -> (Verdict, String, String) {
        let report = sample.report();
        let result = result(&report, Check::Entrypoint);
        (result.verdict, result.summary.clone(), result.findings.first().map_or(String::new(), |f| f.found.clone()))
    }

    #[test]
    fn what_starts_is_found_on_path_through_links_and_scripts() {
        for (entrypoint, way) in [
            ("tool", "tool → /usr/bin/tool"),
            ("/bin/tool", "/bin/tool → /usr/bin/tool"),
            ("plain", "plain → /usr/local/bin/plain"),
            ("/app/run", "/app/run → /bin/tool → /usr/bin/tool"),
            ("/app/env", "/app/env → tool → /usr/bin/tool"),
            ("./app/run", "./app/run → /app/run → /bin/tool → /usr/bin/tool"),
        ] {
            assert_eq!(summary(sample(entrypoint)), (Verdict::Pass, format!("entrypoint {way}"), String::new()));
        }
    }

    #[test]
    fn what_cannot_start_says_why() {
        for (entrypoint, why) in [
            ("nothing", "it is in none of"),
            ("", "it is in none of"),
            ("/usr/bin/nothing", "/usr/bin/nothing does not exist"),
            ("/usr/bin/plain", "without execute permission"),
            ("/usr/bin", "a folder"),
            ("arm", "AArch64"),
            ("text", "neither"),
            ("/app/lost", "/usr/bin/bash does not exist"),
            ("/app/circle", "each other"),
        ] {
            let (verdict, _, found) = summary(sample(entrypoint));
            assert!(verdict == Verdict::Fail && found.contains(why), "{entrypoint}: {found}");
        }
    }

    #[test]
    fn an_image_that_starts_nothing_is_skipped_and_cmd_counts() {
        let mut nothing = sample("x");
        nothing.config.entrypoint.clear();
        assert_eq!(summary(nothing).0, Verdict::Skip);
        let mut command = sample("x");
        command.config.entrypoint.clear();
        command.config.cmd = vec!["nothing".into()];
        assert_eq!(summary(command).0, Verdict::Fail);
    }
}
