//! Questions that change nothing: names, links, accounts, folders.

use super::options::Options;
use crate::debian::script::shell::{Shell, Status, Value};

pub(super) fn echo(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    let mut words = arguments;
    let mut end = "\n";
    while let Some(Some(flag)) = words.first()
        && matches!(flag.as_str(), "-n" | "-e" | "-ne" | "-en")
    {
        if flag.contains('n') {
            end = "";
        }
        words = &words[1..];
    }
    let text: Value = words.iter().cloned().collect::<Option<Vec<String>>>().map(|words| words.join(" "));
    // dash's echo reads escapes always.
    shell.print(text.map(|text| escapes(&text) + end));
    Some(0)
}

/// Backslash escapes of `echo` and `printf`.
fn escapes(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\u{7}'),
            Some('\\') => out.push('\\'),
            Some(digit @ '0'..='7') => {
                let mut value = digit.to_digit(8).unwrap_or(0);
                while let Some(digit) = chars.peek().and_then(|c| c.to_digit(8))
                    && value < 0o100
                {
                    value = value * 8 + digit;
                    chars.next();
                }
                out.extend(char::from_u32(value));
            }
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

pub(super) fn printf(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let arguments = if arguments.first().is_some_and(|a| a == "--") { &arguments[1..] } else { arguments };
    let Some((format, values)) = arguments.split_first() else { return Some(2) };
    let mut values = values.iter();
    let mut out = String::new();
    loop {
        let mut used = false;
        let mut chars = format.chars();
        let mut plain = String::new();
        while let Some(c) = chars.next() {
            if c != '%' {
                plain.push(c);
                continue;
            }
            out.push_str(&escapes(&std::mem::take(&mut plain)));
            match chars.next() {
                Some('%') => out.push('%'),
                Some('s' | 'd' | 'i') => {
                    used = true;
                    out.push_str(values.next().map_or("", String::as_str));
                }
                Some('b') => {
                    used = true;
                    out.push_str(&escapes(values.next().map_or("", String::as_str)));
                }
                // Widths and precisions are not worked out.
                _ => {
                    shell.print(None);
                    return Some(0);
                }
            }
        }
        out.push_str(&escapes(&plain));
        if !used || values.len() == 0 || out.len() > 1 << 20 {
            break;
        }
    }
    shell.print(Some(out));
    Some(0)
}

pub(super) fn basename(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "s suffix");
    let Some(path) = options.operands.first() else { return Some(1) };
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let suffix = options.value(&["s", "suffix"]).or(options.operands.get(1).map(String::as_str)).unwrap_or_default();
    let name = name.strip_suffix(suffix).filter(|n| !n.is_empty()).unwrap_or(name);
    shell.print(Some(format!("{name}\n")));
    Some(0)
}

pub(super) fn dirname(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let Some(path) = arguments.iter().find(|a| !a.starts_with("--")) else { return Some(1) };
    let folder = match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder.trim_end_matches('/'),
        None if path.starts_with('/') => "/",
        None => ".",
    };
    shell.print(Some(format!("{folder}\n")));
    Some(0)
}

pub(super) fn readlink(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "");
    let Some(path) = options.operands.first().map(|p| shell.path(p)) else { return Some(1) };
    let follow = options.has(&["f", "e", "m", "canonicalize", "canonicalize-existing", "canonicalize-missing"]);
    let found = if follow { canonical(shell, &path) } else { shell.system.link(&path) };
    let strict = options.has(&["e", "canonicalize-existing"]);
    match found {
        Some(found) if !strict || shell.kind(&found).is_some() => {
            let end = if options.has(&["n", "no-newline"]) { "" } else { "\n" };
            shell.print(Some(format!("{found}{end}")));
            Some(0)
        }
        _ => Some(1),
    }
}

pub(super) fn realpath(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let operands: Vec<String> = Options::parse(arguments, "").operands;
    let mut with_flag = vec!["-f".to_owned()];
    with_flag.extend(operands);
    readlink(shell, &with_flag)
}

/// `path` with every link in it followed.
fn canonical(shell: &Shell<'_>, path: &str) -> Option<String> {
    let mut left: Vec<String> = path.split('/').rev().filter(|p| !p.is_empty()).map(str::to_owned).collect();
    let (mut done, mut links) = (String::new(), 0);
    while let Some(part) = left.pop() {
        match part.as_str() {
            "." => {}
            ".." => done.truncate(done.rfind('/').unwrap_or(0)),
            part => {
                let next = format!("{done}/{part}");
                match shell.system.link(&next) {
                    Some(target) => {
                        links += 1;
                        if links > 40 {
                            return None;
                        }
                        if target.starts_with('/') {
                            done.clear();
                        }
                        left.extend(target.split('/').rev().filter(|p| !p.is_empty()).map(str::to_owned));
                    }
                    None => done = next,
                }
            }
        }
    }
    Some(if done.is_empty() { "/".into() } else { done })
}

pub(super) fn getent(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let [database, names @ ..] = arguments else { return Some(1) };
    let mut status = Some(0);
    if names.is_empty() {
        let all = match database.as_str() {
            "passwd" | "group" if !shell.may_be_accounts() => shell.read(&format!("/etc/{database}")).flatten(),
            _ => None,
        };
        shell.print(all);
        return Some(0);
    }
    for name in names {
        let line = match database.as_str() {
            "passwd" => shell.system.user(name).map(|(uid, gid, home)| {
                // Name and shell are in the file, when that is at hand.
                let file = shell.read("/etc/passwd").flatten().unwrap_or_default();
                let line = file.lines().find(|line| line.starts_with(&format!("{name}:"))).map(str::to_owned);
                line.unwrap_or_else(|| format!("{name}:x:{uid}:{gid}::{home}:"))
            }),
            "group" => shell.system.group(name).map(|gid| format!("{name}:x:{gid}:{}", shell.system.members(name).join(","))),
            "shadow" => shell.system.user(name).map(|_| format!("{name}:!:20000::::::")),
            _ => {
                shell.print(None);
                return None;
            }
        };
        match line {
            Some(line) => shell.print(Some(line + "\n")),
            None if shell.may_be_account(name) => {
                shell.print(None);
                status = None;
            }
            None => status = Some(2),
        }
    }
    status
}

pub(super) fn id(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "");
    let name = options.operands.first().map_or("root", String::as_str);
    let ids = if name == "root" { Some((0, 0, String::new())) } else { shell.system.user(name) };
    let Some((uid, gid, _)) = ids else {
        if shell.may_be_account(name) {
            shell.print(None);
            return None;
        }
        return Some(1);
    };
    if options.has(&["G", "groups"]) {
        let names = shell.system.groups_of(name).filter(|_| options.has(&["n", "name"]));
        shell.print(names.map(|names| names.join(" ") + "\n"));
        return Some(0);
    }
    let text = match (options.has(&["u", "user"]), options.has(&["g", "group"]), options.has(&["n", "name"])) {
        (true, _, true) => Some(format!("{name}\n")),
        (true, ..) => Some(format!("{uid}\n")),
        (_, true, false) => Some(format!("{gid}\n")),
        (_, true, true) if gid == 0 => Some("root\n".to_owned()),
        _ => None,
    };
    shell.print(text);
    Some(0)
}

/// `uname`, of the machine the image is for; its kernel is not known.
pub(super) fn uname(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let machine = match shell.system.architecture() {
        "amd64" => Some("x86_64"),
        "arm64" => Some("aarch64"),
        "armhf" => Some("armv7l"),
        "ppc64el" => Some("ppc64le"),
        "riscv64" => Some("riscv64"),
        "s390x" => Some("s390x"),
        _ => None,
    };
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match words.as_slice() {
        [] | ["-s"] => Some("Linux"),
        ["-m"] => machine,
        ["-o"] => Some("GNU/Linux"),
        _ => None,
    };
    shell.print(answer.map(|answer| format!("{answer}\n")));
    Some(0)
}

/// `expr A + B`: sums and products of numbers; `expr TEXT : PATTERN`.
pub(super) fn expr(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    if let [text, operator, pattern] = arguments
        && operator == ":"
        && !pattern.contains("\\(")
        && let Some(pattern) = super::regular::compile(&format!("^\\({pattern}\\)"), false, false)
    {
        let length = pattern.find(text).map_or(0, |found| found.as_str().chars().count());
        shell.print(Some(format!("{length}\n")));
        return Some(u8::from(length == 0));
    }
    let value = match arguments {
        [a, operator, b] => match (a.parse::<i64>(), operator.as_str(), b.parse::<i64>()) {
            (Ok(a), "+", Ok(b)) => a.checked_add(b),
            (Ok(a), "-", Ok(b)) => a.checked_sub(b),
            (Ok(a), "*", Ok(b)) => a.checked_mul(b),
            _ => None,
        },
        _ => None,
    };
    shell.print(value.map(|value| format!("{value}\n")));
    value.map(|value| u8::from(value == 0))
}

/// `mountpoint`: what every container has mounted.
pub(super) fn mountpoint(_: &mut Shell<'_>, arguments: &[String]) -> Status {
    let mounted = |path: &String| matches!(path.trim_end_matches('/'), "/proc" | "/sys" | "/dev");
    Some(u8::from(!arguments.iter().any(mounted)))
}

/// `pg_lsclusters`: no package brings a database.
pub(super) fn nothing(_: &mut Shell<'_>, _: &[Value]) -> Status {
    Some(0)
}

/// What only a running system could answer.
pub(super) fn unknown(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    let _ = arguments;
    shell.print(None);
    None
}

/// `ischroot`, `systemd-detect-virt` …: an image is being made, nothing runs.
pub(super) fn yes(_: &mut Shell<'_>, _: &[Value]) -> Status {
    Some(0)
}

/// `pidof`, `pgrep`, `systemctl is-active` …: nothing runs and nothing is mounted.
pub(super) fn no(_: &mut Shell<'_>, _: &[Value]) -> Status {
    Some(1)
}

pub(super) fn seq(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let numbers: Option<Vec<i64>> = arguments.iter().map(|a| a.parse().ok()).collect();
    let (from, step, to) = match numbers.as_deref() {
        Some([to]) => (1, 1, *to),
        Some([from, to]) => (*from, 1, *to),
        Some([from, step, to]) if *step != 0 => (*from, *step, *to),
        _ => {
            shell.print(None);
            return Some(0);
        }
    };
    if to.saturating_sub(from).unsigned_abs() > 10_000 {
        shell.print(None);
        return Some(0);
    }
    let numbers = std::iter::successors(Some(from), |n| n.checked_add(step)).take_while(|n| if step > 0 { *n <= to } else { *n >= to });
    shell.print(Some(numbers.map(|n| format!("{n}\n")).collect()));
    Some(0)
}
