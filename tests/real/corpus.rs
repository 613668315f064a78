//! Images of many kinds, right and wrong, made by independent tools (`tests/corpus/`): what `verify` says of each is exactly
//! what `tests/corpus/expected.toml` says it must.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use catamaran::image::Digest;
use serde::Deserialize;
use serde_json::Value;

use crate::harness::{Project, Ran};

/// What the table says of one image.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// `VERDICT CHECK PATH`, with `-` for no path and `PLATFORM: ` before it for a member of an index. Nothing else may be found.
    #[serde(default)]
    findings: Vec<String>,
    /// Findings that `verify` gives and should not, to be corrected there; one that it gives no more may not stand here.
    #[serde(default)]
    mistakes: Vec<String>,
    /// Checks that must have looked and found nothing; the others without findings may also have had nothing to look at.
    #[serde(default)]
    passes: Vec<String>,
    /// Words of the error that there is instead of a report.
    #[serde(default)]
    error: Vec<String>,
}

/// The folder with the built corpus. It is built again when a file of `tests/corpus/` changes.
fn corpus() -> PathBuf {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<PathBuf> = [scripts.clone(), scripts.join("images")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("the corpus's scripts").flatten().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension != "toml"))
        .collect();
    files.sort();
    let all: Vec<u8> = files.iter().flat_map(|path| fs::read(path).expect("a script")).collect();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus");
    let built = place.join(Digest::of(&all).to_string().replace(':', "-"));
    if !built.is_dir() {
        let _ = fs::remove_dir_all(&place);
        let new = place.join("new");
        let ran = Ran::of(Command::new(scripts.join("build.sh")).arg(&new));
        assert_eq!(ran.code, 0, "tests/corpus/build.sh\n{}\n{}", ran.out, ran.err);
        fs::rename(&new, &built).expect("the finished corpus can be renamed");
    }
    built
}

/// What is wrong with what `verify` says of the image `name`; nothing when it is what the table says.
fn differences(project: &Project, folder: &Path, name: &str, expected: &Expected) -> Vec<String> {
    let place = folder.join(name);
    let reference = match place.is_dir() {
        true => format!("oci:{}", place.display()),
        false => format!("docker-archive:{}.tar", place.display()),
    };
    let ran = project.run(&["verify", &reference, "--json"]);
    let mut wrong = Vec::new();
    if ran.err.contains("panicked") {
        wrong.push(format!("it panicked: {}", ran.err));
    }
    for word in expected.error.iter().filter(|word| !ran.err.contains(*word)) {
        wrong.push(format!("its error does not say `{word}`: {}", ran.err));
    }
    let document: Value = serde_json::from_str(&ran.out).unwrap_or_default();
    let reports = document["reports"].as_array().map(Vec::as_slice).unwrap_or_default();
    if reports.is_empty() && expected.error.is_empty() {
        wrong.push(format!("there is no report: {}", ran.err));
    }
    let mut found = BTreeSet::new();
    for report in reports {
        let subject = report["subject"].as_str().unwrap_or_default();
        let member = subject.split_once(' ').map(|(_, member)| format!("{member}: ")).unwrap_or_default();
        for result in report["checks"].as_array().into_iter().flatten() {
            let check = result["check"].as_str().unwrap_or_default();
            if expected.passes.iter().any(|passes| passes == check) && result["verdict"] != "pass" {
                wrong.push(format!("{member}{check} does not pass but is `{}`: {}", result["verdict"], result["summary"]));
            }
            for finding in result["findings"].as_array().into_iter().flatten() {
                let (verdict, path) = (finding["verdict"].as_str().unwrap_or_default(), finding["path"].as_str().unwrap_or("-"));
                let line = format!("{member}{verdict} {check} {path}");
                if !expected.findings.contains(&line) && !expected.mistakes.contains(&line) {
                    wrong.push(format!("not expected: {line}: {} instead of {}", finding["found"], finding["expected"]));
                }
                found.insert(line);
            }
        }
    }
    for missing in expected.findings.iter().chain(&expected.mistakes).filter(|line| !found.contains(*line)) {
        wrong.push(format!("not found: {missing}"));
    }
    let fails = !expected.error.is_empty() || found.iter().any(|line| line.starts_with("fail ") || line.contains(": fail "));
    if (ran.code != 0) != fails {
        wrong.push(format!("the exit code is {}", ran.code));
    }
    wrong
}

#[test]
fn every_image_of_the_corpus_gets_exactly_the_findings_it_deserves() {
    let folder = corpus();
    let table = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/expected.toml")).expect("the table");
    let table: BTreeMap<String, Expected> = toml::from_str(&table).expect("a table of images");
    let project = Project::new("");
    fs::remove_file(project.path().join("containers.toml")).expect("the project's file");
    let names = fs::read_dir(&folder).expect("the corpus").flatten().map(|entry| entry.file_name().into_string().expect("a name"));
    let images: BTreeSet<String> = names.map(|name| name.trim_end_matches(".tar").to_owned()).collect();
    assert_eq!(images, table.keys().cloned().collect(), "the images that are built and those of the table");
    let mut wrong = Vec::new();
    for (name, expected) in &table {
        wrong.extend(differences(&project, &folder, name, expected).into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(wrong.is_empty(), "of {} images:\n{}", table.len(), wrong.join("\n"));
}
