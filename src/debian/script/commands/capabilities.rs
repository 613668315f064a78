//! File capabilities: `setcap` and `getcap` (libcap2-bin, which is only recommended: scripts look whether it is there).

use super::paths::{is_file_itself, there};
use crate::debian::script::Effect;
use crate::debian::script::shell::{Shell, Status};
use crate::image::Capabilities;

/// `setcap [-q] [-v] [-n ROOTID] (CAPABILITIES|-r) FILE…`: in order, up to the first that fails.
pub(super) fn setcap(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let (mut quiet, mut verify, mut root) = (false, false, 0);
    let mut arguments = arguments.iter();
    let mut done = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-q" => quiet = true,
            "-v" => verify = true,
            "-n" => match arguments.next().and_then(|id| id.parse().ok()) {
                Some(id) => root = id,
                None => return Some(1),
            },
            "-h" | "--license" => return Some(0),
            "-" => return shell.refuse("capabilities that come from standard input are not read"),
            text => {
                let wanted = match text {
                    "-r" => None,
                    text => match text.parse::<Capabilities>() {
                        Ok(capabilities) => Some(Capabilities { root, ..capabilities }),
                        Err(_) => return Some(1),
                    },
                };
                let Some(file) = arguments.next().map(|file| shell.path(file)) else { return Some(1) };
                let status = if verify { compare(shell, &file, wanted, quiet) } else { set(shell, &file, wanted) };
                if status != Some(0) {
                    return status;
                }
                done = true;
            }
        }
    }
    // Without a file it shows how it is used.
    Some(u8::from(!done))
}

/// Sets them on a regular file, which no link may stand for; taking away what is not there fails.
fn set(shell: &mut Shell<'_>, file: &str, wanted: Option<Capabilities>) -> Status {
    if !there(shell, file) {
        return shell.missing(file, Some(1));
    }
    if !is_file_itself(shell, file) || (wanted.is_none() && shell.system.capabilities(file).is_none()) {
        return Some(1);
    }
    if shell.is_scratch(file) {
        return Some(0);
    }
    shell.apply(Effect::Capabilities { path: file.to_owned(), capabilities: wanted })
}

/// Says whether the file has what is wanted; nothing is the same as none.
fn compare(shell: &mut Shell<'_>, file: &str, wanted: Option<Capabilities>, quiet: bool) -> Status {
    if shell.is_open(file) {
        shell.print(None);
        return None;
    }
    let has = shell.system.capabilities(file).unwrap_or_default();
    let same = has == wanted.unwrap_or_default();
    if !quiet {
        // Which sets differ is not worked out.
        shell.print(same.then(|| format!("{file}: OK\n")));
    }
    Some(u8::from(!same))
}

/// `getcap [-v] [-n] FILE…`: a line for each that has some.
pub(super) fn getcap(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let (mut all, mut with_root) = (false, false);
    let mut files = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "-v" => all = true,
            "-n" => with_root = true,
            option if option.starts_with('-') => {
                shell.print(None);
                return None;
            }
            file => files.push(file),
        }
    }
    for file in files {
        let path = shell.path(file);
        if shell.is_open(&path) {
            shell.print(None);
            return None;
        }
        let shown = match shell.system.capabilities(&path) {
            Some(set) if with_root => format!("{file} {set}\n"),
            Some(set) => format!("{file} {}\n", Capabilities { root: 0, ..set }),
            None if all => format!("{file}\n"),
            None => continue,
        };
        shell.print(Some(shown));
    }
    Some(0)
}
