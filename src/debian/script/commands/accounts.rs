//! Users and groups: `adduser` and `useradd` with their families.

use super::options::Options;
use crate::debian::script::Effect;
use crate::debian::script::shell::{Shell, Status};

const NOLOGIN: &str = "/usr/sbin/nologin";

/// Debian's `adduser`; `adduser --group` is `addgroup`, `adduser USER GROUP` adds a member.
pub(super) fn adduser(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let valued = "home gecos comment shell uid gid ingroup firstuid lastuid firstgid lastgid conf add_extra_groups c h s u g";
    let options = Options::parse(arguments, valued);
    let known = "system group home gecos comment shell uid gid ingroup no-create-home disabled-login disabled-password quiet q force-badname \
                 allow-badname allow-bad-names allow-all-names firstuid lastuid firstgid lastgid conf debug verbose stdoutmsglevel stderrmsglevel \
                 logmsglevel no-add-extra-groups";
    if let Some(option) = options.stranger(known) {
        return shell.refuse(format!("adduser's option {option} is not known"));
    }
    let number = |name: &str| options.value(&[name]).map(str::parse::<u32>).and_then(Result::ok);
    let system = options.has(&["system"]);
    let (name, member) = match options.operands.as_slice() {
        [name] => (name.clone(), None),
        [name, group] => (name.clone(), Some(group.clone())),
        _ => return Some(1),
    };
    if let Some(group) = member {
        return add_member(shell, &name, &group);
    }
    if options.has(&["group"]) && !system {
        return add_group(shell, &name, number("gid"), false);
    }
    if shell.system.user(&name).is_some() {
        return Some(u8::from(!system));
    }
    let group = match options.value(&["ingroup"]) {
        Some(group) => Some(group.to_owned()),
        None => match options.value(&["gid"]) {
            Some(gid) => Some(gid.to_owned()),
            None => (options.has(&["group"]) || !system).then(|| name.clone()),
        },
    };
    let home = match options.value(&["home"]) {
        Some(home) => home.to_owned(),
        None if system => "/nonexistent".to_owned(),
        None => format!("/home/{name}"),
    };
    let make_home = !options.has(&["no-create-home"]) && home != "/nonexistent";
    let shell_path = options.value(&["shell"]).unwrap_or(if system { NOLOGIN } else { "/bin/bash" }).to_owned();
    let gecos = options.value(&["gecos", "comment"]).unwrap_or_default().to_owned();
    // A home that is there stays as it is.
    let make_home = make_home && shell.kind(&home).is_none();
    shell.apply(Effect::User { name, uid: number("uid"), group, gecos, home, shell: shell_path, make_home })
}

/// Debian's `addgroup`.
pub(super) fn addgroup(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "gid firstgid lastgid conf");
    if let Some(option) =
        options.stranger("system gid quiet q force-badname allow-badname allow-bad-names firstgid lastgid conf group debug verbose")
    {
        return shell.refuse(format!("addgroup's option {option} is not known"));
    }
    let gid = options.value(&["gid"]).map(str::parse::<u32>).and_then(Result::ok);
    match options.operands.as_slice() {
        [name] => add_group(shell, name, gid, options.has(&["system"])),
        [name, group] => add_member(shell, name, group),
        _ => Some(1),
    }
}

fn add_group(shell: &mut Shell<'_>, name: &str, gid: Option<u32>, again: bool) -> Status {
    if shell.system.group(name).is_some() {
        return Some(u8::from(!again));
    }
    shell.apply(Effect::Group { name: name.to_owned(), gid })
}

fn add_member(shell: &mut Shell<'_>, user: &str, group: &str) -> Status {
    if shell.system.members(group).iter().any(|member| member == user) {
        return Some(0);
    }
    // Whose own group it is, is in it.
    let own = shell.system.user(user).is_some_and(|(_, gid, _)| shell.system.group(group) == Some(gid));
    if own {
        return Some(0);
    }
    if shell.certain() && (shell.system.user(user).is_none() || shell.system.group(group).is_none()) {
        return Some(1);
    }
    shell.apply(Effect::Member { user: user.to_owned(), group: group.to_owned() })
}

/// `useradd` of shadow.
pub(super) fn useradd(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let valued =
        "b base-dir c comment d home-dir e expiredate f inactive g gid G groups k skel K key p password R root P prefix s shell u uid";
    let options = Options::parse(arguments, valued);
    let known = "b base-dir c comment d home-dir e expiredate f inactive g gid G groups K key p password s shell u uid r system m create-home M \
                 no-create-home N no-user-group U user-group l no-log-init o non-unique";
    if let Some(option) = options.stranger(known) {
        return shell.refuse(format!("useradd's option {option} is not known"));
    }
    let [name] = options.operands.as_slice() else { return Some(2) };
    if shell.system.user(name).is_some() {
        return Some(9);
    }
    let group = match options.value(&["g", "gid"]) {
        Some(group) => Some(group.to_owned()),
        None if options.has(&["N", "no-user-group"]) => return shell.refuse("its group is the default one of useradd"),
        None => Some(name.clone()),
    };
    let base = options.value(&["b", "base-dir"]).unwrap_or("/home");
    let home = options.value(&["d", "home-dir"]).map_or_else(|| format!("{base}/{name}"), str::to_owned);
    let make_home = options.has(&["m", "create-home"]) && shell.kind(&home).is_none();
    let status = shell.apply(Effect::User {
        name: name.clone(),
        uid: options.value(&["u", "uid"]).and_then(|u| u.parse().ok()),
        group,
        gecos: options.value(&["c", "comment"]).unwrap_or_default().to_owned(),
        home,
        shell: options.value(&["s", "shell"]).unwrap_or("/bin/sh").to_owned(),
        make_home,
    });
    for group in options.value(&["G", "groups"]).unwrap_or_default().split(',').filter(|g| !g.is_empty()) {
        add_member(shell, name, group);
    }
    status
}

/// `groupadd` of shadow.
pub(super) fn groupadd(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "g gid K key p password R root P prefix U users");
    if let Some(option) = options.stranger("g gid K key p password r system f force o non-unique") {
        return shell.refuse(format!("groupadd's option {option} is not known"));
    }
    let [name] = options.operands.as_slice() else { return Some(2) };
    if shell.system.group(name).is_some() {
        return Some(if options.has(&["f", "force"]) { 0 } else { 9 });
    }
    shell.apply(Effect::Group { name: name.clone(), gid: options.value(&["g", "gid"]).and_then(|g| g.parse().ok()) })
}

/// `usermod`: members are added; a home that stays the same, and locks, change nothing.
pub(super) fn usermod(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "c comment d home e expiredate f inactive g gid G groups l login p password s shell u uid");
    let Some(name) = options.operands.first() else { return Some(2) };
    let Some((_, _, home)) = shell.system.user(name) else { return Some(6) };
    if let Some(option) = options.stranger("a append G groups L lock U unlock e expiredate p password f inactive d home") {
        return shell.refuse(format!("usermod's option {option} is not known"));
    }
    if options.value(&["d", "home"]).is_some_and(|new| new != home) {
        return shell.refuse("it changes a home");
    }
    let groups = options.value(&["G", "groups"]);
    if groups.is_some() && !options.has(&["a", "append"]) {
        return shell.refuse("it replaces the user's groups");
    }
    let mut status = Some(0);
    for group in groups.unwrap_or_default().split(',').filter(|g| !g.is_empty()) {
        status = super::paths::worse(status, add_member(shell, name, group));
    }
    status
}

/// `gpasswd -a USER GROUP`.
pub(super) fn gpasswd(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "a add d delete");
    match (options.value(&["a", "add"]), options.operands.first()) {
        (Some(user), Some(group)) => add_member(shell, user, group),
        _ => shell.refuse("this form of gpasswd is not known"),
    }
}

/// `deluser`, `userdel`: whom there is not, they do not remove.
pub(super) fn remove_user(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "backup-to");
    match options.operands.first() {
        Some(name) if shell.system.user(name).is_some() => shell.refuse("it removes a user or a membership"),
        _ => Some(u8::from(!options.has(&["system"]))),
    }
}

/// `delgroup`, `groupdel`.
pub(super) fn remove_group(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "");
    match options.operands.first() {
        Some(name) if shell.system.group(name).is_some() => shell.refuse("it removes a group"),
        _ => Some(u8::from(!options.has(&["system"]))),
    }
}

/// `groupmod`, `chfn`, `chsh`: of nobody, they change nothing.
pub(super) fn modify(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let name = Options::parse(arguments, "g gid n new-name f full-name s shell").operands.first().cloned().unwrap_or_default();
    if shell.system.user(&name).is_none() && shell.system.group(&name).is_none() { Some(6) } else { shell.refuse("it changes an account") }
}
