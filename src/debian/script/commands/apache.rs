//! `a2enmod`, `a2ensite`, `a2enconf`: what is available is enabled by a link, with the modules it depends on; `a2dismod` takes it away,
//! and `a2query` says what is enabled.

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
    worse(done, mark(shell, sort, "enabled", name))
}

/// Takes the links of modules away.
pub(super) fn disable_module(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    each(shell, arguments, |shell, name| {
        if shell.kind(&format!("/etc/apache2/mods-available/{name}.load")).is_none() {
            return Some(1);
        }
        let mut status = Some(0);
        for path in ["load", "conf"].map(|ending| format!("/etc/apache2/mods-enabled/{name}.{ending}")) {
            if there(shell, &path) {
                status = worse(status, shell.apply(Effect::Remove { path, recursive: false }));
            }
        }
        worse(status, mark(shell, "mods", "disabled", name))
    })
}

/// The folder of records of which modules, sites or configurations are `done` (`enabled`, `disabled`) by whom.
fn records(sort: &str, done: &str, by: &str) -> String {
    let sort = match sort {
        "mods" => "module",
        "sites" => "site",
        other => other,
    };
    format!("/var/lib/apache2/{sort}/{done}_by_{by}")
}

/// Who may have done something, as records and `a2query` call them.
const WHO: [(&str, &str); 2] = [("admin", "site administrator"), ("maint", "maintainer script")];

/// Records who enabled or disabled it: a maintainer script with -m, else the administrator.
fn mark(shell: &mut Shell<'_>, sort: &str, done: &str, name: &str) -> Status {
    let by = if shell.command.contains(" -m") { "maint" } else { "admin" };
    for (by, _) in WHO {
        for path in ["enabled", "disabled"].map(|done| format!("{}/{name}", records(sort, done, by))) {
            if there(shell, &path) {
                shell.apply(Effect::Remove { path, recursive: false });
            }
        }
    }
    let folder = records(sort, done, by);
    if shell.kind(&folder).is_none() {
        shell.apply(Effect::Directory { path: folder.clone(), mode: None, owner: Owner::default(), parents: true });
    }
    shell.apply(Effect::File { path: format!("{folder}/{name}"), bytes: Vec::new(), mode: None, owner: Owner::default() })
}

/// `a2query`: which modules (`-m`), sites (`-s`) and configurations (`-c`) are enabled, and which multi-processing module (`-M`).
pub(super) fn query(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let words: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| *word != "-q").collect();
    let is_quiet = words.len() < arguments.len();
    let (sort, name) = match words[..] {
        ["-m"] => ("mods", ""),
        ["-s"] => ("sites", ""),
        ["-c"] => ("conf", ""),
        ["-m", name] => ("mods", name),
        ["-s", name] => ("sites", name),
        ["-c", name] => ("conf", name),
        ["-M"] => {
            let modules = enabled(shell, "mods");
            // A server that loads none says so in other words, and no script goes on then.
            let process = modules.iter().find_map(|module| module.strip_prefix("mpm_")).unwrap_or("invalid");
            shell.print(Some(format!("{process}\n")));
            return Some(0);
        }
        _ => {
            shell.print(None);
            return None;
        }
    };
    let name = name.strip_prefix("mod").unwrap_or(name);
    let name = name.strip_suffix(".conf").or(name.strip_suffix(".load")).unwrap_or(name);
    let by = |done: &str, name: &str| WHO.into_iter().find(|(by, _)| shell.kind(&format!("{}/{name}", records(sort, done, by))).is_some());
    let found: Vec<String> = enabled(shell, sort).into_iter().filter(|one| name.is_empty() || one == name).collect();
    let lines = found.iter().map(|one| format!("{one} (enabled by {})\n", by("enabled", one).map_or("unknown", |(_, who)| who))).collect();
    let status = match by("disabled", name) {
        _ if !found.is_empty() => 0,
        Some(("maint", _)) => 33,
        Some(_) => 32,
        None => 1,
    };
    if !is_quiet {
        shell.print(Some(lines));
    }
    Some(status)
}

/// The names of what is enabled.
fn enabled(shell: &Shell<'_>, sort: &str) -> Vec<String> {
    let ending = if sort == "mods" { ".load" } else { ".conf" };
    let names = shell.entries(&format!("/etc/apache2/{sort}-enabled"));
    names.iter().filter_map(|name| name.strip_suffix(ending)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use crate::debian::script::evaluate_tests::run_as;
    use crate::debian::script::memory_system::{MemorySystem, Node};

    /// As libapache2-mod-php's does, by way of apache2-maintscript-helper. What is expected was seen with the real programs.
    #[test]
    fn a_module_that_wants_another_mpm_gets_it() {
        let mut system = MemorySystem::new();
        for folder in ["mods-available", "mods-enabled", "conf-available", "conf-enabled"] {
            system.put(&format!("/etc/apache2/{folder}"), Node::Directory, 0o755);
        }
        for module in ["mpm_event", "mpm_prefork", "php"] {
            let needs = if module == "php" { "# Depends: mpm_prefork\n" } else { "" };
            system.file(&format!("/etc/apache2/mods-available/{module}.load"), needs, 0o644);
        }
        system.file("/usr/sbin/a2query", "", 0o755);
        let script = "#!/bin/sh\na2enmod -m -q mpm_event\n[ \"$(a2query -M)\" = event ] || exit 1\n\
                      a2query -q -m php; [ $? = 1 ] || exit 1\na2dismod -m -q mpm_event\na2query -m mpm_event; [ $? = 33 ] || exit 1\n\
                      a2enmod -m php\na2query -m > /etc/said\na2query -c; [ $? = 1 ] || exit 1\na2query -M >> /etc/said\n";
        let done = run_as(&mut system, "postinst", script.as_bytes(), &["configure", ""]);
        assert_eq!(done.unhandled, []);
        let said = "mpm_prefork (enabled by maintainer script)\nphp (enabled by maintainer script)\nprefork\n";
        assert_eq!(String::from_utf8(crate::debian::script::System::read(&system, "/etc/said").unwrap()).unwrap(), said);
        let there = |path: &str| crate::debian::script::System::kind(&system, path).is_some();
        assert!(!there("/etc/apache2/mods-enabled/mpm_event.load") && !there("/var/lib/apache2/module/enabled_by_maint/mpm_event"));
        assert!(there("/var/lib/apache2/module/disabled_by_maint/mpm_event") && there("/var/lib/apache2/module/enabled_by_maint/php"));
    }
}
