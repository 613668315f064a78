//! `entrypoint`: what the image starts exists, is of the right architecture, and the image's user may run it.
//!
//! A script is followed to its interpreter, as the kernel does ([`Launcher`]).

use super::Subject;
use super::identity::Identity;
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
    // Whom the config means is the check `user`'s concern; where that cannot be told, what anybody may run counts.
    let identity = Identity::of(subject).ok();
    let launcher = Launcher::of(subject);
    let launcher = match &identity {
        Some(identity) => launcher.run_by(identity),
        None => launcher,
    };
    match launcher.start(command).and_then(|program| can_run(subject, program)) {
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
    fn the_user_of_the_image_must_be_let_in_and_may_run_it() {
        let checked = |user: &str, mode: u32, folder: u32, owner: (u64, u64), content: &[u8]| {
            let mut layer = Layer::new()
                .file("etc/passwd", 0o644, b"app:x:10:20::/:\nother:x:11:11::/:\n")
                .file("etc/group", 0o644, b"app:x:20:\ntools:x:30:root,app\n")
                .file("usr/bin/sh", 0o755, &elf(62, ""));
            for (path, kind, mode, content) in
                [("opt/x", tar::EntryType::Directory, folder, &[][..]), ("opt/x/run", tar::EntryType::Regular, mode, content)]
            {
                let mut header = tar::Header::new_gnu();
                header.set_entry_type(kind);
                header.set_mode(mode);
                header.set_uid(owner.0);
                header.set_gid(owner.1);
                header.set_size(content.len() as u64);
                layer.0.append_data(&mut header, path, content).unwrap();
            }
            let mut sample = Sample::new("amd64").layer(layer).entrypoint("/opt/x/run");
            sample.config.user = Some(user.into());
            summary(sample)
        };
        let program = elf(62, "");
        for (user, mode, folder, owner, why) in [
            ("app", 0o700, 0o755, (0, 0), "mode 0700 of 0:0, which 10:20 may not run"),
            ("app", 0o700, 0o755, (10, 0), ""),
            ("app", 0o071, 0o755, (0, 20), ""),
            ("app", 0o604, 0o755, (0, 20), "without execute"),
            ("app", 0o610, 0o755, (0, 30), ""),
            ("other", 0o610, 0o755, (0, 30), "mode 0610 of 0:30, which 11:11 may not run"),
            // With a group in the config, those of group(5) do not count.
            ("app:app", 0o610, 0o755, (0, 30), "may not run"),
            ("app", 0o755, 0o700, (0, 0), "/opt/x has mode 0700 of 0:0, which 10:20 may not enter"),
            ("app", 0o755, 0o710, (0, 30), ""),
            ("app", 0o677, 0o755, (10, 10), "may not run"),
            ("", 0o100, 0o000, (10, 10), ""),
            ("0", 0o644, 0o755, (0, 0), "without execute"),
            ("nobody", 0o100, 0o755, (0, 0), ""),
        ] {
            let (verdict, _, found) = checked(user, mode, folder, owner, &program);
            let expected = if why.is_empty() { Verdict::Pass } else { Verdict::Fail };
            assert!(verdict == expected && found.contains(why), "{user} {mode:o} {folder:o} {owner:?}: {found}");
        }
        let script = |mode| checked("app", mode, 0o755, (0, 20), b"#!/usr/bin/sh\n");
        assert!(script(0o710).2.contains("may not read"), "{:?}", script(0o710));
        assert_eq!(script(0o750).0, Verdict::Pass);
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
