//! Word lists and dictionaries of ispell (dictionaries-common): which of them is the default.

use std::collections::BTreeMap;

use super::options::Options;
use super::paths::{is_file, worse};
use crate::debian::script::Effect;
use crate::debian::script::shell::{Shell, Status};

/// What packages say of their word lists and dictionaries.
const DECLARED: &str = "/var/lib/dictionaries-common";
const CACHE: &str = "/var/cache/dictionaries-common";
const WORDS: &str = "/usr/share/dict/words";
const DEFAULT: &str = "/etc/dictionaries-common/words";

/// What each list has besides its language.
type Lists = BTreeMap<String, BTreeMap<String, String>>;

/// `update-default-wordlist`: `/usr/share/dict/words` leads to the default list. Nobody is asked and no language is set, so that is an
/// American list, else an English one, else the only one there is.
pub(super) fn word_lists(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let Some(lists) = declared(shell, "wordlist") else { return shell.refuse("what packages say of their word lists is not at hand") };
    let mut status = shell.write_file(&format!("{CACHE}/wordlist.db"), Some(database(&lists)));
    if !lists.is_empty() && shell.system.link(WORDS).is_none() && shell.kind(WORDS).is_none() {
        status = worse(status, shell.apply(Effect::Link { path: WORDS.into(), target: DEFAULT.into(), force: false }));
    }
    if !Options::parse(arguments, "").has(&["triggered"]) {
        return worse(status, shell.apply(Effect::Trigger("update-default-wordlist".into())));
    }
    let says = |word: &str| lists.keys().find(|language| language.to_lowercase().contains(word));
    let only = lists.keys().next().filter(|_| lists.len() == 1);
    let Some(default) = says("american").or(says("english")).or(only) else {
        return match lists.is_empty() {
            true => status,
            false => shell.refuse("none of the word lists is in English: link /etc/dictionaries-common/words to the one that is meant"),
        };
    };
    let target = format!("/usr/share/dict/{}", lists[default].get("hash-name").map_or("", String::as_str));
    if !is_file(shell, &target) {
        return shell.missing(&target, Some(1));
    }
    status = worse(status, shell.write_file(&format!("{CACHE}/wordlist-default"), Some(default.clone())));
    worse(status, shell.apply(Effect::Link { path: DEFAULT.into(), target, force: true }))
}

/// `update-default-ispell`, for systems without dictionaries of ispell itself; those of aspell and hunspell are none.
pub(super) fn ispell(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    if !Options::parse(arguments, "").has(&["triggered"]) {
        return shell.apply(Effect::Trigger("update-default-ispell".into()));
    }
    if !shell.entries(&format!("{DECLARED}/ispell")).is_empty() {
        return shell.refuse(
            "ispell compiles its dictionaries itself: it has none until `update-default-ispell --triggered` runs in the container",
        );
    }
    let done = shell.write_file(&format!("{CACHE}/ispell.db"), Some(database(&Lists::new())));
    worse(done, shell.write_file("/etc/dictionaries-common/ispell-default", Some(String::new())))
}

/// `aspell-autobuildhash`: for systems without dictionaries of aspell there is nothing to compile.
pub(super) fn aspell(shell: &mut Shell<'_>, _: &[String]) -> Status {
    match shell.entries("/usr/share/aspell").iter().any(|name| name.ends_with("wl.gz")) {
        true => shell.refuse("aspell compiles its dictionaries itself: it has none until `aspell-autobuildhash` runs in the container"),
        false => Some(0),
    }
}

/// The lists of a class by their languages, with the packages they come from. `None` when a file is not at hand.
fn declared(shell: &mut Shell<'_>, class: &str) -> Option<Lists> {
    let mut lists = Lists::new();
    for package in shell.entries(&format!("{DECLARED}/{class}")).into_iter().filter(|name| !name.ends_with('~') && !name.starts_with('.')) {
        let text = shell.read(&format!("{DECLARED}/{class}/{package}"))??;
        for paragraph in text.split("\n\n") {
            let field = |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
            let mut fields: BTreeMap<String, String> = paragraph.lines().filter_map(field).filter(|(_, value)| !value.is_empty()).collect();
            if let Some(language) = fields.remove("language").filter(|_| fields.contains_key("hash-name")) {
                fields.insert("package".into(), package.clone());
                lists.insert(language, fields);
            }
        }
    }
    Some(lists)
}

/// The lists as a program of Perl reads them.
fn database(lists: &Lists) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let list = |(language, fields): (&String, &BTreeMap<String, String>)| {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("     '{name}' => '{}'", escaped(value))).collect();
        format!("  '{}' => {{\n{}\n  }}", escaped(language), fields.join(",\n"))
    };
    let lists: Vec<String> = lists.iter().map(list).collect();
    format!(
        "### This file is part of the dictionaries-common package.\n### It has been automatically generated.\n### DO NOT EDIT!\n\n\
         package Debian::DictionariesCommon::dbfile;\n\n%dictionaries = (\n{}\n);\n\n1;\n",
        lists.join(",\n")
    )
}
