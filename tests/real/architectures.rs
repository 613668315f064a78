//! The architectures beyond the common two: real images, judged by readelf and skopeo, and run.

use std::fs;

use serde_json::Value;

use crate::harness::{Project, elf_files, judge, need};
use crate::rules::ldconfig_agrees;

/// A target, and what independent programs must say of its image.
struct Expected {
    target: &'static str,
    /// OCI architecture and variant.
    platform: (&'static str, Option<&'static str>),
    /// What readelf says of every one of its ELF files.
    header: &'static [&'static str],
    /// Who runs its programs.
    runner: &'static str,
}

const TARGETS: [Expected; 4] = [
    Expected {
        target: "riscv64",
        platform: ("riscv64", None),
        header: &["ELF64", "little endian", "RISC-V", "double-float ABI"],
        runner: "qemu-riscv64-static",
    },
    Expected {
        target: "ppc64le",
        platform: ("ppc64le", None),
        header: &["ELF64", "little endian", "PowerPC64", "abiv2"],
        runner: "qemu-ppc64le-static",
    },
    Expected { target: "s390x", platform: ("s390x", None), header: &["ELF64", "big endian", "IBM S/390"], runner: "qemu-s390x-static" },
    Expected {
        target: "armv7",
        platform: ("arm", Some("v7")),
        header: &["ELF32", "little endian", "ARM", "Version5 EABI"],
        runner: "qemu-arm-static",
    },
];

#[test]
fn the_other_four_build_verify_and_run() {
    need("umoci", "umoci");
    need("readelf", "binutils");
    // Testing, however old: some caching mirrors have stable whole for the common architectures only.
    let project = Project::new(
        "[debian]\nsuite = \"forky\"\ncheck-valid-until = false\n[defaults]\ntargets = [\"riscv64\", \"ppc64le\", \"s390x\", \"armv7\"]\nbase = [\"bash\", \"libc-bin\"]\n\n[containers.jq]\npackages = [\"jq\"]\n",
    );
    let out = project.path().join("out");
    // Builds and verifies; a failed check would be exit code 1.
    project.ok(&["build", "--out", out.to_str().unwrap()]);
    for Expected { target, platform: (architecture, variant), header: words, runner } in TARGETS {
        need(runner, "qemu-user-static");
        let reference = format!("oci:{}:jq/{target}", out.display());
        let config: Value = serde_json::from_str(&judge("skopeo", &["inspect", "--config", "--raw", &reference])).unwrap();
        assert_eq!((config["architecture"].as_str(), config["variant"].as_str()), (Some(architecture), variant));
        let bundle = project.path().join(target);
        judge("umoci", &["unpack", "--rootless", "--image", &reference["oci:".len()..], bundle.to_str().unwrap()]);
        let root = bundle.join("rootfs");
        let files = elf_files(&root);
        assert!(files.len() > 20, "{target}: {} ELF files", files.len());
        for file in &files {
            let header = judge("readelf", &["-h", file.to_str().unwrap()]);
            for word in words {
                assert!(header.contains(word), "{}: no `{word}`\n{header}", file.display());
            }
        }
        // Every checked file was counted by our own check too.
        let report = project.json(&["verify", &format!("jq/{target}"), "--json"]).to_string();
        assert!(report.contains(&format!("{} ELF files", files.len())), "{target}: {} ELF files; {report}", files.len());
        let sum = judge(runner, &["-L", root.to_str().unwrap(), root.join("usr/bin/jq").to_str().unwrap(), "-n", "19 + 23"]);
        assert_eq!(sum.trim(), "42", "{target}");
        ldconfig_agrees(&root, Some(runner));
        // No architecture has a directory where the merged system has a link.
        for name in ["bin", "lib", "lib64", "sbin"] {
            let kind = fs::symlink_metadata(root.join(name)).map(|m| m.is_symlink());
            assert_ne!(kind.ok(), Some(false), "{target}: /{name} is a directory");
        }
    }
    let index: Value = serde_json::from_str(&judge("skopeo", &["inspect", "--raw", &format!("oci:{}:jq", out.display())])).unwrap();
    let platforms: Vec<(Option<&str>, Option<&str>)> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["platform"]["architecture"].as_str(), m["platform"]["variant"].as_str()))
        .collect();
    for Expected { platform: (architecture, variant), .. } in TARGETS {
        assert!(platforms.contains(&(Some(architecture), variant)), "{platforms:?}");
    }
}
