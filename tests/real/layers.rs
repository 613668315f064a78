//! `layers = N` with real packages: the same file system as umoci unpacks it, and layers that images share.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Project, judge, need};

/// Two images that have `passwd` and what it needs in common; one makes certificates, the other a user with files of its own.
fn project(layers: u32, text: &str) -> String {
    format!(
        "[defaults]\ntargets = [\"x86_64\"]\nbase = [\"bash\", \"coreutils\"]\nlayers = {layers}\n\n[containers.curl]\npackages = [\"curl\", \"ca-certificates\", \"adduser\"]\nfiles = [{{ text = \"{text}\", to = \"/etc/curlrc\" }}]\n\n[containers.redis]\npackages = [\"redis-server\"]\nentrypoint = \"redis-server\"\n"
    )
}

/// Digest and history of every layer.
fn layers(project: &Project, name: &str) -> Vec<(String, String)> {
    let inspected = project.json(&["inspect", name, "--json"]);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let layers = inspected["images"][0]["layers"].as_array().expect("layers");
    layers.iter().map(|layer| (text(&layer["digest"]), text(&layer["created_by"]))).collect()
}

/// What umoci finds at every path once it has unpacked the image: type, mode, owner, time, size, hash, link.
fn unpacked(layout: &Path, name: &str, to: &Path) -> Vec<String> {
    judge("umoci", &["unpack", "--rootless", "--image", &format!("{}:{name}", layout.display()), to.to_str().unwrap()]);
    let files = fs::read_dir(to).expect("a bundle").flatten().map(|entry| entry.path());
    let mtree = files.into_iter().find(|path| path.extension().is_some_and(|x| x == "mtree")).expect("umoci's list of what it unpacked");
    let text = fs::read_to_string(mtree).unwrap();
    assert!(text.contains("sha256digest=") && text.contains("time="), "{}", &text[..400]);
    text.lines().filter(|line| !line.trim_start().starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn eight_layers_hold_what_two_hold_and_images_share_them() {
    need("umoci", "umoci");
    need("skopeo", "skopeo");
    let world = Project::new(&project(2, "silent")).with_segments();
    // The shared lock knows other containers.
    fs::remove_file(world.path().join("containers.lock")).unwrap();
    let at = |name: &str| world.path().join(name);
    let build = |out: &str| world.ok(&["build", "--out", at(out).to_str().unwrap()]);
    build("two");
    let two = ["curl", "redis"].map(|name| (name, layers(&world, name), unpacked(&at("two"), name, &at(&format!("two-{name}")))));
    assert!(two.iter().all(|(_, layers, _)| layers.len() == 2));

    fs::write(at("containers.toml"), project(8, "silent")).unwrap();
    build("eight");
    let lock = world.lock();
    let mut eight = Vec::new();
    for (name, before, list) in &two {
        let now = layers(&world, name);
        assert_eq!(now.len(), 8, "{now:#?}");
        assert_eq!(now[0], before[0], "the base layer stays");
        let root = at(&format!("eight-{name}"));
        assert_eq!(&unpacked(&at("eight"), name, &root), list);
        judge(
            "skopeo",
            &[
                "copy",
                "--quiet",
                &format!("oci:{}:{name}", at("eight").display()),
                &format!("dir:{}", at(&format!("dir-{name}")).display()),
            ],
        );
        // No file twice above the base, and each package described once, in the layer it is in.
        let (mut paths, mut described) = (BTreeSet::new(), 0);
        for (digest, _) in &now[1..] {
            let blob = at("eight").join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
            for path in judge("tar", &["-tzf", blob.to_str().unwrap()]).lines().filter(|path| !path.ends_with('/')) {
                assert!(paths.insert(path.to_owned()), "{path} twice in {name}");
                described += usize::from(path.starts_with("var/lib/dpkg/status.d/") && !path.ends_with(".md5sums"));
            }
        }
        let target = lock["target"].as_array().unwrap().iter().find(|t| t["container"].as_str() == Some(name)).expect("a locked target");
        let base = lock["base"].as_array().unwrap()[0]["packages"].as_array().unwrap().len();
        assert_eq!(described + base, target["packages"].as_array().unwrap().len());
        eight.push(now);
    }
    world.ok(&["verify", "curl", "redis"]);
    let [curl, redis] = &eight[..] else { panic!("{eight:?}") };
    let shared: Vec<&(String, String)> = curl.iter().filter(|layer| redis.contains(layer)).collect();
    assert!(shared.iter().any(|(_, by)| by.starts_with("catamaran: shadow (")), "{curl:#?}\n{redis:#?}");

    // A file of the project changes nothing but the last layer.
    fs::write(at("containers.toml"), project(8, "show-error")).unwrap();
    world.ok(&["build", "--locked"]);
    let changed = layers(&world, "curl");
    assert_eq!((&changed[..7], changed[7].0 != curl[7].0), (&curl[..7], true));
    assert_eq!(changed[7].1, "catamaran: generated files + 1 local file");
    assert_eq!(&layers(&world, "redis"), redis);
}
