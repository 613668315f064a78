//! Copies between everything that can hold an image, judged by skopeo, umoci, podman and Docker: every digest stays what it is, but
//! for images whose layers an engine has unpacked: those are compressed again.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use catamaran::image::Digest;
use serde_json::{Value, json};

use crate::docker::Docker;
use crate::harness::{Project, Ran, Registry, judge, need, wait_for};
use crate::registries::{certificate, signed};

/// What `digest`s an index of `reference` names, and its own.
pub fn raw(reference: &str) -> (String, Value) {
    let text = judge("skopeo", &["inspect", "--raw", "--tls-verify=false", reference]);
    (Digest::of(text.as_bytes()).to_string(), serde_json::from_str(&text).unwrap())
}

#[test]
fn an_index_goes_through_a_registry_and_two_layouts_and_stays_the_same() {
    need("skopeo", "skopeo");
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_segments();
    project.ok(&["release", "1.0", "--tags=", "--yes"]);
    let (released, index) = raw(&format!("docker://{}/tools/fd:1.0", registry.host));

    // From the store the same index comes as from the release.
    let local = project.json(&["copy", "fd", "oci:local:fd", "--json"]);
    assert_eq!(local["digest"], released.as_str());
    let pulled = project.json(&["copy", &format!("{}/tools/fd:1.0", registry.host), "oci:pulled:1.0", "--json"]);
    assert_eq!((&pulled["digest"], &pulled["images"]), (&released.as_str().into(), &2.into()));
    let path = |name: &str| project.path().join(name).display().to_string();
    assert_eq!(raw(&format!("oci:{}:1.0", path("pulled"))), (released.clone(), index.clone()));
    project.ok(&["verify", "oci:pulled:1.0"]);
    assert_eq!(project.json(&["copy", "oci:pulled:1.0", "oci:local:again", "--json"])["moved"], 0);

    // One image of it, into another repository of the same registry: nothing is sent.
    let arm = format!("{}/other/fd:arm", registry.host);
    let one = project.json(&["copy", &format!("{}/tools/fd:1.0", registry.host), &arm, "--target", "aarch64", "--json"]);
    let member = index["manifests"].as_array().unwrap().iter().find(|m| m["platform"]["architecture"] == "arm64").unwrap();
    assert_eq!((&one["digest"], &one["moved"]), (&member["digest"], &0.into()));
    assert_eq!(raw(&format!("docker://{arm}")).0, member["digest"].as_str().unwrap());
    project.run(&["copy", &arm, "oci:none", "--target", "x86_64"]).fails(2, &["there is no image for x86_64", "aarch64"]);
    project.run(&["copy", "oci:pulled:1.0", "docker-archive:two.tar"]).fails(2, &["2 images", "--target"]);
    project.run(&["copy", "oci:pulled:1.0", "fd"]).fails(2, &["nothing can be copied to `fd`"]);
}

/// A layout by hand: an image of Docker's media types with a `gzip` or `zstd` layer, and an attestation beside it, as BuildKit makes
/// them.
fn buildkit_layout(folder: &Path, compression: &str) -> String {
    let put = |bytes: &[u8]| {
        fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        fs::write(folder.join("blobs/sha256").join(Digest::of(bytes).hex()), bytes).unwrap();
        (Digest::of(bytes).to_string(), bytes.len())
    };
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o644);
    tar.append_data(&mut header, "etc/hello", &b"hello"[..]).unwrap();
    let tar = tar.into_inner().unwrap();
    let packed = match compression {
        "zstd" => zstd::encode_all(&tar[..], 3).unwrap(),
        _ => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(&tar).unwrap();
            out.finish().unwrap()
        }
    };
    let (layer, layer_size) = put(&packed);
    let config = json!({ "architecture": "arm64", "os": "linux", "config": {}, "rootfs": { "type": "layers", "diff_ids": [Digest::of(&tar).to_string()] } });
    let (config, config_size) = put(config.to_string().as_bytes());
    let image = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "unknown-field": [1, 2],
        "config": { "mediaType": "application/vnd.docker.container.image.v1+json", "digest": config, "size": config_size },
        "layers": [{ "mediaType": format!("application/vnd.oci.image.layer.v1.tar+{compression}"), "digest": layer, "size": layer_size }] });
    let (image, image_size) = put(image.to_string().as_bytes());
    let (statement, statement_size) = put(b"{\"_type\":\"https://in-toto.io/Statement/v0.1\"}");
    let attestation = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": config_size },
        "layers": [{ "mediaType": "application/vnd.in-toto+json", "digest": statement, "size": statement_size }] });
    let (attestation, attestation_size) = put(attestation.to_string().as_bytes());
    let index = json!({ "manifests": [
        { "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": image, "size": image_size, "platform": { "architecture": "arm64", "os": "linux" } },
        { "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": attestation, "size": attestation_size,
          "platform": { "architecture": "unknown", "os": "unknown" },
          "annotations": { "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image } }],
        "mediaType": "application/vnd.oci.image.index.v1+json", "schemaVersion": 2 });
    let (top, top_size) = put(index.to_string().as_bytes());
    let layout = json!({ "schemaVersion": 2, "manifests": [{ "mediaType": "application/vnd.oci.image.index.v1+json", "digest": top, "size": top_size }] });
    fs::write(folder.join("index.json"), layout.to_string()).unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    top
}

#[test]
fn an_attestation_travels_with_its_image_and_is_never_taken_for_one() {
    let registry = Registry::start();
    let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
    let digest = buildkit_layout(&project.path().join("built"), "zstd");
    let to = format!("{}/a/b:1", registry.host);
    let there = project.json(&["copy", "oci:built", &to, "--json"]);
    assert_eq!((&there["digest"], &there["images"], &there["attestations"]), (&digest.as_str().into(), &1.into(), &1.into()));
    assert_eq!(raw(&format!("docker://{to}")).0, digest);
    assert_eq!(project.json(&["copy", &to, "oci:back", "--json"])["digest"], digest.as_str());
    let inspected = project.json(&["inspect", &to, "--json"]);
    assert_eq!(inspected["images"].as_array().unwrap().len(), 1);
    // Where there is room for one image, the image goes and not what is said about it.
    project.ok(&["copy", &to, "docker-archive:one.tar:acme/one:1"]);
    assert_eq!(project.json(&["inspect", "docker-archive:one.tar", "--json"])["images"][0]["platform"]["architecture"], "arm64");
}

#[test]
fn a_docker_manifest_list_becomes_an_index_that_others_read_in_a_layout() {
    need("umoci", "umoci");
    let registry = Registry::start();
    let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
    let folder = project.path().join("docker");
    let put = |kind: &str, bytes: &[u8]| {
        fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        fs::write(folder.join("blobs/sha256").join(Digest::of(bytes).hex()), bytes).unwrap();
        json!({ "mediaType": format!("application/vnd.docker.{kind}"), "digest": Digest::of(bytes).to_string(), "size": bytes.len() })
    };
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o644);
    tar.append_data(&mut header, "etc/hello", &b"hello"[..]).unwrap();
    let tar = tar.into_inner().unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&tar).unwrap();
    let layer = put("image.rootfs.diff.tar.gzip", &packed.finish().unwrap());
    let members = ["amd64", "arm64"].map(|architecture| {
        let rootfs = json!({ "type": "layers", "diff_ids": [Digest::of(&tar).to_string()] });
        let config = json!({ "architecture": architecture, "os": "linux", "config": {}, "rootfs": rootfs }).to_string();
        let image = json!({ "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": put("container.image.v1+json", config.as_bytes()), "layers": [layer] });
        let mut member = put("distribution.manifest.v2+json", image.to_string().as_bytes());
        member["platform"] = json!({ "architecture": architecture, "os": "linux" });
        member
    });
    let list =
        json!({ "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json", "manifests": members });
    let list = put("distribution.manifest.list.v2+json", list.to_string().as_bytes());
    fs::write(folder.join("index.json"), json!({ "schemaVersion": 2, "manifests": [list] }).to_string()).unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();

    // Registries take it as it is; so does a layout when it is told to.
    let at = format!("{}/a/docker:1", registry.host);
    assert_eq!(project.json(&["copy", "oci:docker", &at, "--json"])["digest"], list["digest"]);
    let kept = project.run(&["copy", &at, "oci:kept", "--preserve-digests", "--json"]);
    assert!(kept.code == 0 && kept.out.contains(list["digest"].as_str().unwrap()), "{kept:?}");
    assert!(kept.err.contains("will not read that layout"), "{}", kept.err);
    let copied = project.run(&["copy", &at, "oci:oci:1"]);
    assert!(copied.code == 0 && copied.err.contains("--preserve-digests"), "{copied:?}");
    let layout = project.path().join("oci").display().to_string();
    let (digest, index) = raw(&format!("oci:{layout}:1"));
    assert!(copied.out.starts_with(&digest), "{}", copied.out);
    assert_eq!(index["mediaType"], "application/vnd.oci.image.index.v1+json");
    project.ok(&["verify", "oci:oci:1"]);
    project.ok(&["copy", "oci:oci:1", "oci:one:1", "--target", "x86_64"]);
    let one = project.path().join("one").display().to_string();
    judge("umoci", &["unpack", "--rootless", "--image", &format!("{one}:1"), &project.path().join("bundle").display().to_string()]);
    assert_eq!(fs::read_to_string(project.path().join("bundle/rootfs/etc/hello")).unwrap(), "hello");
}

#[test]
fn archives_are_read_both_ways() {
    need("skopeo", "skopeo");
    let project = Project::fd(None).with_segments();
    project.ok(&["build", "--target", "aarch64"]);
    let ours = project.json(&["copy", "fd/aarch64", "docker-archive:ours.tar:acme/fd:1", "--json"]);
    let path = |name: &str| project.path().join(name).display().to_string();
    // skopeo knows archives without manifests: it is the config that says which image it is.
    let config = |reference: &str| Digest::of(judge("skopeo", &["inspect", "--config", "--raw", reference]).as_bytes()).to_string();
    project.ok(&["copy", "fd/aarch64", "oci:layout:fd"]);
    assert_eq!(config(&format!("docker-archive:{}", path("ours.tar"))), config(&format!("oci:{}:fd", path("layout"))));
    judge("skopeo", &["copy", &format!("oci:{}:fd", path("layout")), &format!("docker-archive:{}:acme/fd:2", path("theirs.tar"))]);
    let verified = project.json(&["verify", "docker-archive:theirs.tar", "docker-archive:ours.tar:acme/fd:1", "--json"]);
    assert!(verified["reports"].as_array().unwrap().len() == 2 && verified["verdict"] != "fail", "{verified}");
    assert_eq!(project.json(&["copy", "docker-archive:ours.tar", "oci:again:fd", "--json"])["digest"], ours["digest"]);
    project.run(&["copy", "fd/aarch64", "docker-archive:ours.tar"]).fails(2, &["is there already"]);
    project.run(&["inspect", "docker-archive:ours.tar:acme/fd:9"]).fails(2, &["no image called `acme/fd:9`", "acme/fd:1"]);
    fs::write(project.path().join("short.tar"), &fs::read(project.path().join("ours.tar")).unwrap()[..100_000]).unwrap();
    project.run(&["inspect", "docker-archive:short.tar"]).fails(1, &["short.tar", "cut short"]);
    project.run(&["inspect", "docker-archive:none.tar"]).fails(2, &["opening none.tar"]);
}

/// The media types of a manifest's layers, none twice.
pub fn layer_types(manifest: &Value) -> Vec<&str> {
    let mut types: Vec<&str> = manifest["layers"].as_array().unwrap().iter().map(|l| l["mediaType"].as_str().unwrap()).collect();
    types.dedup();
    types
}

#[test]
fn plain_layers_arrive_compressed_and_are_compressed_once() {
    need("skopeo", "skopeo");
    need("umoci", "umoci");
    let registry = Registry::start();
    let project = Project::fd(None).with_segments();
    project.ok(&["build", "--target", "aarch64"]);
    project.ok(&["copy", "fd/aarch64", "oci:layout:fd"]);
    let path = |name: &str| project.path().join(name).display().to_string();
    // skopeo's archives have plain layers, as every engine's.
    judge("skopeo", &["copy", &format!("oci:{}:fd", path("layout")), &format!("docker-archive:{}:acme/fd:1", path("plain.tar"))]);
    let to = |tag: &str| format!("{}/a/fd:{tag}", registry.host);
    let copy = |arguments: &[&str]| project.json(&[&["copy", "docker-archive:plain.tar"], arguments, &["--json"]].concat());

    let there = copy(&[&to("1")]);
    let (digest, manifest) = raw(&format!("docker://{}", to("1")));
    assert_eq!(there["digest"], digest.as_str());
    assert_eq!(there["moved"], there["bytes"]);
    assert_eq!(layer_types(&manifest), ["application/vnd.oci.image.layer.v1.tar+gzip"]);
    let original = raw(&format!("oci:{}:fd", path("layout"))).1;
    assert_eq!(manifest["config"]["digest"], original["config"]["digest"]);
    // umoci holds what it unpacks against the config's diff ids.
    judge("skopeo", &["copy", "--src-tls-verify=false", &format!("docker://{}", to("1")), &format!("oci:{}:fd", path("judged"))]);
    judge("umoci", &["unpack", "--rootless", "--image", &format!("{}:fd", path("judged")), &path("bundle")]);
    project.ok(&["verify", &to("1")]);

    // Again: known, and there. Elsewhere: known, so each blob is one POST and one PUT. In a layout: the same bytes.
    let before = registry.requests().len();
    let again = copy(&[&to("2")]);
    assert_eq!((&again["digest"], &again["moved"]), (&there["digest"], &0.into()));
    assert!(!registry.requests()[before..].iter().any(|r| r.starts_with("PATCH") || r.starts_with("POST")));
    let before = registry.requests().len();
    let elsewhere = format!("{}/b/fd:1", registry.host);
    assert_eq!(copy(&[&elsewhere])["digest"], there["digest"]);
    assert!(!registry.requests()[before..].iter().any(|r| r.starts_with("PATCH")));
    assert_eq!(copy(&["oci:again:fd"])["digest"], there["digest"]);
    project.ok(&["verify", "oci:again:fd"]);
    // Without what is known: the same once more, this time in one pass into the layout.
    fs::remove_dir_all(project.cache().join("compressed")).unwrap();
    assert_eq!(copy(&["oci:anew:fd"])["digest"], there["digest"]);

    let plain = copy(&[&to("plain"), "--preserve-digests"]);
    let (digest, manifest) = raw(&format!("docker://{}", to("plain")));
    assert_eq!((plain["digest"].as_str(), layer_types(&manifest)), (Some(digest.as_str()), vec!["application/vnd.oci.image.layer.v1.tar"]));
    // Who names that digest gets what has it.
    assert_eq!(copy(&[&format!("{}/a/fd@{digest}", registry.host)])["digest"], digest.as_str());
    // Layers that are compressed already stay what they are.
    let ours = project.json(&["copy", "fd/aarch64", "docker-archive:ours.tar:acme/fd:1", "--json"]);
    assert_eq!(project.json(&["copy", "docker-archive:ours.tar", &to("ours"), "--json"])["digest"], ours["digest"]);
}

#[test]
fn an_engine_behind_tls_is_spoken_to_with_its_certificates() {
    need("docker", "docker.io");
    let folder = tempfile::tempdir().unwrap();
    let authority = certificate(folder.path(), "authority", "IP:127.0.0.1");
    let server = signed(folder.path(), "server", &authority, "IP:127.0.0.1");
    let client = signed(folder.path(), "client", &authority, "DNS:client");
    let certificates = |name: &str, files: &[(&str, &PathBuf)]| {
        let place = folder.path().join(name);
        fs::create_dir(&place).unwrap();
        for (name, file) in files {
            fs::copy(file, place.join(name)).unwrap();
        }
        place.display().to_string()
    };
    let right = certificates("right", &[("ca.pem", &authority.0), ("cert.pem", &client.0), ("key.pem", &client.1)]);
    let nobody = certificates("nobody", &[("ca.pem", &authority.0)]);
    let other = certificates("other", &[("ca.pem", &client.0), ("cert.pem", &client.0), ("key.pem", &client.1)]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("tcp://127.0.0.1:{port}");
    let file = |path: &Path| path.display().to_string();
    let (ca, cert, key) = (file(&authority.0), file(&server.0), file(&server.1));
    let docker = Docker::with(&["-H", &address, "--tlsverify", "--tlscacert", &ca, "--tlscert", &cert, "--tlskey", &key]);

    let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
    buildkit_layout(&project.path().join("built"), "gzip");
    buildkit_layout(&project.path().join("zstd"), "zstd");
    let run = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = project.command();
        for name in ["DOCKER_HOST", "CONTAINER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"] {
            command.env_remove(name);
        }
        Ran::of(command.envs(variables.iter().copied()).args(arguments))
    };
    let at = |place| [("DOCKER_HOST", address.as_str()), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", place)];
    // First of all: an engine that has the same layer already does not look at this one.
    let packed = run(&at(&right), &["copy", "oci:zstd", "docker-daemon:acme/packed:1"]);
    assert_eq!(packed.code, 0, "{}", packed.err);
    assert_eq!(packed.err.contains("knows no zstd: layers are unpacked on their way"), docker.major_version() < 23, "{}", packed.err);
    let loaded = run(&at(&right), &["copy", "oci:built", "docker-daemon:acme/hello:1"]);
    assert_eq!(loaded.code, 0, "{}", loaded.err);
    // Docker has unpacked the layer; on its way back it is compressed.
    let back = run(&at(&right), &["copy", "docker-daemon:acme/hello:1", "oci:back:hello"]);
    assert_eq!(back.code, 0, "{}", back.err);
    let manifest = raw(&format!("oci:{}:hello", project.path().join("back").display())).1;
    assert_eq!(layer_types(&manifest), ["application/vnd.oci.image.layer.v1.tar+gzip"]);

    let inspect = ["inspect", "docker-daemon:acme/hello:1"];
    run(&[("DOCKER_HOST", &address)], &inspect).fails(3, &[&address, "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH"]);
    run(&at(&nobody), &inspect).fails(3, &[&address, "the engine has to trust cert.pem"]);
    run(&at(&other), &inspect).fails(3, &[&address, "has to have signed the engine's certificate"]);
    run(&at("/nowhere"), &inspect).fails(2, &["/nowhere", "DOCKER_CERT_PATH"]);

    // The same as a context; the second one takes any certificate of the engine, and shows its own.
    let config = folder.path().join("config").display().to_string();
    let create = |name: &str, engine: String| judge("docker", &["--config", &config, "context", "create", name, "--docker", &engine]);
    let own = format!("cert={right}/cert.pem,key={right}/key.pem");
    create("secure", format!("host={address},ca={right}/ca.pem,{own}"));
    create("any", format!("host={address},skip-tls-verify=true,{own}"));
    for name in ["secure", "any"] {
        let found = run(&[("DOCKER_CONFIG", &config), ("DOCKER_CONTEXT", name)], &inspect);
        assert_eq!(found.code, 0, "{name}: {}", found.err);
    }
}

/// Podman's API on a socket, with a storage of its own.
pub struct Podman {
    child: Child,
    folder: tempfile::TempDir,
}

impl Podman {
    pub fn start() -> Self {
        need("podman", "podman");
        let folder = tempfile::tempdir().unwrap();
        fs::write(Self::settings(folder.path()), "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n").unwrap();
        let podman = Podman {
            child: Self::command(folder.path())
                .args(["system", "service", "--time", "0"])
                .arg(Self::address(folder.path()))
                .spawn()
                .unwrap(),
            folder,
        };
        wait_for("podman's socket", || podman.socket().exists());
        podman
    }

    /// Where it keeps everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn command(folder: &Path) -> Command {
        let mut command = Command::new("podman");
        command.arg("--root").arg(folder.join("root")).arg("--runroot").arg(folder.join("run"));
        command.args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("CONTAINERS_CONF", Self::settings(folder));
        command
    }

    /// Its settings: containers get no more than this process may give, whatever the machine's own say.
    fn settings(folder: &Path) -> PathBuf {
        folder.join("containers.conf")
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("podman.sock")
    }

    pub fn address(folder: &Path) -> String {
        format!("unix://{}", folder.join("podman.sock").display())
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_engine_takes_images_and_gives_them_back() {
    let podman = Podman::start();
    let project = Project::fd(None).with_segments();
    project.ok(&["build", "--target", "x86_64"]);
    let run = |arguments: &[&str]| Ran::of(project.command().env("DOCKER_HOST", Podman::address(podman.folder.path())).args(arguments));
    let loaded = run(&["copy", "fd/x86_64", "docker-daemon:localhost/acme/fd:1"]);
    assert_eq!(loaded.code, 0, "{}", loaded.err);
    let inspected =
        Podman::command(podman.folder.path()).args(["image", "inspect", "localhost/acme/fd:1"]).stdout(Stdio::piped()).output().unwrap();
    let inspected: Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(inspected[0]["Architecture"], "amd64");

    // The id of an image is its config's digest, with every engine.
    let back = run(&["copy", "docker-daemon:localhost/acme/fd:1", "oci:back:fd"]);
    assert_eq!(back.code, 0, "{}", back.err);
    let layout = project.path().join("back").display().to_string();
    let manifest = raw(&format!("oci:{layout}:fd")).1;
    assert_eq!(manifest["config"]["digest"], format!("sha256:{}", inspected[0]["Id"].as_str().unwrap()));
    let verified = run(&["verify", "docker-daemon:localhost/acme/fd:1"]);
    assert_eq!(verified.code, 0, "{}\n{}", verified.out, verified.err);
    run(&["inspect", "docker-daemon:localhost/acme/none:1"]).fails(2, &["has no image `localhost/acme/none:1`"]);
    let nobody = Ran::of(project.command().env("DOCKER_HOST", "unix:///nowhere.sock").args(["inspect", "docker-daemon:x"]));
    nobody.fails(3, &["/nowhere.sock", "DOCKER_HOST"]);

    // The same engine as a context of Docker's; and one that is reached over ssh.
    need("docker", "docker.io");
    let config = project.path().join("docker").display().to_string();
    let docker = |arguments: &[&str]| judge("docker", &[&["--config", &config, "context"], arguments].concat());
    docker(&["create", "near", "--docker", &format!("host={}", Podman::address(podman.folder.path()))]);
    docker(&["create", "far", "--docker", "host=ssh://me@far.example"]);
    docker(&["use", "near"]);
    let run = |context: Option<&str>| {
        let mut command = project.command();
        command.env_remove("DOCKER_HOST").env_remove("CONTAINER_HOST").env_remove("DOCKER_CONTEXT");
        command.envs(context.map(|name| ("DOCKER_CONTEXT", name)));
        Ran::of(command.args(["inspect", "docker-daemon:localhost/acme/fd:1", "--json"]))
    };
    let found = run(None);
    assert_eq!(found.code, 0, "{}", found.err);
    run(Some("far")).fails(2, &["`far`", "ssh://me@far.example", "ssh -nNT -L", "DOCKER_HOST=unix:///tmp/docker.sock"]);
    run(Some("gone")).fails(2, &["DOCKER_CONTEXT names the Docker context `gone`, which is not there"]);
}
