//! What maintainer scripts would have made (R1–R18), judged by the tools that use it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::files::{image, neutral, text};
use crate::harness::{Project, judge, need};

/// Unpacks with umoci and gives the root.
pub fn unpack(project: &Project, out: &Path, name: &str) -> PathBuf {
    let bundle = project.path().join(name.replace('/', "-"));
    judge("umoci", &["unpack", "--rootless", "--image", &format!("{}:{name}", out.display()), bundle.to_str().unwrap()]);
    bundle.join("rootfs")
}

/// Runs a program of the image inside it, with `/proc` and `/dev` as a container has them: natively, or with an emulator copied
/// into it.
pub fn inside(root: &Path, emulator: Option<&str>, arguments: &[&str]) -> String {
    for folder in ["proc", "dev", "tmp"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let script = r#"mount --rbind /proc "$1/proc" && mount --rbind /dev "$1/dev" && exec chroot "$@""#;
    let mut command = ["-r", "-m", "sh", "-c", script, "sh", root.to_str().unwrap()].map(str::to_owned).to_vec();
    if let Some(emulator) = emulator {
        fs::copy(format!("/usr/bin/{emulator}"), root.join(emulator)).unwrap();
        command.push(format!("/{emulator}"));
    }
    command.extend(arguments.iter().map(|a| (*a).to_owned()));
    judge("unshare", &command.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn libraries_are_found_as_ldconfig_finds_them_and_read_as_readelf_reads_them() {
    need("umoci", "umoci");
    need("readelf", "binutils");
    need("qemu-aarch64-static", "qemu-user-static");
    for suite in ["bookworm", "trixie"] {
        // fakeroot registers a directory of its own; glibc's variants for newer processors come with libgmp.
        let project = Project::new(&format!(
            "[defaults]\ntargets = [\"x86_64\", \"aarch64\"]\nbase = [\"dash\", \"libc-bin\"]\n[debian]\nsuite = \"{suite}\"\n[containers.py]\npackages = [\"python3\", \"libfakeroot\", \"openssl\"]\nentrypoint = \"python3\"\n"
        ))
        .with_releases(suite);
        let out = project.path().join("out");
        project.ok(&["build", "--out", out.to_str().unwrap()]);
        for (target, machine, emulator) in [("x86_64", 62, None), ("aarch64", 183, Some("qemu-aarch64-static"))] {
            let root = unpack(&project, &out, &format!("py/{target}"));
            ldconfig_agrees(&root, emulator);
            let listing = inside(&root, emulator, &["/usr/sbin/ldconfig", "-p"]);
            assert!(listing.contains("libfakeroot-0.so") && listing.contains("/libfakeroot/"), "{listing}");
            if emulator.is_none() {
                let found = inside(&root, None, &["/usr/bin/python3", "-c", "import ctypes.util; print(ctypes.util.find_library('ssl'))"]);
                assert_eq!(found.trim(), "libssl.so.3");
            }
            if suite == "trixie" {
                assert!(compare_with_readelf(&project, &format!("py/{target}"), &root, machine) > 100);
            }
        }
    }
}

/// The cache of libraries in `root` is, byte for byte, what its own ldconfig writes.
pub fn ldconfig_agrees(root: &Path, emulator: Option<&str>) {
    let ours = fs::read(root.join("etc/ld.so.cache")).unwrap();
    inside(root, emulator, &["/usr/sbin/ldconfig", "-X", "-C", "/tmp/judged"]);
    assert!(fs::read(root.join("tmp/judged")).unwrap() == ours, "{}: ldconfig writes another cache", root.display());
}

/// Holds what we say of the ELF files for `machine` in `image`, which is unpacked in `root`, against readelf; how many there are.
fn compare_with_readelf(project: &Project, image: &str, root: &Path, machine: u16) -> usize {
    let listed = project.json(&["inspect", image, "--files", "--json"]);
    let mut compared = 0;
    for file in listed["images"][0]["files"].as_array().unwrap() {
        let (path, elf) = (root.join(file["path"].as_str().unwrap()), &file["kind"]["file"]["elf"]);
        if elf["machine"] != machine {
            continue;
        }
        let shown = judge("readelf", &["-dW", path.to_str().unwrap()]);
        let values = |tag: &str| -> Vec<String> {
            let lines = shown.lines().filter(|line| line.contains(&format!("({tag})")));
            lines.filter_map(|line| Some(line.split_once('[')?.1.rsplit_once(']')?.0.to_owned())).collect()
        };
        let needed: Vec<String> = serde_json::from_value(elf["needed"].clone()).unwrap();
        let one = |field: &str| elf[field].as_str().map(str::to_owned).into_iter().collect::<Vec<_>>();
        assert_eq!(needed, values("NEEDED"), "{}", path.display());
        for (field, tag) in [("soname", "SONAME"), ("rpath", "RPATH"), ("runpath", "RUNPATH")] {
            assert_eq!(one(field), values(tag), "{} {field}", path.display());
        }
        compared += 1;
    }
    compared
}

#[test]
fn java_reads_its_key_store() {
    need("umoci", "umoci");
    let project = Project::new(
        "[defaults]\ntargets = [\"x86_64\"]\nbase = [\"dash\", \"libc-bin\"]\n[containers.java]\npackages = [\"default-jre-headless\"]\nentrypoint = \"/bin/sh\"\n",
    )
    .with_releases("trixie");
    let out = project.path().join("out");
    project.ok(&["build", "--out", out.to_str().unwrap()]);
    let root = unpack(&project, &out, "java/x86_64");
    let java = fs::read_dir(root.join("usr/lib/jvm")).unwrap().flatten().map(|e| e.file_name().into_string().unwrap());
    let java = java.into_iter().find(|name| name.starts_with("java-") && name.contains("openjdk")).unwrap();
    let keytool = format!("/usr/lib/jvm/{java}/bin/keytool");
    let store = ["-keystore", "/etc/ssl/certs/java/cacerts", "-storepass", "changeit"];
    let listing = inside(&root, None, &[&[&*keytool, "-list"], &store[..]].concat());
    let bundle = fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    let count = bundle.matches("BEGIN CERTIFICATE").count();
    assert!(count > 100 && listing.matches("trustedCertEntry").count() == count, "{count}\n{listing}");
}

/// R1–R5, R8, R14, R16 and R17 hold for the layers as they are written, on both architectures and both releases.
#[test]
fn layers_keep_the_rules_of_a_merged_root() {
    for (suite, apt) in [("bookworm", "_apt"), ("trixie", "_apt:*:42:65534:")] {
        let project = Project::new(&format!(
            "[defaults]\ntargets = [\"x86_64\", \"aarch64\"]\nbase = [\"dash\", \"coreutils\", \"base-files\", \"base-passwd\", \"libc-bin\", \"tzdata\"]\n[debian]\nsuite = \"{suite}\"\n[containers.login]\npackages = [\"passwd\", \"mount\", \"ca-certificates\"]\nentrypoint = \"/bin/sh\"\n"
        ))
        .with_releases(suite);
        let out = project.path().join("out");
        project.ok(&["build", "--out", out.to_str().unwrap()]);
        let both = ["x86_64", "aarch64"].map(|target| image(&out, &format!("login/{target}")));
        for files in &both {
            for merged in ["bin", "sbin", "lib"] {
                assert_eq!((files[merged].kind, &*files[merged].link), ('l', &*format!("usr/{merged}")), "{suite}");
                assert!(!files.keys().any(|path| path.starts_with(&format!("{merged}/"))), "{suite}: something is below /{merged}");
            }
            assert_eq!(
                (&*files["var/run"].link, &*files["var/lock"].link, &*files["etc/localtime"].link),
                ("/run", "/run/lock", "/usr/share/zoneinfo/Etc/UTC")
            );
            assert_eq!((files["tmp"].mode, files["root"].mode, files["var/mail"].mode, files["var/mail"].gid), (0o1777, 0o700, 0o2775, 8));
            let setuid: BTreeSet<&str> =
                files.iter().filter(|(_, f)| f.kind == 'f' && f.mode & 0o4000 != 0).map(|(path, _)| &**path).collect();
            for program in ["usr/bin/passwd", "usr/bin/chfn", "usr/bin/mount", "usr/bin/umount"] {
                assert!(setuid.contains(program), "{suite}: {setuid:?}");
            }
            assert!(!files.contains_key("var/lib/dpkg/status") && files.contains_key("var/lib/dpkg/status.d/libc6"));
            for machine in ["etc/hostname", "etc/resolv.conf", "var/cache/ldconfig/aux-cache"] {
                assert!(!files.contains_key(machine), "{suite}: {machine}");
            }
            // Accounts: base-passwd's, with the shadow files of `passwd`, nobody able to log in.
            let (passwd, shadow) = (text(files, "etc/passwd"), text(files, "etc/shadow"));
            let names = |text: &str| text.lines().map(|line| line.split(':').next().unwrap().to_owned()).collect::<Vec<_>>();
            assert_eq!(names(&passwd), names(&shadow));
            assert!(
                passwd.starts_with("root:x:0:0:root:/root:/bin/bash\n")
                    && shadow.lines().all(|line| ["*", "!"].contains(&line.split(':').nth(1).unwrap()))
            );
            assert_eq!(names(&text(files, "etc/group")), names(&text(files, "etc/gshadow")));
            assert_eq!((files["etc/shadow"].mode, files["etc/shadow"].gid, files["etc/gshadow"].mode), (0o640, 42, 0o640));
            if apt.contains(':') {
                assert!(text(files, "usr/share/base-passwd/passwd.master").contains(apt), "the table has _apt's id from here");
            }
        }
        // Apart from machine code, both architectures have the same files, owners and modes.
        let [amd64, arm64] = both;
        assert_eq!(neutral(&amd64), neutral(&arm64));
        for path in ["etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/nsswitch.conf", "etc/ca-certificates.conf"] {
            assert_eq!(text(&amd64, path), text(&arm64, path), "{suite}: {path}");
        }
    }
}
