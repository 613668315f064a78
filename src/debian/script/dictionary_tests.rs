//! Word lists and dictionaries, on a system in memory.

use super::evaluate_tests::run_as;
use super::memory_system::{MemorySystem, Node};
use super::{Class, Evaluation};

/// A system with these files, on which the postinst of dictionaries-common or PostgreSQL is called for a trigger.
fn triggered(files: &[(&str, &str)], text: &str) -> (Evaluation, MemorySystem) {
    let mut system = MemorySystem::new();
    for folder in ["/etc/dictionaries-common", "/var/cache", "/var/cache/dictionaries-common", "/usr/share/dict", "/usr/share/aspell"] {
        system.put(folder, Node::Directory, 0o755);
    }
    for program in ["update-default-wordlist", "update-default-ispell", "aspell-autobuildhash", "pg_updatedicts"] {
        system.file(&format!("/usr/sbin/{program}"), "#!/usr/bin/perl\n", 0o755);
    }
    for (path, text) in files {
        let folders: Vec<usize> = path.match_indices('/').map(|(at, _)| at).skip(1).collect();
        for folder in folders.into_iter().map(|at| &path[..at]) {
            if !system.files.contains_key(folder) {
                system.put(folder, Node::Directory, 0o755);
            }
        }
        system.file(path, text, 0o644);
    }
    let done = run_as(&mut system, "postinst", format!("#!/bin/sh\nset -e\n{text}\n").as_bytes(), &["triggered", "x"]);
    (done, system)
}

fn link<'a>(system: &'a MemorySystem, path: &str) -> Option<&'a str> {
    match &system.files.get(path)?.node {
        Node::Link(target) => Some(target),
        _ => None,
    }
}

const LISTS: &str = "/var/lib/dictionaries-common/wordlist";

#[test]
fn the_default_word_list_is_in_english() {
    let german = format!("{LISTS}/wngerman");
    let american = format!("{LISTS}/wamerican");
    let files = [
        (german.as_str(), "Language: deutsch (New German)\nHash-Name: ngerman\nAdditionalchars: 'x'\n"),
        ("/usr/share/dict/ngerman", ""),
        ("/usr/share/dict/american-english", ""),
        (american.as_str(), "\nLanguage: american (American English)\nHash-Name: american-english\n\n"),
    ];
    for (count, words) in [(4, "/usr/share/dict/american-english"), (2, "/usr/share/dict/ngerman")] {
        let (done, system) = triggered(&files[..count], "update-default-wordlist --rebuild; update-default-wordlist --triggered");
        assert_eq!((done.class, done.unhandled), (Class::Emulated, vec![]));
        assert_eq!(link(&system, "/etc/dictionaries-common/words"), Some(words));
        assert_eq!(link(&system, "/usr/share/dict/words"), Some("/etc/dictionaries-common/words"));
    }
    let other = format!("{LISTS}/wfrench");
    let two = [files[0], (other.as_str(), "Language: francais (French)\nHash-Name: french\n")];
    assert_eq!(triggered(&two, "update-default-wordlist --triggered").0.class, Class::Unhandled);
}

#[test]
fn without_dictionaries_there_is_nothing_to_say() {
    let (done, _) =
        triggered(&[], "update-default-wordlist --triggered; update-default-ispell --triggered; aspell-autobuildhash; pg_updatedicts");
    assert_eq!((done.class, done.unhandled), (Class::Emulated, vec![]));
    for (path, command) in [
        ("/usr/share/aspell/en.cwl.gz", "aspell-autobuildhash"),
        ("/var/lib/dictionaries-common/ispell/iamerican", "update-default-ispell --triggered"),
    ] {
        let (done, _) = triggered(&[(path, "")], command);
        assert!(done.unhandled.iter().any(|unhandled| unhandled.why.contains("runs in the container")), "{command}");
    }
}

/// A file that such a program would fill is not made empty.
#[test]
fn what_is_not_run_writes_nothing() {
    let (done, system) = triggered(&[], "/usr/lib/x/gdk-pixbuf-2.0/gdk-pixbuf-query-loaders > /usr/lib/loaders.cache || true");
    assert!(done.unhandled.iter().any(|unhandled| unhandled.why.contains("PNG and JPEG")), "{:?}", done.unhandled);
    assert!(!system.files.contains_key("/usr/lib/loaders.cache"));
}

#[test]
fn postgresql_finds_dictionaries_in_utf_8() {
    let folder = "/usr/share/hunspell";
    let files = ["en_US", "de_DE"].map(|name| (format!("{folder}/{name}.dic"), "1\na"));
    let affixes = [(format!("{folder}/en_US.aff"), "# x\nSET UTF-8\n"), (format!("{folder}/de_DE.aff"), "SET ISO8859-1\n")];
    let data = ("/usr/share/postgresql/17/tsearch_data/english.stop".to_owned(), "");
    let files: Vec<(&str, &str)> = files.iter().chain(&affixes).chain([&data]).map(|(path, text)| (path.as_str(), *text)).collect();
    let (done, system) = triggered(&files, "pg_updatedicts");
    let said: Vec<&str> = done.unhandled.iter().map(|unhandled| unhandled.why.as_str()).collect();
    assert!(matches!(said.as_slice(), [said] if said.contains("de_DE.aff is in ISO8859-1")), "{said:?}");
    assert_eq!(link(&system, "/usr/share/postgresql/17/tsearch_data/en_us.dict"), Some("/var/cache/postgresql/dicts/en_us.dict"));
    assert!(system.files.contains_key("/var/cache/postgresql/dicts/en_us.affix"));
}
