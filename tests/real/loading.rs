//! What programs load when they start: told from facts, judged by readelf and by the images' own loaders.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use catamaran::image::{ElfClass, ElfData, ElfKind, EntryKind, images_in_layout};
use catamaran::progress::Silent;
use catamaran::verify::{ImageFacts, Libraries, MergedRoot};
use serde_json::Value;

use crate::harness::{Project, elf_files, judge, need};
use crate::rules::{inside, unpack};

/// Asks the image's own loader, for each program in `PROGRAMS`, what it would load: `ld.so --list`, as ldd(1) does.
const LIST: &str = r#"while read -r loader program; do echo "= $program"; $EMULATOR "$loader" --list "$program" 2>&1; done < /programs"#;

fn project(targets: &str) -> (Project, PathBuf) {
    let project = Project::new(&format!(
        "[defaults]\ntargets = [{targets}]\nbase = [\"dash\", \"coreutils\", \"libc-bin\"]\n[containers.many]\npackages = [\"git\", \"python3\", \"nginx\", \"perl\", \"libfakeroot\"]\nentrypoint = \"git\"\n"
    ))
    .with_releases("trixie");
    let out = project.path().join("out");
    project.ok(&["build", "--out", out.to_str().unwrap()]);
    (project, out)
}

/// The result of `elf-libraries` in a report.
fn libraries_of(report: &str) -> Value {
    let report: Value = serde_json::from_str(report).expect("a report");
    let checks = report["reports"][0]["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["check"] == "elf-libraries").expect("elf-libraries").clone()
}

/// What readelf says of a file, in the words of our facts.
fn readelf(path: &Path) -> (bool, bool, String, Option<String>, Vec<String>, Option<String>, bool) {
    let shown = judge("readelf", &["-hdlW", path.to_str().unwrap()]);
    let field = |name: &str| {
        let line = shown.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let values = |tag: &str| -> Vec<String> {
        let lines = shown.lines().filter(|line| line.contains(&format!("({tag})")));
        lines.filter_map(|line| Some(line.split_once('[')?.1.rsplit_once(']')?.0.to_owned())).collect()
    };
    let interpreter = shown.lines().find_map(|line| Some(line.split_once("program interpreter: ")?.1.trim_end_matches(']').to_owned()));
    let pie = shown.lines().any(|line| line.contains("(FLAGS_1)") && line.contains("PIE"));
    let runpath = values("RUNPATH").into_iter().chain(values("RPATH")).next();
    (field("Class") == "ELF64", field("Data").contains("little"), field("Machine"), interpreter, values("NEEDED"), runpath, pie)
}

#[test]
fn programs_load_what_their_own_loaders_say_they_load() {
    need("umoci", "umoci");
    need("readelf", "binutils");
    need("unshare", "util-linux");
    need("qemu-aarch64-static", "qemu-user-static");
    let (project, out) = project("\"x86_64\", \"aarch64\"");
    for (target, machine, emulator) in [("x86_64", "X86-64", None), ("aarch64", "AArch64", Some("qemu-aarch64-static"))] {
        let root = unpack(&project, &out, &format!("many/{target}"));
        let image = images_in_layout(&out, Some(&format!("many/{target}"))).unwrap().remove(0).1.unwrap();
        let facts = ImageFacts::gather(&image, &Silent, &|| false).unwrap();
        let merged = MergedRoot::merge(&facts.layers);

        // Every ELF file there is, as readelf reads it.
        let files = elf_files(&root);
        for file in &files {
            let path = file.strip_prefix(&root).unwrap().to_str().unwrap();
            let entry = merged.get(path).and_then(|node| node.entry).unwrap_or_else(|| panic!("{path} is no fact"));
            let EntryKind::File { elf: Some(elf), .. } = &entry.kind else { panic!("{path} is no ELF file: {entry:?}") };
            let read = readelf(file);
            let (wide, little) = (elf.class == ElfClass::Bits64, elf.data == ElfData::Little);
            assert!(read.2.contains(machine), "{path}: {}", read.2);
            let runpath = elf.runpath.clone().or(elf.rpath.clone());
            let ours = (
                wide,
                little,
                read.2.clone(),
                elf.interpreter.clone(),
                elf.needed.clone().unwrap(),
                runpath,
                elf.flags_1 & 0x0800_0000 != 0,
            );
            assert_eq!(ours, read, "{path}");
        }
        assert!(files.len() > 300, "{} ELF files", files.len());

        // Every program, loaded by the image's own loader.
        let programs: Vec<(String, String)> = merged
            .iter()
            .filter_map(|(path, _, entry)| match &entry.kind {
                EntryKind::File { elf: Some(elf), .. } if elf.kind() == ElfKind::Program && entry.mode & 0o111 != 0 => {
                    Some((elf.interpreter.clone()?, path.text()))
                }
                _ => None,
            })
            .collect();
        let list: String = programs.iter().map(|(loader, path)| format!("{loader} /{path}\n")).collect();
        fs::write(root.join("programs"), list).unwrap();
        let script = LIST.replace("$EMULATOR", &emulator.map(|name| format!("/{name}")).unwrap_or_default());
        let said = inside(&root, emulator, &["/bin/dash", "-c", &script]);
        let mut theirs: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
        let mut program = "";
        for line in said.lines() {
            match (line.strip_prefix("= /"), line.trim().split_once(" => ")) {
                (Some(path), _) => program = path,
                (None, Some((name, file))) => {
                    let file = file.split(" (").next().unwrap_or_default();
                    let real = fs::canonicalize(root.join(file.trim_start_matches('/'))).unwrap();
                    let real = real.strip_prefix(fs::canonicalize(&root).unwrap()).unwrap().to_str().unwrap().to_owned();
                    theirs.entry(program).or_default().insert(name.to_owned(), real);
                }
                (None, None) => assert!(!line.contains("not found"), "{program}: {line}"),
            }
        }
        let mut libraries = Libraries::of(&image, &facts, &merged);
        let mut edges = 0;
        for (loader, path) in &programs {
            let loader = loader.rsplit('/').next().unwrap();
            let ours = libraries.loaded_by(path).unwrap_or_else(|| panic!("{path} is no program"));
            let ours: BTreeMap<String, String> = ours
                .into_iter()
                .filter(|(name, _)| name != loader)
                .map(|(name, file)| (name.clone(), file.unwrap_or_else(|| panic!("{path}: {name} is not found"))))
                .collect();
            let mut said = theirs.remove(path.as_str()).unwrap_or_default();
            said.remove(loader);
            assert_eq!(ours, said, "{path} on {target}");
            edges += ours.len();
        }
        assert!(programs.len() > 100 && edges > 200, "{} programs, {edges} libraries", programs.len());
        let result = libraries_of(&project.ok(&["verify", &format!("many/{target}"), "--json"]));
        assert_eq!(result["verdict"], "pass", "{result}");
    }
}

#[test]
fn one_library_removed_is_one_finding_for_each_file_that_needs_it() {
    need("umoci", "umoci");
    let (project, out) = project("\"x86_64\"");
    let root = unpack(&project, &out, "many/x86_64");
    // As another tool would: the file is removed from the bundle, and umoci makes a layer of the difference.
    let bundle = root.parent().unwrap();
    let library = "usr/lib/x86_64-linux-gnu/libpcre2-8.so.0";
    let file = fs::canonicalize(root.join(library)).unwrap();
    fs::remove_file(&file).unwrap();
    fs::remove_file(root.join(library)).unwrap();
    judge("umoci", &["repack", "--image", &format!("{}:broken", out.display()), bundle.to_str().unwrap()]);
    let mut expected: Vec<String> = elf_files(&root)
        .iter()
        .filter(|file| judge("readelf", &["-dW", file.to_str().unwrap()]).contains("[libpcre2-8.so.0]"))
        .map(|file| file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned())
        .collect();
    expected.sort();
    let ran = project.run(&["verify", &format!("oci:{}:broken", out.display()), "--json"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let result = libraries_of(&ran.out);
    let findings = result["findings"].as_array().expect("findings");
    let mut found: Vec<&str> = findings.iter().map(|finding| finding["path"].as_str().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    assert!(expected.iter().any(|path| path == "usr/bin/git"), "{expected:?}");
    for finding in findings {
        assert_eq!((&finding["expected"], &finding["verdict"]), (&"libpcre2-8.so.0".into(), &"fail".into()), "{finding}");
        assert!(finding["found"].as_str().unwrap().starts_with("nowhere in the image"), "{finding}");
    }
}
