//! `elf-interpreter`: the dynamic linker that every program asks for (`PT_INTERP`) is inside the image, can be run, and is for the
//! same machine and ABI (a hard-float program does not get along with a soft-float C library). Without it the kernel answers
//! "no such file or directory" about a file that is plainly there.
//!
//! Only files that are visible in the finished image and of its architecture count: what is hidden does not run, and
//! what is foreign `elf-machine` has already named.

use std::collections::{BTreeMap, BTreeSet};

use super::Subject;
use super::tally::{Tally, count, skip, skip_if_damaged};
use crate::image::{Elf, EntryKind};
use crate::verify::platform::{ElfPlatform, describe_elf, same_abi};
use crate::verify::report::{Check, CheckResult, Verdict};
use crate::verify::rootfs::{Lookup, MergedRoot};

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    if let Some(skipped) = skip_if_damaged(Check::ElfInterpreter, subject.facts) {
        return skipped;
    }
    let platform = subject.image.platform();
    let Some(wanted) = ElfPlatform::of(&platform) else {
        return skip(Check::ElfInterpreter, format!("{platform} is no platform whose ELF files are known"));
    };
    let mut tally = Tally::default();
    let mut problems: BTreeMap<(&str, u32), Option<String>> = BTreeMap::new();
    let mut programs = 0;
    for (path, node, entry) in subject.root.iter() {
        let EntryKind::File { elf: Some(elf), .. } = entry.kind else { continue };
        // A C library that tells its version when it is started (glibc's libc.so.6) has an interpreter too; nobody needs that.
        let is_library = elf.soname.is_some() && elf.flags_1 & Elf::PIE == 0;
        let Some(interpreter) = elf.interpreter.as_deref().filter(|_| wanted.is(elf) && !is_library) else { continue };
        programs += 1;
        let Some(problem) = problems.entry((interpreter, elf.flags)).or_insert_with(|| problem_with(subject.root, interpreter, elf)) else {
            continue;
        };
        // A program that is not executable is data, or a library that can also be run.
        let verdict = if entry.mode & 0o111 != 0 { Verdict::Fail } else { Verdict::Warn };
        let digest = subject.facts.layers[node.layer].descriptor.digest;
        let advice = format!("{}, or link the program statically", where_from(interpreter));
        tally.path(verdict, &path.text(), digest, format!("the interpreter {interpreter} in the image"), problem.clone(), advice);
    }
    let found: BTreeSet<&str> = problems.iter().filter(|(_, problem)| problem.is_none()).map(|((path, _), _)| *path).collect();
    let found: Vec<&str> = found.into_iter().take(3).collect();
    let looked_at = match (programs, found.as_slice()) {
        (0, _) => return skip(Check::ElfInterpreter, "no program needs a dynamic linker"),
        (n, []) => format!("of {}", count(n, "program")),
        (n, found) => format!("{}, with {}", count(n, "program"), found.join(", ")),
    };
    tally.result(Check::ElfInterpreter, looked_at, "program")
}

/// Where an image gets `interpreter` from.
fn where_from(interpreter: &str) -> &'static str {
    match interpreter {
        path if path.starts_with("/nix/store/") => "add the store path it is in, with all that it refers to",
        path if path.contains("/ld-musl-") => "add the package musl, which has the dynamic linker",
        _ => "add the package with the dynamic linker (libc6 on Debian, glibc elsewhere)",
    }
}

/// What is wrong with `interpreter` for a program like `program`.
fn problem_with(root: &MergedRoot<'_>, interpreter: &str, program: &Elf) -> Option<String> {
    if !interpreter.starts_with('/') {
        return Some("a relative path, which depends on the folder the program is started in".into());
    }
    match root.lookup(interpreter) {
        Lookup::Found(at, node) => match node.entry.map(|entry| (entry.kind, entry.mode)) {
            Some((EntryKind::File { elf: Some(elf), .. }, mode)) => {
                if elf.damage.is_some() || !same_abi(program, elf) {
                    return Some(format!("{at} is {}", describe_elf(elf)));
                }
                // load_elf_interp() of the kernel.
                if !matches!(elf.object_type, 2 | 3) {
                    return Some(format!("{at} is an ELF file of type {}, which cannot be run", elf.object_type));
                }
                (mode & 0o111 == 0).then(|| format!("{at} is not executable (mode {mode:04o})"))
            }
            _ => Some(format!("{at} is no ELF file")),
        },
        Lookup::Missing(at) => Some(format!("{at} does not exist")),
        Lookup::NotAFolder(at) => Some(format!("{at} is no folder")),
        Lookup::Loop => Some("symbolic links that lead to each other".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::samples::{Layer, Sample, elf, findings, result};

    const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

    fn image(layer: Layer) -> Sample {
        Sample::new("amd64").layer(Layer::new().file("usr/bin/a", 0o755, &elf(62, LOADER))).layer(layer)
    }

    #[test]
    fn the_loader_is_found_through_links_and_must_be_of_the_same_machine() {
        let layer = |machine| Layer::new().symlink("lib64", "usr/lib64").file("usr/lib64/ld-linux-x86-64.so.2", 0o755, &elf(machine, ""));
        let report = image(layer(62)).report();
        assert_eq!(result(&report, Check::ElfInterpreter).verdict, Verdict::Pass);
        assert_eq!(findings(&image(layer(183)).report(), Check::ElfInterpreter), ["fail usr/bin/a"]);
        assert_eq!(findings(&image(Layer::new()).report(), Check::ElfInterpreter), ["fail usr/bin/a"]);
    }

    #[test]
    fn float_abis_must_fit() {
        const LINKER: &str = "/lib/ld-linux-armhf.so.3";
        // EF_ARM_EABI_VER5 and hard or soft float.
        let with_flags = |interpreter: &str, flags: u32| {
            let mut file = elf(40, interpreter);
            // 32-bit: the flags stand at 36, and offsets are narrower.
            file[4] = 1;
            file.resize(36, 0);
            file[28..36].fill(0);
            file.extend(flags.to_le_bytes());
            let count = u16::from(!interpreter.is_empty());
            file.extend([52u16, 32, count, 40, 0, 0].map(u16::to_le_bytes).concat());
            if count == 1 {
                file[28..32].copy_from_slice(&52u32.to_le_bytes());
                let length = interpreter.len() as u32 + 1;
                file.extend([3u32, 84, 0, 0, length, length, 4, 1].map(u32::to_le_bytes).concat());
                file.extend(interpreter.bytes().chain([0]));
            }
            file
        };
        for (flags, expected) in [(0x500_0400, vec![]), (0x500_0000, vec![]), (0x500_0200, vec!["fail usr/bin/a"])] {
            let layer =
                Layer::new().file("usr/bin/a", 0o755, &with_flags(LINKER, 0x500_0400)).file(&LINKER[1..], 0o755, &with_flags("", flags));
            assert_eq!(findings(&Sample::new("arm").layer(layer).report(), Check::ElfInterpreter), expected, "{flags:x}");
        }
    }

    #[test]
    fn a_program_that_a_later_layer_removes_needs_nothing() {
        let report = image(Layer::new().file("usr/bin/.wh.a", 0, b"")).report();
        assert_eq!(result(&report, Check::ElfInterpreter).verdict, Verdict::Skip);
    }
}
