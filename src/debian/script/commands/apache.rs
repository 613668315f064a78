//! `a2enmod`, `a2ensite`, `a2enconf`: what is available is enabled by a link, with the modules it depends on.

use super::options::Options;
use super::paths::{there, worse};
use crate::debian::script::shell::{Shell, Status};
use crate::debian::script::{Effect, Owner};

pub(super) fn enable_module(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    each(shell, arguments, |shell, name| module(shell, name, 0))
}

pub(super) fn enable_site(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    each(shell, arguments, |shell, name| enable(shell, "sites", name, "conf"))
}

pub(super) fn enable_configuration(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    each(shell, arguments, |shell, name| enable(shell, "conf", name, "conf"))
}

fn each(shell: &mut Shell<'_>, arguments: &[String], one: impl Fn(&mut Shell<'_>, &str) -> Status) -> Status {
    let mut status = Some(0);
    for name in Options::parse(arguments, "").operands {
        status = worse(status, one(shell, name.trim_end_matches(".conf").trim_end_matches(".load")));
    }
    status
}

fn module(shell: &mut Shell<'_>, name: &str, depth: usize) -> Status {
    let load = format!("/etc/apache2/mods-available/{name}.load");
    if depth > 10 || name.contains('/') {
        return shell.refuse("modules depend on each other without end");
    }
    let mut status = Some(0);
    match shell.read(&load) {
        None => return Some(1),
        Some(None) => return shell.refuse(format!("{load} is not at hand")),
        Some(Some(text)) => {
            let needs = text.lines().filter_map(|line| line.strip_prefix("# Depends:")).flat_map(str::split_whitespace);
            for need in needs {
                status = worse(status, module(shell, need, depth + 1));
            }
        }
    }
    status = worse(status, enable(shell, "mods", name, "load"));
    if shell.kind(&format!("/etc/apache2/mods-available/{name}.conf")).is_some() {
        status = worse(status, enable(shell, "mods", name, "conf"));
    }
    status
}

fn enable(shell: &mut Shell<'_>, sort: &str, name: &str, ending: &str) -> Status {
    if shell.kind(&format!("/etc/apache2/{sort}-available/{name}.{ending}")).is_none() {
        return Some(1);
    }
    let path = format!("/etc/apache2/{sort}-enabled/{name}.{ending}");
    if there(shell, &path) {
        return Some(0);
    }
    let done = shell.apply(Effect::Link { path, target: format!("../{sort}-available/{name}.{ending}"), force: false });
    // A record of who did it: a maintainer script with -m, else the administrator.
    let sort = match sort {
        "mods" => "module",
        "sites" => "site",
        other => other,
    };
    let by = if shell.command.contains(" -m") { "maint" } else { "admin" };
    let folder = format!("/var/lib/apache2/{sort}/enabled_by_{by}");
    if shell.kind(&folder).is_none() {
        shell.apply(Effect::Directory { path: folder.clone(), mode: None, owner: Owner::default(), parents: true });
    }
    worse(done, shell.apply(Effect::File { path: format!("{folder}/{name}"), bytes: Vec::new(), mode: None, owner: Owner::default() }))
}
