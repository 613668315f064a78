//! Modes and owners: `chmod`, `chown`, `chgrp`, `dpkg-statoverride`.

use super::options::Options;
use super::paths::{there, worse};
use crate::debian::script::shell::{Shell, Status, matches};
use crate::debian::script::{Effect, Kind, ModeChange, Owner};

pub(super) fn chmod(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    // A symbolic mode may begin like an option: `chmod -x FILE`.
    let is_mode =
        |a: &&String| a.len() > 1 && a.starts_with('-') && a[1..].chars().all(|c| "rwxXst,+-=ugoa".contains(c)) && !a.contains('R');
    let taken_away = arguments.iter().find(is_mode).cloned();
    let rest: Vec<String> = arguments.iter().filter(|a| Some(*a) != taken_away.as_ref()).cloned().collect();
    let options = Options::parse(&rest, "reference");
    if let Some(option) = options.stranger("R recursive f silent quiet v verbose c changes") {
        return shell.refuse(format!("chmod's option {option} is not known"));
    }
    let mut operands = options.operands.iter();
    let Some(mode) = taken_away.or_else(|| operands.next().cloned()) else { return Some(1) };
    let change = match u32::from_str_radix(&mode, 8) {
        Ok(bits) => ModeChange::Bits(bits & 0o7777),
        Err(_) => ModeChange::Symbolic(mode),
    };
    let recursive = options.has(&["R", "recursive"]);
    let mut status = Some(0);
    for operand in operands {
        let path = shell.path(operand);
        let done = match (shell.kind(&path), &change) {
            (None, _) => shell.missing(&path, Some(1)),
            _ if shell.is_scratch(&path) => {
                if let ModeChange::Bits(bits) = change {
                    shell.state.scratch_modes.insert(path, bits);
                }
                Some(0)
            }
            (Some(Kind::File { mode, .. }), ModeChange::Bits(bits)) if mode == *bits => Some(0),
            _ => shell.apply(Effect::Mode { path, change: change.clone(), recursive }),
        };
        status = worse(status, done);
    }
    status
}

pub(super) fn chown(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    change_owner(shell, arguments, false)
}

pub(super) fn chgrp(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    change_owner(shell, arguments, true)
}

fn change_owner(shell: &mut Shell<'_>, arguments: &[String], group_only: bool) -> Status {
    let options = Options::parse(arguments, "from");
    if let Some(option) =
        options.stranger("R recursive f silent quiet v verbose c changes h no-dereference L H P dereference preserve-root")
    {
        return shell.refuse(format!("its option {option} is not known"));
    }
    let Some((spec, operands)) = options.operands.split_first() else { return Some(1) };
    let owner = match (group_only, spec.split_once([':', '.'])) {
        (true, _) => Owner { user: None, group: Some(spec.clone()) },
        (false, None) => Owner { user: Some(spec.clone()), group: None },
        (false, Some((user, group))) => {
            let user = Some(user.to_owned()).filter(|u| !u.is_empty());
            // `user:` is the user's own group.
            let group = match (group, &user) {
                ("", Some(user)) => match shell.system.user(user) {
                    Some((_, gid, _)) => Some(gid.to_string()),
                    None if shell.may_be_account(user) => return shell.refuse(format!("whether there is {user} is not known")),
                    None => return Some(1),
                },
                ("", None) => None,
                (group, _) => Some(group.to_owned()),
            };
            Owner { user, group }
        }
    };
    let strange = |name: &Option<String>, known: bool| name.as_ref().is_some_and(|n| n.parse::<u32>().is_err()) && !known;
    let user_known = owner.user.as_deref().is_some_and(|name| shell.system.user(name).is_some());
    let group_known = owner.group.as_deref().is_some_and(|name| shell.system.group(name).is_some());
    if strange(&owner.user, user_known) || strange(&owner.group, group_known) {
        let made = [&owner.user, &owner.group].into_iter().flatten().any(|name| shell.may_be_account(name));
        return match made {
            true => shell.refuse(format!("whether there is {spec} is not known")),
            false => Some(1),
        };
    }
    let (recursive, follow) = (options.has(&["R", "recursive"]), !options.has(&["h", "no-dereference"]));
    let mut status = Some(0);
    for operand in operands {
        let path = shell.path(operand);
        let done = if !there(shell, &path) {
            shell.missing(&path, Some(1))
        } else if shell.is_scratch(&path) {
            Some(0)
        } else {
            shell.apply(Effect::Owner { path, owner: owner.clone(), recursive, follow })
        };
        status = worse(status, done);
    }
    status
}

pub(super) fn statoverride(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "admindir root instdir");
    let first = options.operands.first().cloned().unwrap_or_default();
    if options.has(&["list"]) {
        let listed = shell.read("/var/lib/dpkg/statoverride").unwrap_or(Some(String::new()));
        let Some(listed) = listed else {
            shell.print(None);
            return None;
        };
        let chosen = |line: &&str| first.is_empty() || line.split_whitespace().nth(3).is_some_and(|path| matches(&first, path));
        let found: Vec<&str> = listed.lines().filter(chosen).collect();
        shell.print(Some(found.iter().map(|line| format!("{line}\n")).collect()));
        return Some(u8::from(found.is_empty()));
    }
    if options.has(&["remove"]) {
        return Some(0);
    }
    let [user, group, mode, path] = options.operands.as_slice() else { return Some(2) };
    let Ok(bits) = u32::from_str_radix(mode, 8) else { return Some(2) };
    let path = shell.path(path);
    // Without --update it is for files that are yet to be unpacked.
    if shell.call.script != "preinst" && !options.has(&["update"]) {
        return Some(0);
    }
    // dpkg warns, and remembers it for whoever brings the file.
    if shell.call.script != "preinst" && !there(shell, &path) && !shell.is_open(&path) {
        return Some(0);
    }
    let named = |name: &String| Some(name.strip_prefix('#').unwrap_or(name).to_owned());
    shell.apply(Effect::StatOverride { path, mode: bits, owner: Owner { user: named(user), group: named(group) } })
}
