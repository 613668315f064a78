//! An image that is not what it says, and judges for the ones that are.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Project, Ran, Registry, elf_files, judge, need};

/// Replaces the config of `oci:DIR:NAME`'s image by `change` of it, and everything that names it by digest.
fn with_config_changed(layout: &Path, name: &str, change: impl FnOnce(&mut Value)) {
    let blob = |digest: &str| layout.join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
    let read = |path: &Path| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
    let store = |value: &Value| {
        let bytes = serde_json::to_vec(value).unwrap();
        let digest = catamaran::image::Digest::of(&bytes).to_string();
        fs::write(blob(&digest), &bytes).unwrap();
        (digest, bytes.len())
    };
    let mut index = read(&layout.join("index.json"));
    let entry = index["manifests"].as_array_mut().unwrap().iter_mut();
    let entry = entry.into_iter().find(|m| m["annotations"]["org.opencontainers.image.ref.name"] == name).expect("the named entry");
    let mut manifest = read(&blob(entry["digest"].as_str().unwrap()));
    let mut config = read(&blob(manifest["config"]["digest"].as_str().unwrap()));
    change(&mut config);
    let (digest, size) = store(&config);
    (manifest["config"]["digest"], manifest["config"]["size"]) = (digest.into(), size.into());
    let (digest, size) = store(&manifest);
    (entry["digest"], entry["size"]) = (digest.into(), size.into());
    entry.as_object_mut().unwrap().remove("platform");
    fs::write(layout.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
}

/// Changes the index that `oci:DIR:NAME` is, and the layout's entry for it.
fn with_index_changed(layout: &Path, name: &str, change: impl FnOnce(&mut Vec<Value>)) {
    let blob = |digest: &str| layout.join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
    let read = |path: &Path| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
    let mut top = read(&layout.join("index.json"));
    let entries = top["manifests"].as_array_mut().unwrap().iter_mut();
    let entry = entries.into_iter().find(|m| m["annotations"]["org.opencontainers.image.ref.name"] == name).expect("the named entry");
    let mut index = read(&blob(entry["digest"].as_str().unwrap()));
    change(index["manifests"].as_array_mut().expect("members"));
    let bytes = serde_json::to_vec(&index).unwrap();
    let digest = catamaran::image::Digest::of(&bytes).to_string();
    fs::write(blob(&digest), &bytes).unwrap();
    (entry["digest"], entry["size"]) = (digest.into(), bytes.len().into());
    fs::write(layout.join("index.json"), serde_json::to_vec(&top).unwrap()).unwrap();
}

/// The verdict of `check` in each report.
fn verdicts(report: &Value, check: &str) -> Vec<String> {
    let of = |report: &Value| {
        let checks = report["checks"].as_array().expect("checks");
        checks.iter().find(|result| result["check"] == check).expect("the check")["verdict"].as_str().unwrap().to_owned()
    };
    report["reports"].as_array().expect("reports").iter().map(of).collect()
}

#[test]
fn an_index_whose_members_are_swapped_or_missing_fails_and_the_others_are_still_verified() {
    let project = Project::fd(None).with_segments();
    let out = project.path().join("out");
    project.ok(&["build", "--out", out.to_str().unwrap()]);
    let reference = format!("oci:{}:fd", out.display());
    let report: Value = serde_json::from_str(&project.ok(&["verify", &reference, "--json"])).expect("JSON");
    assert_eq!(verdicts(&report, "index-platform"), ["pass", "pass"], "{report}");

    with_index_changed(&out, "fd", |members| {
        let first = members[0]["platform"].take();
        members[0]["platform"] = members[1]["platform"].take();
        members[1]["platform"] = first;
    });
    let ran = project.run(&["verify", &reference, "--json"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(verdicts(&report, "index-platform"), ["fail", "fail"], "{report}");

    with_index_changed(&out, "fd", |members| {
        members[0]["digest"] = format!("sha256:{}", "0".repeat(64)).into();
        members[0]["platform"] = serde_json::json!({"os": "linux", "architecture": "s390x"});
    });
    let ran = project.run(&["verify", &reference, "--json"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(verdicts(&report, "elf-machine"), ["pass"], "{report}");
    assert!(ran.out.contains("for linux/s390x"), "{}", ran.out);
    // Half of an index is not shown as if it were all of it.
    project.run(&["inspect", &reference]).fails(1, &["could not be read"]);
}

#[test]
fn an_image_that_says_arm64_and_holds_amd64_fails_with_the_path_named() {
    let project = Project::fd(None).with_segments();
    let out = project.path().join("out");
    project.ok(&["build", "--target", "x86_64", "--out", out.to_str().unwrap()]);
    let reference = format!("oci:{}:fd/x86_64", out.display());
    project.ok(&["verify", &reference]);
    with_config_changed(&out, "fd/x86_64", |config| config["architecture"] = "arm64".into());
    let ran = project.run(&["verify", &reference]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("elf-machine") && ran.out.contains("usr/bin/fdfind"), "{}", ran.out);
    let report: Value = serde_json::from_str(&project.run(&["verify", &reference, "--json"]).out).expect("a JSON document");
    assert_eq!(report["schema"], 1);
}

#[test]
fn an_entrypoint_that_is_not_there_fails() {
    let project = Project::fd(None).with_segments();
    let out = project.path().join("out");
    project.ok(&["build", "--target", "x86_64", "--out", out.to_str().unwrap()]);
    with_config_changed(&out, "fd/x86_64", |config| config["config"]["Entrypoint"] = serde_json::json!(["/usr/bin/not-there"]));
    let ran = project.run(&["verify", &format!("oci:{}:fd/x86_64", out.display())]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("usr/bin/not-there"), "{}", ran.out);
}

#[test]
fn a_damaged_layer_is_a_finding_not_a_crash() {
    let project = Project::fd(None).with_segments();
    let out = project.path().join("out");
    project.ok(&["build", "--target", "x86_64", "--out", out.to_str().unwrap()]);
    let largest = fs::read_dir(out.join("blobs/sha256")).unwrap().flatten().max_by_key(|e| e.metadata().unwrap().len()).unwrap().path();
    let mut bytes = fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(&largest, &bytes).unwrap();
    let ran = project.run(&["verify", &format!("oci:{}:fd/x86_64", out.display())]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("layer-digests"), "{}", ran.out);
}

#[test]
fn readelf_finds_no_elf_file_of_another_machine_either() {
    need("umoci", "umoci");
    need("readelf", "binutils");
    let project = Project::fd(None).with_segments();
    let out = project.path().join("out");
    project.ok(&["build", "--target", "aarch64", "--out", out.to_str().unwrap()]);
    let bundle = project.path().join("bundle");
    judge("umoci", &["unpack", "--rootless", "--image", &format!("{}:fd/aarch64", out.display()), bundle.to_str().unwrap()]);
    let elf_files = elf_files(&bundle.join("rootfs"));
    for file in &elf_files {
        let header = judge("readelf", &["-h", file.to_str().unwrap()]);
        assert!(header.contains("AArch64"), "{}\n{header}", file.display());
    }
    let elf_files = elf_files.len();
    let report = project.json(&["verify", "fd/aarch64", "--json"]).to_string();
    assert!(elf_files > 50 && report.contains(&elf_files.to_string()), "{elf_files} ELF files; {report}");
}

/// The records of what is inside layers, by file name.
fn records(project: &Project) -> std::collections::BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(project.cache().join("content")).expect("records").flatten();
    entries.map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap())).collect()
}

#[test]
fn what_the_builder_records_of_its_layers_is_what_reading_them_finds() {
    // Links, setuid files, scripts, hard links, long names, files that another package replaces.
    let project = Project::new(
        "[defaults]\nbase = [\"bash\", \"coreutils\"]\n[containers.fd]\npackages = [\"fd-find\"]\nentrypoint = \"fdfind\"\n\
         [containers.many]\npackages = [\"perl\", \"openssl\", \"mount\", \"ca-certificates\", \"tzdata\", \"git\"]\nentrypoint = \"git\"\n",
    )
    .with_releases("trixie");
    project.ok(&["build"]);
    let (written, reports) = (records(&project), project.ok(&["verify", "fd", "many", "--json"]));
    assert_eq!(written.len(), 6, "two base layers and four application layers: {:?}", written.keys());
    fs::remove_dir_all(project.cache().join("content")).unwrap();
    assert_eq!(project.ok(&["verify", "fd", "many", "--json"]), reports);
    let read = records(&project);
    for (name, content) in &written {
        assert!(read.get(name).is_some_and(|read| read == content), "the record {name} is not what a scan finds");
    }
    assert_eq!(read.len(), written.len());
}

#[test]
fn damage_is_found_although_the_content_is_recorded_and_a_damaged_record_hides_nothing() {
    let project = Project::fd(None).with_segments();
    project.ok(&["build", "--target", "x86_64"]);
    let report = project.ok(&["verify", "fd/x86_64", "--json"]);
    for path in fs::read_dir(project.cache().join("content")).unwrap().flatten().map(|e| e.path()) {
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(project.ok(&["verify", "fd/x86_64", "--json"]), report);
    let blobs = project.cache().join("images/blobs/sha256");
    let largest = fs::read_dir(blobs).unwrap().flatten().max_by_key(|e| e.metadata().unwrap().len()).unwrap().path();
    let mut bytes = fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(&largest, &bytes).unwrap();
    let ran = project.run(&["verify", "fd/x86_64"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("layer-digests"), "{}", ran.out);
}

/// What is said of the image called `subject`: the verdict of `check`.
fn verdict_of(document: &Value, subject: &str, check: &str) -> String {
    let report = document["reports"].as_array().expect("reports").iter().find(|report| report["subject"] == subject);
    let checks = report.unwrap_or_else(|| panic!("no report of {subject}: {document}"))["checks"].as_array().expect("checks");
    checks.iter().find(|result| result["check"] == check).expect("the check")["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_missing_is_found_and_what_cannot_be_reached_is_listed_and_nothing_keeps_the_others_from_being_verified() {
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_downloads();
    project.ok(&["build"]);
    project.ok(&["push", "1.0", "--yes"]);
    let reference = format!("{}/tools/fd:1.0", registry.host);
    let document: Value = serde_json::from_str(&project.ok(&["verify", &reference, "--json"])).expect("JSON");
    assert!(document.get("unread").is_none() && document["verdict"] != "fail", "{document}");

    // A layer of the arm64 image is gone from the registry.
    let inspected = project.json(&["inspect", "fd/aarch64", "--json"]);
    let layer = inspected["images"][0]["layers"].as_array().expect("layers").last().unwrap()["digest"].clone();
    let hex = layer.as_str().unwrap().trim_start_matches("sha256:").to_owned();
    fs::remove_dir_all(registry.data().join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(&hex)).expect("the blob");
    let cold = project.path().join("cold");
    let verify = |arguments: &[&str]| {
        let mut command = project.command();
        let ran = crate::harness::Ran::of(command.env("CATAMARAN_CACHE_DIR", &cold).arg("verify").args(arguments).arg("--json"));
        (ran.code, serde_json::from_str::<Value>(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err)))
    };
    let (code, document) = verify(&[&reference]);
    assert_eq!(code, 1, "{document}");
    let member = |platform: &str| format!("docker://{reference} {platform}");
    assert_eq!(verdict_of(&document, &member("linux/arm64"), "layer-digests"), "fail", "{document}");
    assert_eq!(verdict_of(&document, &member("linux/amd64"), "layer-digests"), "pass", "{document}");

    // Mistakes come before the network, and that before what fails; whatever the order.
    let (nowhere, mistake) = ("docker://127.0.0.1:1/acme/x:1", "oci:not-there");
    for (references, expected, unread) in [
        (vec![nowhere, reference.as_str()], 3, vec![nowhere]),
        (vec![reference.as_str(), nowhere], 3, vec![nowhere]),
        (vec![nowhere, mistake, reference.as_str()], 2, vec![nowhere, mistake]),
    ] {
        let (code, document) = verify(&references);
        let subjects: Vec<&str> = document["unread"].as_array().expect("unread").iter().map(|u| u["subject"].as_str().unwrap()).collect();
        assert_eq!((code, subjects), (expected, unread), "{document}");
        assert_eq!((document["verdict"].as_str(), document["reports"].as_array().map(Vec::len)), (Some("fail"), Some(2)), "{document}");
    }
}

/// Every file below `folder`, if that is there at all.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn an_image_of_a_registry_is_verified_and_nothing_is_written_to_the_disk() {
    let registry = Registry::start();
    let project = Project::fd(None).with_downloads();
    let (out, remote) = (project.path().join("out"), format!("docker://{}/tools/fd:1", registry.host));
    project.ok(&["build", "--target", "x86_64", "--out", out.to_str().unwrap()]);
    project.ok(&["copy", &format!("oci:{}:fd/x86_64", out.display()), &remote]);
    // Everything this user may have, as it is for somebody who never ran the program; and the place of temporary files.
    let fresh = project.path().join("fresh");
    fs::create_dir(&fresh).unwrap();
    for arguments in [["verify", &remote, "--json"], ["inspect", &remote, "--json"]] {
        let mut command = project.command();
        for variable in ["CATAMARAN_CACHE_DIR", "CATAMARAN_STATE_DIR", "CATAMARAN_CONFIG_DIR", "HOME", "XDG_CACHE_HOME", "TMPDIR"] {
            command.env(variable, &fresh);
        }
        let ran = Ran::of(command.args(arguments));
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("\"schema\""), "{}", ran.out);
        assert_eq!(files_below(&fresh), Vec::<PathBuf>::new());
    }
}
