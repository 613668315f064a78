//! Files of the project in images: each architecture its own, judged by skopeo and umoci.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::{Project, judge, need};

const CATALOG: &str = r#"
[defaults]
targets = ["x86_64", "aarch64"]
base = ["bash", "coreutils"]
env = { LANG = "C.UTF-8", TIER = "default" }
labels = { "org.opencontainers.image.vendor" = "acme" }
annotations = { "org.opencontainers.image.source" = "https://example.org/acme" }

[containers.fd]
packages = ["fd-find"]
entrypoint = "fd"
cmd = ["--version"]
env = { TIER = "own" }
labels = { "org.example.team" = "tools" }
annotations = { "org.example.note" = "hello" }
user = "www-data:staff"
workdir = "/work"
expose = ["8080"]
volumes = ["/data"]
links = { "/usr/bin/fd" = "fdfind" }
files = [
  { from = "out/{target}/data", to = "/opt/app/data", owner = "www-data" },
  { from = "tree", to = "/srv/tree" },
  { text = "hello\n", to = "/etc/issue", mode = "0600" },
]
"#;

fn project() -> Project {
    let project = Project::new(CATALOG).with_segments();
    for (path, content) in [("out/x86_64/data", "for x86"), ("out/aarch64/data", "for arm"), ("tree/a/b", "b")] {
        let path = project.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    project
}

#[test]
fn everything_a_definition_says_arrives_in_config_manifest_index_and_files() {
    need("umoci", "umoci");
    let project = project();
    let out = project.path().join("out-layout");
    project.ok(&["build", "--out", out.to_str().unwrap()]);
    let parse = |text: String| serde_json::from_str::<Value>(&text).expect("JSON");
    for (target, content) in [("x86_64", "for x86"), ("aarch64", "for arm")] {
        let reference = format!("oci:{}:fd/{target}", out.display());
        let config = parse(judge("skopeo", &["inspect", "--config", "--raw", &reference]))["config"].clone();
        assert_eq!(config["Entrypoint"], serde_json::json!(["/usr/bin/fd"]));
        assert_eq!(config["Cmd"], serde_json::json!(["--version"]));
        let env: Vec<&str> = config["Env"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        assert!(env.contains(&"LANG=C.UTF-8") && env.contains(&"TIER=own") && env[0].starts_with("PATH="), "{env:?}");
        assert_eq!(config["Labels"], serde_json::json!({"org.opencontainers.image.vendor": "acme", "org.example.team": "tools"}));
        assert_eq!((&config["User"], &config["WorkingDir"]), (&"www-data:staff".into(), &"/work".into()));
        assert_eq!(
            (&config["ExposedPorts"], &config["Volumes"]),
            (&serde_json::json!({"8080/tcp": {}}), &serde_json::json!({"/data": {}}))
        );
        let manifest = parse(judge("skopeo", &["inspect", "--raw", &reference]));
        let annotations = serde_json::json!({"org.opencontainers.image.source": "https://example.org/acme", "org.example.note": "hello"});
        assert_eq!(manifest["annotations"], annotations);
        let index = parse(judge("skopeo", &["inspect", "--raw", &format!("oci:{}:fd", out.display())]));
        assert_eq!(index["annotations"], annotations);

        let bundle = project.path().join(format!("bundle-{target}"));
        judge("umoci", &["unpack", "--rootless", "--image", &reference["oci:".len()..], bundle.to_str().unwrap()]);
        let root = bundle.join("rootfs");
        let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
        assert_eq!(
            (read("opt/app/data"), read("srv/tree/a/b"), read("etc/issue")),
            (content.to_owned(), "b".to_owned(), "hello\n".to_owned())
        );
        assert_eq!(fs::metadata(root.join("etc/issue")).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_link(root.join("usr/bin/fd")).unwrap().to_str(), Some("fdfind"));
        let listed = project.json(&["inspect", "--files", "--json", &reference]);
        let listed: Vec<&str> = listed["images"][0]["files"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap()).collect();
        let mut found: Vec<String> =
            judge("find", &[root.to_str().unwrap(), "-mindepth", "1", "-printf", "%P\\n"]).lines().map(str::to_owned).collect();
        found.sort();
        assert_eq!(listed, found);
    }
    project.ok(&["verify", "fd"]);
}

#[test]
fn a_changed_file_makes_its_image_stale_and_only_that_is_built_again() {
    let project = project();
    project.ok(&["build"]);
    let states = || {
        let list = project.json(&["list", "--json"]);
        let state = |t: &Value| t["state"].as_str().unwrap().to_owned();
        list["targets"].as_array().unwrap().iter().map(state).collect::<Vec<_>>()
    };
    let before = project.digests();
    assert_eq!(states(), ["built", "built"]);
    // Written again with the same content: nothing changes.
    fs::write(project.path().join("tree/a/b"), "b").unwrap();
    assert_eq!(states(), ["built", "built"]);
    fs::write(project.path().join("out/aarch64/data"), "for ARM").unwrap();
    assert_eq!(states(), ["built", "stale"]);
    project.ok(&["build"]);
    let after = project.digests();
    assert_eq!((states(), before[0] == after[0], before[1] == after[1]), (vec!["built".into(), "built".into()], true, false));
    // The time that reproducible builds fix counts as well.
    let dated = project.command().env("SOURCE_DATE_EPOCH", "86400").args(["build"]).status().expect("catamaran starts");
    assert!(dated.success());
    assert_ne!(project.digests(), after);

    fs::remove_file(project.path().join("out/x86_64/data")).unwrap();
    assert_eq!(states()[0], "stale");
    project.run(&["build"]).fails(2, &["fd/x86_64", "out/{target}/data", "out/x86_64/data", "/opt/app/data", "does not exist", "hint"]);
}

#[test]
fn a_program_for_another_architecture_fails_its_check() {
    let catalog = CATALOG.replace("{ from = \"tree\"", "{ from = \"program\", to = \"/usr/local/bin/program\" },\n  { from = \"tree\"");
    let project = project();
    fs::write(project.path().join("containers.toml"), catalog).unwrap();
    fs::copy("/bin/true", project.path().join("program")).unwrap();
    let ran = project.run(&["build", "--output", "plain"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let (own, other) = if cfg!(target_arch = "aarch64") { ("fd/aarch64", "fd/x86_64") } else { ("fd/x86_64", "fd/aarch64") };
    project.ok(&["verify", own]);
    let report = project.run(&["verify", other]);
    assert_eq!(report.code, 1, "{}{}", report.out, report.err);
    assert!(report.out.contains("elf-machine") && report.out.contains("usr/local/bin/program"), "{}", report.out);
}
