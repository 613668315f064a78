//! Layers put on each other, and paths looked up in what comes of it.

use super::*;
use crate::image::Image;
use crate::progress::Silent;
use crate::verify::ImageFacts;
use crate::verify::samples::{Layer, Sample};

fn paths(image: &Image) -> Vec<String> {
    let facts = ImageFacts::gather(image, &Silent, &|| false).unwrap();
    MergedRoot::merge(&facts.layers).iter().map(|(path, node, _)| format!("{}@{}", path.text(), node.layer)).collect()
}

#[test]
fn whiteouts_and_opaque_folders_act_on_lower_layers_only() {
    let lower = Layer::new()
        .file("a/x", 0o644, b"")
        .file("a/y/z", 0o644, b"")
        .file("b/x", 0o644, b"")
        .file("c", 0o644, b"")
        .file("d/e", 0o644, b"");
    // The whiteouts stand after what the same layer adds.
    let upper = Layer::new()
        .file("a/new", 0o644, b"")
        .file("a/.wh..wh..opq", 0, b"")
        .file("b/x", 0o644, b"")
        .file("b/.wh.x", 0, b"")
        .file(".wh.c", 0, b"")
        .file("d", 0o644, b"");
    assert_eq!(paths(&Sample::new("amd64").layer(lower).layer(upper).image()), ["a/new@1", "b/x@1", "d@1"]);
}

#[test]
fn entries_below_a_linked_folder_land_where_the_link_leads() {
    let lower = Layer::new().folder("usr/bin").symlink("bin", "usr/bin").file("bin/sh", 0o755, b"");
    let upper = Layer::new().file("bin/.wh.sh", 0, b"").file("bin/ls", 0o755, b"").hard_link("bin/dir", "bin/ls");
    assert_eq!(paths(&Sample::new("amd64").layer(lower).layer(upper).image()), ["bin@0", "usr/bin@0", "usr/bin/dir@1", "usr/bin/ls@1"]);
}

#[test]
fn a_folder_entry_replaces_a_link_as_engines_do() {
    let lower = Layer::new().folder("usr/lib").symlink("lib", "usr/lib").file("usr/lib/ld.so", 0o755, b"");
    let image = Sample::new("amd64").layer(lower).layer(Layer::new().folder("lib")).image();
    let facts = ImageFacts::gather(&image, &Silent, &|| false).unwrap();
    let root = MergedRoot::merge(&facts.layers);
    assert!(matches!(root.lookup("/lib/ld.so"), Lookup::Missing(at) if at == "lib/ld.so"));
    assert!(matches!(root.lookup("/../usr/./lib/../lib/ld.so"), Lookup::Found(at, _) if at == "usr/lib/ld.so"));
}

#[test]
fn forty_links_are_followed_and_circles_end() {
    let chain = |n: usize| (0..n).fold(Layer::new().file("l0", 0o644, b""), |l, i| l.symlink(&format!("l{}", i + 1), &format!("l{i}")));
    let image = Sample::new("amd64").layer(chain(41).symlink("self", "self/self")).image();
    let facts = ImageFacts::gather(&image, &Silent, &|| false).unwrap();
    let root = MergedRoot::merge(&facts.layers);
    assert!(matches!(root.lookup("l40"), Lookup::Found(at, _) if at == "l0"));
    assert!(matches!(root.lookup("l41"), Lookup::Loop));
    assert!(matches!(root.lookup("self"), Lookup::Loop));
    assert!(matches!(root.lookup("l1/x"), Lookup::NotAFolder(at) if at == "l0"));
}

#[test]
fn links_to_folders_without_end_are_left_out_and_said() {
    let deep = ["b"; 500].join("/");
    let links = (0..60)
        .fold(Layer::new(), |layer, n| layer.symlink(&format!("l{n}"), &format!("x{n}/{deep}")).file(&format!("l{n}/f"), 0o644, b""));
    let image = Sample::new("amd64").layer(links).image();
    let facts = ImageFacts::gather(&image, &Silent, &|| false).unwrap();
    let root = MergedRoot::merge(&facts.layers);
    assert!(root.is_crowded() && matches!(root.lookup("l1/f"), Lookup::Found(..)));
    let report = crate::verify::samples::report(&image);
    let links = crate::verify::samples::findings(&report, crate::verify::Check::Links);
    assert!(links.contains(&"fail -".to_owned()), "{links:?}");
}

#[test]
fn what_is_replaced_again_and_again_takes_no_more_room() {
    let deep = ["b"; 100].join("/");
    let layer = (0..50).fold(Layer::new(), |layer, _| layer.file("a", 0o644, b"").file(&format!("a/{deep}"), 0o644, b""));
    let image = Sample::new("amd64").layer(layer).image();
    let facts = ImageFacts::gather(&image, &Silent, &|| false).unwrap();
    let root = MergedRoot::merge(&facts.layers);
    // The root, `a`, and what is below it but for the file.
    assert_eq!((root.is_crowded(), root.folders.len()), (false, 101));
    assert!(root.get(&format!("a/{deep}")).is_some_and(|node| !node.is_directory()) && root.get("a").unwrap().entry.is_none());
}
