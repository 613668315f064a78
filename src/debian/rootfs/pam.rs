//! `/etc/pam.d/common-*`, as `pam-auth-update` writes them when nobody has chosen anything: from the profiles that packages ship
//! in `/usr/share/pam-configs`, all of those that are on by default.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::Root;
use super::generated::Additions;

const PROFILES: &str = "usr/share/pam-configs/";
/// Each file, what its lines begin with, and the prefix of the profiles' fields for it.
const FILES: [(&str, &str, &str); 5] = [
    ("auth", "auth", "Auth"),
    ("account", "account", "Account"),
    ("password", "password", "Password"),
    ("session", "session", "Session"),
    ("session-noninteractive", "session", "Session-noninteractive"),
];
/// A module that is gone from PAM: profiles that name it are left out.
const INVALID: &str = "pam_tally";
/// What keeps a stack intact that has no primary module.
const NO_PRIMARY: &str = "[default=1]\t\t\tpam_permit.so";

/// The five files, and `pam-auth-update`'s memory of them in `/var/lib/pam`.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    if root.package("libpam-runtime").is_none() {
        return;
    }
    let is_ours = |path: &String| path.starts_with(PROFILES) || path.starts_with("usr/share/pam/");
    let mtime = root.packages().filter(|package| package.contents.keys().any(is_ours)).map(|package| package.newest).max().unwrap_or(0);
    let all: BTreeMap<String, Profile> = root
        .contents(PROFILES)
        .into_iter()
        .map(|(path, bytes)| (path[PROFILES.len()..].to_owned(), Profile::read(&String::from_utf8_lossy(bytes))))
        .filter(|(name, profile)| !name.ends_with('~') && !profile.is_invalid)
        .collect();
    let mut sorted: Vec<(&String, &Profile)> = all.iter().collect();
    sorted.sort_by_key(|(name, profile)| std::cmp::Reverse((profile.priority(), *name)));
    let enabled = enabled(&sorted);
    let mut seen = String::new();
    for (name, _) in &sorted {
        seen.push_str(name);
        seen.push('\n');
    }
    out.file("var/lib/pam/seen", seen, mtime);
    for (file, begin, prefix) in FILES {
        let Some((template, _)) = root.content(&format!("usr/share/pam/common-{file}")) else { continue };
        match fill(&String::from_utf8_lossy(template), begin, prefix, &enabled) {
            Some(text) => out.file(&format!("etc/pam.d/common-{file}"), text, mtime),
            None => out.remarks.push(format!("/usr/share/pam/common-{file} has not the marks that pam-auth-update fills in between")),
        }
        out.file(&format!("var/lib/pam/{file}"), saved(prefix, &enabled), mtime);
    }
}

/// Those that are on by default, but of two that conflict only the one with the higher priority.
fn enabled<'a>(sorted: &[(&'a String, &'a Profile)]) -> Vec<(&'a String, &'a Profile)> {
    let mut enabled: Vec<_> = sorted.iter().copied().filter(|(_, profile)| profile.field("Default") == Some("yes")).collect();
    let mut at = 0;
    while let Some((_, profile)) = enabled.get(at).copied() {
        enabled.retain(|(other, _)| !profile.conflicts.contains(*other));
        at += 1;
    }
    enabled
}

/// A file of `/usr/share/pam-configs`.
#[derive(Debug, Default)]
struct Profile {
    fields: BTreeMap<String, String>,
    conflicts: BTreeSet<String>,
    is_invalid: bool,
}

impl Profile {
    fn read(text: &str) -> Self {
        let mut profile = Profile::default();
        let mut field = String::new();
        for line in text.lines() {
            let header = line.split_once(':').filter(|(name, rest)| {
                !name.is_empty() && !name.contains(char::is_whitespace) && (rest.is_empty() || rest.starts_with(char::is_whitespace))
            });
            if let Some((name, rest)) = header {
                field = name.strip_suffix("-Final").unwrap_or(name).to_owned();
                match field.as_str() {
                    "Conflicts" => profile.conflicts.extend(rest.trim_start().split(", ").map(str::to_owned)),
                    _ => drop(profile.fields.insert(field.clone(), rest.trim_start().to_owned())),
                }
                continue;
            }
            let value = profile.fields.entry(field.clone()).or_default();
            if !line.trim().is_empty() {
                let _ = write!(value, "\n{}", line.trim());
            }
            profile.is_invalid |= value.contains(INVALID);
            *value = value.trim_start().to_owned();
        }
        if profile.field("Session-Interactive-Only") != Some("yes") {
            for field in ["-Type", "", "-Initial"] {
                if let Some(value) = profile.fields.get(&format!("Session{field}")).cloned() {
                    profile.fields.insert(format!("Session-noninteractive{field}"), value);
                }
            }
        }
        profile
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn priority(&self) -> i64 {
        self.field("Priority").and_then(|number| number.trim().parse().ok()).unwrap_or(0)
    }
}

/// The lines that the `enabled` profiles have for the fields of `prefix`, in the blocks whose type `counts`.
fn lines<'a>(prefix: &str, enabled: &[(&'a String, &'a Profile)], counts: impl Fn(&str) -> bool) -> Vec<(&'a str, &'a str)> {
    let of = |(_, profile): &&(&String, &Profile)| profile.field(&format!("{prefix}-Type")).is_some_and(&counts);
    let mut found = Vec::new();
    for (place, (name, profile)) in enabled.iter().filter(of).enumerate() {
        let initial = profile.field(&format!("{prefix}-Initial")).filter(|_| place == 0);
        found.extend(initial.or_else(|| profile.field(prefix)).map(|lines| (name.as_str(), lines)));
    }
    found
}

/// A template with the modules between its marks; `None` when a mark is missing.
fn fill(template: &str, begin: &str, prefix: &str, enabled: &[(&String, &Profile)]) -> Option<String> {
    const MARKS: [&str; 4] = [
        "# here are the per-package modules (the \"Primary\" block)",
        "# here's the fallback if no module succeeds",
        "# and here are more per-package modules (the \"Additional\" block)",
        "# end of pam-auth-update config",
    ];
    let mut out = String::new();
    let mut passed = 0;
    for line in template.lines() {
        let is_mark = MARKS.get(passed).is_some_and(|mark| line.starts_with(mark));
        // What stands between the first and the second mark, and the third and the fourth, is replaced.
        if is_mark || passed % 2 == 0 {
            out.push_str(line);
            out.push('\n');
        }
        if is_mark {
            match passed {
                0 => block(&mut out, begin, prefix, enabled, "Primary"),
                2 => block(&mut out, begin, prefix, enabled, "Additional"),
                _ => {}
            }
            passed += 1;
        }
    }
    (passed == MARKS.len()).then_some(out)
}

/// The lines of one block; `end` in one of them is how many lines to jump.
fn block(out: &mut String, begin: &str, prefix: &str, enabled: &[(&String, &Profile)], kind: &str) {
    let all: Vec<&str> = lines(prefix, enabled, |of| of == kind).into_iter().flat_map(|(_, lines)| lines.lines()).collect();
    if all.is_empty() && kind == "Primary" {
        let _ = writeln!(out, "{begin}\t{NO_PRIMARY}");
    }
    let after = if kind == "Primary" { 0 } else { 1 };
    for (number, line) in all.iter().enumerate() {
        let jump = (all.len() - number) as i64 - after;
        let (module, options) = module(line);
        let options: Vec<&str> = options.split_whitespace().collect();
        let _ = writeln!(out, "{begin}\t{} {}", module.replace("end", &jump.to_string()), options.join(" "));
    }
}

/// A line taken apart: control (a word, or anything in brackets) with the module, and the options.
fn module(line: &str) -> (&str, &str) {
    let control = if line.starts_with('[') {
        line.find(']').map_or(line.len(), |at| at + 1)
    } else {
        line.find(char::is_whitespace).unwrap_or(line.len())
    };
    let name = control + (line.len() - control - line[control..].trim_start().len());
    let end = line[name..].find(char::is_whitespace).map_or(line.len(), |at| name + at);
    line.split_at(end)
}

/// What was filled in, as it is remembered.
fn saved(prefix: &str, enabled: &[(&String, &Profile)]) -> String {
    let mut out = String::new();
    let primary = lines(prefix, enabled, |of| of != "Additional");
    if primary.is_empty() {
        let _ = writeln!(out, "Module: null\n{NO_PRIMARY}");
    }
    for (name, lines) in primary.into_iter().chain(lines(prefix, enabled, |of| of != "Primary")) {
        let _ = writeln!(out, "Module: {name}\n{lines}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Profile, fill, module};

    const TEMPLATE: &str = "# head\n# here are the per-package modules (the \"Primary\" block)\nold\n# here's the fallback if no module succeeds\nauth\trequisite\tpam_deny.so\n# and here are more per-package modules (the \"Additional\" block)\nold\n# end of pam-auth-update config\ntail\n";

    /// The lines are those that `pam-auth-update` of pam 1.7.0 writes for these profiles.
    #[test]
    fn jumps_count_the_lines_that_follow() {
        let profile = |text| Profile::read(text);
        let (one, two) = (
            profile("Name: one\nDefault: yes\nPriority: 2\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_a.so  x  y\n"),
            profile(
                "Name: two\nDefault: yes\nPriority: 1\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_b.so try\nAuth-Initial:\n\t[success=end default=ignore]\tpam_b.so\n",
            ),
        );
        let (a, b) = ("one".to_owned(), "two".to_owned());
        let text = fill(TEMPLATE, "auth", "Auth", &[(&a, &one), (&b, &two)]).unwrap();
        assert_eq!(
            text,
            "# head\n# here are the per-package modules (the \"Primary\" block)\nauth\t[success=2 default=ignore]\tpam_a.so x y\nauth\t[success=1 default=ignore]\tpam_b.so try\n# here's the fallback if no module succeeds\nauth\trequisite\tpam_deny.so\n# and here are more per-package modules (the \"Additional\" block)\n# end of pam-auth-update config\ntail\n"
        );
        assert_eq!(fill("no marks\n", "auth", "Auth", &[]), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in "(?s).{0,200}") {
            let profile = Profile::read(&text);
            let name = "x".to_owned();
            let _ = fill(TEMPLATE, "auth", "Auth", &[(&name, &profile)]);
            let (left, right) = module(&text);
            proptest::prop_assert_eq!(format!("{left}{right}"), text);
        }
    }
}
