//! Files made from other files: `cp`, `install`, `ucf`.

use super::options::Options;
use super::paths::{into, masked, sources, there, worse};
use crate::debian::script::shell::{Shell, Status};
use crate::debian::script::{Effect, Kind, Owner};

/// How many files `cp -r` may copy.
const FILES: usize = 2000;

/// Copies one file; `mode` and `owner` as given, else like the source without the umask.
fn copy(shell: &mut Shell<'_>, from: &str, to: String, mode: Option<u32>, owner: Owner) -> Status {
    if shell.is_scratch(from) || shell.is_scratch(&to) {
        let text = shell.read(from).flatten();
        if shell.is_scratch(&to) {
            let mode = mode.or(match shell.kind(from) {
                Some(Kind::File { mode, .. }) if !shell.state.scratch.contains_key(&to) => Some(mode & !shell.state.umask),
                _ => None,
            });
            let done = shell.write_file(&to, text);
            shell.state.scratch_modes.extend(mode.map(|mode| (to, mode)));
            return done;
        }
        let mode = mode.or(match (shell.kind(from), shell.kind(&to)) {
            (Some(Kind::File { mode, .. }), None) => Some(mode & !shell.state.umask),
            _ => None,
        });
        return match text {
            Some(text) => shell.apply(Effect::File { path: to, bytes: text.into_bytes(), mode, owner }),
            None => {
                shell.leave_open(&Effect::Copy { from: from.to_owned(), to, mode, owner });
                shell.refuse("what it copies is not known")
            }
        };
    }
    let Some(Kind::File { mode: source, .. }) = shell.kind(from) else {
        return shell.refuse(format!("{from} is no regular file"));
    };
    if shell.may_be_otherwise(from) {
        shell.leave_open(&Effect::Copy { from: from.to_owned(), to, mode, owner });
        return shell.refuse(format!("what is in {from} is not known"));
    }
    let new = shell.kind(&to).is_none();
    let mode = mode.or(new.then_some(source & 0o777 & !shell.state.umask));
    match shell.system.read(from) {
        Some(bytes) => {
            shell.spend(bytes.len());
            shell.apply(Effect::File { path: to, bytes, mode, owner })
        }
        None => shell.apply(Effect::Copy { from: from.to_owned(), to, mode, owner }),
    }
}

pub(super) fn cp(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "t target-directory S suffix");
    let known = "a archive p preserve r R recursive d L P f force n no-clobber u update v verbose T no-target-directory t target-directory no-dereference \
                 remove-destination x reflink Z";
    if let Some(option) = options.stranger(known) {
        return shell.refuse(format!("cp's option {option} is not known"));
    }
    let Some((sources, target)) = sources(&options) else { return Some(1) };
    let keeps = options.has(&["a", "archive", "p", "preserve"]);
    let mut status = Some(0);
    for source in sources {
        let from = shell.path(&source);
        let to = into(shell, &target, &source, options.has(&["T", "no-target-directory"]));
        let done = if options.has(&["n", "no-clobber"]) && there(shell, &to) {
            Some(0)
        } else if options.has(&["a", "archive", "r", "R", "recursive"]) {
            let mut left = FILES;
            tree(shell, &from, &to, keeps, &mut left)
        } else {
            match shell.kind(&from) {
                Some(Kind::File { mode, .. }) => copy(shell, &from, to, keeps.then_some(mode), Owner::default()),
                _ => {
                    let done = shell.missing(&from, Some(1));
                    if done.is_none() {
                        shell.leave_open(&Effect::Copy { from, to, mode: None, owner: Owner::default() });
                    }
                    done
                }
            }
        };
        status = worse(status, done);
    }
    status
}

fn tree(shell: &mut Shell<'_>, from: &str, to: &str, keeps: bool, left: &mut usize) -> Status {
    if *left == 0 || from.len() > 4096 {
        return shell.refuse("it copies too many files");
    }
    *left -= 1;
    if let Some(target) = shell.system.link(from) {
        return shell.apply(Effect::Link { path: to.to_owned(), target, force: true });
    }
    match shell.kind(from) {
        Some(Kind::Directory) => {
            let mut status = Some(0);
            if shell.kind(to).is_none() {
                status = shell.apply(Effect::Directory { path: to.to_owned(), mode: None, owner: Owner::default(), parents: false });
            }
            for name in shell.entries(from) {
                let done = tree(shell, &format!("{from}/{name}"), &format!("{to}/{name}"), keeps, left);
                status = worse(status, done);
            }
            status
        }
        Some(Kind::File { mode, .. }) => copy(shell, from, to.to_owned(), keeps.then_some(mode), Owner::default()),
        Some(Kind::Special) => shell.refuse("it copies a device"),
        None => shell.missing(from, Some(1)),
    }
}

pub(super) fn install(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "m mode o owner g group t target-directory S suffix");
    let known = "m mode o owner g group t target-directory d directory D T no-target-directory v verbose p preserve-timestamps C compare c";
    if let Some(option) = options.stranger(known) {
        return shell.refuse(format!("install's option {option} is not known"));
    }
    let mode = match options.value(&["m", "mode"]).map(|m| u32::from_str_radix(m, 8)) {
        Some(Ok(mode)) => mode,
        Some(Err(_)) => return shell.refuse("its mode is not a number"),
        None => 0o755,
    };
    let named = |names: &[&str]| options.value(names).map(str::to_owned);
    let owner = Owner { user: named(&["o", "owner"]), group: named(&["g", "group"]) };
    let mut status = Some(0);
    if options.has(&["d", "directory"]) {
        for operand in &options.operands {
            let path = shell.path(operand);
            let done = shell.apply(Effect::Directory { path, mode: Some(mode), owner: owner.clone(), parents: true });
            status = worse(status, done);
        }
        return status;
    }
    let Some((sources, target)) = sources(&options) else { return Some(1) };
    for source in sources {
        let from = shell.path(&source);
        let to = into(shell, &target, &source, options.has(&["T", "no-target-directory"]));
        if options.has(&["D"])
            && let Some((folder, _)) = to.rsplit_once('/')
            && !folder.is_empty()
            && shell.kind(folder).is_none()
        {
            let made = Effect::Directory { path: folder.to_owned(), mode: None, owner: Owner::default(), parents: true };
            status = worse(status, shell.apply(made));
        }
        let done = match shell.kind(&from) {
            None => shell.missing(&from, Some(1)),
            // `install … /dev/null FILE` makes an empty file.
            Some(Kind::Special) => match shell.read(&from).flatten() {
                Some(text) => shell.apply(Effect::File { path: to, bytes: text.into_bytes(), mode: Some(mode), owner: owner.clone() }),
                None => shell.refuse("what it copies is not known"),
            },
            Some(_) => copy(shell, &from, to, Some(mode), owner.clone()),
        };
        status = worse(status, done);
    }
    status
}

/// `ucf NEW CURRENT`: puts a new configuration file in place when there is none yet, and keeps one that is there.
pub(super) fn ucf(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "src-dir sum-file debug d");
    if options.has(&["p", "purge"]) {
        return Some(0);
    }
    let [new, current] = options.operands.as_slice() else { return Some(1) };
    let (from, to) = (shell.path(new), shell.path(current));
    if there(shell, &to) {
        return Some(0);
    }
    match shell.kind(&from) {
        Some(Kind::File { mode, .. }) => {
            // ucf copies with `cp -p`.
            copy(shell, &from, to, Some(mode), Owner::default())
        }
        _ => shell.missing(&from, Some(1)),
    }
}

/// `tee [-a] FILE…`: what it reads goes to files and on.
pub(super) fn tee(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "");
    let text = shell.input();
    shell.print(text.clone());
    let mut status = Some(0);
    for operand in &options.operands {
        let path = shell.path(operand);
        let before = if options.has(&["a", "append"]) { shell.read(&path).unwrap_or(Some(String::new())) } else { Some(String::new()) };
        let whole = before.zip(text.clone()).map(|(before, text)| before + &text);
        let done = match (masked(shell, 0o666), whole) {
            (Some(mode), Some(text)) if shell.kind(&path).is_none() && !shell.is_scratch(&path) => {
                shell.apply(Effect::File { path, bytes: text.into_bytes(), mode: Some(mode), owner: Owner::default() })
            }
            (_, whole) => shell.write_file(&path, whole),
        };
        status = worse(status, done);
    }
    status
}
