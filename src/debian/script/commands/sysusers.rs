//! `systemd-sysusers` (sysusers.d(5)): users and groups as data.

use super::options::Options;
use super::paths::worse;
use crate::debian::script::Effect;
use crate::debian::script::shell::{Shell, Status};

pub(super) fn sysusers(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "root replace image");
    let mut status = Some(0);
    for text in configurations(shell, &options.operands, "sysusers.d") {
        let done = match text {
            Some(text) => lines(shell, &text, apply),
            None => shell.refuse("the configuration it reads is not at hand"),
        };
        status = worse(status, done);
    }
    status
}

/// Does every line, also after one that cannot be done; the worst status.
pub(super) fn lines(shell: &mut Shell<'_>, text: &str, apply: fn(&mut Shell<'_>, &str) -> Status) -> Status {
    let mut status = Some(0);
    for line in text.lines() {
        status = worse(status, apply(shell, line));
    }
    status
}

/// The configuration files named by `operands`, or all in a `*.d` folder: those of /etc hide those of /usr/lib with the same name.
pub(super) fn configurations(shell: &mut Shell<'_>, operands: &[String], folder: &str) -> Vec<Option<String>> {
    let folders = ["/etc", "/run", "/usr/local/lib", "/usr/lib"].map(|root| format!("{root}/{folder}"));
    let mut names: Vec<String> = operands.to_vec();
    if names.is_empty() {
        names = folders.iter().flat_map(|folder| shell.entries(folder)).filter(|name| name.ends_with(".conf")).collect();
        names.sort();
        names.dedup();
    }
    let mut found = Vec::new();
    for name in names {
        if name.starts_with('/') {
            found.extend(shell.read(&name));
        } else {
            found.extend(folders.iter().find_map(|folder| shell.read(&format!("{folder}/{name}"))));
        }
    }
    found
}

/// A line's fields: separated by blanks, quoted by `"` or `'`.
pub(super) fn fields(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut current: Option<String> = None;
    let mut quote = None;
    for c in line.trim().chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                current.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => fields.extend(current.take()),
            (_, c) => current.get_or_insert_default().push(c),
        }
    }
    fields.extend(current);
    fields
}

fn apply(shell: &mut Shell<'_>, line: &str) -> Status {
    if line.trim_start().starts_with('#') {
        return Some(0);
    }
    let fields = fields(line);
    let field = |number: usize| fields.get(number).map(String::as_str).filter(|f| !f.is_empty() && *f != "-");
    let (Some(kind), Some(name)) = (field(0), field(1)) else { return Some(0) };
    if fields.iter().any(|field| field.contains('%')) {
        return shell.refuse(format!("the specifiers in `{}` are not known", line.trim()));
    }
    let id = field(2);
    match kind.trim_end_matches('!') {
        "u" => {
            if shell.system.user(name).is_some() {
                return Some(0);
            }
            let (uid, group) = match id.map(|id| id.split_once(':').unwrap_or((id, ""))) {
                Some((uid, group)) => (uid.parse().ok(), group),
                None => (None, ""),
            };
            let group = if group.is_empty() { name } else { group };
            // A user's number is its group's too, when that is free.
            if group == name && uid.is_some() && shell.system.group(name).is_none() {
                shell.apply(Effect::Group { name: name.to_owned(), gid: uid });
            }
            let home = field(4).unwrap_or("/").to_owned();
            let login = field(5).unwrap_or("/usr/sbin/nologin").to_owned();
            shell.apply(Effect::User {
                name: name.to_owned(),
                uid,
                group: Some(group.to_owned()),
                gecos: field(3).unwrap_or_default().to_owned(),
                home,
                shell: login,
                make_home: false,
            })
        }
        "g" if shell.system.group(name).is_some() => Some(0),
        "g" => shell.apply(Effect::Group { name: name.to_owned(), gid: id.and_then(|id| id.parse().ok()) }),
        "m" => {
            let group = id.unwrap_or_default().to_owned();
            if shell.system.group(&group).is_none() {
                shell.apply(Effect::Group { name: group.clone(), gid: None });
            }
            shell.apply(Effect::Member { user: name.to_owned(), group })
        }
        "r" => Some(0),
        other => shell.refuse(format!("a line of type {other} is not known")),
    }
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn fields_may_be_quoted() {
        assert_eq!(fields("u  polkitd - \"User for polkitd\" / -"), ["u", "polkitd", "-", "User for polkitd", "/", "-"]);
        assert_eq!(fields("g a ''"), ["g", "a", ""]);
    }
}
