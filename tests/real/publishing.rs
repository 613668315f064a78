//! Publishing to a real registry, judged by skopeo and by reading the registry's own files.

use std::fs;

use serde_json::Value;

use crate::harness::{Project, Registry, judge, need};
use crate::reader::whole;

#[test]
fn a_release_is_an_index_by_digest_that_others_can_read_and_a_rerun_sends_nothing() {
    need("skopeo", "skopeo");
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_segments();
    let receipt = project.json(&["release", "1.2.0", "--tags", "1.2,latest", "--yes", "--json"]);
    let published = &receipt["containers"][0];
    let tags: Vec<&str> = published["tags"].as_array().unwrap().iter().map(|t| t["tag"].as_str().unwrap()).collect();
    for tag in ["1.2.0", "1.2", "latest", "1.2.0-amd64", "1.2.0-arm64"] {
        assert!(tags.contains(&tag), "{tag} is missing from {tags:?}");
    }

    let at = |tag: &str| format!("docker://{}/tools/fd:{tag}", registry.host);
    let index: Value = serde_json::from_str(&judge("skopeo", &["inspect", "--tls-verify=false", "--raw", &at("1.2.0")])).unwrap();
    assert_eq!(index["mediaType"], "application/vnd.oci.image.index.v1+json");
    let platforms: Vec<&str> =
        index["manifests"].as_array().unwrap().iter().map(|m| m["platform"]["architecture"].as_str().unwrap()).collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    for architecture in platforms {
        let copy = project.path().join(architecture);
        judge(
            "skopeo",
            &["copy", "--src-tls-verify=false", "--override-arch", architecture, &at("latest"), &format!("oci:{}:it", copy.display())],
        );
        let inspected: Value = serde_json::from_str(&judge("skopeo", &["inspect", &format!("oci:{}:it", copy.display())])).unwrap();
        assert_eq!(inspected["Architecture"], architecture);
    }
    assert_eq!(project.run(&["verify", &format!("{}/tools/fd:1.2.0", registry.host)]).code, 0);
    for image in published["images"].as_array().unwrap() {
        let architecture = image["platform"]["architecture"].as_str().unwrap();
        assert_eq!(
            as_a_library_pulls(&registry.host, "1.2", architecture),
            (architecture.to_owned(), image["digest"].as_str().unwrap().to_owned())
        );
    }

    let plan = project.json(&["push", "1.2.0", "--tags", "1.2,latest", "--dry-run", "--json"]);
    assert!(plan["containers"][0]["tags"].as_array().unwrap().iter().all(|t| t["change"] == "unchanged"), "{plan}");
    // Again: one HEAD for each manifest's tag over one connection, as the registry's own log has it.
    let push = |tags: &str, more: &[&str]| {
        let before = registry.served().len();
        let receipt = project.json(&[&["push", "1.2.0", "--yes", "--json", "--tags", tags], more].concat());
        (receipt, registry.served()[before..].to_vec())
    };
    let connections = |lines: &[String]| {
        let ports: std::collections::BTreeSet<&str> = lines.iter().map(|l| l.split(' ').next().unwrap()).collect();
        ports.len()
    };
    let asked = |lines: &[String], method: &str| lines.iter().filter(|l| l.contains(&format!("\"{method} "))).count();
    let (again, lines) = push("1.2,latest", &[]);
    assert_eq!((&again["uploaded_bytes"], &again["uploaded_blobs"]), (&0.into(), &0.into()));
    assert_eq!(again["containers"][0]["digest"], published["digest"]);
    assert_eq!((asked(&lines, "HEAD"), asked(&lines, "GET"), lines.len(), connections(&lines)), (5, 1, 6, 1), "{lines:#?}");
    assert!(project.ok(&["push", "1.2.0", "--tags", "1.2,latest", "--yes"]).contains("nothing to send: 6 blobs there already"));

    // Another tag: every blob is looked at before it is set, and one request sets it.
    let (again, lines) = push("1.2,latest,stable", &[]);
    assert_eq!((&again["uploaded_bytes"], asked(&lines, "PUT"), asked(&lines, "POST")), (&0.into(), 1, 0), "{lines:#?}");
    assert_eq!(lines.iter().filter(|l| l.contains("\"HEAD ") && l.contains("/blobs/")).count(), 6, "{lines:#?}");

    // Two further tags: one request sets each, and no other writes. Read are the tags (5), the blobs (6, since a registry can lose one
    // and still show the manifest) and, when they are set, every tag once more: the version with its bytes.
    let (_, lines) = push("a,b", &[]);
    let writes: Vec<&String> = lines.iter().filter(|l| !l.contains("\"HEAD ") && !l.contains("\"GET ")).collect();
    assert!(writes.len() == 2 && writes.iter().all(|l| l.contains("\"PUT ") && !l.contains("sha256:")), "{writes:#?}");
    let heads = |what: &str| lines.iter().filter(|l| l.contains("\"HEAD ") && l.contains(what)).count();
    assert_eq!((heads("/manifests/"), heads("/blobs/"), asked(&lines, "GET"), connections(&lines)), (5 + 4, 6, 2, 1), "{lines:#?}");

    // A blob is lost, as by a collection of garbage that went wrong: it comes back with the next tag, and with --force.
    let layer = plan["containers"][0]["images"][0]["blobs"][1]["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let file = registry.data().join(format!("docker/registry/v2/blobs/sha256/{}/{layer}/data", &layer[..2]));
    for (tags, more) in [("1.2,latest,stable", &["--force"][..]), ("next", &[])] {
        fs::remove_file(&file).unwrap();
        let (healed, _) = push(tags, more);
        assert_eq!((&healed["uploaded_blobs"], file.exists()), (&1.into(), true), "{healed}");
    }
    judge("skopeo", &["copy", "--src-tls-verify=false", &at("next"), &format!("oci:{}:it", project.path().join("healed").display())]);
}

#[test]
fn a_dry_run_sends_nothing() {
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_segments();
    let plan = project.json(&["release", "1.0.0", "--dry-run", "--json"]);
    assert_eq!(plan["containers"][0]["images"].as_array().unwrap().len(), 2);
    assert!(!registry.data().join("docker/registry/v2/repositories/tools").exists());
    let asked = registry.requests();
    assert!(asked.len() > 8 && asked.iter().all(|r| r.starts_with("HEAD ") || r.starts_with("GET ")), "{asked:#?}");
    // The plan is whole: every blob, manifest, index and tag, and every gate.
    assert_eq!((&plan["schema"], &plan["purpose"]), (&1.into(), &"release".into()));
    for image in plan["containers"][0]["images"].as_array().unwrap() {
        assert_eq!(image["blobs"].as_array().unwrap().len(), 3);
        assert!(image["blobs"].as_array().unwrap().iter().all(|b| b["presence"] == "upload"), "{image}");
        assert_eq!((&image["presence"], &image["tag"]["change"]), (&"upload".into(), &"new".into()));
    }
    assert_eq!(plan["containers"][0]["index"]["presence"], "upload");
    let gates: Vec<&str> = plan["gates"].as_array().unwrap().iter().map(|g| g["id"].as_str().unwrap()).collect();
    let all =
        ["current", "lock", "verified", "architectures", "platforms", "registry", "credentials", "version-free", "git-clean", "git-tag"];
    assert_eq!(gates, all);
}

#[test]
fn a_version_that_is_something_else_already_is_refused_without_force() {
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_segments();
    project.ok(&["release", "1.0.0", "--yes"]);
    let text = fs::read_to_string(project.path().join("containers.toml")).unwrap();
    fs::write(project.path().join("containers.toml"), format!("{text}env = {{ CHANGED = \"yes\" }}\n")).unwrap();
    project.ok(&["build"]);
    let refused = project.run(&["push", "1.0.0", "--yes", "--json"]);
    refused.fails(1, &["1.0.0", "--force"]);
    let plan: Value = serde_json::from_str(&refused.out).unwrap();
    assert_eq!((&plan["schema"], &plan["publishable"], &plan["gates"][7]["verdict"]), (&1.into(), &false.into(), &"fail".into()), "{plan}");
    project.ok(&["push", "1.0.0", "--yes", "--force"]);
}

#[test]
fn one_target_goes_straight_to_the_version_without_an_index() {
    need("skopeo", "skopeo");
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_segments();
    project.ok(&["build", "--target", "aarch64"]);
    project.ok(&["push", "2.0.0", "--target", "aarch64", "--yes"]);
    let raw: Value = serde_json::from_str(&judge(
        "skopeo",
        &["inspect", "--tls-verify=false", "--raw", &format!("docker://{}/tools/fd:2.0.0", registry.host)],
    ))
    .unwrap();
    assert_eq!(raw["mediaType"], "application/vnd.oci.image.manifest.v1+json");
}

#[test]
fn a_wrong_password_names_its_source_and_the_right_one_works_from_everywhere() {
    let registry = Registry::with_password("acme", "secret-word");
    let project = Project::fd(Some(&registry)).with_segments();
    project.ok(&["build"]);
    project.run(&["push", "1.0.0", "--yes"]).fails(3, &[&registry.host]);

    let text = fs::read_to_string(project.path().join("containers.toml")).unwrap();
    let settings = "username = { env = \"PUSH_USER\", default = \"acme\" }\npassword = { env = \"PUSH_WORD\" }\n";
    fs::write(project.path().join("containers.toml"), text.replace("[defaults]", &format!("{settings}[defaults]"))).unwrap();
    let wrong = crate::harness::Ran::of(project.command().env("PUSH_WORD", "wrong-word").args(["push", "1.0.0", "--yes"]));
    wrong.fails(3, &["PUSH_WORD"]);
    assert!(!wrong.err.contains("wrong-word") && !wrong.out.contains("wrong-word"), "{}", wrong.err);
    let right = crate::harness::Ran::of(project.command().env("PUSH_WORD", "secret-word").args(["push", "1.0.0", "--yes"]));
    assert_eq!(right.code, 0, "{}", right.err);

    // The Docker configuration file.
    fs::write(project.path().join("containers.toml"), &text).unwrap();
    let docker = project.path().join("docker");
    fs::create_dir_all(&docker).unwrap();
    let auths = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"YWNtZTpzZWNyZXQtd29yZA==\"}}}}}}", registry.host);
    fs::write(docker.join("config.json"), auths).unwrap();
    project.ok(&["push", "1.0.1", "--yes"]);
}

#[test]
fn a_registry_that_refuses_is_explained() {
    let mut registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_segments();
    project.ok(&["build"]);
    registry.stop();
    project.run(&["push", "1.0.0", "--yes"]).fails(3, &[&registry.host, "hint"]);
    let dry = project.run(&["push", "1.0.0", "--dry-run"]);
    dry.fails(3, &[&registry.host]);
    assert!(dry.out.contains("unknown: the registry could not be asked") && !dry.out.contains("+ new"), "{}", dry.out);
    let dry = project.run(&["push", "1.0.0", "--dry-run", "--json"]);
    let plan: Value = serde_json::from_str(&dry.out).unwrap();
    let image = &plan["containers"][0]["images"][0];
    assert_eq!((dry.code, &plan["publishable"], &image["presence"]), (3, &false.into(), &"unknown".into()), "{plan}");
    assert_eq!((&image["tag"]["change"], &image["blobs"][0]["presence"]), (&"unknown".into(), &"unknown".into()), "{plan}");
}

#[test]
fn warnings_need_a_reason_and_later_steps_get_the_digests() {
    need("git", "git");
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_segments();
    let git = |arguments: &[&str]| {
        let folder = project.path().display().to_string();
        judge("git", &[&["-C", &folder, "-c", "user.name=a", "-c", "user.email=a@example.org"], arguments].concat())
    };
    fs::write(project.path().join(".gitignore"), "cache\nstate\nconfig\nout\n").unwrap();
    project.ok(&["build"]);
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "all"]);
    project.run(&["push", "1.0.0", "--tags="]).fails(1, &["no tag v1.0.0 or 1.0.0 names HEAD", "--reason"]);
    project.run(&["push", "1.0.0", "--receipt", "no/such/folder/r.json"]).fails(2, &["no/such/folder", "nothing was sent"]);

    let nowhere = crate::harness::Ran::of(project.command().env("GITHUB_OUTPUT", "/nowhere/output").args(["push", "1.0.0", "--yes"]));
    nowhere.fails(2, &["GITHUB_OUTPUT (/nowhere/output) cannot be written", "nothing was sent"]);
    assert_eq!(whole(&registry.host, "tools/fd", "1.0.0"), None);

    let out = project.path().join("out");
    fs::create_dir(&out).unwrap();
    let mut command = project.command();
    command.env("GITHUB_OUTPUT", out.join("output")).env("GITHUB_STEP_SUMMARY", out.join("summary.md"));
    let ran = crate::harness::Ran::of(command.args(["push", "1.0.0", "--tags=", "--reason", "tagged later", "--receipt", "out/r.json"]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let receipt: Value = serde_json::from_str(&fs::read_to_string(out.join("r.json")).unwrap()).unwrap();
    assert_eq!(receipt["reason"], "tagged later");
    assert!(receipt["accepted_warnings"][0].as_str().unwrap().starts_with("git-tag: "), "{receipt}");
    let digest = receipt["containers"][0]["digest"].as_str().unwrap();
    let output = fs::read_to_string(out.join("output")).unwrap();
    assert!(output.lines().any(|l| l == format!("digest-fd={digest}")) && output.contains("\ndigest-fd-aarch64=sha256:"), "{output}");
    assert!(
        fs::read_to_string(out.join("summary.md")).unwrap().contains(&format!("| `{}/tools/fd:1.0.0` | `{digest}` | new |", registry.host))
    );

    // At the version's tag, with everything committed, nothing has to be accepted.
    git(&["tag", "v1.0.1"]);
    let plan = project.json(&["push", "1.0.1", "--tags=", "--dry-run", "--json"]);
    let verdict = |id: &str| plan["gates"].as_array().unwrap().iter().find(|g| g["id"] == id).unwrap()["verdict"].clone();
    assert_eq!((verdict("git-clean"), verdict("git-tag"), verdict("lock")), ("pass".into(), "pass".into(), "pass".into()));

    // A lock that does not pin what is asked for blocks, whatever is agreed to.
    let text = fs::read_to_string(project.path().join("containers.toml")).unwrap();
    fs::write(project.path().join("containers.toml"), text.replace("[\"fd-find\"]", "[\"fd-find\", \"ripgrep\"]")).unwrap();
    project.run(&["push", "1.0.1", "--yes"]).fails(1, &["the packages of fd/x86_64 have changed (lock)"]);
}

#[test]
fn containers_of_one_release_share_what_they_have_by_mounting() {
    let registry = Registry::start();
    let text = format!(
        "[registry]\nhost = \"{}\"\nrepository = \"tools/{{container}}\"\n[defaults]\ntargets = [\"x86_64\"]\nbase = [\"bash\", \"coreutils\"]\n\
         [containers.fd]\npackages = [\"fd-find\"]\nentrypoint = \"fdfind\"\n[containers.find]\npackages = [\"fd-find\"]\nentrypoint = \"fdfind\"\nenv = {{ A = \"b\" }}\n",
        registry.host
    );
    let before = registry.host.clone();
    let project = Project::new(&text).with_segments();
    let plan = project.json(&["release", "1.0.0", "--dry-run", "--json"]);
    let second = plan["containers"][1]["images"][0]["blobs"].as_array().unwrap();
    let mounted = second.iter().filter(|b| b["from"] == format!("{}/tools/fd", registry.host)).count();
    assert_eq!(mounted, 2, "{plan}");
    // Released alone, the second finds in the first's repository what that has.
    project.ok(&["push", "0.9.0", "fd", "--yes"]);
    let alone = project.json(&["push", "0.9.0", "find", "--dry-run", "--json"]);
    let blobs = alone["containers"][0]["images"][0]["blobs"].as_array().unwrap();
    assert_eq!(blobs.iter().filter(|b| b["from"] == format!("{}/tools/fd", registry.host)).count(), 2, "{alone}");
    let receipt = project.json(&["push", "0.9.0", "find", "--yes", "--json"]);
    assert_eq!((&receipt["uploaded_blobs"], &receipt["present_blobs"]), (&1.into(), &2.into()));
    assert_eq!(whole(&registry.host, "tools/find", "0.9.0").as_deref(), receipt["containers"][0]["digest"].as_str());

    let registry = Registry::start();
    let text = text.replace(&before, &registry.host);
    fs::write(project.path().join("containers.toml"), text).unwrap();
    let receipt = project.json(&["push", "1.0.0", "--yes", "--json"]);
    assert_eq!((&receipt["uploaded_blobs"], &receipt["present_blobs"]), (&4.into(), &2.into()));
    let asked = registry.requests();
    assert_eq!(asked.iter().filter(|r| r.starts_with("POST ") && r.contains("mount=")).count(), 2);
    // Nothing is tagged before everything of every container is there.
    let tag = |r: &String| r.starts_with("PUT ") && r.contains("/manifests/") && !r.contains("sha256:");
    let first_tag = asked.iter().position(tag).unwrap();
    let sends =
        |r: &&String| !r.starts_with("HEAD ") && r.contains("/blobs/") || (r.starts_with("PUT ") && r.contains("/manifests/sha256:"));
    assert_eq!(asked[first_tag..].iter().find(sends), None, "{asked:#?}");
}

/// The architecture that the config says, and the digest of the manifest, as oci-client resolves them for a platform.
fn as_a_library_pulls(host: &str, tag: &str, architecture: &str) -> (String, String) {
    use oci_client::client::{ClientConfig, ClientProtocol};
    let _ = rustls::crypto::ring::default_provider().install_default();
    let wanted = architecture.to_owned();
    let resolver = move |members: &[oci_client::manifest::ImageIndexEntry]| {
        let is_wanted = |platform: &oci_client::manifest::Platform| platform.architecture.to_string() == wanted;
        members.iter().find(|m| m.platform.as_ref().is_some_and(is_wanted)).map(|m| m.digest.clone())
    };
    let client = oci_client::Client::new(ClientConfig {
        protocol: ClientProtocol::Http,
        platform_resolver: Some(Box::new(resolver)),
        ..ClientConfig::default()
    });
    let reference = oci_client::Reference::with_tag(host.to_owned(), "tools/fd".to_owned(), tag.to_owned());
    let anonymous = oci_client::secrets::RegistryAuth::Anonymous;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_, digest, config) = runtime.block_on(client.pull_manifest_and_config(&reference, &anonymous)).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    (config["architecture"].as_str().unwrap().to_owned(), digest)
}
