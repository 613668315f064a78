//! Building from the real archive: for two architectures, reproducibly, and without the network the second time.

use std::fs;
use std::process::Command;

use crate::harness::{Project, Registry, judge, leftovers, need};

/// No server answers here: whoever asks the network fails at once.
const NOWHERE: &str = "http://127.0.0.1:9/debian";

#[test]
fn both_architectures_build_from_the_archive_and_the_second_run_asks_nobody() {
    let project = Project::fd(None);
    project.ok(&["build"]);
    let first = project.digests();
    assert_eq!(first.len(), 2);
    assert!(first.iter().all(|(_, digest)| digest.starts_with("sha256:")), "{first:?}");
    let list = project.json(&["list", "--json"]);
    for target in list["targets"].as_array().unwrap() {
        assert_eq!((&target["state"], &target["verified"]), (&"built".into(), &true.into()), "{target}");
    }

    let again = project
        .command()
        .env("CATAMARAN_DEBIAN_MIRROR", NOWHERE)
        .env("CATAMARAN_DEBIAN_SECURITY_MIRROR", NOWHERE)
        .args(["build", "--locked"])
        .output();
    let again = again.expect("catamaran starts");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(project.digests(), first);

    // Even without its images, a warm cache of packages is enough.
    fs::remove_dir_all(project.cache().join("images")).unwrap();
    let rebuilt =
        project.command().env("CATAMARAN_DEBIAN_MIRROR", NOWHERE).env("CATAMARAN_DEBIAN_SECURITY_MIRROR", NOWHERE).arg("build").output();
    let rebuilt = rebuilt.expect("catamaran starts");
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    assert_eq!(project.digests(), first);
    assert!(leftovers(&project.cache()).is_empty());
}

#[test]
fn one_thread_or_many_in_any_folder_the_bytes_are_the_same() {
    need("taskset", "util-linux");
    let many = Project::fd(None).with_downloads();
    many.ok(&["build", "--jobs", "2"]);
    let one = Project::fd(None).with_downloads();
    // On one processor the program sees one core and starts one worker.
    let program = one.command();
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", "0"]).arg(program.get_program()).args(["build", "--jobs", "1"]).current_dir(one.path());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => pinned.env(name, value),
            None => pinned.env_remove(name),
        };
    }
    let ran = pinned.output().expect("taskset starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(one.digests(), many.digests());
}

#[test]
fn the_base_layer_is_one_blob_for_all_containers_of_an_architecture() {
    let project = Project::new(
        "[defaults]\ntargets = [\"x86_64\"]\nbase = [\"bash\", \"coreutils\"]\n[containers.fd]\npackages = [\"fd-find\"]\nentrypoint = \"fdfind\"\n[containers.jq]\npackages = [\"jq\"]\n",
    )
    .with_releases("trixie");
    project.ok(&["build"]);
    let layers = |name: &str| {
        let inspected = project.json(&["inspect", name, "--json"]);
        let images = inspected["images"].as_array().expect("images").clone();
        images[0]["layers"].as_array().expect("layers").iter().map(|l| l["digest"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (fd, jq) = (layers("fd"), layers("jq"));
    assert_eq!((fd.len(), jq.len()), (2, 2));
    assert_eq!(fd[0], jq[0]);
    assert_ne!(fd[1], jq[1]);
}

#[test]
fn what_out_writes_is_unpacked_by_umoci_and_runs_on_both_architectures() {
    need("umoci", "umoci");
    need("qemu-aarch64-static", "qemu-user-static");
    let project = Project::fd(None).with_downloads();
    let out = project.path().join("out");
    project.ok(&["build", "--out", out.to_str().unwrap()]);
    for (target, runner) in [("x86_64", "qemu-x86_64-static"), ("aarch64", "qemu-aarch64-static")] {
        let bundle = project.path().join(target);
        judge("umoci", &["unpack", "--rootless", "--image", &format!("{}:fd/{target}", out.display()), bundle.to_str().unwrap()]);
        let root = bundle.join("rootfs");
        let version = judge(runner, &["-L", root.to_str().unwrap(), root.join("usr/bin/fdfind").to_str().unwrap(), "--version"]);
        assert!(version.starts_with("fdfind ") || version.starts_with("fd "), "{version}");
        // Package metadata that scanners read: one stanza per package of the lock.
        let lock = project.lock();
        let wanted = lock["target"].as_array().unwrap().iter().find(|t| t["target"].as_str() == Some(target)).expect("a locked target");
        let mut wanted: Vec<String> = wanted["packages"].as_array().unwrap().iter().map(|p| p.as_str().unwrap().to_owned()).collect();
        let mut found: Vec<String> = fs::read_dir(root.join("var/lib/dpkg/status.d"))
            .expect("status.d")
            .flatten()
            .filter(|e| e.path().extension().is_none_or(|x| x != "md5sums"))
            .map(|e| {
                let text = fs::read_to_string(e.path()).unwrap();
                let field = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).expect("a field").trim().to_owned();
                format!("{}={}", field("Package:"), field("Version:"))
            })
            .collect();
        wanted.sort();
        found.sort();
        assert_eq!(found, wanted);
    }
    let index = judge("skopeo", &["inspect", "--raw", &format!("oci:{}:fd", out.display())]);
    assert!(index.contains("arm64") && index.contains("amd64"), "{index}");
}

#[test]
fn two_processes_at_once_make_each_segment_and_layer_once() {
    let project = Project::fd(None).with_downloads();
    // The same cache, two places to build in.
    let other = Project::fd(None);
    fs::copy(project.path().join("containers.lock"), other.path().join("containers.lock")).unwrap();
    let start = |of: &Project| {
        let mut command = of.command();
        command.env("CATAMARAN_CACHE_DIR", project.cache()).args(["build", "--output", "json"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().expect("catamaran starts")
    };
    let running = [start(&project), start(&other)];
    let texts = running.map(|child| {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    });
    // Who makes a segment says from how many bytes to how many; who finds it made says nothing.
    let made = texts.iter().flat_map(|text| text.lines()).map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an event"));
    let made: Vec<String> = made
        .flat_map(|event| event["lines"].as_array().cloned().unwrap_or_default())
        .filter_map(|line| line.as_str().filter(|line| line.contains(" → ")).map(str::to_owned))
        .collect();
    let segments = fs::read_dir(project.cache().join("debian/segments"))
        .unwrap()
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|x| x == "gz"));
    assert_eq!(made.len(), segments.count(), "{made:#?}");
    assert!(leftovers(&project.cache()).is_empty());
    let locks = ["segments", "layers"].map(|folder| project.cache().join("debian").join(folder));
    for folder in locks {
        assert!(fs::read_dir(folder).unwrap().flatten().all(|e| e.path().extension().is_none_or(|x| x != "lock")));
    }
}

#[test]
fn zstd_layers_hold_the_same_tar_and_are_pushed_and_read_back() {
    need("zstd", "zstd");
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_downloads();
    project.ok(&["build", "--target", "x86_64"]);
    let layers = |project: &Project| {
        let inspected = project.json(&["inspect", "fd/x86_64", "--json"]);
        inspected["images"][0]["layers"].as_array().expect("layers").clone()
    };
    let gzip = layers(&project);
    let text = fs::read_to_string(project.path().join("containers.toml")).unwrap();
    fs::write(project.path().join("containers.toml"), text.replace("[defaults]\n", "[defaults]\ncompression = \"zstd\"\n")).unwrap();
    project.ok(&["build", "--target", "x86_64", "--locked"]);
    let zstd = layers(&project);
    assert_eq!((gzip.len(), zstd.len()), (2, 2));
    for (gzip, zstd) in gzip.iter().zip(&zstd) {
        assert_eq!(zstd["media_type"], "application/vnd.oci.image.layer.v1.tar+zstd");
        assert_eq!(zstd["diff_id"], gzip["diff_id"]);
        assert_ne!(zstd["digest"], gzip["digest"]);
        let blob = project.cache().join("images/blobs/sha256").join(zstd["digest"].as_str().unwrap().trim_start_matches("sha256:"));
        let tar = Command::new("zstd").arg("-dcq").arg(blob).output().expect("zstd starts");
        assert!(tar.status.success());
        assert_eq!(catamaran::image::Digest::of(&tar.stdout).to_string(), zstd["diff_id"].as_str().unwrap());
    }
    project.ok(&["verify", "fd/x86_64"]);
    project.ok(&["push", "v1", "--target", "x86_64", "--yes"]);
    project.ok(&["verify", &format!("{}/tools/fd:v1", registry.host)]);
}
