//! `entrypoint`: what the image starts exists, is executable and of the right architecture.
//!
//! Found as runc finds it: a name without slash on the image's `PATH`, a relative path from the working directory. A
//! script is followed to its interpreter, as the kernel does (execve(2), "Interpreter scripts").

use super::Subject;
use super::tally::{Tally, skip, skip_if_damaged};
use crate::image::{Entry, EntryKind};
use crate::verify::platform::{ElfPlatform, describe_elf};
use crate::verify::report::{Check, CheckResult, Finding, Verdict};
use crate::verify::rootfs::Lookup;

/// What engines set when the config does not (runc, Docker).
pub(super) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The kernel gives up after this many interpreters of interpreters.
const MAX_SCRIPTS: usize = 4;

/// Why something cannot be started: path, expected, found, advice.
struct Problem {
    path: String,
    expected: String,
    found: String,
    advice: &'static str,
}

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
    match start(subject, command) {
        Ok(way) => looked_at = format!("{what} {}", way.join(" → ")),
        Err(Problem { path, expected, found, advice }) => {
            let path = Some(path.trim_start_matches('/').to_owned()).filter(|p| !p.is_empty());
            tally.add(Finding { verdict: Verdict::Fail, path, layer: None, expected, found, advice: advice.into() });
        }
    }
    tally.result(Check::Entrypoint, looked_at, "program")
}

/// The way from `command` over scripts to the program that runs.
fn start(subject: &Subject<'_>, command: &str) -> Result<Vec<String>, Problem> {
    let mut way = vec![command.to_owned()];
    let mut command = command.to_owned();
    for _ in 0..=MAX_SCRIPTS {
        let (path, entry) = find(subject, &command)?;
        if way.last().is_some_and(|last| last.trim_start_matches('/') != path) {
            way.push(format!("/{path}"));
        }
        let EntryKind::File { size, elf, shebang } = &entry.kind else {
            return Err(Problem {
                path,
                expected: "a program".into(),
                found: "no regular file".into(),
                advice: "name a program in the config",
            });
        };
        match (elf, shebang) {
            (Some(elf), _) => {
                let platform = subject.image.platform();
                return match ElfPlatform::of(&platform) {
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
                };
            }
            (None, Some(line)) => {
                let mut words = line.split_ascii_whitespace();
                let interpreter = words.next().unwrap_or_default();
                // `#!/usr/bin/env NAME` means NAME, found on PATH, besides env itself.
                if interpreter.ends_with("/env")
                    && let Some(name) = words.find(|word| !word.starts_with('-') && !word.contains('='))
                {
                    find(subject, interpreter)?;
                    command = name.to_owned();
                } else if interpreter.starts_with('/') {
                    command = interpreter.to_owned();
                } else {
                    let found = format!("`#!{line}`");
                    let advice = "write the interpreter's absolute path into the script's first line";
                    return Err(Problem { path, expected: "an interpreter with an absolute path".into(), found, advice });
                }
                way.push(command.clone());
            }
            (None, None) => {
                let found = if *size == 0 { "an empty file" } else { "neither" };
                let advice = "the kernel cannot run it: begin a script with `#!` and its interpreter, or name a program";
                return Err(Problem { path, expected: "an ELF file or a script with a `#!` line".into(), found: found.into(), advice });
            }
        }
    }
    let found = "scripts that are each other's interpreters".to_owned();
    Err(Problem { path: command, expected: "a program at the end of the scripts".into(), found, advice: "name a program as interpreter" })
}

/// The file that `command` names, with its real path.
fn find<'a>(subject: &Subject<'a>, command: &str) -> Result<(String, &'a Entry), Problem> {
    let config = &subject.image.config.config;
    let workdir = config.working_dir.as_deref().unwrap_or("/");
    let path = config.env.iter().rev().find_map(|variable| variable.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
    let candidates: Vec<String> = match command {
        "" => Vec::new(),
        c if c.starts_with('/') => vec![c.to_owned()],
        c if c.contains('/') => vec![format!("{workdir}/{c}")],
        c => path.split(':').filter(|folder| !folder.is_empty()).map(|folder| format!("{folder}/{c}")).collect(),
    };
    let shown = |command: &str| if command.is_empty() { "an empty name".to_owned() } else { format!("`{command}`") };
    let mut problem = None;
    for candidate in &candidates {
        let (found, advice) = match subject.root.lookup(candidate) {
            Lookup::Found(path, node) => match node.entry {
                Some(entry) if matches!(entry.kind, EntryKind::File { .. }) => {
                    if entry.mode & 0o111 != 0 {
                        return Ok((path, entry));
                    }
                    (format!("mode {:04o} without execute permission", entry.mode), "make the file executable in the layer that adds it")
                }
                Some(entry) if entry.kind != EntryKind::Directory => ("no regular file".to_owned(), "name a program in the config"),
                _ => ("a folder".to_owned(), "name a program in the config"),
            },
            // On PATH, a folder without it is nothing to tell.
            Lookup::Missing(_) | Lookup::NotAFolder(_) if candidates.len() > 1 => continue,
            Lookup::Missing(at) => (format!("/{at} does not exist"), "add the package that has it, or correct the config's entrypoint"),
            Lookup::NotAFolder(at) => (format!("/{at} is no folder"), "correct the config's entrypoint"),
            Lookup::Loop => ("symbolic links that lead to each other".to_owned(), "correct the links"),
        };
        problem.get_or_insert(Problem { path: candidate.clone(), expected: "an executable file".into(), found, advice });
    }
    Err(problem.unwrap_or_else(|| Problem {
        path: command.to_owned(),
        expected: format!("{} on the image's PATH", shown(command)),
        found: format!("it is in none of {path}"),
        advice: "add the package that has it, or correct the config's entrypoint or PATH",
    }))
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
