//! Layouts that others wrote: entries that cannot be read beside ones that can, images for other systems, files that are none.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use catamaran::image::{Descriptor, Digest, ImageConfig, Index, Manifest, Platform, Store, media_type};
use serde_json::Value;

use crate::harness::{Project, need};

fn platform(os: &str, architecture: &str) -> Platform {
    Platform { os: os.into(), architecture: architecture.into(), variant: None }
}

/// An image with one file; `size` is what its manifest says of the layer's, when that is not the truth.
fn image(store: &Store, platform: &Platform, size: Option<u64>) -> Descriptor {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o644);
    tar.append_data(&mut header, "etc/hello", b"hello".as_slice()).unwrap();
    let tar = tar.into_inner().unwrap();
    let mut config = ImageConfig { os: platform.os.clone(), architecture: platform.architecture.clone(), ..ImageConfig::default() };
    config.rootfs.kind = "layers".into();
    config.rootfs.diff_ids = vec![Digest::of(&tar)];
    let (config, mut layer) = (config.to_bytes(), Descriptor::of(media_type::LAYER_TAR, &tar));
    layer.size = size.unwrap_or(layer.size);
    let manifest = Manifest::new(Descriptor::of(media_type::CONFIG, &config), vec![layer], BTreeMap::new()).to_bytes();
    for blob in [&tar, &config, &manifest] {
        store.put(blob).unwrap();
    }
    Descriptor { platform: Some(platform.clone()), ..Descriptor::of(media_type::MANIFEST, &manifest) }
}

/// A layout `name` with `entries` in its index.json.
fn layout(project: &Project, name: &str, entries: impl FnOnce(&Store) -> Vec<Descriptor>) -> PathBuf {
    let store = Store::open(project.path().join(name)).unwrap();
    let entries = entries(&store);
    fs::write(store.root().join("index.json"), Index::new(entries, BTreeMap::new()).to_bytes()).unwrap();
    store.root().to_owned()
}

fn absent(platform: Platform) -> Descriptor {
    Descriptor { platform: Some(platform), ..Descriptor::new(media_type::MANIFEST, Digest::of(b"not there"), 9) }
}

fn project() -> Project {
    Project::new("[containers.aa]\npackages = [\"aa\"]\n")
}

#[test]
fn what_cannot_be_read_of_a_layout_is_listed_and_the_rest_is_looked_at() {
    let project = project();
    layout(&project, "part", |store| {
        let [amd64, arm64] = ["amd64", "arm64"].map(|architecture| image(store, &platform("linux", architecture), None));
        vec![amd64, absent(platform("linux", "s390x")), arm64]
    });
    let ran = project.run(&["verify", "oci:part"]);
    ran.fails(1, &["does not hold it", "s390x"]);
    assert!(
        ["oci:part linux/amd64", "oci:part linux/arm64", "oci:part linux/s390x"].iter().all(|name| ran.out.contains(name)),
        "{}",
        ran.out
    );
    for format in ["json", "sarif", "junit"] {
        let ran = project.run(&["verify", "oci:part", "--format", format]);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(ran.out.contains("oci:part linux/s390x") && ran.out.contains("does not hold it"), "{format}: {}", ran.out);
    }
    let document: Value = serde_json::from_str(&project.run(&["verify", "oci:part", "--json"]).out).unwrap();
    assert_eq!((document["reports"].as_array().map(Vec::len), &document["verdict"]), (Some(2), &"fail".into()), "{document}");
    assert_eq!(document["unread"][0]["subject"], "oci:part linux/s390x");

    for command in [&["inspect", "oci:part"][..], &["inspect", "oci:part", "--files"]] {
        let ran = project.run(command);
        ran.fails(1, &["oci:part linux/s390x could not be read"]);
        assert!(ran.out.contains("linux/amd64") && ran.out.contains("linux/arm64"), "{}", ran.out);
    }
    let ran = project.run(&["compare", "oci:part"]);
    ran.fails(1, &["oci:part linux/s390x could not be read"]);
    assert!(ran.out.contains("no difference"), "{}", ran.out);
    // What is missing may be what the other one was to be held against.
    layout(&project, "half", |store| vec![image(store, &platform("linux", "amd64"), None), absent(platform("linux", "s390x"))]);
    project.run(&["compare", "oci:half"]).fails(1, &["oci:half linux/s390x could not be read"]);
}

#[test]
fn images_for_windows_are_left_out_of_a_comparison_with_a_word() {
    let project = project();
    layout(&project, "three", |store| {
        let platforms = [platform("windows", "amd64"), platform("linux", "amd64"), platform("linux", "arm64")];
        let members: Vec<Descriptor> = platforms.iter().map(|platform| image(store, platform, None)).collect();
        let index = Index::new(members, BTreeMap::new()).to_bytes();
        store.put(&index).unwrap();
        vec![Descriptor::of(media_type::INDEX, &index)]
    });
    let ran = project.run(&["compare", "oci:three", "--exit-code"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("no difference") && ran.err.contains("not compared: windows/amd64"), "{}{}", ran.out, ran.err);
    let document = project.json(&["compare", "oci:three", "--json"]);
    assert_eq!(document["comparisons"].as_array().map(Vec::len), Some(1), "{document}");
    assert_eq!(document["skipped"][0]["subject"], "oci:three windows/amd64", "{document}");
    // Which two is said, so there is nothing to leave out.
    let chosen = project.json(&["compare", "oci:three", "--target", "x86_64,aarch64", "--json"]);
    assert_eq!(chosen["skipped"].as_array().map(Vec::len), Some(0), "{chosen}");
    let document = project.json(&["inspect", "oci:three", "--json"]);
    let windows = document["images"].as_array().unwrap().iter().find(|image| image["platform"]["os"] == "windows").unwrap();
    assert!(windows["layers"][0]["entries"].is_null(), "{windows}");

    layout(&project, "windows", |store| vec![image(store, &platform("windows", "amd64"), None)]);
    project.run(&["compare", "oci:windows", "oci:three"]).fails(2, &["oci:windows has no image that can be compared", "only Linux"]);
}

#[test]
fn sizes_beyond_all_numbers_and_files_that_are_pipes_are_survived() {
    let project = project();
    layout(&project, "huge", |store| {
        let sizes = [u64::MAX, u64::MAX - 1];
        sizes.map(|size| Descriptor { size, ..image(store, &platform("linux", "amd64"), Some(size)) }).to_vec()
    });
    for command in ["inspect", "verify", "compare"] {
        let ran = project.run(&[command, "oci:huge"]);
        assert!(!ran.err.contains("this is a bug") && !ran.err.contains("panicked"), "{command}: {}", ran.err);
    }
    need("mkfifo", "coreutils");
    assert!(Command::new("mkfifo").arg(project.path().join("x.tar")).status().unwrap().success());
    project.run(&["verify", "docker-archive:x.tar"]).fails(2, &["x.tar is not a file", "write it to a file first"]);
    let pipe = |folder: &Path, digest: &Digest| {
        let place = folder.join("blobs/sha256").join(digest.hex());
        fs::remove_file(&place).unwrap();
        assert!(Command::new("mkfifo").arg(&place).status().unwrap().success());
    };
    let mut manifest = None;
    let folder = layout(&project, "pipes", |store| vec![manifest.insert(image(store, &platform("linux", "amd64"), None)).clone()]);
    let manifest = manifest.unwrap().digest;
    let layer = serde_json::from_slice::<Manifest>(&Store::open(&folder).unwrap().read(&manifest).unwrap()).unwrap().layers[0].digest;
    for blob in [layer, manifest] {
        pipe(&folder, &blob);
        for command in ["verify", "inspect"] {
            let ran = project.run(&[command, "oci:pipes"]);
            assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
            assert!(format!("{}{}", ran.out, ran.err).contains("is not a file"), "{}{}", ran.out, ran.err);
        }
    }
}
