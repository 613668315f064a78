//! Who may know whom (docs/architecture.md): the rooms' `use` lines are read and held against the rule.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may name. `error`, `lines`, `printable`, `progress`, `read_at_most`, `read_full`, `trust` and `waiting` are everyone's.
const MAY_KNOW: [(&str, &[&str]); 11] = [
    ("catalog", &[]),
    ("image", &["catalog"]), // the names of architectures and containers, nothing else
    ("debian", &["catalog", "image"]),
    ("nix", &["catalog", "image"]),
    ("verify", &["catalog", "image"]),
    ("registry", &["catalog", "image"]),
    ("runtime", &[]),
    ("release", &["catalog", "image", "verify", "registry"]),
    ("session", &["catalog", "image", "debian", "nix", "verify", "registry", "release", "runtime"]),
    // Front ends know the session, and the types its events and commands carry; never a room that does work.
    ("cli", &["session", "catalog", "image", "verify", "release"]),
    ("tui", &["session", "catalog", "image", "verify", "release"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a room is a folder") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// The rooms that `text` names as `crate::ROOM` or inside `use crate::{ROOM::…, …}`, comments left out.
fn rooms_named(text: &str) -> Vec<String> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let groups: Vec<&str> = match rest.strip_prefix('{') {
            None => vec![rest],
            Some(group) => {
                let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
                for (i, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            parts.push(&group[start..i]);
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            parts.push(&group[start..i]);
                            start = i + 1;
                        }
                        _ => {}
                    }
                }
                parts
            }
        };
        named.extend(
            groups.into_iter().map(|g| g.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()),
        );
    }
    named
}

#[test]
fn rooms_know_only_whom_they_may() {
    let rules: BTreeMap<&str, &[&str]> = MAY_KNOW.into_iter().collect();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut read = 0;
    let mut wrong = Vec::new();
    for (room, allowed) in &rules {
        for file in sources(&src.join(room)) {
            read += 1;
            let text = std::fs::read_to_string(&file).expect("a source file");
            for named in rooms_named(&text) {
                if rules.contains_key(named.as_str()) && named != *room && !allowed.contains(&named.as_str()) {
                    wrong.push(format!(
                        "{} names `{named}`, which `{room}` may not know",
                        file.strip_prefix(&src).unwrap_or(&file).display()
                    ));
                }
            }
        }
    }
    assert!(read > 20, "only {read} files were read");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_use_lines_sees_every_form() {
    let text = "use crate::image::Digest;\nuse crate::{Error, verify::{a, b}, release};\nfn f() -> crate::debian::X {}\n// crate::tui";
    assert_eq!(rooms_named(text), ["image", "Error", "verify", "release", "debian"]);
}
