//! `ls`: names, and with `-n` the mode and ids of one file. `stat`: who owns a file, and its mode.

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

/// `stat -c FORMAT FILE…`, as far as the format asks for names, owners and modes.
pub(super) fn stat(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "c format printf");
    let known = options.stranger("c format L dereference").is_none();
    let format = options.value(&["c", "format"]).filter(|_| known);
    let (mut out, mut status) = (Some(String::new()), Some(0));
    for operand in &options.operands {
        let path = shell.path(operand);
        if shell.kind(&path).is_none() && !shell.is_open(&path) {
            status = Some(1);
            continue;
        }
        let follow = options.has(&["L", "dereference"]) || shell.system.link(&path).is_none();
        let line = format.filter(|_| follow && !shell.is_open(&path)).and_then(|format| described(shell, &path, operand, format));
        out = out.zip(line).map(|(out, line)| out + &line + "\n");
    }
    if out.is_none() {
        status = None;
    }
    shell.print(out);
    status
}

/// `format` of `stat` filled in for what is at `path`.
fn described(shell: &Shell<'_>, path: &str, operand: &str, format: &str) -> Option<String> {
    let (uid, gid) = shell.owner(path)?;
    let name = |file: &str, id: u32| {
        let text = shell.read(file)??;
        let mut rows = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        rows.find(|row| row.get(2).is_some_and(|field| field.parse() == Ok(id))).map(|row| row[0].to_owned())
    };
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        out += &match (chars.next()?, shell.kind(path)?) {
            ('%', _) => "%".to_owned(),
            ('n', _) => operand.to_owned(),
            ('u', _) => uid.to_string(),
            ('g', _) => gid.to_string(),
            ('U', _) => name("/etc/passwd", uid)?,
            ('G', _) => name("/etc/group", gid)?,
            ('a', Kind::File { mode, .. }) => format!("{mode:o}"),
            ('F', Kind::File { size: 1.., .. }) => "regular file".to_owned(),
            ('F', Kind::Directory) => "directory".to_owned(),
            _ => return None,
        };
    }
    Some(out)
}
