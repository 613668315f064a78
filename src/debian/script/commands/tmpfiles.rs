//! `systemd-tmpfiles --create` (tmpfiles.d(5)): what of it lasts in an image.
//!
//! /run is a file system of its own that is made anew at every start, so lines about it do nothing here.

use super::options::Options;
use super::paths::worse;
use super::sysusers::{configurations, fields, lines};
use crate::debian::script::shell::{Shell, Status};
use crate::debian::script::{Effect, Kind, ModeChange, Owner};

pub(super) fn tmpfiles(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "root prefix exclude-prefix replace image");
    if !options.has(&["create"]) || options.operands.is_empty() {
        return Some(0);
    }
    let mut status = Some(0);
    for text in configurations(shell, &options.operands, "tmpfiles.d") {
        let done = match text {
            Some(text) => lines(shell, &text, apply),
            None => shell.refuse("the configuration it reads is not at hand"),
        };
        status = worse(status, done);
    }
    status
}

fn apply(shell: &mut Shell<'_>, line: &str) -> Status {
    if line.trim_start().starts_with('#') {
        return Some(0);
    }
    let fields = fields(line);
    let field = |number: usize| fields.get(number).map(String::as_str).filter(|f| !f.is_empty() && *f != "-");
    let (Some(kind), Some(path)) = (field(0), field(1)) else { return Some(0) };
    let path = shell.path(path);
    // Lines marked `!` are for the boot only, those marked `^` for a machine's credentials, and its own folder (%m) comes with it.
    if kind.contains(['!', '^'])
        || path.contains("%m")
        || ["/run", "/var/run", "/dev", "/proc", "/sys", "/tmp"].iter().any(|top| path == *top || path.starts_with(&format!("{top}/")))
    {
        return Some(0);
    }
    let (letter, flags) = kind.split_at(1);
    let force = flags.contains('+');
    let mode = field(2).map(|mode| mode.trim_start_matches(['~', ':']));
    let bits = mode.map(|mode| u32::from_str_radix(mode, 8));
    let owner = Owner {
        user: field(3).map(|u| u.trim_start_matches(':').to_owned()),
        group: field(4).map(|g| g.trim_start_matches(':').to_owned()),
    };
    let argument = fields.get(6).map(String::as_str).unwrap_or_default();
    let changes = matches!(letter, "d" | "D" | "v" | "q" | "Q" | "f" | "F" | "L" | "z" | "Z" | "C");
    if changes && (path.contains('%') || argument.contains('%') || matches!(bits, Some(Err(_)))) {
        return shell.refuse(format!("`{}` is not understood", line.trim()));
    }
    let bits = bits.and_then(Result::ok);
    let there = shell.kind(&path);
    let makes = there.is_none() && matches!(letter, "f" | "F" | "L" | "C");
    if let Some((folder, _)) = path.rsplit_once('/').filter(|(folder, _)| makes && !folder.is_empty() && shell.kind(folder).is_none()) {
        shell.apply(Effect::Directory { path: folder.to_owned(), mode: None, owner: Owner::default(), parents: true });
    }
    match letter {
        "d" | "D" | "v" | "q" | "Q" => {
            let mode = bits.or(there.is_none().then_some(0o755));
            if there.is_some() && mode.is_none() && owner == Owner::default() {
                return Some(0);
            }
            shell.apply(Effect::Directory { path, mode, owner, parents: true })
        }
        "f" | "F" if there.is_none() || letter == "F" || force => {
            shell.apply(Effect::File { path, bytes: argument.as_bytes().to_vec(), mode: Some(bits.unwrap_or(0o644)), owner })
        }
        "L" if there.is_none() && shell.system.link(&path).is_none() || letter == "L" && force => {
            let target = if argument.is_empty() { format!("/usr/share/factory{path}") } else { argument.to_owned() };
            if flags.contains('?') && shell.kind(&shell.path(&target)).is_none() {
                return Some(0);
            }
            shell.apply(Effect::Link { path, target, force })
        }
        "C" if there.is_none() => {
            let from = if argument.is_empty() { format!("/usr/share/factory{path}") } else { argument.to_owned() };
            match shell.kind(&from) {
                // `/proc/sys/kernel/random/uuid` is how services get a secret of their own.
                _ if from.starts_with("/proc/") => {
                    shell.refuse(format!("it copies {from}, which is another one each time: `{}`", line.trim()))
                }
                Some(Kind::File { .. }) => shell.apply(Effect::Copy { from, to: path, mode: bits, owner }),
                Some(_) => shell.refuse(format!("it copies the folder {from}")),
                None => Some(0),
            }
        }
        "z" | "Z" => {
            if there.is_none() {
                return Some(0);
            }
            let recursive = letter == "Z";
            let mut status = Some(0);
            // The mode comes last, because setuid and setgid do not outlive another owner.
            if owner != Owner::default() {
                status = shell.apply(Effect::Owner { path: path.clone(), owner, recursive, follow: false });
            }
            if let Some(bits) = bits {
                let change = ModeChange::Bits(bits);
                status = worse(status, shell.apply(Effect::Mode { path, change, recursive }));
            }
            status
        }
        // Whom the journal lets read it beside its group; nobody writes one.
        "a" | "A" | "h" | "H" if path.starts_with("/var/log/journal") => Some(0),
        "a" | "A" | "t" | "T" | "h" | "H" if there.is_some() => {
            shell.refuse(format!("an image keeps no access lists and attributes: `{}`", line.trim()))
        }
        "p" | "c" | "b" => shell.refuse(format!("it makes a device: `{}`", line.trim())),
        _ => Some(0),
    }
}
