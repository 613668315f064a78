//! `update-catalog` (sgml-base): the SGML catalogues of `/etc/sgml`, and the one above them that lists those that hold.

use super::options::Options;
use super::paths::{is_file, worse};
use crate::debian::script::shell::{Shell, Status};

const FOLDER: &str = "/etc/sgml";
const ALL: &str = "/var/lib/sgml-base/supercatalog";
const TEMPLATE: &str = "/usr/share/sgml-base/catalog.centralized";
const HEAD: &str = "\
--
## This file is created by update-catalog with update-super.
## Please see update-catalog(8) for how to modify this file.
--
";

pub(super) fn update(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "");
    match (options.has(&["add"]), options.has(&["remove"]), options.has(&["update-super"]), options.operands.as_slice()) {
        // The trigger of /etc/sgml does the same for every package at once.
        (true, false, false, [_]) | (false, true, false, [_]) if options.has(&["super"]) => Some(0),
        (true, false, false, [catalogue, entry]) => add(shell, catalogue, entry),
        (false, true, false, [catalogue, _]) if shell.kind(catalogue).is_none() => Some(0),
        (false, true, false, [_, _]) => shell.refuse("entries of SGML catalogues are added only"),
        (false, false, true, []) => update_all(shell),
        _ => Some(1),
    }
}

fn add(shell: &mut Shell<'_>, catalogue: &str, entry: &str) -> Status {
    let path = shell.path(catalogue);
    let there = shell.read(&path);
    let text: Option<String> = match there {
        Some(text) => text.map(|text| text.lines().filter(|line| !line.contains(entry)).map(|line| format!("{line}\n")).collect()),
        None => {
            let template = shell.read(TEMPLATE).flatten();
            template.map(|text| text.lines().map(|line| line.replacen("CATALOG", catalogue, 1) + "\n").collect())
        }
    };
    match text {
        Some(text) => shell.write_file(&path, Some(format!("{text}CATALOG {entry}\n"))),
        None => shell.refuse(format!("what {path} is made of is not at hand")),
    }
}

fn update_all(shell: &mut Shell<'_>) -> Status {
    let mut names = shell.entries(FOLDER);
    names.retain(|name| name.ends_with(".cat") && !name.starts_with('.') && *name != ".cat");
    names.sort();
    let (mut text, mut status) = (HEAD.to_owned(), Some(0));
    for path in names.iter().map(|name| format!("{FOLDER}/{name}")) {
        match shell.read(&path) {
            Some(Some(catalogue)) if holds(shell, &path, &catalogue) => text = text + "CATALOG " + &path + "\n",
            Some(Some(_)) | None => {}
            Some(None) => status = shell.refuse(format!("{path} is not at hand")),
        }
    }
    worse(status, shell.write_file(ALL, Some(text)))
}

/// Whether every catalogue that `text` names is there (the program's own reading of OASIS TR 9401).
fn holds(shell: &Shell<'_>, path: &str, text: &str) -> bool {
    let mut base = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let mut before = String::new();
    for token in tokens(text) {
        match before.as_str() {
            "base" => base = token.to_owned(),
            "catalog" => {
                let named = if token.starts_with('/') { token.to_owned() } else { format!("{base}/{token}") };
                if !is_file(shell, &shell.path(&named)) {
                    return false;
                }
            }
            _ => {
                before = token.to_ascii_lowercase();
                continue;
            }
        }
        before.clear();
    }
    true
}

/// Words and quoted texts, without blanks and comments (`-- … --`).
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            let Some(comment) = rest.strip_prefix("--").and_then(|comment| comment.split_once("--")) else { break };
            rest = comment.1;
        }
        let quote = rest.chars().next()?;
        let quoted = matches!(quote, '"' | '\'').then(|| rest[1..].split_once(quote)).flatten();
        let (token, after) = quoted.unwrap_or_else(|| rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())));
        rest = after;
        Some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::tokens;
    use proptest::prelude::*;

    #[test]
    fn a_catalogue_is_read_by_words() {
        let text = "-- a catalogue -- CATALOG \"a b\" -- CATALOG x -- BASE '/usr'\nCATALOG c";
        assert_eq!(tokens(text).collect::<Vec<_>>(), ["CATALOG", "a b", "BASE", "/usr", "CATALOG", "c"]);
        assert_eq!(tokens("-- never ends").collect::<Vec<_>>(), ["--", "never", "ends"]);
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "[-\"' \\na-cé]{0,60}") {
            prop_assert!(tokens(&text).count() <= text.len());
        }
    }
}
