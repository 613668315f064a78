//! `elf-machine`: every ELF file of every layer, also those that later layers hide, is for the config's architecture.
//!
//! An emulated test run does not notice a wrong one, and `e_machine` alone does not tell: class and byte order count
//! too. Not every foreign file is a mistake, though; what decides is whether it could be meant for this image's processor:
//!
//! - BPF programs run in the kernel's virtual machine: they have no architecture of a processor, and pass.
//! - So have data files in ELF's form of no machine (`EM_NONE`), such as Guile's compiled modules (`.go`), which its own virtual
//!   machine runs: they pass, unless they are executable or called like libraries.
//! - Relocatable objects (`.o`, `.ko`, `.syso`) and core files are not run: a foreign one is worth a look.
//! - Firmware and test data are foreign on purpose: worth a look, because they are dead weight if nobody meant them.
//! - So are compat libraries (`lib32`), multiarch folders and cross toolchains (`usr/lib/TRIPLET`, `usr/TRIPLET`) of the
//!   file's own architecture, and 32-bit programs that a 64-bit kernel also runs (i386 on amd64, arm on arm64) — but only
//!   while they are the minority: an image of mostly such files has the wrong architecture, and they all fail.
//! - Anything else cannot run and fails.

use super::Subject;
use super::tally::{Tally, count, skip};
use crate::image::{Elf, EntryKind, EntryRef};
use crate::verify::platform::{EM_BPF, EM_NONE, ElfPlatform, describe_elf};
use crate::verify::report::{Check, CheckResult, Verdict};

/// `ET_EXEC` and `ET_DYN`.
const RUN: [u16; 2] = [2, 3];

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    let platform = subject.image.platform();
    let Some(wanted) = ElfPlatform::of(&platform) else {
        return skip(Check::ElfMachine, format!("{platform} is no platform whose ELF files are known"));
    };
    let files = || {
        subject.facts.layers.iter().flat_map(|layer| {
            layer.entries.iter().filter_map(move |entry| match entry.kind {
                EntryKind::File { elf: Some(elf), .. } => Some((layer, entry, elf)),
                _ => None,
            })
        })
    };
    let (mut native, mut foreign) = (0usize, 0usize);
    for (_, entry, elf) in files().filter(|(_, entry, elf)| RUN.contains(&elf.object_type) && !is_for_no_processor(entry, elf)) {
        match wanted.is(elf) {
            true => native += 1,
            false => foreign += usize::from(device_or_test(&entry.path()).is_none()),
        }
    }
    let mut tally = Tally::default();
    let (mut total, mut bpf, mut data) = (0, 0, 0);
    for (layer, entry, elf) in files() {
        total += 1;
        if wanted.is(elf) {
            continue;
        }
        if is_for_no_processor(&entry, elf) {
            *(if elf.machine == EM_BPF { &mut bpf } else { &mut data }) += 1;
            continue;
        }
        let path = entry.path();
        let (verdict, advice) = judge(&path, &entry, elf, wanted, foreign < native, &platform.architecture);
        let digest = layer.descriptor.digest;
        tally.path(verdict, &path, digest, format!("{wanted}, for {platform}"), describe_elf(elf), advice);
    }
    let aside = |n: usize, what: &str| if n > 0 { format!(", {} aside", count(n, what)) } else { String::new() };
    let aside = aside(bpf, "BPF program") + &aside(data, "data file") + if data > 0 { " (EM_NONE)" } else { "" };
    let looked_at = match tally.failed + tally.warned {
        0 if total == 0 => "no ELF files".to_owned(),
        0 => format!("{}, all {}{aside}", count(total, "ELF file"), wanted),
        _ => format!("of {}{aside}", count(total, "ELF file")),
    };
    // A damaged layer may hold more files than could be seen; nobody shall take this for all of them.
    let partly = if subject.facts.damaged().next().is_some() { ", as far as the layers can be read" } else { "" };
    tally.result(Check::ElfMachine, format!("{looked_at}{partly}"), "file")
}

/// Whether a virtual machine runs it, whatever the processor is.
fn is_for_no_processor(entry: &EntryRef<'_>, elf: &Elf) -> bool {
    let is_data = || elf.machine == EM_NONE && entry.mode & 0o111 == 0 && !is_library(&entry.path());
    elf.damage.is_none() && (elf.machine == EM_BPF || is_data())
}

fn judge(path: &str, entry: &EntryRef<'_>, elf: &Elf, wanted: ElfPlatform, mostly_native: bool, architecture: &str) -> (Verdict, String) {
    let place = device_or_test(path).or_else(|| compat_or_cross(path, elf.machine).filter(|_| mostly_native && elf.damage.is_none()));
    if let Some(place) = place {
        return (Verdict::Warn, format!("{place} may be for another processor; leave it out if the image does not need it"));
    }
    if elf.damage.is_some() {
        return match entry.mode & 0o111 != 0 || is_library(path) {
            true => (Verdict::Fail, "the file cannot be loaded: install it again".into()),
            false => (Verdict::Warn, "it begins like an ELF file but is none that can be read; look whether it is damaged".into()),
        };
    }
    if !RUN.contains(&elf.object_type) {
        return (Verdict::Warn, "an object or core file is not run, but it is of no use on this architecture".into());
    }
    if wanted.also_runs(elf) && mostly_native {
        return (Verdict::Warn, "32-bit programs run only where kernel and processor allow it; leave it out if nobody needs it".into());
    }
    (Verdict::Fail, format!("it cannot run on {architecture}: take the {architecture} build of it, or correct the config's architecture"))
}

/// Places whose files are for devices, or are only data to be looked at.
fn device_or_test(path: &str) -> Option<&'static str> {
    let mut folders = path.split('/').rev().skip(1);
    if ["usr/share/qemu/", "usr/share/seabios/", "usr/share/u-boot/", "usr/lib/u-boot/"].iter().any(|place| path.starts_with(place)) {
        return Some("firmware");
    }
    folders.find_map(|name| match name {
        "firmware" => Some("firmware"),
        "testdata" | "test-data" | "tests" | "test" => Some("test data"),
        _ => None,
    })
}

/// Places that hold files of another architecture beside the image's own, named after it: a file there is excused only
/// when it is of the architecture the place is for.
fn compat_or_cross(path: &str, machine: u16) -> Option<&'static str> {
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop();
    match folders.as_slice() {
        ["lib32" | "libx32", ..] | ["usr", "lib32" | "libx32", ..] => Some("a compat library"),
        ["usr", triplet, ..] if is_triplet_of(triplet, machine) => Some("a cross toolchain"),
        ["lib", triplet, ..] | ["usr", "lib", triplet, ..] if is_triplet_of(triplet, machine) => Some("a multiarch library"),
        ["usr", "lib", "gcc" | "gcc-cross", rest @ ..] if rest.iter().any(|n| matches!(*n, "32" | "x32") || is_triplet_of(n, machine)) => {
            Some("a compiler's library")
        }
        _ => None,
    }
}

/// Whether `name` is a multiarch or GNU triplet (`aarch64-linux-gnu`, `arm-none-eabi`) of `machine`.
fn is_triplet_of(name: &str, machine: u16) -> bool {
    let Some((processor, system)) = name.split_once('-') else { return false };
    if !["linux-gnu", "linux-musl", "none-", "unknown-"].iter().any(|known| system.starts_with(known)) {
        return false;
    }
    match machine {
        3 => matches!(processor, "i386" | "i486" | "i586" | "i686"),
        8 => processor.starts_with("mips"),
        20 | 21 => processor.starts_with("powerpc"),
        22 => processor == "s390x" || processor == "s390",
        40 => processor.starts_with("arm"),
        62 => processor == "x86_64",
        183 => processor == "aarch64",
        243 => processor.starts_with("riscv"),
        258 => processor.starts_with("loongarch"),
        _ => false,
    }
}

fn is_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".so") || name.contains(".so.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::samples::{Layer, Sample, elf, findings, result};

    const AMD64: u16 = 62;

    #[test]
    fn an_arm64_image_with_amd64_files_fails_also_for_files_that_are_removed_later() {
        let lower =
            Layer::new().file("usr/bin/tool", 0o755, &elf(AMD64, "")).file("usr/lib/x86_64-linux-gnu/libx.so.1", 0o644, &elf(AMD64, ""));
        let report = Sample::new("arm64").layer(lower).layer(Layer::new().file("usr/bin/.wh.tool", 0, b"")).report();
        assert_eq!(findings(&report, Check::ElfMachine), ["fail usr/bin/tool", "fail usr/lib/x86_64-linux-gnu/libx.so.1"]);
        assert_eq!(result(&report, Check::ElfMachine).summary, "2 files wrong (of 2 ELF files)");
    }

    #[test]
    fn class_and_byte_order_count_besides_the_machine() {
        let (mut small, mut big) = (elf(AMD64, ""), elf(AMD64, ""));
        small[4] = 1;
        big[5] = 2;
        big[16..24].copy_from_slice(&[0, 2, 0, 62, 0, 0, 0, 1]);
        let layer =
            Layer::new().file("usr/bin/good", 0o755, &elf(AMD64, "")).file("usr/bin/small", 0o755, &small).file("usr/bin/big", 0o755, &big);
        assert_eq!(findings(&Sample::new("amd64").layer(layer).report(), Check::ElfMachine), ["fail usr/bin/small", "fail usr/bin/big"]);
    }

    #[test]
    fn files_that_are_foreign_on_purpose_are_told_from_mistakes() {
        let mut i386 = elf(3, "");
        i386[4] = 1;
        let mut object = elf(183, "");
        object[16] = 1;
        let layer = Layer::new()
            .file("usr/bin/a", 0o755, &elf(AMD64, ""))
            .file("usr/bin/b", 0o755, &elf(AMD64, ""))
            .file("usr/bin/c", 0o755, &elf(AMD64, ""))
            .file("usr/lib/bpf/x.o", 0o644, &elf(EM_BPF, ""))
            .file("usr/lib/firmware/x.elf", 0o644, &elf(94, ""))
            .file("usr/lib/i386-linux-gnu/libc.so.6", 0o755, &i386)
            .file("usr/lib/go/race_arm64.syso", 0o644, &object)
            .file("usr/lib/aarch64-linux-gnu/libwrong.so", 0o644, &elf(22, ""))
            .file("usr/lib/broken.so", 0o644, b"\x7fELF\x02\x01");
        let expected = [
            "fail usr/lib/aarch64-linux-gnu/libwrong.so",
            "fail usr/lib/broken.so",
            "warn usr/lib/firmware/x.elf",
            "warn usr/lib/i386-linux-gnu/libc.so.6",
            "warn usr/lib/go/race_arm64.syso",
        ];
        assert_eq!(findings(&Sample::new("amd64").layer(layer).report(), Check::ElfMachine), expected);
        // The same 32-bit file alone is an image of the wrong architecture.
        let report = Sample::new("amd64").layer(Layer::new().file("usr/bin/tool", 0o755, &i386)).report();
        assert_eq!(findings(&report, Check::ElfMachine), ["fail usr/bin/tool"]);
    }

    #[test]
    fn data_for_no_machine_is_set_aside_and_programs_for_none_are_not() {
        let layer = || {
            Layer::new().file("usr/bin/guile", 0o755, &elf(AMD64, "")).file(
                "usr/lib/x86_64-linux-gnu/guile/3.0/ccache/ice-9/eval.go",
                0o644,
                &elf(EM_NONE, ""),
            )
        };
        let report = Sample::new("amd64").layer(layer()).report();
        assert_eq!(findings(&report, Check::ElfMachine), [""; 0]);
        let summary = &result(&report, Check::ElfMachine).summary;
        assert!(summary.ends_with(", 1 data file aside (EM_NONE)"), "{summary}");
        let layer = layer().file("usr/bin/none", 0o755, &elf(EM_NONE, "")).file("usr/lib/none.so.1", 0o644, &elf(EM_NONE, ""));
        let report = Sample::new("amd64").layer(layer).report();
        assert_eq!(findings(&report, Check::ElfMachine), ["fail usr/bin/none", "fail usr/lib/none.so.1"]);
    }

    #[test]
    fn findings_are_bounded_and_the_summary_tells_the_number() {
        let layer = (0..150).fold(Layer::new(), |layer, n| layer.file(&format!("bin/{n}"), 0o755, &elf(AMD64, "")));
        let report = Sample::new("s390x").layer(layer).report();
        let result = result(&report, Check::ElfMachine);
        assert_eq!((result.findings.len(), result.summary.as_str()), (100, "150 files wrong (of 150 ELF files)"));
    }
}
