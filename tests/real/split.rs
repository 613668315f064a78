//! A release across machines: each pushes its own architecture by digest, and one joins them. Each is a process with a cache
//! of its own; only the registry and small files pass between them.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Project, Registry, judge, need};
use crate::reader::whole;

/// A build machine that has pushed its image by digest; gives what it hands over.
fn build_machine(registry: &Registry, target: &str) -> (Project, Value) {
    let machine = Project::fd(Some(registry)).with_segments();
    let file = machine.path().join("digests.json");
    let arguments = ["release", "1.2.0", "--target", target, "--digests-only", "--out-digests", "digests.json", "--yes", "--json"];
    let printed = machine.json(&arguments);
    assert_eq!(printed, serde_json::from_str::<Value>(&fs::read_to_string(file).unwrap()).unwrap());
    (machine, printed)
}

#[test]
fn machines_push_by_digest_and_one_joins_what_they_pushed() {
    need("skopeo", "skopeo");
    let registry = Registry::start();
    let (arm, pushed_arm) = build_machine(&registry, "aarch64");
    let (amd, pushed_amd) = build_machine(&registry, "x86_64");
    let tagged = registry.data().join("docker/registry/v2/repositories/tools/fd/_manifests/tags");
    assert!(!tagged.exists() || fs::read_dir(&tagged).unwrap().next().is_none(), "a tag was set");
    let digest = |pushed: &Value| pushed["images"][0]["digest"].as_str().unwrap().to_owned();
    let (arm_digest, amd_digest) = (digest(&pushed_arm), digest(&pushed_amd));

    // The machine that joins has built nothing.
    let joiner = Project::fd(Some(&registry));
    let files = [arm.path().join("digests.json").display().to_string(), amd.path().join("digests.json").display().to_string()];
    let (x86, arm64) = (format!("x86_64={amd_digest}"), format!("aarch64={arm_digest}"));

    // A member that is not what it is given as.
    let (wrong_x86, wrong_arm) = (format!("x86_64={arm_digest}"), format!("aarch64={amd_digest}"));
    let swapped = ["index", "1.2.0", "fd", "--image", &wrong_x86, "--image", &wrong_arm, "--yes"];
    joiner.run(&swapped).fails(1, &["the config of fd/x86_64 says linux/arm64, not linux/amd64", "(platforms)"]);
    let absent = format!("x86_64=sha256:{}", "0".repeat(64));
    joiner.run(&["index", "1.2.0", "fd", "--image", &absent, "--image", &arm64, "--yes"]).fails(3, &["fd/x86_64", "does not exist"]);
    joiner.run(&["index", "1.3.0", "--from", &files[0]]).fails(2, &["is of version 1.2.0, not 1.3.0"]);
    // One of two is a warning.
    joiner.run(&["index", "1.2.0", "--from", &files[0]]).fails(1, &["fd lacks x86_64"]);
    assert_eq!(whole(&registry.host, "tools/fd", "1.2.0"), None);

    let before = registry.requests().len();
    let plan = joiner.json(&["index", "1.2.0", "fd", "--image", &x86, "--image", &arm64, "--tags", "latest", "--dry-run", "--json"]);
    assert_eq!(plan["purpose"], "index");
    assert!(registry.requests()[before..].iter().all(|r| r.starts_with("HEAD ") || r.starts_with("GET ")));
    let receipt =
        joiner.json(&["index", "1.2.0", "--from", &files[0], "--from", &files[1], "--tags", "latest", "--verify", "--yes", "--json"]);
    assert_eq!((&receipt["purpose"], &receipt["uploaded_blobs"]), (&"index".into(), &0.into()));

    // What skopeo reads is an index of exactly these, and the one a single machine makes is the same to the byte.
    let at = format!("docker://{}/tools/fd:1.2.0", registry.host);
    let raw = judge("skopeo", &["inspect", "--tls-verify=false", "--raw", &at]);
    let index: Value = serde_json::from_str(&raw).unwrap();
    let member = |digest: &str| {
        let at = format!("docker://{}/tools/fd@{digest}", registry.host);
        let manifest = judge("skopeo", &["inspect", "--tls-verify=false", "--raw", &at]);
        let config: Value = serde_json::from_str(&judge("skopeo", &["inspect", "--tls-verify=false", "--config", "--raw", &at])).unwrap();
        let platform = json!({ "architecture": config["architecture"], "os": config["os"] });
        json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": manifest.len(), "platform": platform })
    };
    let kind = "application/vnd.oci.image.index.v1+json";
    assert_eq!(index, json!({ "schemaVersion": 2, "mediaType": kind, "manifests": [member(&amd_digest), member(&arm_digest)] }));
    for tag in ["1.2.0-amd64", "1.2.0-arm64", "1.2.0", "latest"] {
        let named = receipt["containers"][0]["tags"].as_array().unwrap().iter().find(|t| t["tag"] == tag).unwrap();
        assert_eq!(whole(&registry.host, "tools/fd", tag).as_deref(), named["digest"].as_str(), "{tag}");
    }
    let single = Project::fd(Some(&registry)).with_segments();
    let again = single.json(&["release", "1.2.0", "--tags", "latest", "--yes", "--json"]);
    assert_eq!(again["containers"][0]["digest"], receipt["containers"][0]["digest"]);
    assert_eq!(again["uploaded_bytes"], 0);
}
