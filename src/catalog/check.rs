//! What a value of `containers.toml` may look like: pure checks, each with the rule it follows.

/// What is wrong with a value: a fragment for the message, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub message: String,
    pub help: Option<String>,
}

/// How every check answers.
pub(super) type Checked = Result<(), Fault>;

fn fault(message: impl Into<String>, help: impl Into<String>) -> Checked {
    Err(Fault { message: message.into(), help: Some(help.into()) })
}

/// Text that ends up in a config, a path or an argument: no NUL and no control characters but tab and line end.
pub(super) fn text(value: &str) -> Checked {
    match value.chars().find(|c| c.is_control() && !matches!(c, '\t' | '\n')) {
        Some(c) => fault(format!("a control character ({}) cannot stand here", c.escape_unicode()), "remove it"),
        None => Ok(()),
    }
}

/// A Debian package (Debian Policy 5.6.7 and 5.6.1): two or more of `a-z0-9+-.`, beginning with a letter or digit.
pub(super) fn debian_package(name: &str) -> Checked {
    let message = format!("`{}` is not a Debian package name", shorten(name));
    if let Some((package, _)) = name.split_once('=') {
        return fault(message, format!("write `{package}`: versions are pinned in containers.lock"));
    }
    if let Some((package, _)) = name.split_once(':') {
        return fault(message, format!("write `{package}`: the architecture comes from `targets`"));
    }
    let fine = name.len() >= 2
        && name.len() <= 200
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    let lower = name.to_ascii_lowercase();
    if fine {
        Ok(())
    } else if lower != name && debian_package(&lower).is_ok() {
        fault(message, format!("Debian's names are lower case: `{lower}`"))
    } else {
        fault(message, "two or more of a-z, 0-9, `+`, `-` and `.`, beginning with a letter or digit (Debian Policy 5.6.7)")
    }
}

/// A path of attributes of nixpkgs: `ripgrep`, `python3Packages.requests`.
pub(super) fn nix_package(name: &str) -> Checked {
    let part = |p: &str| {
        p.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-'".contains(&b))
    };
    if name.len() <= 200 && name.split('.').all(part) {
        Ok(())
    } else {
        fault(format!("`{}` is not an attribute of nixpkgs", shorten(name)), "for example `ripgrep` or `python3Packages.requests`")
    }
}

/// The name of an environment variable (POSIX, "Environment Variable Definition").
pub(super) fn variable(name: &str) -> Checked {
    let fine =
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fine {
        Ok(())
    } else {
        fault(
            format!("`{}` is not the name of an environment variable", shorten(name)),
            "letters, digits and `_`, not beginning with a digit",
        )
    }
}

/// A variable of `env`: `PATH` is the builder's.
pub(super) fn image_variable(name: &str) -> Checked {
    variable(name)?;
    match name {
        "PATH" => fault("`PATH` is set by Catamaran", "remove it; an entrypoint elsewhere is written with its whole path"),
        _ => Ok(()),
    }
}

/// A path in the image: absolute, without `.`, `..` or empty components.
pub(super) fn absolute_path(path: &str) -> Checked {
    text(path)?;
    let shown = shorten(path);
    if !path.starts_with('/') {
        return fault(format!("`{shown}` is not an absolute path"), format!("write `/{shown}`"));
    }
    let odd = path != "/" && path.split('/').skip(1).any(|part| matches!(part, "" | "." | ".."));
    if odd || path.contains('\n') {
        return fault(format!("`{shown}` is not a plain path"), "without `.`, `..`, doubled or trailing slashes");
    }
    Ok(())
}

/// A file of the project: below the folder of `containers.toml`, or absolute. `..` never: whoever reads the file should see what
/// it takes in.
pub(super) fn source_path(path: &str) -> Checked {
    text(path)?;
    let shown = shorten(path);
    if path.is_empty() || path.contains('\n') || path.split('/').any(|part| part == "..") {
        return fault(
            format!("`{shown}` is not a file below the folder of containers.toml"),
            "a path relative to that folder, without `..`; for a file elsewhere, its absolute path",
        );
    }
    super::PathTemplate::parse(path).map(drop).or_else(|message| fault(message, "braces stand for an architecture's name"))
}

/// A port as `ExposedPorts` has it (image-spec, "OCI Image Configuration"), made complete: `80` is `80/tcp`.
pub(super) fn port(value: &str) -> Result<String, Fault> {
    let (number, protocol) = value.split_once('/').unwrap_or((value, "tcp"));
    let fine = !number.starts_with(['0', '+']) && number.parse::<u16>().is_ok() && matches!(protocol, "tcp" | "udp" | "sctp");
    if fine {
        return Ok(format!("{number}/{protocol}"));
    }
    let help = "a port from 1 to 65535, then `/tcp`, `/udp` or `/sctp`: `8080/tcp`; no ranges, no host side";
    Err(Fault { message: format!("`{}` is not a port", shorten(value)), help: Some(help.into()) })
}

/// Whether `value` is a port that `expose` takes.
pub fn is_port(value: &str) -> bool {
    port(value).is_ok()
}

/// `user[:group]`, each a name (useradd(8)) or a number.
pub(super) fn user(value: &str) -> Checked {
    let one = |word: &str| {
        let number = word.bytes().all(|b| b.is_ascii_digit()) && word.parse::<u32>().is_ok_and(|id| id < u32::MAX);
        let name = word.len() <= 32
            && word.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b));
        number || name
    };
    let (name, group) = value.split_once(':').map_or((value, None), |(user, group)| (user, Some(group)));
    if one(name) && group.is_none_or(one) {
        Ok(())
    } else {
        fault(format!("`{}` is not a user", shorten(value)), "`user` or `user:group`, by name or number: `1000:1000`, `nobody`")
    }
}

/// The key of a label or an annotation.
pub(super) fn label(key: &str) -> Checked {
    if !key.is_empty() && key.chars().all(|c| !c.is_control() && !c.is_whitespace()) {
        Ok(())
    } else {
        fault(format!("`{}` is not a key", shorten(key)), "without spaces, in reverse domain notation: `org.example.team`")
    }
}

/// `host[:port]` of a registry.
pub(super) fn host(value: &str) -> Checked {
    if value.contains('@') {
        return fault("a registry's host cannot hold credentials", "containers.toml is committed; keep secrets out of it");
    }
    let message = format!("`{}` is not a registry's host", shorten(value));
    if let Some((_, rest)) = value.split_once("://") {
        return fault(message, format!("without scheme: `{}`", shorten(rest.split('/').next().unwrap_or_default())));
    }
    if let Some((host, path)) = value.split_once('/') {
        return fault(message, format!("write `host = \"{}\"` and put `{}` into `repository`", shorten(host), shorten(path)));
    }
    let (name, port) = match value.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(("", ""), |(name, port)| (name, port.strip_prefix(':').unwrap_or(port))),
        None => value.split_once(':').unwrap_or((value, "")),
    };
    let ipv6 = value.starts_with('[') && name.parse::<std::net::Ipv6Addr>().is_ok();
    let label =
        |l: &str| !l.is_empty() && l.len() <= 63 && !l.starts_with('-') && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let named = !value.starts_with('[') && name.len() <= 253 && name.split('.').all(label);
    let port_fine = if port.is_empty() { !value.ends_with(':') } else { port.parse::<u16>().is_ok_and(|p| p > 0) };
    if (ipv6 || named) && port_fine { Ok(()) } else { fault(message, "`host` or `host:port`: `ghcr.io`, `localhost:5000`") }
}

/// A repository template (distribution-spec, "Pulling manifests", `<name>`) with `{container}` in it.
pub(super) fn repository(value: &str) -> Checked {
    let message = format!("`{}` is not a repository", shorten(value));
    let filled = value.replace("{container}", "x");
    if let Some(start) = filled.find('{') {
        let end = filled[start..].find('}').map_or(filled.len(), |at| start + at + 1);
        return fault(message, format!("the only placeholder is `{{container}}`, not `{}`", shorten(&filled[start..end])));
    }
    if filled.starts_with('/') || filled.ends_with('/') {
        return fault(message, "without slash at either end: `acme/tools/{container}`");
    }
    if filled.len() <= 200 && filled.split('/').all(|part| super::ContainerName::problem(part).is_none()) {
        Ok(())
    } else if filled.bytes().any(|b| b.is_ascii_uppercase()) {
        fault(message, "registries take lower case only")
    } else if filled.contains(':') {
        fault(message, "tags come from the version and `--tags`, a port belongs to `host`")
    } else {
        fault(message, "lower-case letters, digits, `.`, `_` and `-`, joined by `/`: `acme/tools/{container}`")
    }
}

/// A suite or codename. Its `-updates` and `-security` are not to be named: they come with it.
pub(super) fn suite(value: &str) -> Checked {
    for suffix in ["-updates", "-security"] {
        if let Some(suite) = value.strip_suffix(suffix) {
            return fault(format!("`{}` comes with its suite", shorten(value)), format!("write `{}`", shorten(suite)));
        }
    }
    word(value, "a suite", "for example `trixie`")
}

/// A suite of `[debian.sources.NAME]`, where nothing comes with it.
pub(super) fn any_suite(value: &str) -> Checked {
    word(value, "a suite", "for example `trixie-backports`")
}

/// The NAME of `[debian.sources.NAME]`: it stands in the lock, like those of Debian's own archives.
pub(super) fn source_name(value: &str) -> Checked {
    if ["debian", "debian-security"].contains(&value) {
        return fault(format!("`{value}` is the name of an archive that is there already"), "choose another");
    }
    match debian_package(value) {
        Ok(()) => Ok(()),
        Err(_) => fault(format!("`{}` is not a name for a source", shorten(value)), "two or more of a-z, 0-9 and `-`: `backports`"),
    }
}

/// What `[debian.pins]` pins: a package name, in which `*` stands for anything and `?` for any one character.
pub(super) fn package_pattern(value: &str) -> Checked {
    let fine = !value.is_empty()
        && value.len() <= 100
        && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.*?".contains(&b));
    match fine && (value.contains(['*', '?']) || debian_package(value).is_ok()) {
        true => Ok(()),
        false => fault(format!("`{}` is neither a Debian package name nor a pattern", shorten(value)), "for example `curl` or `python3*`"),
    }
}

/// What `[debian.pins]` pins it to.
pub(super) fn pin(value: &str) -> Checked {
    let fine = !value.is_empty() && value.len() <= 200 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.~:_*".contains(&b));
    match fine && !value[..value.len() - 1].contains('*') {
        true => Ok(()),
        false => fault(
            format!("`{}` is neither a version, a suite nor a source", shorten(value)),
            "for example `8.14.1-2`, `8.14.*`, or `trixie-backports`; only its last character can be `*`",
        ),
    }
}

/// An archive component: `main`, `contrib`.
pub(super) fn component(value: &str) -> Checked {
    word(value, "a component", "for example `main`, `contrib`, `non-free-firmware`")
}

fn word(value: &str, what: &str, help: &str) -> Checked {
    let fine = !value.is_empty()
        && value.len() <= 100
        && value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.+_".contains(&b));
    if fine { Ok(()) } else { fault(format!("`{}` is not {what}", shorten(value)), help) }
}

/// An archive's root: an http or https URL, without credentials.
pub(super) fn mirror(value: &str) -> Checked {
    let message = format!("`{}` is not a mirror", shorten(value));
    match url::Url::parse(value) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            fault("a mirror's address cannot hold credentials", "containers.toml is committed; keep secrets out of it")
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() && url.fragment().is_none() => {
            Ok(())
        }
        // It may hold a password all the same.
        _ if value.contains('@') => fault("this is not a mirror", "an http or https address: `http://ftp.debian.org/debian`"),
        _ => fault(message, "an http or https address: `http://ftp.debian.org/debian`"),
    }
}

/// A moment of the snapshot archive: `YYYYMMDDTHHMMSSZ`.
pub(super) fn snapshot(value: &str) -> Checked {
    let shape = value.len() == 16 && value.is_ascii() && value.as_bytes()[8] == b'T' && value.ends_with('Z');
    // jiff also takes the extended form; the archive's paths have the basic one only.
    let fine = shape && value.parse::<jiff::Timestamp>().is_ok();
    if fine {
        Ok(())
    } else {
        fault(format!("`{}` is not a moment of snapshot.debian.org", shorten(value)), "YYYYMMDDTHHMMSSZ: `20261101T000000Z`")
    }
}

/// Permission bits in octal, `0644`.
pub(super) fn mode(value: &str) -> Result<u32, Fault> {
    let digits = value.strip_prefix("0o").unwrap_or(value);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o7777 && !digits.starts_with('+') && (3..=4).contains(&digits.len()) => Ok(mode),
        _ => Err(Fault { message: format!("`{}` is not a file mode", shorten(value)), help: Some("in octal: `0644`, `0755`".into()) }),
    }
}

/// A value short enough for a message.
pub(super) fn shorten(value: &str) -> String {
    match value.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(check: impl Fn(&str) -> Checked, good: &[&str], bad: &[&str]) {
        for value in good {
            assert_eq!(check(value), Ok(()), "{value}");
        }
        for value in bad {
            assert!(check(value).is_err(), "{value}");
        }
    }

    #[test]
    fn each_rule_accepts_and_refuses() {
        all(debian_package, &["g++", "libc6", "0ad", "python3.13", "x-y"], &["", "a", "-ab", "Curl", "curl=8", "libc6:arm64", "a b", "ä1"]);
        all(nix_package, &["ripgrep", "python3Packages.requests", "_7zz"], &["", "7zip", "a..b", "a b", "."]);
        all(variable, &["A", "_a1"], &["", "1A", "A-B", "ä", "A=B"]);
        all(image_variable, &["LANG"], &["PATH", ""]);
        all(absolute_path, &["/", "/a/b.c"], &["", "a", "/a/", "//", "/a/../b", "/a\0", "/a\nb"]);
        all(source_path, &["a", "a/b", "/a", "a/{target}/b"], &["", "../a", "a/../../b", "/a/..", "{x}", "a{"]);
        all(|v| port(v).map(drop), &["80", "8080/tcp", "53/udp"], &["", "0", "080", "+80", "65536", "80/xyz", "80:80", "80-90", "/tcp"]);
        all(user, &["root", "1000", "1000:1000", "nobody:nogroup", "_apt"], &["", ":", "a:", "Root", "4294967295", "a:b:c", "+1"]);
        all(label, &["org.example.a"], &["", "a b", "a\nb"]);
        all(
            host,
            &["ghcr.io", "localhost:5000", "[::1]:5000", "[::1]"],
            &["", "https://ghcr.io", "ghcr.io/x", "a:", "a:x", "a:0", "[::1", "-a", "a b"],
        );
        all(
            repository,
            &["{container}", "acme/tools/{container}", "acme/x-{container}"],
            &["", "/a", "a/", "A/b", "a/{name}", "a:1", "a//b", "{"],
        );
        all(suite, &["trixie", "sid", "1.0"], &["", "trixie-security", "trixie-updates", "../x", "a/b"]);
        all(
            mirror,
            &["http://ftp.debian.org/debian", "https://x:8080/"],
            &["", "ftp.debian.org", "file:///x", "http://u:p@x/", "http://x/?a"],
        );
        all(snapshot, &["20261101T000000Z"], &["", "20261301T000000Z", "2026-11-01T00:00Z", "20261101T000000z", "20261101"]);
        all(|v| mode(v).map(drop), &["0644", "755", "0o755", "4755"], &["", "9", "0888", "17777", "+755"]);
    }

    #[test]
    fn a_port_is_made_complete() {
        assert_eq!(port("80").unwrap(), "80/tcp");
    }

    #[test]
    fn faults_say_what_to_write() {
        assert_eq!(debian_package("Curl").unwrap_err().help.unwrap(), "Debian's names are lower case: `curl`");
        assert_eq!(host("https://ghcr.io/v2").unwrap_err().help.unwrap(), "without scheme: `ghcr.io`");
        assert!(shorten(&"ä".repeat(100)).ends_with('…'));
    }
}
