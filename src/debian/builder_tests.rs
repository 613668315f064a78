//! Images built from small packages made here.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::builder::Builder;
use super::fixtures::{Archive, catalog, file, folder, link};
use super::{Hex, Lock};
use crate::Result;
use crate::catalog::{Architecture, Target};
use crate::image::{Digest, Image, LayerRecords, Store, Witnessed};
use crate::progress::Silent;

fn target() -> Target {
    Target::new("x", Architecture::X86_64)
}

fn run(archive: &Archive, lock: &Lock, folder: &Path, cores: usize, entrypoint: &str) -> Result<Image> {
    let store = Store::open(folder.join("images"))?;
    let records = LayerRecords::new(folder.join("content"));
    let builder = Builder::with_cores(folder.to_owned(), store.clone(), records, Witnessed::default(), cores);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (catalog, cancel) = (catalog(entrypoint), CancellationToken::new());
    let descriptor = runtime.block_on(builder.build(&catalog, &target(), lock, archive, Arc::new(Silent), &cancel))?;
    assert_eq!(descriptor.annotations["dev.catamaran.inputs"], Builder::inputs(&catalog, &target(), lock, folder)?.unwrap().to_string());
    assert_eq!(store.find(&catalog.store_name(&target()))?.as_ref(), Some(&descriptor));
    assert!(store.is_whole(&descriptor));
    store.image(&descriptor)
}

/// Paths of a layer with what `ls` would show: `type mode link content`.
fn listing(image: &Image, layer: usize) -> BTreeMap<String, String> {
    let mut raw = Vec::new();
    let blob = image.blobs.open(&image.manifest.layers[layer]).unwrap();
    flate2::read::MultiGzDecoder::new(blob).read_to_end(&mut raw).unwrap();
    assert_eq!(Digest::of(&raw), image.config.rootfs.diff_ids[layer]);
    let mut out = BTreeMap::new();
    for entry in tar::Archive::new(&raw[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        content.truncate(20);
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let header = entry.header();
        let kind = header.entry_type().as_byte() as char;
        let link = entry.link_name_bytes().map(|l| String::from_utf8(l.into_owned()).unwrap()).unwrap_or_default();
        let text = format!("{kind} {:o} {link}{}", header.mode().unwrap(), String::from_utf8_lossy(&content));
        assert_eq!(out.insert(path.clone(), text), None, "{path} appears twice");
    }
    out
}

fn archive(folder_path: &Path) -> Archive {
    let mut archive = Archive::new(folder_path);
    let noise: Vec<u8> = (0..600_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    archive.add(
        "base-files",
        "",
        &[
            folder("bin"),
            folder("lib"),
            ("tmp", tar::EntryType::Directory, "", 0o1777, b""),
            folder("var/run"),
            file("usr/lib/os-release", 0o644, b"ID=debian\n"),
        ],
    );
    archive.add(
        "libc6",
        "",
        &[folder("lib"), folder("lib64"), file("lib/x/libc.so.6", 0o755, b"\x7fELF"), link("lib64/ld.so", "/lib/x/libc.so.6")],
    );
    archive.add("big", "", &[file("bin/big", 0o755, &noise), ("bin/also", tar::EntryType::Link, "./bin/big", 0o755, b"")]);
    archive.add(
        "tool",
        "",
        &[folder("usr/bin"), folder("opt/tool"), file("usr/bin/tool", 0o755, b"#!/bin/sh\n"), file("opt/tool/x", 0o644, b"x")],
    );
    archive
}

#[test]
fn the_image_is_the_same_on_one_core_and_many_in_any_folder() {
    let (debs, one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let archive = archive(debs.path());
    let lock = archive.lock(&["base-files", "libc6", "big"], &["tool"]);
    let first = run(&archive, &lock, one.path(), 1, "tool").unwrap();
    assert_eq!(archive.fetched.lock().unwrap().len(), 4);
    let second = run(&archive, &lock, two.path(), 4, "tool").unwrap();
    assert_eq!(first.descriptor.digest, second.descriptor.digest);
    assert_eq!(first.config.config.entrypoint, ["/usr/bin/tool"]);
    assert_eq!(first.manifest.annotations["note"], "yes");
    assert_eq!(first.config.history[0].created_by.as_deref(), Some("catamaran: base base (3 packages)"));
    assert_eq!(first.config.created.as_deref(), Some("2023-11-14T22:13:20Z"));

    // Made once: nothing is fetched again, whatever else needs it.
    let again = run(&archive, &lock, two.path(), 2, "tool").unwrap();
    assert_eq!((again.descriptor.digest, archive.fetched.lock().unwrap().len()), (first.descriptor.digest, 8));

    let base = listing(&first, 0);
    assert_eq!(base["bin"], "2 777 usr/bin");
    assert_eq!(base["lib64"], "2 777 usr/lib64");
    assert_eq!(base["var/run"], "2 777 /run");
    assert_eq!(base["tmp/"], "5 1777 ");
    assert_eq!(base["usr/bin/also"], "1 755 usr/bin/big");
    assert_eq!(base["usr/lib64/ld.so"], "2 777 /lib/x/libc.so.6");
    assert!(base["var/lib/dpkg/status.d/libc6"].starts_with("0 644 Package: libc6"));
    assert!(!base.keys().any(|path| path.starts_with("bin/") || path.starts_with("lib/") || path.starts_with("lib64/")));
    let parents_first: Vec<&String> = base.keys().filter(|p| p.ends_with('/')).collect();
    assert!(parents_first.contains(&&"usr/lib/x/".to_owned()));

    // `usr/bin` and `opt` are in the base layer already.
    let own: Vec<String> = listing(&first, 1).into_keys().collect();
    assert_eq!(own, ["opt/tool/", "opt/tool/x", "usr/bin/tool", "var/lib/dpkg/status.d/tool"]);
}

#[test]
fn a_base_layer_is_the_same_for_every_container_and_may_stand_alone() {
    let (debs, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let archive = archive(debs.path());
    let with = run(&archive, &archive.lock(&["base-files", "libc6"], &["tool"]), cache.path(), 2, "tool").unwrap();
    let alone = run(&archive, &archive.lock(&["base-files", "libc6"], &[]), cache.path(), 2, "/lib64/ld.so").unwrap();
    assert_eq!(alone.manifest.layers, with.manifest.layers[..1]);
    assert_eq!(alone.config.config.entrypoint, ["/usr/lib64/ld.so"]);
}

#[test]
fn two_owners_of_a_path_are_an_error_unless_one_replaces_the_other() {
    let (debs, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut archive = archive(debs.path());
    archive.add("rival", "", &[file("usr/bin/tool", 0o755, b"rival"), file("usr/bin/own", 0o755, b"own")]);
    archive.add("heir", "Replaces: rival (<< 2), other\n", &[file("usr/bin/tool", 0o755, b"heir")]);
    let error = run(&archive, &archive.lock(&["libc6"], &["tool", "rival"]), cache.path(), 2, "tool").unwrap_err();
    assert!(error.message().contains("/usr/bin/tool is in rival 1 and in tool 1"), "{error}");

    let image = run(&archive, &archive.lock(&["libc6"], &["heir", "rival"]), cache.path(), 2, "tool").unwrap();
    let layer = listing(&image, 1);
    assert_eq!((&*layer["usr/bin/tool"], &*layer["usr/bin/own"]), ("0 755 heir", "0 755 own"));
    // The one that is replaced may be in the layer below, or the one that replaces.
    let image = run(&archive, &archive.lock(&["rival"], &["heir"]), cache.path(), 2, "tool").unwrap();
    assert_eq!(listing(&image, 1)["usr/bin/tool"], "0 755 heir");
    let image = run(&archive, &archive.lock(&["heir"], &["rival"]), cache.path(), 2, "tool").unwrap();
    assert!(!listing(&image, 1).contains_key("usr/bin/tool"));
}

#[test]
fn what_cannot_be_built_says_why() {
    let (debs, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut archive = archive(debs.path());
    let lock = archive.lock(&["libc6"], &["tool"]);
    let error = run(&archive, &lock, cache.path(), 2, "tol").unwrap_err();
    assert_eq!(error.message(), "x/x86_64: entrypoint `tol` is not in the image");
    assert!(error.advice().unwrap().contains("ship tool"));
    assert!(!cache.path().join("debian/layers").exists(), "it is found out before layers are written");

    let mut other = lock.clone();
    other.packages.iter_mut().find(|p| p.name == "tool").unwrap().architecture = "arm64".into();
    let error = run(&archive, &other, cache.path(), 2, "tool").unwrap_err();
    assert_eq!(error.message(), "containers.lock has tool=1 for arm64 only, not for amd64");

    // Not the file that the lock names; nothing of it may stay in the cache.
    archive.add("other", "", &[]);
    let wrong = fs::read(debs.path().join("other.deb")).unwrap();
    archive.serve("big", wrong);
    let error = run(&archive, &archive.lock(&["libc6"], &["big"]), cache.path(), 2, "big").unwrap_err();
    assert!(error.message().contains("SHA-256"), "{error}");
    let left = fs::read_dir(cache.path().join("debian/segments")).unwrap();
    assert!(left.flatten().all(|f| !f.file_name().to_string_lossy().starts_with(".new-")));
}

#[test]
fn the_definition_and_the_packages_decide_the_inputs() {
    let debs = tempfile::tempdir().unwrap();
    let archive = archive(debs.path());
    let lock = archive.lock(&["libc6"], &["tool"]);
    let digest = Builder::inputs(&catalog("tool"), &target(), &lock, debs.path()).unwrap();
    assert_ne!(Builder::inputs(&catalog("other"), &target(), &lock, debs.path()).unwrap(), digest);
    let cut = |layers| {
        let mut catalog = catalog("tool");
        catalog.containers[0].layers = Some(layers);
        Builder::inputs(&catalog, &target(), &lock, debs.path()).unwrap()
    };
    assert_eq!(cut(2), digest, "two is what it makes anyway");
    assert!(cut(3) != digest && cut(3) != cut(4));
    let mut changed = lock.clone();
    changed.packages.iter_mut().find(|p| p.name == "tool").unwrap().sha256 = Hex(Digest::of(b""));
    assert_ne!(Builder::inputs(&catalog("tool"), &target(), &changed, debs.path()).unwrap(), digest);
    assert_eq!(Builder::inputs(&catalog("tool"), &Target::new("x", Architecture::Aarch64), &lock, debs.path()).unwrap(), None);
}

/// The files of the segments in `cache` whose names end in `suffix`.
fn segments(cache: &Path, suffix: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(cache.join("debian/segments")).unwrap().map(|file| file.unwrap().path());
    all.filter(|path| path.to_string_lossy().ends_with(suffix)).collect()
}

/// Makes the next build write its layers again.
fn forget_layers(cache: &Path) {
    for folder in ["debian/layers", "images", "content"] {
        fs::remove_dir_all(cache.join(folder)).unwrap();
    }
}

#[test]
fn the_uncompressed_copy_of_a_segment_may_be_damaged_or_gone() {
    let (debs, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let archive = archive(debs.path());
    let lock = archive.lock(&["base-files", "libc6"], &["tool", "big"]);
    let build = || run(&archive, &lock, cache.path(), 2, "tool").unwrap().manifest;
    let whole = build();
    let copies = segments(cache.path(), ".tar");
    assert_eq!(copies.len(), 4);
    for copy in &copies {
        let mut bytes = fs::read(copy).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(copy, bytes).unwrap();
    }
    forget_layers(cache.path());
    assert_eq!(build(), whole);
    assert_eq!(segments(cache.path(), ".tar"), Vec::<PathBuf>::new(), "what is not right does not stay");
    forget_layers(cache.path());
    assert_eq!(build(), whole);
}

#[test]
fn a_damaged_segment_never_gets_into_an_image_and_is_made_again() {
    let (debs, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let archive = archive(debs.path());
    let lock = archive.lock(&["base-files", "libc6"], &["tool", "big"]);
    let build = || run(&archive, &lock, cache.path(), 2, "tool").map(|image| image.manifest);
    let whole = build().unwrap();
    for members in segments(cache.path(), ".gz") {
        let mut bytes = fs::read(&members).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&members, bytes).unwrap();
        forget_layers(cache.path());
        let error = build().unwrap_err();
        assert!(error.message().contains("was damaged and is deleted"), "{error}");
        assert_eq!(build().unwrap(), whole);
    }
}

#[test]
fn what_was_altered_in_the_package_cache_is_fetched_again_in_the_same_run() {
    let (debs, one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let archive = archive(debs.path());
    let lock = archive.lock(&["base-files", "libc6"], &["tool", "big"]);
    let whole = run(&archive, &lock, one.path(), 2, "tool").unwrap().manifest;
    archive.fetched.lock().unwrap().clear();
    for name in ["libc6", "tool", "big"] {
        let path = debs.path().join(format!("{name}.deb"));
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(run(&archive, &lock, two.path(), 2, "tool").unwrap().manifest, whole);
    let mut fetched = archive.fetched.lock().unwrap().clone();
    fetched.sort();
    assert_eq!(fetched, ["base-files", "big", "big", "libc6", "libc6", "tool", "tool"]);
}
