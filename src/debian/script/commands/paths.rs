//! Folders, names and what is at them: `mkdir`, `rm`, `mv`, `touch`, `mktemp`, `ln`.

use super::options::Options;
use crate::debian::script::shell::{Shell, Status};
use crate::debian::script::{Effect, Kind, Owner};

/// The worse of two statuses.
pub(super) fn worse(a: Status, b: Status) -> Status {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        _ => None,
    }
}

/// Whether opening `path` would reach a regular file.
pub(super) fn is_file(shell: &Shell<'_>, path: &str) -> bool {
    matches!(shell.kind(path), Some(Kind::File { .. }))
}

/// Whether `path` itself is a regular file, and no link to one.
pub(super) fn is_file_itself(shell: &Shell<'_>, path: &str) -> bool {
    is_file(shell, path) && shell.system.link(path).is_none()
}

/// Whether something is at `path` itself, a dangling link too.
pub(super) fn there(shell: &Shell<'_>, path: &str) -> bool {
    shell.kind(path).is_some() || shell.system.link(path).is_some()
}

/// `path`, or the name of `source` in it when it is a folder.
pub(super) fn into(shell: &Shell<'_>, path: &str, source: &str, as_file: bool) -> String {
    let path = shell.path(path);
    if !as_file && shell.kind(&path) == Some(Kind::Directory) {
        let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        return shell.path(&format!("{path}/{name}"));
    }
    path
}

/// The bits a new file or folder gets, when the umask is not the usual one.
pub(super) fn masked(shell: &Shell<'_>, bits: u32) -> Option<u32> {
    (shell.state.umask != 0o022).then_some(bits & !shell.state.umask)
}

pub(super) fn mkdir(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "m mode");
    if let Some(option) = options.stranger("p parents m mode v verbose Z") {
        return shell.refuse(format!("mkdir's option {option} is not known"));
    }
    let parents = options.has(&["p", "parents"]);
    let mode = match options.value(&["m", "mode"]).map(|m| u32::from_str_radix(m, 8)) {
        Some(Ok(mode)) => Some(mode),
        Some(Err(_)) => return shell.refuse("its mode is not a number"),
        None => masked(shell, 0o777),
    };
    let mut status = Some(0);
    for operand in &options.operands {
        let path = shell.path(operand);
        let done = match shell.kind(&path) {
            Some(Kind::Directory) if parents => Some(0),
            Some(_) => Some(1),
            None if shell.is_scratch(&path) => {
                shell.state.scratch_folders.insert(path);
                Some(0)
            }
            None => shell.apply(Effect::Directory { path, mode, owner: Owner::default(), parents }),
        };
        status = worse(status, done);
    }
    status
}

pub(super) fn rmdir(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "");
    let mut status = Some(0);
    for operand in &options.operands {
        let path = shell.path(operand);
        let done = match shell.kind(&path) {
            Some(Kind::Directory) if shell.entries(&path).is_empty() && !shell.is_scratch(&path) => {
                shell.apply(Effect::Remove { path, recursive: true })
            }
            Some(Kind::Directory) if options.has(&["ignore-fail-on-non-empty"]) || shell.is_scratch(&path) => Some(0),
            _ => Some(1),
        };
        status = worse(status, done);
    }
    status
}

pub(super) fn rm(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "");
    let (force, recursive) = (options.has(&["f", "force"]), options.has(&["r", "R", "recursive"]));
    let mut status = Some(0);
    for operand in &options.operands {
        let path = shell.path(operand);
        let inside = |name: &String| name.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if shell.is_scratch(&path) {
            shell.state.scratch.retain(|name, _| !inside(name));
            shell.state.scratch_folders.retain(|name| !inside(name));
            continue;
        }
        let done = match there(shell, &path) {
            true => shell.apply(Effect::Remove { path, recursive }),
            // What nobody made need not be taken away.
            false if shell.is_open(&path) => Some(0),
            false => Some(u8::from(!force)),
        };
        status = worse(status, done);
    }
    status
}

pub(super) fn touch(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "d date r reference t time");
    let mut status = Some(0);
    for operand in &options.operands {
        let path = shell.path(operand);
        if shell.kind(&path).is_none() && !options.has(&["c", "no-create", "h"]) {
            let mode = masked(shell, 0o666);
            let done = match shell.is_scratch(&path) {
                true => shell.write_file(&path, Some(String::new())),
                false => shell.apply(Effect::File { path, bytes: Vec::new(), mode, owner: Owner::default() }),
            };
            status = worse(status, done);
        }
    }
    status
}

pub(super) fn mv(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "t target-directory S suffix");
    if let Some(option) = options.stranger("f force n no-clobber T no-target-directory v verbose t target-directory Z") {
        return shell.refuse(format!("mv's option {option} is not known"));
    }
    let Some((sources, to)) = sources(&options) else { return Some(1) };
    let mut status = Some(0);
    for source in sources {
        let from = shell.path(&source);
        let to = into(shell, &to, &source, options.has(&["T", "no-target-directory"]));
        let done = if !there(shell, &from) {
            let done = shell.missing(&from, Some(1));
            if done.is_none() {
                shell.leave_open(&Effect::Rename { from, to });
            }
            done
        } else if options.has(&["n", "no-clobber"]) && there(shell, &to) {
            Some(0)
        } else if shell.is_scratch(&from) {
            match shell.read(&from) {
                Some(text) => {
                    let mode = shell.state.scratch_modes.remove(&from).unwrap_or(0o600);
                    shell.state.scratch.remove(&from);
                    match text {
                        Some(text) if !shell.is_scratch(&to) => {
                            shell.apply(Effect::File { path: to, bytes: text.into_bytes(), mode: Some(mode), owner: Owner::default() })
                        }
                        text => {
                            let done = shell.write_file(&to, text);
                            shell.state.scratch_modes.insert(to, mode);
                            done
                        }
                    }
                }
                None => shell.refuse("it moves a temporary folder"),
            }
        } else {
            shell.apply(Effect::Rename { from, to })
        };
        status = worse(status, done);
    }
    status
}

/// `SOURCE… TARGET`, or `-t TARGET SOURCE…`.
pub(super) fn sources(options: &Options) -> Option<(Vec<String>, String)> {
    let mut operands = options.operands.clone();
    let to = match options.value(&["t", "target-directory"]) {
        Some(folder) => folder.to_owned(),
        None => operands.pop()?,
    };
    if operands.is_empty() { None } else { Some((operands, to)) }
}

pub(super) fn ln(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "t target-directory");
    if let Some(option) =
        options.stranger("s symbolic f force n no-dereference T no-target-directory v verbose r relative t target-directory")
    {
        return shell.refuse(format!("ln's option {option} is not known"));
    }
    let force = options.has(&["f", "force"]);
    let (targets, link) = match (sources(&options), options.operands.as_slice()) {
        (Some(both), _) => both,
        (None, [target]) => (vec![target.clone()], ".".to_owned()),
        _ => return Some(1),
    };
    let mut status = Some(0);
    for target in targets {
        // With -n, a link to a folder is itself replaced.
        let place = shell.path(&link);
        let itself =
            options.has(&["T", "no-target-directory"]) || (options.has(&["n", "no-dereference"]) && shell.system.link(&place).is_some());
        let path = into(shell, &link, &target, itself);
        let before = shell.system.link(&path);
        let done = if before.as_deref() == Some(target.as_str()) && (force || options.has(&["s"])) {
            Some(u8::from(!force))
        } else if there(shell, &path) && !force {
            Some(1)
        } else if options.has(&["s", "symbolic"]) && !options.has(&["r", "relative"]) {
            shell.apply(Effect::Link { path, target, force })
        } else if options.has(&["s", "symbolic"]) {
            let target = relative(&shell.path(&target), &path);
            shell.apply(Effect::Link { path, target, force })
        } else {
            let from = shell.path(&target);
            match shell.kind(&from) {
                None => shell.missing(&from, Some(1)),
                // The same bytes twice: a layer has no better word for a link that a script makes between two files.
                Some(_) => shell.apply(Effect::Copy { from, to: path, mode: None, owner: Owner::default() }),
            }
        };
        status = worse(status, done);
    }
    status
}

/// The way from the folder of `path` to `target`.
fn relative(target: &str, path: &str) -> String {
    let (target, path): (Vec<&str>, Vec<&str>) = (target.split('/').collect(), path.split('/').collect());
    let same = target.iter().zip(&path[..path.len() - 1]).take_while(|(a, b)| a == b).count();
    let up = path.len() - 1 - same;
    std::iter::repeat_n("..", up).chain(target[same..].iter().copied()).collect::<Vec<_>>().join("/")
}

/// `mktemp`, `tempfile`: a file that lives in the evaluation only.
pub(super) fn mktemp(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "p tmpdir suffix m mode d directory n name s");
    let folder =
        arguments.iter().any(|a| a == "-d" || a == "--directory" || (a.starts_with('-') && !a.starts_with("--") && a.contains('d')));
    let mut name = shell.temporary_name();
    // A template with a folder of its own names a file beside the one it will replace.
    if let Some(template) = options.operands.first().filter(|t| t.contains('/')) {
        let tail = name.rsplit('.').next().unwrap_or_default().to_owned();
        name = shell.path(&format!("{}{tail}", template.trim_end_matches('X')));
    }
    if folder {
        shell.state.scratch_folders.insert(name.clone());
    } else {
        shell.state.scratch.insert(name.clone(), Some(String::new()));
    }
    shell.print(Some(format!("{name}\n")));
    Some(0)
}

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn a_relative_link_goes_up_and_down() {
        assert_eq!(relative("/usr/lib/a", "/usr/bin/b"), "../lib/a");
        assert_eq!(relative("/usr/bin/a", "/usr/bin/b"), "a");
        assert_eq!(relative("/etc/a", "/b"), "etc/a");
    }
}
