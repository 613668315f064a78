//! Images held against each other, against another architecture of themselves, and against a rebuild.

use std::fs;

use serde_json::Value;

use crate::harness::Project;

/// fd for both architectures with a file of the project's own in it.
fn project() -> Project {
    let project = Project::new(
        "[defaults]\ntargets = [\"x86_64\", \"aarch64\"]\nbase = [\"bash\", \"coreutils\"]\n\n[containers.fd]\npackages = [\"fd-find\"]\n\
         entrypoint = \"fdfind\"\nfiles = [{ from = \"motd\", to = \"/etc/motd\" }]\n",
    )
    .with_segments();
    fs::write(project.path().join("motd"), "one\n").unwrap();
    project
}

/// The result of `check` for the target `subject`.
fn result<'a>(document: &'a Value, subject: &str, check: &str) -> &'a Value {
    let report = document["reports"].as_array().unwrap().iter().find(|report| report["subject"] == subject).expect("a report");
    report["checks"].as_array().unwrap().iter().find(|result| result["check"] == check).expect("a result")
}

/// Aspect, name, left and right of every row.
fn rows(document: &Value) -> Vec<String> {
    let comparisons = document["comparisons"].as_array().unwrap().iter();
    let sections = comparisons.flat_map(|comparison| comparison["sections"].as_array().unwrap());
    sections
        .flat_map(|section| section["rows"].as_array().unwrap().iter().map(move |row| (section, row)))
        .map(|(section, row)| format!("{} {} {} {}", section["aspect"], row["name"], row["left"], row["right"]).replace('"', ""))
        .collect()
}

#[test]
fn two_architectures_of_a_container_compare_quietly_and_pass_parity() {
    let project = project();
    // Also while it is built, and when one of them is looked at alone.
    let events = project.ok(&["build", "--output", "json"]);
    let parity = |line: &&str| line.contains("\"check-finished\"") && line.contains("\"check\":\"parity\"") && line.contains("fd/aarch64");
    assert!(events.lines().find(parity).is_some_and(|line| line.contains("\"verdict\":\"pass\"")), "{events}");
    let alone = project.json(&["verify", "fd/aarch64", "--json"]);
    assert_eq!(result(&alone, "fd/aarch64", "parity")["verdict"], "pass", "{alone}");
    let document = project.json(&["compare", "fd", "--json"]);
    assert_eq!(document["schema"], 1);
    let comparison = &document["comparisons"][0];
    assert_eq!((&comparison["left"]["subject"], &comparison["right"]["subject"]), (&"fd/x86_64".into(), &"fd/aarch64".into()));
    for section in comparison["sections"].as_array().unwrap() {
        let quiet = ["packages", "kinds", "modes", "owners", "links", "elf"].contains(&section["aspect"].as_str().unwrap());
        assert!(!quiet || section["different"] == 0, "{section}");
        assert!(section["different"].as_u64().unwrap() <= 5, "{section}");
    }
    project.run(&["compare", "fd", "--exit-code"]).fails(0, &[]);
    let verified = project.json(&["verify", "fd", "--json"]);
    assert_eq!(result(&verified, "fd/x86_64", "parity")["verdict"], "skip");
    assert_eq!(result(&verified, "fd/aarch64", "parity")["verdict"], "pass", "{verified}");
    assert_eq!(result(&verified, "fd/aarch64", "reproducible")["verdict"], "skip");
}

#[test]
fn what_changed_between_two_builds_is_named() {
    let project = project();
    let out = project.path().join("before");
    project.ok(&["build", "--out", out.to_str().unwrap()]);
    let before = format!("oci:{}:fd/x86_64", out.display());
    project.run(&["compare", &before, "fd/x86_64", "--exit-code"]).fails(0, &[]);
    fs::write(project.path().join("motd"), "two\n").unwrap();
    project.ok(&["build"]);
    let document = project.json(&["compare", &before, "fd/x86_64", "--json"]);
    let rows = rows(&document);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].starts_with("contents etc/motd sha256:"), "{rows:?}");
}

#[test]
fn a_rebuild_is_the_same_and_one_that_is_not_says_where() {
    let project = project();
    project.ok(&["build"]);
    let document = project.json(&["verify", "fd", "--rebuild", "--json"]);
    for target in ["fd/x86_64", "fd/aarch64"] {
        assert_eq!(result(&document, target, "reproducible")["verdict"], "pass", "{document}");
    }
    let left = fs::read_dir(project.cache()).unwrap().flatten().filter(|e| e.file_name().to_string_lossy().starts_with("rebuild-"));
    assert_eq!(left.count(), 0, "the rebuild's own folder is removed");

    fs::write(project.path().join("motd"), "One\n").unwrap();
    let ran = project.run(&["verify", "fd/x86_64", "--rebuild", "--json"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let reproducible = result(&document, "fd/x86_64", "reproducible");
    assert_eq!(reproducible["verdict"], "fail");
    let finding = &reproducible["findings"][0];
    assert_eq!(finding["path"], "etc/motd");
    assert_eq!(finding["expected"], "layer 2: content at byte 0: 4f (`O`), as the rebuild has it");
    assert_eq!(finding["found"], "6f (`o`)");
    assert!(finding["advice"].as_str().unwrap().contains("has changed since the image was built"), "{finding}");
}
