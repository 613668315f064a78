//! dpkg's programs, and the generators that work on the whole system.

use std::cmp::Ordering;

use super::options::Options;
use crate::debian::script::shell::{Shell, Status, Value, matches};
use crate::debian::script::{Alternative, Effect, Reaction, reaction};
use crate::debian::version;

pub(super) fn dpkg(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let words: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|a| !a.starts_with("--root=") && !a.starts_with("--admindir=")).collect();
    match words.as_slice() {
        ["--compare-versions", a, operator, b, ..] => compare(a, operator, b).map_or(Some(2), |holds| Some(u8::from(!holds))),
        // An empty or missing version is left out by the shell when it is not quoted.
        ["--compare-versions", ..] => Some(2),
        ["--print-architecture"] => {
            let line = format!("{}\n", shell.system.architecture());
            shell.print(Some(line));
            Some(0)
        }
        ["--print-foreign-architectures"] => Some(0),
        ["-L" | "--listfiles", packages @ ..] => list_files(shell, packages),
        ["-s" | "--status" | "-l" | "--list", package, ..] => {
            let installed = shell.system.version(bare(package)).is_some();
            shell.print(if installed { None } else { Some(String::new()) });
            Some(u8::from(!installed))
        }
        [option, ..] if option.starts_with("--assert-") || option.starts_with("--validate-") => Some(0),
        ["-S" | "--search", ..] => {
            shell.print(None);
            None
        }
        ["--version", ..] => {
            shell.print(None);
            Some(0)
        }
        _ => shell.refuse("this form of dpkg is not known"),
    }
}

/// `dpkg -L`: the files of packages, without the folders.
fn list_files(shell: &mut Shell<'_>, packages: &[&str]) -> Status {
    let (mut out, mut status) = (Some(String::new()), Some(0));
    for package in packages.iter().map(|package| bare(package)) {
        if shell.system.version(package).is_none() {
            status = Some(1);
            continue;
        }
        let files = shell.system.files(package);
        out = out.zip(files).map(|(out, files)| files.iter().fold(out, |out, file| out + file + "\n"));
    }
    shell.spend(out.as_ref().map_or(0, String::len));
    shell.print(out);
    status
}

/// A package's name without its architecture.
fn bare(package: &str) -> &str {
    package.split(':').next().unwrap_or(package)
}

/// dpkg(1): for `lt le eq ne ge gt`, no version is earlier than any; for `lt-nl le-nl ge-nl gt-nl`, later than any.
fn compare(a: &str, operator: &str, b: &str) -> Option<bool> {
    let nothing_is_later = operator.ends_with("-nl");
    let order = match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) if nothing_is_later => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, true) if nothing_is_later => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => version::compare(a, b),
    };
    Some(match operator {
        "lt" | "lt-nl" | "<<" => order.is_lt(),
        "le" | "le-nl" | "<=" | "<" => order.is_le(),
        "eq" | "=" => order.is_eq(),
        "ne" => order.is_ne(),
        "ge" | "ge-nl" | ">=" | ">" => order.is_ge(),
        "gt" | "gt-nl" | ">>" => order.is_gt(),
        _ => return None,
    })
}

pub(super) fn query(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "f showformat admindir root");
    let mut status = Some(0);
    if options.has(&["control-path", "control-list", "c"]) {
        let package = options.operands.first().map_or("", String::as_str);
        if shell.system.version(bare(package)).is_none() {
            return Some(1);
        }
    }
    if !options.has(&["W", "show", "s", "status", "l", "list", "L", "listfiles"]) {
        shell.print(None);
        return None;
    }
    let format = options.value(&["f", "showformat"]);
    for package in &options.operands {
        if package.contains(['*', '?']) {
            shell.print(None);
            return None;
        }
        match shell.system.version(bare(package)) {
            None => status = Some(1),
            Some(version) => {
                let text = match (options.has(&["W", "show"]), format) {
                    (true, Some(format)) => {
                        let architecture = shell.system.architecture().to_owned();
                        fill(format, bare(package), &version, &architecture)
                    }
                    (true, None) => Some(format!("{package}\t{version}\n")),
                    _ => None,
                };
                shell.print(text);
            }
        }
    }
    status
}

/// A format of dpkg-query(1) with what is known of an installed package.
fn fill(format: &str, package: &str, version: &str, architecture: &str) -> Value {
    let text = format
        .replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("${Version}", version)
        .replace("${Package}", package)
        .replace("${binary:Package}", package)
        .replace("${Architecture}", architecture)
        .replace("${Status}", "install ok installed")
        .replace("${db:Status-Status}", "installed")
        .replace("${db:Status-Want}", "install")
        .replace("${db:Status-Abbrev}", "ii ");
    (!text.contains("${")).then_some(text)
}

pub(super) fn architecture(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let debian = shell.system.architecture().to_owned();
    let multiarch = match debian.as_str() {
        "amd64" => "x86_64-linux-gnu",
        "arm64" => "aarch64-linux-gnu",
        "armhf" => "arm-linux-gnueabihf",
        "ppc64el" => "powerpc64le-linux-gnu",
        "riscv64" => "riscv64-linux-gnu",
        "s390x" => "s390x-linux-gnu",
        _ => "",
    };
    let asked = arguments.iter().find_map(|a| a.strip_prefix("-q"));
    shell.print(match asked {
        Some("DEB_HOST_MULTIARCH" | "DEB_BUILD_MULTIARCH") if !multiarch.is_empty() => Some(format!("{multiarch}\n")),
        Some("DEB_HOST_ARCH" | "DEB_BUILD_ARCH") => Some(format!("{debian}\n")),
        _ => None,
    });
    Some(0)
}

pub(super) fn divert(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "package divert admindir instdir root");
    let known = "package divert admindir instdir root add rename no-rename quiet local remove list listpackage truename test";
    if let Some(option) = options.stranger(known) {
        return shell.refuse(format!("dpkg-divert's option {option} is not known"));
    }
    let path = options.operands.first().map(|path| shell.path(path)).unwrap_or_default();
    // The database has three lines for each: path, new path, package.
    let database = shell.read("/var/lib/dpkg/diversions").unwrap_or(Some(String::new()));
    if options.has(&["list", "listpackage", "truename"]) {
        let Some(database) = database else {
            shell.print(None);
            return None;
        };
        let lines: Vec<&str> = database.lines().collect();
        let pattern = options.operands.first().cloned().unwrap_or_else(|| "*".into());
        let found = lines.chunks_exact(3).filter(|three| matches(&pattern, three[0]));
        let text = if options.has(&["truename"]) {
            format!("{}\n", found.map(|three| three[1]).next().unwrap_or(&path))
        } else if options.has(&["listpackage"]) {
            found.map(|three| format!("{}\n", three[2])).next().unwrap_or_default()
        } else {
            found.map(|three| format!("diversion of {} to {} by {}\n", three[0], three[1], three[2])).collect()
        };
        shell.print(Some(text));
        return Some(0);
    }
    if options.has(&["remove"]) {
        let diverted = database.map(|text| text.lines().step_by(3).any(|from| from == path));
        return if diverted == Some(false) { Some(0) } else { shell.refuse("it takes back a diversion") };
    }
    let to = options.value(&["divert"]).map_or_else(|| format!("{path}.distrib"), |to| shell.path(to));
    let by = match options.value(&["package"]) {
        Some(package) => Some(package.to_owned()),
        None => (!options.has(&["local"])).then(|| shell.call.package.to_owned()),
    };
    shell.apply(Effect::Divert { path, to, by, rename: options.has(&["rename"]) })
}

/// `dpkg-trigger NAME`: who waits for it is called when every package is configured.
pub(super) fn trigger(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "by-package admindir root");
    let Some(name) = options.operands.first().filter(|_| !options.has(&["no-act", "check-supported"])) else { return Some(0) };
    // What comes to nothing comes to nothing in doubt, too.
    if !matches!(reaction(name), Reaction::Nothing(_)) {
        shell.apply(Effect::Trigger(name.clone()));
    }
    Some(0)
}

pub(super) fn alternatives(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let mut words = arguments.iter().map(String::as_str).peekable();
    let mut installed: Option<Alternative> = None;
    let mut other = None;
    while let Some(word) = words.next() {
        let mut next = || words.next().unwrap_or_default().to_owned();
        match word {
            "--install" => {
                let (link, name, path, priority) = (next(), next(), next(), next());
                let Ok(priority) = priority.parse() else { return Some(2) };
                installed = Some(Alternative { link, name, path, priority, slaves: Vec::new() });
            }
            "--slave" => {
                let slave = (next(), next(), next());
                match &mut installed {
                    Some(alternative) => alternative.slaves.push(slave),
                    None => return Some(2),
                }
            }
            "--altdir" | "--admindir" | "--log" | "--root" | "--instdir" => {
                next();
            }
            "--quiet" | "--verbose" | "--force" | "--skip-auto" => {}
            option => {
                other = Some(option.to_owned());
                break;
            }
        }
    }
    if let Some(alternative) = installed {
        // What cannot be pointed to is an error there too.
        if shell.certain() && shell.kind(&alternative.path).is_none() {
            return Some(2);
        }
        return shell.apply(Effect::Alternative(alternative));
    }
    match other.as_deref() {
        // On a first installation there is nothing of this package to remove, and nothing is in manual mode.
        Some("--remove" | "--remove-all" | "--auto") => Some(0),
        Some("--list" | "--display" | "--query") => {
            // The first of a name's alternatives makes this link.
            let name = words.next().unwrap_or_default();
            let Some(target) = shell.system.link(&format!("/etc/alternatives/{name}")) else { return Some(2) };
            // Nobody has chosen by hand, so the value is the best; the others are not known.
            let value =
                (other.as_deref() == Some("--query")).then(|| format!("Name: {name}\nStatus: auto\nBest: {target}\nValue: {target}\n"));
            shell.print(value);
            Some(0)
        }
        Some("--get-selections") => {
            shell.print(None);
            None
        }
        _ => shell.refuse("this form of update-alternatives is not known"),
    }
}

/// Programs that make files from the whole system once everything is in place, and `java-keystore`, which only emulations name.
const GENERATORS: &[&str] = &[
    "ldconfig",
    "update-ca-certificates",
    "java-keystore",
    "glib-compile-schemas",
    "update-desktop-database",
    "update-mime-database",
    "libgvc6-config-update",
    "update-shells",
    "pam-auth-update",
    "shadow",
    "locale-gen",
];

/// The generator called `name`.
pub(in super::super) fn generator(name: &str) -> Option<&'static str> {
    GENERATORS.iter().find(|known| **known == name).copied()
}

/// A command that is a generator: its name says which.
pub(in super::super) fn generate(shell: &mut Shell<'_>, name: &str) -> Status {
    // Whoever writes the shadow files writes them all.
    let name = if matches!(name, "shadowconfig" | "pwconv" | "grpconv") { "shadow" } else { name };
    match generator(name) {
        Some(name) => shell.apply(Effect::Generator(name)),
        None => shell.refuse(format!("there is no generator {name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{compare, fill};

    /// Every row was checked with `dpkg --compare-versions`.
    #[test]
    fn no_version_is_earlier_or_later_as_dpkg_says() {
        for (a, operator, b, expected) in [
            ("", "lt", "1", true),
            ("", "lt-nl", "1", false),
            ("", "le-nl", "1", false),
            ("", "ge-nl", "1", true),
            ("", "gt", "1", false),
            ("1", "lt-nl", "", true),
            ("1", "gt", "", true),
            ("", "eq", "", true),
            ("1.0-1", "<<", "1.0-2", true),
            ("1.0", "<", "1.0", true),
        ] {
            assert_eq!(compare(a, operator, b), Some(expected), "{a} {operator} {b}");
        }
    }

    #[test]
    fn a_format_is_filled_or_not_known() {
        assert_eq!(fill("${Version}\\n", "a", "1", "amd64").as_deref(), Some("1\n"));
        assert_eq!(fill("${Conffiles}", "a", "1", "amd64"), None);
    }
}
