//! `pg_updatedicts` (postgresql-common): installed dictionaries of hunspell and myspell, where PostgreSQL's text search finds them.

use super::paths::{is_file, is_file_itself, there, worse};
use crate::debian::script::shell::{Shell, Status};
use crate::debian::script::{Effect, Kind, Owner};

const FOLDERS: [&str; 2] = ["/usr/share/hunspell", "/usr/share/myspell/dicts"];
const CACHE: &str = "/var/cache/postgresql/dicts";
const VERSIONS: &str = "/usr/share/postgresql";

pub(super) fn update_dictionaries(shell: &mut Shell<'_>, _: &[String]) -> Status {
    let mut status = Some(0);
    if shell.kind(CACHE).is_none() {
        status = shell.apply(Effect::Directory { path: CACHE.into(), mode: None, owner: Owner::default(), parents: true });
    }
    for folder in FOLDERS {
        let mut names = shell.entries(folder);
        names.sort();
        for name in names.iter().filter_map(|name| name.strip_suffix(".aff")) {
            status = worse(status, dictionary(shell, &format!("{folder}/{name}"), &name.to_ascii_lowercase()));
        }
    }
    status
}

/// The dictionary `source` as `name`: PostgreSQL reads UTF-8 only.
fn dictionary(shell: &mut Shell<'_>, source: &str, name: &str) -> Status {
    let affixes = format!("{source}.aff");
    if !is_file_itself(shell, &affixes) || !is_file(shell, &format!("{source}.dic")) {
        return Some(0);
    }
    let Some(bytes) = shell.system.read(&affixes) else { return shell.refuse(format!("{affixes} is not at hand")) };
    shell.spend(bytes.len());
    let text = String::from_utf8_lossy(&bytes);
    let Some(encoding) = text.lines().find_map(|line| line.strip_prefix("SET ")).map(str::trim_end) else { return Some(0) };
    if encoding != "UTF-8" {
        return shell
            .refuse(format!("{affixes} is in {encoding}: PostgreSQL searches without it, unless pg_updatedicts runs in the image"));
    }
    let mut status = Some(0);
    for (from, to) in [("aff", "affix"), ("dic", "dict")] {
        let cached = format!("{CACHE}/{name}.{to}");
        let copy = Effect::Copy { from: format!("{source}.{from}"), to: cached.clone(), mode: None, owner: Owner::default() };
        status = worse(status, shell.apply(copy));
        for version in shell.entries(VERSIONS).iter().filter(|version| version.starts_with(|c: char| c.is_ascii_digit())) {
            let folder = format!("{VERSIONS}/{version}/tsearch_data");
            let path = format!("{folder}/{name}.{to}");
            let is_own = there(shell, &path) && shell.system.link(&path).is_none();
            if shell.kind(&folder) == Some(Kind::Directory) && !is_own {
                status = worse(status, shell.apply(Effect::Link { path, target: cached.clone(), force: true }));
            }
        }
    }
    status
}
