//! Images of nix2container: documents that the real one has written, and layers made again of the files they name, judged by skopeo,
//! umoci, podman and another writer of tars. Nix itself is not needed: a layer is made of what lies at a path.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use catamaran::image::Digest;
use serde_json::{Value, json};

use crate::copying::{Podman, layer_types, raw};
use crate::docker::Docker;
use crate::harness::{Project, Ran, Registry, judge, need};

const MANIFEST: &[u8] = include_bytes!("../data/nix/manifest.json");
const CONFIG: &[u8] = include_bytes!("../data/nix/config-blob.json");

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/nix").join(name)
}

/// A project in whose folder the document `image.json` of the real nix2container lies, beside the tree `fx` it is about.
struct Fixture(Project);

impl Fixture {
    fn new() -> Self {
        let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
        let made = Command::new("sh").arg(data("fixture.sh")).current_dir(project.path()).status().unwrap();
        assert!(made.success());
        fs::copy(data("image.json"), project.path().join("image.json")).unwrap();
        Fixture(project)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// The document with something changed, as another file.
    fn document(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut document: Value = serde_json::from_slice(&fs::read(data("image.json")).unwrap()).unwrap();
        change(&mut document);
        fs::write(self.0.path().join(name), document.to_string()).unwrap();
    }

    /// Something of `fx`, which nobody may write to.
    fn writable(&self, name: &str) -> PathBuf {
        judge("chmod", &["-R", "u+w", &self.path("fx")]);
        self.0.path().join(name)
    }
}

impl Drop for Fixture {
    /// Folders that nobody may write to cannot be emptied.
    fn drop(&mut self) {
        let _ = Command::new("chmod").arg("-R").arg("u+w").arg(self.0.path().join("fx")).status();
    }
}

#[test]
fn a_real_document_is_the_image_that_skopeos_transport_made_of_it() {
    need("skopeo", "skopeo");
    need("umoci", "umoci");
    need("python3", "python3");
    let fixture = Fixture::new();
    let project = &fixture.0;
    let manifest: Value = serde_json::from_slice(MANIFEST).unwrap();
    let copied = project.json(&["copy", "nix:image.json", "oci:out:fx", "--json"]);
    assert_eq!(copied["digest"], Digest::of(MANIFEST).to_string());
    let (digest, written) = raw(&format!("oci:{}:fx", fixture.path("out")));
    assert_eq!((digest, &written), (Digest::of(MANIFEST).to_string(), &manifest));
    let config = judge("skopeo", &["inspect", "--config", "--raw", &format!("oci:{}:fx", fixture.path("out"))]);
    assert_eq!(config.as_bytes(), CONFIG);

    let inspected = project.json(&["inspect", "nix:image.json", "--json"]);
    let image = &inspected["images"][0];
    assert_eq!((&image["digest"], &image["platform"]["architecture"]), (&copied["digest"], &"amd64".into()));
    let digests = |layers: &Value| layers.as_array().unwrap().iter().map(|layer| layer["digest"].clone()).collect::<Vec<_>>();
    assert_eq!(digests(&image["layers"]), digests(&manifest["layers"]));

    // What is in a layer, to those who did not write it.
    let layer = fixture.path(&format!("out/blobs/sha256/{}", &manifest["layers"][0]["digest"].as_str().unwrap()[7..]));
    let list = "import sys, tarfile\nfor m in tarfile.open(sys.argv[1], errors='surrogateescape'):\n print(m.name.encode('utf8', 'surrogateescape'), m.type, oct(m.mode), m.uid, m.gid, m.uname, m.gname, m.size, m.mtime)";
    let list = judge("python3", &["-c", list, &layer]);
    for line in [
        "b'fx' b'5' 0o755 0 0 root root 0 1\n",
        "b'fx/aaaa-app-1.0/share/empty' b'0' 0o4755 3000000 70000 uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu grp 0 1\n",
        "b'fx/aaaa-app-1.0/share/dangling' b'2' 0o700 0 0 root root 0 1\n",
        "b'fx/aaaa-app-1.0/order' b'5' 0o1777 1001 1002 app app 0 1\n",
        "b'fx/aaaa-app-1.0/order/a-b/f' b'0' 0o444 5 0 root root 4 1\n",
        "b'fx/aaaa-app-1.0/share/bad\\xffname' b'0' 0o444 0 0 root root 2 1\n",
        "b'fx/aaaa-app-1.0/share/\\xc3\\xbcn\\xc3\\xaf.txt' b'0'",
    ] {
        assert!(list.contains(line), "{line} is missing from\n{list}");
    }
    judge("umoci", &["unpack", "--rootless", "--image", &format!("{}:fx", fixture.path("out")), &fixture.path("bundle")]);
    assert_eq!(fs::read_to_string(fixture.path("bundle/rootfs/fx/aaaa-app-1.0/bin/run")).unwrap(), "#!/bin/sh\necho hi\n");
    assert_eq!(fs::read_link(fixture.path("bundle/rootfs/bin/x")).unwrap(), Path::new("/x"));

    // The store paths and the layout are the same image, to every check.
    let verified = project.run(&["verify", "nix:image.json", "oci:out:fx", "--json"]);
    assert_eq!(verified.code, 1, "the fixture has no /bin/sh: {verified:?}");
    let verified: Value = serde_json::from_str(&verified.out).unwrap();
    let checks = |n: usize| &verified["reports"][n]["checks"];
    assert_eq!(checks(0), checks(1));
    let of = |id: &str| checks(0).as_array().unwrap().iter().find(|check| check["check"] == id).unwrap()["verdict"].clone();
    assert_eq!((of("layer-digests"), of("media-types"), of("entrypoint")), ("pass".into(), "pass".into(), "fail".into()));
    assert_eq!(project.run(&["compare", "nix:image.json", "oci:out:fx", "--exit-code"]).code, 0);
}

#[test]
fn it_goes_to_registries_compressed_once_or_with_the_digests_it_declares() {
    need("skopeo", "skopeo");
    need("umoci", "umoci");
    let registry = Registry::start();
    let fixture = Fixture::new();
    let copy = |arguments: &[&str]| fixture.0.json(&[&["copy", "nix:image.json"], arguments, &["--json"]].concat());
    let to = |name: &str| format!("{}/a/{name}", registry.host);
    let there = copy(&[&to("fx:1")]);
    let (digest, manifest) = raw(&format!("docker://{}", to("fx:1")));
    assert_eq!(there["digest"], digest.as_str());
    assert_eq!(layer_types(&manifest), ["application/vnd.oci.image.layer.v1.tar+gzip"]);
    assert_eq!(manifest["config"]["digest"], Digest::of(CONFIG).to_string());
    // umoci holds what it unpacks against the config's diff ids, which are the digests of the document.
    judge(
        "skopeo",
        &["copy", "--src-tls-verify=false", &format!("docker://{}", to("fx:1")), &format!("oci:{}:fx", fixture.path("judged"))],
    );
    judge("umoci", &["unpack", "--rootless", "--image", &format!("{}:fx", fixture.path("judged")), &fixture.path("bundle")]);
    // Again, when the store has nothing of it any more: all is there, so nothing is read.
    let away = fixture.path("away");
    fs::rename(fixture.path("fx"), &away).unwrap();
    let before = registry.requests().len();
    let again = copy(&[&to("fx:2")]);
    assert_eq!((&again["digest"], &again["moved"]), (&there["digest"], &0.into()));
    let asked = registry.requests().split_off(before);
    assert!(!asked.iter().any(|request| request.starts_with("POST") || request.starts_with("PATCH")), "{asked:?}");
    fs::rename(&away, fixture.path("fx")).unwrap();

    assert_eq!(copy(&[&to("plain:1"), "--preserve-digests"])["digest"], Digest::of(MANIFEST).to_string());
    assert_eq!(raw(&format!("docker://{}", to("plain:1"))).0, Digest::of(MANIFEST).to_string());
    // Who names that digest gets what has it.
    assert!(copy(&[&to(&format!("named@{}", Digest::of(MANIFEST)))])["moved"].as_u64().unwrap() > 48_000);
}

#[test]
fn engines_and_archives_take_it_with_its_config_as_the_images_id() {
    need("skopeo", "skopeo");
    let podman = Podman::start();
    let fixture = Fixture::new();
    let address = Podman::address(podman.folder());
    let loaded =
        Ran::of(fixture.0.command().env("DOCKER_HOST", address).args(["copy", "nix:image.json", "docker-daemon:localhost/acme/fx:1"]));
    assert_eq!(loaded.code, 0, "{}", loaded.err);
    let inspected =
        Podman::command(podman.folder()).args(["image", "inspect", "localhost/acme/fx:1"]).stdout(Stdio::piped()).output().unwrap();
    let inspected: Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(inspected[0]["Id"], Digest::of(CONFIG).hex());
    let docker = Docker::with(&[]);
    let loaded =
        Ran::of(fixture.0.command().env("DOCKER_HOST", docker.address()).args(["copy", "nix:image.json", "docker-daemon:acme/fx:1"]));
    assert_eq!(loaded.code, 0, "{}", loaded.err);
    assert_eq!(docker.id_of("acme/fx:1"), Digest::of(CONFIG).to_string());
    fixture.0.ok(&["copy", "nix:image.json", "docker-archive:fx.tar:acme/fx:1"]);
    let config = judge("skopeo", &["inspect", "--config", "--raw", &format!("docker-archive:{}", fixture.path("fx.tar"))]);
    assert_eq!(config.as_bytes(), CONFIG);
    let back = fixture.0.json(&["copy", "docker-archive:fx.tar", "oci:back:fx", "--preserve-digests", "--json"]);
    assert_eq!(back["digest"], Digest::of(MANIFEST).to_string());
}

#[test]
fn what_is_not_as_it_was_built_is_named_and_goes_nowhere() {
    let registry = Registry::start();
    let fixture = Fixture::new();
    let project = &fixture.0;
    let to = |tag: &str| format!("{}/a/fx:{tag}", registry.host);

    // A digest that nothing has: told by whoever reads the layer to its end.
    let lie = Digest::of(b"a lie").to_string();
    fixture.document("lie.json", |document| document["layers"][2]["digest"] = json!(lie));
    let words = [lie.as_str(), "is not what was built", "fx/dddd-plain.txt", "build the image again"];
    for destination in ["oci:lie", "docker-archive:lie.tar", &to("lie")] {
        project.run(&["copy", "nix:lie.json", destination]).fails(1, &words);
        project.run(&["copy", "nix:lie.json", destination, "--preserve-digests"]).fails(1, &words);
    }
    let verified = project.run(&["verify", "nix:lie.json"]);
    assert!(verified.code == 1 && verified.out.contains("is not what was built"), "{verified:?}");

    // A file of the same length, one of another, none at all.
    let file = fixture.writable("fx/aaaa-app-1.0/bin/run");
    fs::write(&file, "#!/bin/sh\necho ho\n").unwrap();
    project.run(&["copy", "nix:image.json", &to("changed")]).fails(1, &["is not what was built", "the content of a file is another"]);
    fs::write(&file, "#!/bin/sh\n".repeat(100)).unwrap();
    project.run(&["copy", "nix:image.json", "oci:changed"]).fails(1, &["bytes instead of 39936"]);
    fs::remove_dir_all(fixture.path("fx/bbbb-root")).unwrap();
    project.run(&["copy", "nix:image.json", "oci:gone"]).fails(1, &["fx/"]);
    let listed = Ran::of(Command::new("skopeo").args(["list-tags", "--tls-verify=false", &format!("docker://{}/a/fx", registry.host)]));
    assert!(listed.code != 0 || !listed.out.contains("lie"), "{listed:?}");
}

#[test]
fn a_store_path_that_was_collected_is_told_with_what_brings_it_back() {
    need("python3", "python3");
    let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
    let store = project.path().join("nix/store/0123abcd-hello-1.0");
    fs::create_dir_all(store.join("bin")).unwrap();
    fs::write(store.join("bin/hello"), vec![7; 3_000_000]).unwrap();
    std::os::unix::fs::symlink("hello", store.join("bin/hi")).unwrap();
    let script = data("ustar.py").display().to_string();
    let told = judge("python3", &[&script, &store.display().to_string()]);
    let (digest, size) = told.trim().split_once(' ').unwrap();
    let document = json!({ "version": 1, "image-config": { "Cmd": ["/x"] }, "arch": "arm64", "created": "0001-01-01T00:00:00Z", "layers": [{
        "digest": digest, "size": size.parse::<u64>().unwrap(), "diff_ids": digest, "paths": [{ "path": store }],
        "mediatype": "application/vnd.oci.image.layer.v1.tar", "History": { "created_by": "nix2container" } }] });
    fs::write(project.path().join("result"), document.to_string()).unwrap();
    let copied = project.json(&["copy", "nix:result", "oci:out:hello", "--json"]);
    assert!(copied["moved"].as_u64().unwrap() > 3_000_000, "{copied}");
    // Another file of the same length: it was put there after Nix had built what was there.
    fs::write(store.join("bin/hello"), vec![8; 3_000_000]).unwrap();
    let (hello, shown) = (store.join("bin/hello").display().to_string(), store.display().to_string());
    project.run(&["copy", "nix:result", "oci:again:hello"]).fails(1, &[digest, &format!("nix-store --repair-path {shown}")]);
    fs::remove_file(&hello).unwrap();
    project.run(&["copy", "nix:result", "oci:again:hello"]).fails(1, &["instead of"]);
    fs::remove_dir_all(&store).unwrap();
    let realise = format!("nix-store --realise {shown}");
    project.run(&["copy", "nix:result", "oci:again:hello"]).fails(1, &[digest, &realise]);
    let verified = project.run(&["verify", "nix:result"]);
    assert!(verified.code == 1 && verified.out.contains(&realise), "{verified:?}");
    // Where all of it is already, nobody needs the store.
    assert_eq!(project.json(&["copy", "nix:result", "oci:out:hello", "--json"])["moved"], 0);
}

#[test]
fn documents_of_other_times_and_other_files_are_told_apart() {
    let fixture = Fixture::new();
    let project = &fixture.0;
    let inspect = |name: &str| project.run(&["inspect", &format!("nix:{name}")]);
    fixture.document("later.json", |document| document["version"] = json!(2));
    inspect("later.json").fails(1, &["later.json", "version 2", "version 1 is understood"]);
    fixture.document("layer.json", |document| document["layers"][0]["compression"] = json!("zstd"));
    inspect("layer.json").fails(1, &["layer.json", "`layers[0].compression` is not understood"]);
    fixture.document("healthy.json", |document| document["image-config"]["Healthcheck"] = json!({}));
    let told = inspect("healthy.json");
    assert!(told.code == 0 && told.err.contains("`image-config.Healthcheck`: not understood"), "{told:?}");
    fs::write(project.path().join("not.json"), "#!/bin/sh\n").unwrap();
    inspect("not.json").fails(1, &["not.json", "it is not JSON"]);
    inspect("none.json").fails(2, &["opening none.json"]);
    inspect("fx").fails(2, &["fx is not a file"]);
    project.run(&["copy", "nix:image.json", "nix:out.json"]).fails(2, &["nothing can be copied to `nix:out.json`"]);
    project.run(&["copy", "nix:image.json", "oci:out", "--target", "aarch64"]).fails(2, &["no image for aarch64", "x86_64"]);
}
