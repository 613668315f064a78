//! Reports for other programs, judged by those programs' own rules: SARIF's schema, a JUnit parser, our published schemas.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Project, judge, need};

/// The system's Python: the judges are its packages.
const PYTHON: &str = "/usr/bin/python3";

fn file_of_repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Holds a JSON document against a schema, with a checker that is not ours.
fn validate(schema: &Path, document: &Path) {
    need("python3", "python3");
    let program = "import json, sys, jsonschema\n\
                   schema, document = (json.load(open(name)) for name in sys.argv[1:])\n\
                   kind = jsonschema.validators.validator_for(schema)\n\
                   kind.check_schema(schema)\n\
                   errors = [f'{list(e.absolute_path)}: {e.message}' for e in kind(schema).iter_errors(document)]\n\
                   sys.exit('\\n'.join(errors[:20]) or None)";
    assert!(
        Path::new("/usr/lib/python3/dist-packages/jsonschema").is_dir(),
        "this test needs jsonschema: apt-get install python3-jsonschema (tests/run.sh installs everything)"
    );
    judge(PYTHON, &["-c", program, schema.to_str().unwrap(), document.to_str().unwrap()]);
}

/// What junitparser understands of a report: `suite|case|result|message` lines.
fn junit(file: &Path) -> String {
    assert!(
        Path::new("/usr/lib/python3/dist-packages/junitparser").is_dir(),
        "this test needs junitparser: apt-get install python3-junitparser (tests/run.sh installs everything)"
    );
    let program = "import sys, junitparser\n\
                   xml = junitparser.JUnitXml.fromfile(sys.argv[1])\n\
                   for suite in xml:\n\
                   \x20   assert suite.tests == len(list(suite)), suite.name\n\
                   \x20   for case in suite:\n\
                   \x20       kinds = [type(r).__name__ + ' ' + (r.message or '') for r in case.result]\n\
                   \x20       print(suite.name, case.name, *kinds or ['passed'], sep='|')\n\
                   print('total', xml.tests, xml.failures, xml.errors, xml.skipped)";
    judge(PYTHON, &["-c", program, file.to_str().unwrap()])
}

/// fd for x86_64 with links that lead nowhere, one of them with a name that no report may stumble over.
fn project(waivers: &str) -> Project {
    let project = Project::new("").with_segments();
    define(&project, waivers);
    project
}

fn define(project: &Project, waivers: &str) {
    let text = format!(
        "[defaults]\ntargets = [\"x86_64\", \"aarch64\"]\nbase = [\"bash\", \"coreutils\"]\n\n[containers.fd]\npackages = [\"fd-find\"]\n\
         entrypoint = \"fdfind\"\nlinks = {{ \"/usr/lib/plugin]]><&.so\" = \"/nowhere/a.so\", \"/etc/gone\" = \"/nowhere/b\" }}\n{waivers}"
    );
    fs::write(project.path().join("containers.toml"), text).unwrap();
}

#[test]
fn sarif_keeps_to_its_schema_and_a_junit_parser_reads_junit() {
    let project = project("");
    let _ = project.run(&["build"]);
    let (sarif, xml) = (project.path().join("out.sarif"), project.path().join("out.xml"));
    let written = project.run(&["verify", "fd", "--report", sarif.to_str().unwrap()]);
    assert!(written.out.contains("links"), "the usual text goes to stdout: {}", written.out);
    validate(&file_of_repository("tests/real/schemas/sarif-schema-2.1.0.json"), &sarif);
    let run = serde_json::from_slice::<Value>(&fs::read(&sarif).unwrap()).unwrap()["runs"][0].take();
    let uris: Vec<&str> = run["results"].as_array().unwrap().iter().filter_map(place).collect();
    assert!(uris.contains(&"usr/lib/plugin%5D%5D%3E%3C%26.so") && uris.contains(&"etc/gone"), "{uris:?}");

    project.run(&["verify", "fd", "--fail-on", "warn", "--report", xml.to_str().unwrap()]).fails(1, &["did not pass"]);
    let cases = junit(&xml);
    assert!(cases.contains("fd/x86_64|links|Failure"), "{cases}");
    assert!(cases.contains("fd/aarch64|elf-machine|passed"), "{cases}");
    assert!(project.run(&["verify", "fd", "--format", "junit"]).out.contains("plugin]]&gt;&lt;&amp;.so"));

    // What cannot be read is said in the report that a CI server looks at, too.
    let ran = project.run(&["verify", "fd", "oci:not-there", "--report", xml.to_str().unwrap()]);
    assert_ne!(ran.code, 0);
    assert!(junit(&xml).contains("reading oci:not-there|Error"), "{}", junit(&xml));
}

fn place(result: &Value) -> Option<&str> {
    result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str()
}

#[test]
fn reports_and_containers_toml_keep_to_the_published_schemas() {
    let project = project("[[containers.fd.waive]]\ncheck = \"links\"\npath = \"etc/*\"\nreason = \"mounted\"\nuntil = \"2999-12-31\"\n");
    let _ = project.run(&["build"]);
    let document = project.path().join("report.json");
    fs::write(&document, project.run(&["verify", "fd", "--json"]).out).unwrap();
    validate(&file_of_repository("docs/report.schema.json"), &document);
    for (name, arguments) in [("report.schema.json", &["schema", "report"][..]), ("containers.schema.json", &["schema"])] {
        assert_eq!(project.ok(arguments), fs::read_to_string(file_of_repository("docs").join(name)).unwrap());
    }
    let examples = [project.path().join("containers.toml"), file_of_repository("containers.toml")];
    for (n, example) in examples.iter().enumerate() {
        let table: toml::Table = fs::read_to_string(example).unwrap().parse().unwrap();
        let document = project.path().join(format!("containers-{n}.json"));
        fs::write(&document, serde_json::to_vec(&table).unwrap()).unwrap();
        validate(&file_of_repository("docs/containers.schema.json"), &document);
    }
}

#[test]
fn what_is_waived_counts_no_more_and_comes_back_when_the_waiver_goes() {
    let project = project("");
    let _ = project.run(&["build"]);
    let links = |arguments: &[&str]| {
        let document: Value = serde_json::from_str(&project.run(arguments).out).expect("a JSON document");
        let report = document["reports"].as_array().unwrap().iter().find(|r| r["subject"].as_str().unwrap().contains("x86_64")).unwrap();
        let result = report["checks"].as_array().unwrap().iter().find(|c| c["check"] == "links").unwrap().clone();
        (result["verdict"].as_str().unwrap().to_owned(), document)
    };
    let before = links(&["verify", "fd", "--json"]).0;
    assert!(before == "warn" || before == "fail", "{before}");

    let waiver = "[[containers.fd.waive]]\ncheck = \"links\"\npath = \"etc/*\"\nreason = \"mounted when it runs\"\n\
                  [[waive]]\ncheck = \"links\"\npath = \"usr/lib/plugin*\"\nreason = \"loaded by nobody\"\n";
    define(&project, waiver);
    let (verdict, document) = links(&["verify", "fd", "--json"]);
    assert_eq!(verdict, "waived", "{document}");
    assert!(document.to_string().contains("mounted when it runs"), "{document}");
    assert!(document.get("unused_waivers").is_none(), "{document}");
    let text = project.run(&["verify", "fd"]).out;
    assert!(text.contains("loaded by nobody") && text.contains("waived"), "{text}");
    let sarif = project.run(&["verify", "fd", "--format", "sarif"]).out;
    assert!(sarif.contains("\"justification\": \"loaded by nobody\""), "{sarif}");

    // A build with the same bytes is not made again, and is judged by the waivers of now.
    let built = project.ok(&["build"]);
    assert!(!built.contains("dangl"), "{built}");
    define(&project, "");
    assert_eq!(links(&["verify", "fd", "--json"]).0, before);

    // Waivers that have nothing to do are said; with --fail-on warn they count.
    let useless = "[[containers.fd.waive]]\ncheck = \"elf-machine\"\nreason = \"firmware\"\n\
                   [[containers.fd.waive]]\ncheck = \"links\"\nreason = \"for a while\"\nuntil = \"2020-01-01\"\n";
    define(&project, useless);
    let (verdict, document) = links(&["verify", "fd", "--json"]);
    let unused = document["unused_waivers"].as_array().unwrap();
    assert_eq!((verdict, unused.len()), (before.clone(), 2), "{document}");
    let text = project.run(&["verify", "fd"]).out;
    assert!(text.contains("matches nothing any more") && text.contains("has expired on 2020-01-01"), "{text}");

    // Elsewhere they apply when asked to.
    define(&project, waiver);
    let out = project.path().join("out");
    project.ok(&["build", "--out", out.to_str().unwrap()]);
    let reference = format!("oci:{}:fd/x86_64", out.display());
    assert_eq!(links(&["verify", &reference, "--json"]).0, before);
    assert_eq!(links(&["verify", &reference, "--json", "--waivers-of", "fd"]).0, "waived");
    project.run(&["verify", &reference, "--waivers-of", "df"]).fails(2, &["has no container `df`"]);
}

#[test]
fn a_waiver_with_a_mistake_is_shown_where_it_is() {
    let project = project("[[waive]]\ncheck = \"link\"\nreason = \"\"\n");
    project.run(&["verify", "fd"]).fails(2, &["containers.toml:10:9", "did you mean `links`?", "a waiver's `reason` is empty"]);
}

#[test]
fn checks_are_explained_without_a_project() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_catamaran"));
        crate::harness::Ran::of(command.current_dir(folder.path()).args(arguments))
    };
    let list = run(&["verify", "--list"]);
    assert!(list.code == 0 && list.out.contains("elf-machine") && list.out.contains("maintainer-scripts"), "{list:?}");
    let list: Value = serde_json::from_str(&run(&["verify", "--list", "--json"]).out).expect("a JSON document");
    assert_eq!((&list["schema"], &list["checks"][5]["id"]), (&1.into(), &"elf-machine".into()), "{list}");
    let one = run(&["verify", "--explain", "elf-machine"]);
    assert!(one.code == 0 && one.out.contains("atmos"), "{one:?}");
    run(&["verify", "--explain", "elf-machin"]).fails(2, &["did you mean `elf-machine`?"]);
    assert!(run(&["schema"]).out.starts_with('{'));
}
