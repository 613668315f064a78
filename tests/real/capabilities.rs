//! File capabilities against those who know them: libcap's setcap and getcap, an installation by dpkg, umoci, GNU tar and Docker.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use catamaran::image::{Capabilities, FileCapabilities};

use crate::docker::Docker;
use crate::files::{Files, image};
use crate::harness::{Project, Ran, judge, need};
use crate::installation::installed;
use crate::metadata::locked;

/// Its script asks for `setcap`, and sets the setuid bit without it: the package does not depend on libcap2-bin.
const ALONE: &str = "mtr-tiny";
/// With it, and with others that have capabilities in one release or the other.
const MORE: [&str; 4] = ["fping", "iputils-arping", "iputils-ping", "libcap2-bin"];

fn project(suite: &str, packages: &[&str]) -> Project {
    let names: Vec<String> = packages.iter().map(|name| format!("\"{name}\"")).collect();
    let debian = format!("[debian]\nsuite = \"{suite}\"\nessential = true\n");
    let container = format!("[containers.net]\npackages = [{}]\nentrypoint = \"/usr/bin/mtr-packet\"\n", names.join(", "));
    Project::new(&format!("[defaults]\ntargets = [\"x86_64\"]\nbase = [\"bash\"]\n{debian}{container}")).with_releases(suite)
}

/// Mode and capabilities of every program that has more rights than who starts it.
fn rights(files: &Files) -> BTreeMap<&str, (u32, Option<&FileCapabilities>)> {
    let special = files.iter().filter(|(_, file)| file.kind == 'f' && (file.mode & 0o6000 != 0 || file.capabilities.is_some()));
    special.map(|(path, file)| (path.as_str(), (file.mode, file.capabilities.as_ref()))).collect()
}

/// What `getcap` says of everything below `folder`: `usr/bin/ping cap_net_raw=ep`.
fn getcap(folder: &Path) -> Vec<String> {
    let said = judge("getcap", &["-r", folder.to_str().unwrap()]);
    let prefix = format!("{}/", folder.display());
    let mut lines: Vec<String> = said.lines().map(|line| line.replace(&prefix, "")).collect();
    lines.sort();
    lines
}

#[test]
fn programs_have_the_capabilities_that_an_installation_gives_them() {
    for (program, package) in
        [("mmdebstrap", "mmdebstrap"), ("dpkg-scanpackages", "dpkg-dev"), ("umoci", "umoci"), ("getcap", "libcap2-bin")]
    {
        need(program, package);
    }
    for suite in ["bookworm", "trixie"] {
        for more in [&[][..], &MORE] {
            let packages = [&[ALONE], more].concat();
            let project = project(suite, &packages);
            let out = project.path().join("out");
            project.ok(&["build", "--out", out.to_str().unwrap()]);
            let ours = image(&out, "net/x86_64");
            let theirs = installed(&project, suite, &packages, &locked(&project, "x86_64", "amd64"));
            assert_eq!(rights(&ours), rights(&theirs), "{suite}, {packages:?}");
            let given: Vec<String> =
                ours.iter().filter_map(|(path, file)| Some(format!("{path} {}", file.capabilities.as_ref()?))).collect();
            assert_eq!(given.is_empty(), more.is_empty(), "{suite}, {packages:?}: {given:?}");
            assert_eq!(given.contains(&"usr/bin/mtr-packet cap_net_raw=ep".to_owned()), !more.is_empty(), "{given:?}");

            // What others unpack, as getcap reads it from the disk.
            let bundle = project.path().join("bundle");
            judge("umoci", &["unpack", "--image", &format!("{}:net/x86_64", out.display()), bundle.to_str().unwrap()]);
            assert_eq!(getcap(&bundle.join("rootfs")), given, "{suite}: umoci");
            let tree = project.path().join("tree");
            fs::create_dir(&tree).unwrap();
            let tar = "for blob in \"$0\"/blobs/sha256/*; do gzip -t $blob 2>/dev/null || continue; \
                       tar --xattrs --xattrs-include=security.capability -C \"$1\" -xzf $blob usr/bin; done";
            judge("sh", &["-ec", tar, out.to_str().unwrap(), tree.to_str().unwrap()]);
            assert_eq!(getcap(&tree), given.iter().filter(|line| line.starts_with("usr/bin/")).cloned().collect::<Vec<_>>(), "GNU tar");

            // Nothing of a script is left over, and what was told of the layers unread is what is in them.
            let report = project.json(&["verify", "net/x86_64", "--json"]);
            let checks = report["reports"][0]["checks"].as_array().unwrap();
            let scripts = checks.iter().find(|check| check["check"] == "maintainer-scripts").unwrap();
            assert_eq!(scripts["verdict"], "pass", "{scripts}");
            let listed = |reference: &str| project.json(&["inspect", reference, "--files", "--json"])["images"][0]["files"].clone();
            assert_eq!(listed("net/x86_64"), listed(&format!("oci:{}:net", out.display())));
            assert!(given.is_empty() || listed("net/x86_64").to_string().contains("\"capabilities\":\"cap_net_raw=ep\""));
        }
    }
}

#[test]
fn a_container_s_user_has_what_its_program_was_given() {
    let docker = Docker::with(&[]);
    let project = project("trixie", &["libcap2-bin", "mtr-tiny"]);
    project.ok(&["build"]);
    project.ok(&["load", "net", "--engine", docker.address()]);
    let run = |options: &[&str], command: &[&str]| {
        let (head, image) = (["run", "--rm", "--network", "none", "--user", "65534:65534"], ["--entrypoint", command[0], "net:latest"]);
        Ran::of(&mut docker.command(&[&head, options, &image, &command[1..]].concat()))
    };
    let said = run(&[], &["/usr/sbin/getcap", "/usr/bin/mtr-packet"]);
    assert_eq!(said.out, "/usr/bin/mtr-packet cap_net_raw=ep\n", "{said:?}");
    // It opens raw sockets before it reads anything.
    let asks = "echo '7 check-support feature ip-4' | mtr-packet";
    let opened = run(&[], &["/bin/bash", "-c", asks]);
    assert_eq!((opened.code, opened.out.as_str()), (0, "7 feature-support support ok\n"), "{opened:?}");
    let refused = run(&["--cap-drop", "NET_RAW"], &["/bin/bash", "-c", asks]);
    assert!(refused.err.contains("Operation not permitted"), "{refused:?}");

    // Of a value that Linux does not let be set, Docker makes no image.
    let import = |value: &[u8]| {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_pax_extensions([("SCHILY.xattr.security.capability", value)]).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o755);
        header.set_size(0);
        tar.append_data(&mut header, "program", &[][..]).unwrap();
        let place = project.path().join("value.tar");
        fs::write(&place, tar.into_inner().unwrap()).unwrap();
        Ran::of(&mut docker.command(&["import", place.to_str().unwrap()]))
    };
    let value = "cap_net_raw=ep".parse::<Capabilities>().unwrap().to_bytes();
    assert_eq!(import(&value).code, 0);
    for damaged in [&value[..19], &[&[4][..], &value[1..]].concat(), b"\x01\0\0\x01\0\x20\0\0\0\0\0\0", b"x"] {
        assert!(FileCapabilities::read(damaged).damage().is_some());
        let ran = import(damaged);
        assert!(ran.code != 0 && ran.err.contains("invalid argument"), "{damaged:?}: {ran:?}");
    }
}

#[test]
fn texts_are_read_and_written_as_by_libcap() {
    need("setcap", "libcap2-bin");
    // A temporary folder in memory may hold no such attributes.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("file");
    let file = file.to_str().unwrap();
    let (lists, acts) = (["", "cap_net_raw", "CAP_CHOWN,13", "all", "cap_kill,63", "0x1,07", "64", "cap_x", "cap_kill,"], ["=", "+", "-"]);
    let flags = ["ep", "", "eip", "p", "i", "x", "p+i", "ep-e", "+ep", "-p", "=p"];
    let mut clauses = Vec::new();
    for list in lists {
        for act in acts {
            clauses.extend(flags.map(|flags| format!("{list}{act}{flags}")));
        }
    }
    // To setcap this one means standard input.
    clauses.retain(|clause| clause != "-");
    let ends = ["", " cap_chown=p", " cap_net_raw+i", "\t=", " all-e"];
    let mut read = 0;
    for (number, clause) in clauses.iter().enumerate() {
        let text = format!("{clause}{}", ends[number % ends.len()]);
        fs::write(file, b"").unwrap();
        let theirs = Ran::of(Command::new("setcap").args([&text, file])).code == 0;
        let ours = text.parse::<Capabilities>();
        assert_eq!(ours.is_ok(), theirs, "`{text}`: {ours:?}");
        if let Ok(ours) = ours {
            read += 1;
            // Writing took away what the last one had.
            let verified = Ran::of(Command::new("setcap").args(["-v", &ours.to_string(), file]));
            assert_eq!(verified.code, 0, "`{text}` is `{ours}`: {verified:?}");
        }
    }
    assert!(read > 60, "{read} of {} are read", clauses.len());
}
