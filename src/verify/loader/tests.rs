//! Programs of small images, loaded.

use std::sync::Arc;

use proptest::prelude::*;

use super::Libraries;
use crate::image::{Elf, ElfReader, Entry, EntryKind};
use crate::progress::Silent;
use crate::verify::rootfs::MergedRoot;
use crate::verify::samples::{Dynamic, Layer, Sample, findings, ld_cache, result};
use crate::verify::{Check, Circumstances, ImageFacts, Report, Verdict, check_facts};

const GLIBC: &str = "/lib64/ld-linux-x86-64.so.2";
const MUSL: &str = "/lib/ld-musl-x86_64.so.1";
const MULTIARCH: &str = "usr/lib/x86_64-linux-gnu";

/// A root with Debian's glibc, and musl beside it.
fn root() -> Layer {
    let file = |layer: Layer, path: &str, elf: &Dynamic| layer.file(path, 0o755, &elf.bytes());
    let layer = Layer::new().symlink("lib", "usr/lib").symlink("lib64", "usr/lib64");
    let layer = layer.symlink("usr/lib64/ld-linux-x86-64.so.2", "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
    let layer = file(layer, &format!("{MULTIARCH}/ld-linux-x86-64.so.2"), &Dynamic::library("ld-linux-x86-64.so.2"));
    let libc = Dynamic::library("libc.so.6").needs(&["ld-linux-x86-64.so.2"]);
    let layer = file(layer, &format!("{MULTIARCH}/libc.so.6"), &libc);
    file(layer, "usr/lib/ld-musl-x86_64.so.1", &Dynamic::library("libc.so"))
}

fn program(interpreter: &str) -> Dynamic {
    Dynamic::program(interpreter).needs(&[if interpreter == MUSL { "libc.so" } else { "libc.so.6" }])
}

trait With: Sized {
    fn with(self, path: &str, elf: &Dynamic) -> Self;
}

impl With for Layer {
    fn with(self, path: &str, elf: &Dynamic) -> Self {
        self.file(path, 0o755, &elf.bytes())
    }
}

/// `name=path` of everything that `program` loads, `name=` for what is missing.
fn loads(sample: Sample, program: &str) -> String {
    let image = sample.image();
    let facts = ImageFacts::gather(&image, &Silent, &|| false).unwrap();
    assert_eq!(facts.damaged().count(), 0);
    let root = MergedRoot::merge(&facts.layers);
    let loaded = Libraries::of(&image, &facts, &root).loaded_by(program).unwrap();
    let shown = loaded.into_iter().filter(|(name, _)| name != "libc.so.6");
    shown.map(|(name, path)| format!("{name}={}", path.unwrap_or_default())).collect::<Vec<_>>().join(" ")
}

fn sample(layer: Layer) -> Sample {
    Sample::new("amd64").layer(root()).layer(layer)
}

fn found(sample: Sample) -> Vec<String> {
    findings(&sample.report(), Check::ElfLibraries)
}

#[test]
fn glibc_searches_rpath_environment_runpath_cache_and_its_own_folders_in_this_order() {
    let library = Dynamic::library("libx.so.1");
    // Each place in turn loses its library.
    let places =
        ["opt/rpath/libx.so.1", "opt/env/libx.so.1", "opt/cached/libx.so.1", &format!("{MULTIARCH}/libx.so.1"), "usr/lib/libx.so.1"];
    for first in 0..places.len() {
        let layer = places[first..].iter().fold(Layer::new(), |layer, path| layer.with(path, &library));
        let layer = layer.file("etc/ld.so.cache", 0o644, &ld_cache(&["/opt/cached/libx.so.1"]));
        let mut sample = sample(layer.with("usr/bin/a", &program(GLIBC).needs(&["libx.so.1"]).rpath("/opt/rpath")));
        sample.config.env = vec!["LD_LIBRARY_PATH=relative:/opt/env".into()];
        assert_eq!(loads(sample, "usr/bin/a"), format!("libx.so.1={}", places[first]));
    }
    // RUNPATH comes after the environment, and with it the RPATH does not count.
    for (first, expected) in [(0, "opt/env"), (2, "opt/run")] {
        let layer = places[first..].iter().fold(Layer::new(), |layer, path| layer.with(path, &library));
        let layer = layer.with("opt/run/libx.so.1", &library);
        let mut sample = sample(layer.with("usr/bin/a", &program(GLIBC).needs(&["libx.so.1"]).rpath("/opt/rpath").runpath("/opt/run")));
        sample.config.env = vec!["LD_LIBRARY_PATH=/opt/env".into()];
        assert_eq!(loads(sample, "usr/bin/a"), format!("libx.so.1={expected}/libx.so.1"));
    }
}

#[test]
fn rpath_is_inherited_and_runpath_is_not() {
    let image = |program: Dynamic, library: Dynamic| {
        let layer =
            Layer::new().with("opt/p/libone.so", &library.needs(&["libtwo.so"])).with("opt/p/libtwo.so", &Dynamic::library("libtwo.so"));
        loads(sample(layer.with("usr/bin/a", &program.needs(&["libone.so"]))), "usr/bin/a")
    };
    let one = || Dynamic::library("libone.so");
    let (all, half) = ("libone.so=opt/p/libone.so libtwo.so=opt/p/libtwo.so", "libone.so=opt/p/libone.so libtwo.so=");
    assert_eq!(image(program(GLIBC).rpath("/opt/p"), one()), all);
    assert_eq!(image(program(GLIBC).runpath("/opt/p"), one()), half);
    assert_eq!(image(program(GLIBC).rpath("/opt/p"), one().runpath("/opt/q")), half);
    assert_eq!(image(program(GLIBC).runpath("/opt/p"), one().runpath("$ORIGIN")), all);
    // musl lets both be inherited.
    let all = "libone.so=opt/p/libone.so libtwo.so=opt/p/libtwo.so";
    assert_eq!(image(program(MUSL).runpath("/opt/p"), one()), all);
    assert_eq!(image(program(MUSL).rpath("/opt/p"), one().runpath("/opt/q")), all);
}

#[test]
fn what_is_loaded_already_serves_those_who_could_not_find_it() {
    // libhost.so is found by the program alone; the library after it needs it by its soname.
    let layer = Layer::new()
        .with("opt/p/libhost-1.so", &Dynamic::library("libhost.so"))
        .with(&format!("{MULTIARCH}/libuser.so"), &Dynamic::library("libuser.so").needs(&["libhost.so"]));
    let both = |first: &str, second: &str| program(GLIBC).needs(&[first, second]).runpath("/opt/p");
    let layer = layer.with("usr/bin/a", &both("libhost-1.so", "libuser.so"));
    let sample = sample(layer);
    assert!(loads(sample, "usr/bin/a").ends_with("libhost.so=opt/p/libhost-1.so"));
}

#[test]
fn origin_is_the_folder_a_library_was_opened_in_and_lib_the_loaders_own() {
    let layer = Layer::new()
        .with("opt/a/bin/a", &program(GLIBC).needs(&["libx.so"]).runpath("$ORIGIN/../${LIB}"))
        .with("opt/b/libx.so", &Dynamic::library("libx.so").needs(&["liby.so"]).runpath("$ORIGIN"))
        .symlink("opt/a/lib/x86_64-linux-gnu/libx.so", "/opt/b/libx.so")
        .with("opt/a/lib/x86_64-linux-gnu/liby.so", &Dynamic::library("liby.so"));
    assert_eq!(loads(sample(layer), "opt/a/bin/a"), "libx.so=opt/b/libx.so liby.so=opt/a/lib/x86_64-linux-gnu/liby.so");
}

#[test]
fn libraries_of_other_machines_are_passed_over_and_other_files_are_not() {
    let needs = |layer: Layer| layer.with("usr/bin/a", &program(GLIBC).needs(&["libx.so"]).runpath("/opt/x"));
    let (here, foreign) = (Dynamic::library("libx.so"), Dynamic::library("libx.so").machine(183));
    let layer = Layer::new().with("opt/x/libx.so", &foreign).with("usr/lib/libx.so", &here);
    assert_eq!(loads(sample(needs(layer)), "usr/bin/a"), "libx.so=usr/lib/libx.so");
    let layer = Layer::new().file("opt/x/libx.so", 0o644, b"INPUT(x)").with("usr/lib/libx.so", &here);
    let report = sample(needs(layer)).report();
    assert_eq!(result(&report, Check::ElfLibraries).findings[0].found, "/opt/x/libx.so is no ELF file");
    // musl takes the first it finds.
    let layer = Layer::new().with("opt/x/libx.so", &foreign).with("usr/lib/libx.so", &here);
    let layer = layer.with("usr/bin/a", &program(MUSL).needs(&["libx.so"]).runpath("/opt/x"));
    assert_eq!(loads(sample(layer), "usr/bin/a").split(' ').next(), Some("libx.so="));
}

#[test]
fn musl_reads_its_path_file_and_nothing_of_glibcs() {
    let layer = || {
        let layer =
            Layer::new().with("opt/m/libx.so", &Dynamic::library("")).file("etc/ld.so.cache", 0o644, &ld_cache(&["/opt/m/libx.so"]));
        layer.with("usr/bin/a", &program(MUSL).needs(&["libx.so"]))
    };
    assert_eq!(loads(sample(layer()), "usr/bin/a"), "libx.so=");
    assert_eq!(loads(sample(layer().file("etc/ld-musl-x86_64.path", 0o644, b"/lib\n/opt/m\n")), "usr/bin/a"), "libx.so=opt/m/libx.so");
}

#[test]
fn a_loader_of_nix_knows_its_own_folder_and_what_programs_say() {
    let store = "nix/store/aaaa-glibc/lib";
    let layer = Layer::new()
        .with(&format!("{store}/ld-linux-x86-64.so.2"), &Dynamic::library("ld-linux-x86-64.so.2"))
        .with(&format!("{store}/libc.so.6"), &Dynamic::library("libc.so.6"))
        .with("nix/store/bbbb-z/lib/libz.so.1", &Dynamic::library("libz.so.1"))
        .with("usr/lib/libother.so", &Dynamic::library("libother.so"));
    let program = program(&format!("/{store}/ld-linux-x86-64.so.2")).needs(&["libz.so.1", "libother.so"]).runpath("/nix/store/bbbb-z/lib");
    let layer = layer.with("nix/store/cccc-a/bin/a", &program).file("etc/ld.so.cache", 0o644, &ld_cache(&["/usr/lib/libother.so"]));
    assert_eq!(loads(sample(layer), "nix/store/cccc-a/bin/a"), "libz.so.1=nix/store/bbbb-z/lib/libz.so.1 libother.so=");
}

#[test]
fn setuid_programs_do_not_hear_the_environment_nor_their_own_folder() {
    let library = Dynamic::library("libx.so");
    let bytes = program(GLIBC).needs(&["libx.so"]).runpath("$ORIGIN").bytes();
    for (mode, expected) in [(0o755, "opt/env/libx.so"), (0o4755, "")] {
        let layer = Layer::new().with("opt/env/libx.so", &library).with("opt/x/libx.so", &library).file("opt/x/a", mode, &bytes);
        let mut sample = sample(layer);
        sample.config.env = vec!["LD_LIBRARY_PATH=/opt/env".into()];
        assert_eq!(loads(sample, "opt/x/a"), format!("libx.so={expected}"));
    }
}

#[test]
fn without_default_folders_only_what_is_named_counts() {
    let layer = Layer::new().with("usr/lib/libx.so", &Dynamic::library("libx.so"));
    let program = program(GLIBC).needs(&["libx.so"]).flags_1(u64::from(Elf::NO_DEFAULT_FOLDERS));
    assert_eq!(loads(sample(layer.with("usr/bin/a", &program)), "usr/bin/a"), "libx.so=");
}

#[test]
fn what_is_nowhere_fails_for_programs_and_what_they_load_and_is_worth_a_look_for_plugins() {
    let layer = Layer::new()
        .with("usr/bin/a", &program(GLIBC).needs(&["libx.so"]))
        .with("usr/lib/libx.so", &Dynamic::library("libx.so").needs(&["libgone.so"]))
        .with("usr/lib/p/plugin.so", &Dynamic::library("").needs(&["libgone.so", "libc.so.6"]));
    let report = sample(layer).report();
    assert_eq!(findings(&report, Check::ElfLibraries), ["fail usr/lib/libx.so", "warn usr/lib/p/plugin.so"]);
    let first = &result(&report, Check::ElfLibraries).findings[0];
    assert_eq!((first.expected.as_str(), first.found.as_str()), ("libgone.so", "nowhere in the image (/usr/bin/a loads it)"));
}

#[test]
fn a_plugin_gets_from_its_host_what_it_cannot_find() {
    let layer = Layer::new()
        .with("opt/java/bin/java", &program(GLIBC).needs(&["libjli.so"]).runpath("$ORIGIN/../lib"))
        .with("opt/java/lib/libjli.so", &Dynamic::library("libjli.so"))
        .with("opt/java/lib/server/libjvm.so", &Dynamic::library("libjvm.so"))
        .with("opt/java/lib/libnet.so", &Dynamic::library("libnet.so").needs(&["libjvm.so"]));
    let report = sample(layer).report();
    let result = result(&report, Check::ElfLibraries);
    assert_eq!(result.verdict, Verdict::Pass);
    assert!(result.summary.ends_with(", 1 completed by the program that loads it"), "{}", result.summary);
}

#[test]
fn what_is_where_the_loader_does_not_look_fails_on_path_and_is_worth_a_look_elsewhere() {
    let library = Dynamic::library("libr.so");
    let layer = |path: &str| Layer::new().with("opt/r/lib/libr.so", &library).with(path, &program(GLIBC).needs(&["libr.so"]));
    assert_eq!(found(sample(layer("usr/bin/r"))), ["fail usr/bin/r"]);
    assert_eq!(found(sample(layer("opt/r/bin/r"))), ["warn opt/r/bin/r"]);
    assert_eq!(found(sample(layer("opt/r/bin/r")).entrypoint("/opt/r/bin/r")), ["fail opt/r/bin/r"]);
    let report = sample(layer("usr/bin/r").file("etc/ld.so.conf.d/r.conf", 0o644, b"/opt/r/lib\n")).report();
    let found = &result(&report, Check::ElfLibraries).findings[0].found;
    assert_eq!(found, "it is at /opt/r/lib/libr.so, whose folder ld.so.conf names, but ld.so.cache does not list it: run ldconfig");
}

#[test]
fn what_cannot_be_started_is_only_worth_a_look_and_static_programs_need_nothing() {
    let layer = Layer::new().file("usr/share/doc/a", 0o644, &program(GLIBC).needs(&["libgone.so"]).bytes());
    assert_eq!(found(sample(layer)), ["warn usr/share/doc/a"]);
    let pie = Dynamic::library("").flags_1(u64::from(Elf::PIE));
    let report = Sample::new("amd64").layer(Layer::new().with("usr/bin/a", &pie)).report();
    assert_eq!(result(&report, Check::ElfLibraries).verdict, Verdict::Skip);
}

#[test]
fn without_a_loader_only_what_is_nowhere_is_told() {
    let program = Dynamic::program(GLIBC).needs(&["libx.so", "libgone.so", "ld-linux-x86-64.so.2"]);
    let layer = Layer::new().with("opt/lib/libx.so", &Dynamic::library("libx.so")).with("usr/bin/a", &program);
    let report = Sample::new("amd64").layer(layer).report();
    assert_eq!(findings(&report, Check::ElfInterpreter), ["fail usr/bin/a"]);
    let result = result(&report, Check::ElfLibraries);
    assert_eq!(result.findings.iter().map(|f| f.expected.as_str()).collect::<Vec<_>>(), ["libgone.so"]);
}

/// The report of an image with these ELF files, by path, besides a C library.
fn report_of(objects: impl Iterator<Item = (String, Dynamic)>) -> Report {
    let image = sample(Layer::new()).image();
    let mut facts = ImageFacts::gather(&image, &Silent, &|| false).unwrap();
    // As a scan would find them; a layer of them all would take most of the time.
    Arc::make_mut(&mut facts.layers[1]).entries = objects
        .map(|(path, elf)| {
            let elf = ElfReader::whole(&elf.bytes());
            Entry { path, kind: EntryKind::File { size: 1000, elf, shebang: None, capabilities: None }, mode: 0o755, uid: 0, gid: 0 }
        })
        .collect();
    check_facts(&image, &facts, None, "sample", &Circumstances::default(), &mut |_| {}, &|| false).unwrap()
}

#[test]
fn a_hundred_thousand_objects_are_judged() {
    let objects = (0..50_000).flat_map(|n| {
        let library = format!("lib{n}.so");
        let program = program(GLIBC).needs(&[&library, "lib0.so"]).runpath("$ORIGIN/../opt");
        [(format!("usr/lib/{library}"), Dynamic::library("").needs(&["libc.so.6"])), (format!("usr/bin/p{n}"), program)]
    });
    let report = report_of(objects);
    let result = result(&report, Check::ElfLibraries);
    assert_eq!((result.verdict, result.summary.as_str()), (Verdict::Pass, "50000 dynamic programs, 50001 shared objects"));
}

#[test]
fn more_searching_than_is_done_fails_and_ends() {
    // Programs that all load one chain of libraries, each of which looks into its own folder first.
    let objects = (0..5_000).flat_map(|n| {
        let needs = format!("lib{}.so", n + 1);
        let library = Dynamic::library("").needs(&[&needs]).rpath("$ORIGIN/a:$ORIGIN/b:$ORIGIN");
        [(format!("usr/lib/lib{n}.so"), library), (format!("usr/bin/p{n}"), program(GLIBC).needs(&["lib0.so"]))]
    });
    let report = report_of(objects);
    let result = result(&report, Check::ElfLibraries);
    assert_eq!((result.verdict, result.findings[0].found.as_str()), (Verdict::Fail, "more to be searched: not every file was judged"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_links_needs_and_paths_end(
        objects in proptest::collection::vec((0usize..8, proptest::collection::vec(0usize..8, 0..4), 0usize..8, any::<bool>()), 1..12),
        links in proptest::collection::vec((0usize..8, 0usize..8), 0..6),
        musl: bool,
    ) {
        const FOLDERS: [&str; 8] = ["usr/lib", "opt/a", "opt/b", "opt/c", "usr/bin", "opt/a/x", "lib/y", MULTIARCH];
        const PATHS: [&str; 8] = ["", "$ORIGIN", "/opt/a:/opt/b", "$ORIGIN/../$LIB", "/opt/c:$X", "${ORIGIN", "/opt/loop/x", "::/"];
        let mut layer = Layer::new();
        for (at, (folder, needs, path, run)) in objects.iter().enumerate() {
            let needs: Vec<String> = needs.iter().map(|n| format!("lib{n}.so")).collect();
            let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
            let elf = if *folder == 4 { program(if musl { MUSL } else { GLIBC }) } else { Dynamic::library(&format!("lib{}.so", at / 2)) };
            let elf = elf.needs(&needs);
            let elf = if *run { elf.runpath(PATHS[*path]) } else { elf.rpath(PATHS[*path]) };
            layer = layer.with(&format!("{}/lib{at}.so", FOLDERS[*folder]), &elf);
        }
        for (from, to) in links {
            layer = layer.symlink(&format!("{}/loop{from}", FOLDERS[from]), &format!("/{}/loop{to}", FOLDERS[to]));
        }
        let layer = layer.symlink("opt/loop", "loop");
        let report = sample(layer).report();
        prop_assert!(result(&report, Check::ElfLibraries).findings.iter().all(|finding| finding.path.is_some()));
    }
}
