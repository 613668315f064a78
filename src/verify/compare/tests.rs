use super::*;
use crate::progress::Silent;
use crate::verify::samples::{Layer, Sample, elf};

/// `config user`, `modes usr/bin/x`: every difference, with what both sides have.
fn differences(comparison: &Comparison) -> Vec<String> {
    let word = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".into());
    let rows = comparison.sections.iter().flat_map(|section| section.rows.iter().map(move |row| (section.aspect, row)));
    rows.filter(|(_, row)| row.differs)
        .map(|(aspect, row)| format!("{aspect} {}: {} | {}", row.name, word(&row.left), word(&row.right)))
        .collect()
}

fn compared(left: &Image, right: &Image, all: bool) -> Comparison {
    let facts = |image: &Image| ImageFacts::gather(image, &Silent, &|| false).unwrap();
    let contents = |image: &Image| read_contents(image, true, &Silent, &|| false).unwrap();
    let (left_facts, right_facts, left_contents, right_contents) = (facts(left), facts(right), contents(left), contents(right));
    let side = |subject, image, facts, contents| Compared { subject, image, facts, contents: Some(contents) };
    compare(&side("left", left, &left_facts, &left_contents), &side("right", right, &right_facts, &right_contents), all)
}

fn status(name: &str, version: &str, architecture: &str) -> Vec<u8> {
    format!("Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n").into_bytes()
}

#[test]
fn every_aspect_tells_what_is_different() {
    let layer = || Layer::new().file("var/lib/dpkg/status.d/tool.md5sums", 0o644, b"00000000000000000000000000000000  usr/bin/tool\n");
    let left = layer()
        .file("var/lib/dpkg/status.d/tool", 0o644, &status("tool", "1.0", "amd64"))
        .file("usr/bin/tool", 0o755, &elf(62, "/lib64/ld-linux-x86-64.so.2"))
        .file("usr/bin/mode", 0o755, b"same")
        .capabilities(&[1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        .file("usr/bin/ping", 0o755, b"same")
        .file("usr/bin/text", 0o644, b"one")
        .symlink("usr/bin/link", "tool")
        .folder("kind")
        .folder("old")
        .file("old/a", 0o644, b"")
        .file("old/b/c", 0o644, b"")
        .file("old-too", 0o644, b"12345");
    let right = layer()
        .file("var/lib/dpkg/status.d/tool", 0o644, &status("tool", "1.1", "amd64"))
        .file("usr/bin/tool", 0o755, &elf(62, "/lib/other.so"))
        .file("usr/bin/mode", 0o4755, b"same")
        .file("usr/bin/ping", 0o755, b"same")
        .file("usr/bin/text", 0o644, b"two")
        .symlink("usr/bin/link", "mode")
        .file("kind", 0o644, b"")
        .file("new", 0o644, b"1");
    let mut left = Sample::new("amd64").layer(left);
    left.config.user = Some("app".into());
    left.config.env = vec!["PATH=/bin".into(), "SAME=1".into()];
    let mut right = Sample::new("amd64").layer(right).entrypoint("/usr/bin/tool");
    right.config.env = vec!["PATH=/bin:/usr/bin".into(), "SAME=1".into()];
    let comparison = compared(&left.image(), &right.image(), false);
    let found = differences(&comparison);
    let digest = |bytes: &[u8]| crate::image::Digest::of(bytes);
    let sizes = [elf(62, "/lib64/ld-linux-x86-64.so.2").len(), elf(62, "/lib/other.so").len()];
    assert_eq!(
        found,
        [
            "config entrypoint: - | [\"/usr/bin/tool\"]",
            "config env PATH: /bin | /bin:/usr/bin",
            "config user: app | -",
            "packages tool: 1.0 | 1.1",
            "paths new: - | file of 1 byte",
            "paths old: folder with 2 paths | -",
            "paths old-too: file of 5 bytes | -",
            "kinds kind: folder | file",
            "modes usr/bin/mode: 0755 | 4755",
            "modes usr/bin/ping: 0755 cap_net_raw=ep | 0755",
            &format!("sizes usr/bin/tool: {} | {}", sizes[0], sizes[1]),
            "links usr/bin/link: tool | mode",
            "elf usr/bin/tool: interpreter /lib64/ld-linux-x86-64.so.2 | interpreter /lib/other.so",
            &format!("contents usr/bin/text: {} | {}", digest(b"one"), digest(b"two")),
            &format!(
                "contents var/lib/dpkg/status.d/tool: {} | {}",
                digest(&status("tool", "1.0", "amd64")),
                digest(&status("tool", "1.1", "amd64"))
            ),
        ]
    );
    assert_eq!(comparison.differences(), found.len());
    let elf = comparison.section(Aspect::Elf).unwrap();
    assert_eq!((elf.rows[0].package.as_deref(), elf.compared, elf.different), (Some("tool"), 1, 1));
    let text = serde_json::to_string(&comparison).unwrap();
    assert_eq!(serde_json::from_str::<Comparison>(&text).unwrap(), comparison);
}

/// One tool with its library and linker, as Debian lays it out for an architecture.
fn tool(architecture: &'static str, machine: u16, multiarch: &str, folder: &str, loader: &str) -> Sample {
    let program = [elf(machine, &format!("/{folder}/{loader}")), vec![0; usize::from(machine)]].concat();
    let mut layer = Layer::new();
    if folder == "lib64" {
        layer = layer
            .folder("usr/lib64")
            .symlink("lib64", "usr/lib64")
            .symlink(&format!("usr/lib64/{loader}"), &format!("../lib/{multiarch}/{loader}"));
    } else {
        layer = layer.symlink(&format!("usr/lib/{loader}"), &format!("{multiarch}/{loader}"));
    }
    let layer = layer
        .symlink("lib", "usr/lib")
        .file("usr/bin/tool", 0o755, &program)
        .file(&format!("usr/lib/{multiarch}/{loader}"), 0o755, &elf(machine, ""))
        .symlink("etc/alternatives/x", &format!("/usr/lib/{multiarch}/x"))
        .file("usr/share/asm_amd64.s", 0o644, b"amd64")
        .file("usr/share/asm_arm64.s", 0o644, b"arm64!")
        .file("etc/ld.so.cache", 0o644, &vec![0; usize::from(machine)])
        .file("var/lib/dpkg/status.d/tool", 0o644, &status("tool", "1.0", architecture));
    let mut sample = Sample::new(architecture).layer(layer);
    sample.config.env = vec![format!("LD_LIBRARY_PATH=/usr/lib/{multiarch}")];
    sample
}

#[test]
fn two_architectures_of_one_image_compare_quietly() {
    let x86 = || tool("amd64", 62, "x86_64-linux-gnu", "lib64", "ld-linux-x86-64.so.2");
    let arm = || tool("arm64", 183, "aarch64-linux-gnu", "lib", "ld-linux-aarch64.so.1");
    let comparison = compared(&x86().image(), &arm().image(), true);
    assert!(comparison.across_architectures);
    assert_eq!(differences(&comparison), [""; 0]);
    assert!(comparison.section(Aspect::Contents).is_none());
    let rows = &comparison.section(Aspect::Elf).unwrap().rows;
    let names: Vec<(&str, Option<&str>)> = rows.iter().map(|row| (row.name.as_str(), row.right_name.as_deref())).collect();
    let loader = "usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1";
    assert_eq!(names, [("usr/bin/tool", None), ("usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", Some(loader))]);

    // A program of the wrong architecture, a file only one has, a setuid bit: these still stand out.
    let wrong = Layer::new().file("usr/bin/tool", 0o4755, &elf(62, "/lib64/ld-linux-x86-64.so.2")).file("more", 0o644, b"");
    let comparison = compared(&x86().image(), &arm().layer(wrong).image(), false);
    assert_eq!(
        differences(&comparison),
        [
            "paths more: - | file of 0 bytes",
            "modes usr/bin/tool: 0755 | 4755",
            "elf usr/bin/tool: 64-bit little-endian x86-64 | 64-bit little-endian x86-64, not for linux/arm64",
        ]
    );
}

#[test]
fn an_image_is_the_same_as_itself_and_all_of_it_can_be_shown() {
    let image = tool("amd64", 62, "x86_64-linux-gnu", "lib64", "ld-linux-x86-64.so.2").image();
    let comparison = compared(&image, &image, false);
    assert_eq!((comparison.differences(), differences(&comparison)), (0, Vec::new()));
    assert!(comparison.sections.iter().all(|section| section.rows.is_empty()));
    let aspects: Vec<Aspect> = comparison.sections.iter().map(|section| section.aspect).collect();
    assert_eq!(aspects, Aspect::ALL);
    let all = compared(&image, &image, true);
    let modes = all.section(Aspect::Modes).unwrap();
    assert_eq!((modes.rows.len(), modes.different), (modes.compared, 0));
}

#[test]
fn rows_are_bounded_and_the_count_is_whole() {
    let many = |suffix: &str| {
        let mut layer = Layer::new();
        for n in 0..Section::MAX_ROWS + 7 {
            layer = layer.file(&format!("f{n}{suffix}"), 0o644, b"");
        }
        Sample::new("amd64").layer(layer).image()
    };
    let comparison = compared(&many("a"), &many("b"), true);
    let paths = comparison.section(Aspect::Paths).unwrap();
    assert_eq!((paths.rows.len(), paths.different), (Section::MAX_ROWS, 2 * (Section::MAX_ROWS + 7)));
}

#[test]
fn the_last_layer_that_has_a_file_tells_its_content() {
    let base = || Layer::new().file("a", 0o644, b"1").file("b", 0o644, b"x").hard_link("h", "a");
    let left = Sample::new("amd64").layer(base()).layer(Layer::new().file("a", 0o644, b"2")).image();
    let right = Sample::new("amd64").layer(base()).layer(Layer::new().file("a", 0o644, b"3").file("b", 0o644, b"x")).image();
    let found = differences(&compared(&left, &right, false));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("contents a: "), "{found:?}");
}

#[test]
fn between_architectures_of_one_build_nothing_counts_that_their_packages_decide() {
    let image = |architecture: &'static str, multiarch: &str, extra: Option<&str>, script: &[u8], own: &[u8]| {
        let lists = b"0  usr/bin/script\n";
        let mut layer = Layer::new()
            .file("var/lib/dpkg/status.d/tool", 0o644, &status("tool", "1.0", architecture))
            .file("var/lib/dpkg/status.d/tool.md5sums", 0o644, lists)
            .file("usr/bin/script", 0o755, script)
            .file("etc/own", 0o644, own);
        layer = layer.folder(&format!("usr/lib/{multiarch}"));
        if let Some(extra) = extra {
            layer = layer.file(&format!("usr/lib/{multiarch}/{extra}"), 0o644, b"x");
        }
        let mut image = Sample::new(architecture).layer(layer).image();
        std::sync::Arc::make_mut(&mut image.config).created = Some(format!("2026-01-01T00:00:{}Z", multiarch.len()));
        image
    };
    let amd = image("amd64", "x86_64-linux-gnu", Some("only.so"), b"for x86_64", b"1");
    let arm = |own| image("arm64", "aarch64-linux-gnu", None, b"for one that is called otherwise", own);
    assert_eq!(differences(&compared(&amd, &arm(b"1"), false)), [""; 0]);
    // A file of no package is the user's own.
    assert_eq!(differences(&compared(&amd, &arm(b"22"), false)), ["sizes etc/own: 1 | 2"]);
    let all = compared(&amd, &arm(b"1"), true);
    let created = all.section(Aspect::Config).unwrap().rows.iter().find(|row| row.name == "created");
    assert!(created.is_some_and(|row| !row.differs && row.left != row.right), "it is shown with everything: {created:?}");
}

#[test]
fn what_is_foreign_to_its_image_is_said_and_not_shown_twice_alike() {
    let image = |architecture: &'static str| {
        let layer = Layer::new().file("var/lib/dpkg/status.d/tool", 0o644, &status("tool", "1.0", "amd64")).file(
            "usr/bin/tool",
            0o755,
            &elf(62, "/lib64/ld-linux-x86-64.so.2"),
        );
        Sample::new(architecture).layer(layer).image()
    };
    assert_eq!(
        differences(&compared(&image("amd64"), &image("arm64"), false)),
        [
            "packages tool: 1.0 (amd64) | 1.0 (amd64, not arm64)",
            "elf usr/bin/tool: 64-bit little-endian x86-64 | 64-bit little-endian x86-64, not for linux/arm64",
        ]
    );
}
