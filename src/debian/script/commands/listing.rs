//! `ls`: names, and with `-n` the mode and ids of one file.

use super::options::Options;
use crate::debian::script::Kind;
use crate::debian::script::shell::{Shell, Status, UNKNOWN};

pub(super) fn ls(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "");
    if let [operand] = options.operands.as_slice()
        && options.has(&["n"])
        && options.stranger("l n d").is_none()
        && let Some(line) = long(shell, &shell.path(operand), operand)
    {
        shell.print(Some(line));
        return Some(0);
    }
    let mut out = Some(String::new());
    let mut status = Some(0);
    for operand in &options.operands {
        let path = shell.path(operand);
        let names = match shell.kind(&path) {
            None => {
                let known = !shell.is_open(&path);
                out = out.filter(|_| known);
                status = if known { Some(2) } else { None };
                continue;
            }
            Some(Kind::Directory) if !options.has(&["d"]) => {
                let names = shell.entries(&path);
                names.into_iter().filter(|name| options.has(&["a", "A"]) || !name.starts_with('.')).collect()
            }
            Some(_) => vec![operand.clone()],
        };
        if let Some(out) = &mut out {
            names.iter().for_each(|name| *out += &format!("{name}\n"));
        }
    }
    if options.stranger("1 d a A").is_some() || options.operands.is_empty() {
        out = out.filter(|text| text.is_empty() && !options.operands.is_empty());
    }
    shell.print(out);
    status
}

/// A line of `ls -ln`, with what is not known here (links, length, date) left unknown.
fn long(shell: &Shell<'_>, path: &str, operand: &str) -> Option<String> {
    let Some(Kind::File { mode, .. }) = shell.kind(path) else { return None };
    let (uid, gid) = shell.owner(path)?;
    if mode & 0o7000 != 0 || shell.system.link(path).is_some() || shell.may_be_otherwise(path) && !shell.is_withheld(path) {
        return None;
    }
    let bits: String = (0..9).map(|at| if mode & (0o400 >> at) != 0 { ["r", "w", "x"][at % 3] } else { "-" }).collect();
    Some(format!("-{bits} {UNKNOWN} {uid} {gid} {UNKNOWN} {UNKNOWN} {UNKNOWN} {UNKNOWN} {operand}\n"))
}
