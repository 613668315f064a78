//! Waivers: findings that are known and accepted, with the reason why.

use jiff::civil::Date;
use toml::Spanned;
use toml::de::DeValue;

use super::check::{self, Checked, Fault};
use super::glob::PathGlob;
use super::reader::{Lines, Reader, Section};
use super::{near, schema};

/// The ids of the checks that can be waived: all of them. This room knows no other, so they are words here; a test of
/// `verify` holds them against the checks there are.
pub const CHECK_IDS: [&str; 18] = [
    "config-platform",
    "index-platform",
    "media-types",
    "layer-digests",
    "layer-duplicates",
    "elf-machine",
    "elf-interpreter",
    "elf-libraries",
    "scripts",
    "links",
    "entrypoint",
    "user",
    "setuid",
    "usr-merge",
    "packages",
    "maintainer-scripts",
    "parity",
    "reproducible",
];

/// The longest pattern: paths in a tar have no limit, but nobody writes longer ones by hand.
const MAX_PATTERN: usize = 1000;

/// `[[waive]]`, for every container, or `[[containers.NAME.waive]]`: findings that do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The check's id.
    pub check: String,
    /// Which paths it is for; `None` for every finding of the check.
    pub path: Option<PathGlob>,
    /// Why, in one line.
    pub reason: String,
    /// The last day (UTC) on which it counts.
    pub until: Option<Date>,
    /// Its line in the file, from 1.
    pub line: usize,
}

impl Waiver {
    /// Whether it counts no more on the day `today`.
    pub fn has_expired(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

/// `waive`, of the file or of a container.
pub(super) fn waivers(reader: &mut Reader, section: &Section, lines: &Lines) -> Vec<Waiver> {
    let mut found = Vec::new();
    for value in reader.tables(section, "waive") {
        let Some(table) = reader.table(value, "waive", &schema::WAIVER) else { continue };
        for (key, help) in [
            ("check", "name it: `check = \"links\"`; `catamaran verify --list` shows all there are"),
            ("reason", "say why what it finds is accepted: `reason = \"a plugin that nothing here loads\"`"),
        ] {
            if table.get(key).is_none() {
                reader.absence(format!("a waiver has no `{key}`"), Some(value.span()), help);
            }
        }
        let check = reader.text(&table, "check", check_id);
        let path = reader.text(&table, "path", pattern);
        let reason = reader.text(&table, "reason", reason);
        let until = until(reader, &table);
        let (Some(check), Some(reason)) = (check, reason) else { continue };
        let line = lines.of(value.span().start);
        found.push(Waiver { check, path: path.as_deref().map(PathGlob::new), reason: reason.trim().to_owned(), until, line });
    }
    found
}

fn check_id(word: &str) -> Checked {
    if CHECK_IDS.contains(&word) {
        return Ok(());
    }
    let help = match near(&word.to_ascii_lowercase().replace('_', "-"), CHECK_IDS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", CHECK_IDS.join(", ")),
    };
    Err(Fault { message: format!("there is no check `{}`", check::shorten(word)), help: Some(help) })
}

fn pattern(path: &str) -> Checked {
    let shown = check::shorten(path);
    let fault = |message: String, help: &str| Err(Fault { message, help: Some(help.to_owned()) });
    if path.trim_start_matches('/').is_empty() || path.contains('\n') || path.len() > MAX_PATTERN {
        return fault(
            format!("`{shown}` is no pattern for paths"),
            "for example `usr/lib/x/*.so`; leave `path` out to waive the whole check",
        );
    }
    if path.split('/').any(|part| matches!(part, "." | "..")) {
        return fault(format!("`{shown}` is no pattern for paths"), "from the root of the image, without `.` and `..`");
    }
    Ok(())
}

fn reason(text: &str) -> Checked {
    let help = "who reads the report or the receipt wants to know why: `reason = \"a plugin that nothing here loads\"`";
    match text.trim() {
        "" => Err(Fault { message: "a waiver's `reason` is empty".into(), help: Some(help.into()) }),
        lines if lines.contains('\n') => Err(Fault { message: "a waiver's `reason` is one line".into(), help: None }),
        _ => Ok(()),
    }
}

/// `until`, as text or as a date of TOML.
fn until(reader: &mut Reader, table: &Section) -> Option<Date> {
    let value: &Spanned<DeValue> = table.get("until")?;
    let text = match value.get_ref() {
        DeValue::Datetime(date) => date.to_string(),
        _ => reader.text(table, "until", |_| Ok(()))?,
    };
    // jiff would also take a date with a time behind it, and drop the time.
    let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
    if date.is_none() {
        let help = Some("the last day on which it counts: `until = \"2027-01-01\"`".to_owned());
        reader.problem(format!("`{}` is not a day", check::shorten(&text)), value.span(), "", help);
    }
    date
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Catalog, Problems, parse};
    use super::*;

    const CONTAINER: &str = "[containers.fd]\npackages = [\"fd-find\"]\n";

    fn read(text: &str) -> Result<Catalog, Problems> {
        parse(Path::new("containers.toml"), text)
    }

    #[test]
    fn a_containers_own_come_before_those_for_all() {
        let catalog = read(&format!(
            "{CONTAINER}[[containers.fd.waive]]\ncheck = \"links\"\npath = \"/usr/share/*\"\nreason = \" docs \"\nuntil = \"2027-01-01\"\n\
             [[waive]]\ncheck = \"entrypoint\"\nreason = \"it is a base\"\nuntil = 2026-12-31\n"
        ))
        .unwrap();
        let all = catalog.waivers_of("fd");
        assert_eq!(all.iter().map(|w| (w.check.as_str(), w.line)).collect::<Vec<_>>(), [("links", 3), ("entrypoint", 8)]);
        assert_eq!((all[0].path.as_ref().map(ToString::to_string).as_deref(), all[0].reason.as_str()), (Some("usr/share/*"), "docs"));
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert!(!all[0].has_expired(day("2027-01-01")) && all[0].has_expired(day("2027-01-02")));
        assert_eq!(all[1].until, Some(day("2026-12-31")));
        assert_eq!(catalog.waivers_of("rg").len(), 1);
    }

    #[test]
    fn every_mistake_is_shown_where_it_is() {
        let text = format!(
            "{CONTAINER}[[containers.fd.waive]]\ncheck = \"elf_machin\"\nreason = \"x\"\n[[waive]]\ncheck = \"links\"\n\
             [[waive]]\ncheck = \"links\"\nreason = \" \"\nuntil = \"2027-02-30\"\npath = \"a/../b\"\nwhy = \"x\"\n"
        );
        let shown = read(&text).unwrap_err().render(false);
        let said = |line: &&str| line.starts_with("error") || line.contains("-->") || line.contains("= help");
        insta::assert_snapshot!(shown.lines().filter(said).map(str::trim).collect::<Vec<_>>().join("\n"), @r###"
        error: there is no check `elf_machin`
        --> containers.toml:4:9
        = help: did you mean `elf-machine`?
        error: a waiver has no `reason`
        --> containers.toml:6:1
        = help: say why what it finds is accepted: `reason = "a plugin that nothing here loads"`
        error: a waiver's `reason` is empty
        --> containers.toml:10:10
        = help: who reads the report or the receipt wants to know why: `reason = "a plugin that nothing here loads"`
        error: `2027-02-30` is not a day
        --> containers.toml:11:9
        = help: the last day on which it counts: `until = "2027-01-01"`
        error: `a/../b` is no pattern for paths
        --> containers.toml:12:8
        = help: from the root of the image, without `.` and `..`
        error: unknown key `why` in `waive`
        --> containers.toml:13:1
        = help: did you mean `reason`?
        "###);
    }

    #[test]
    fn every_id_is_accepted_and_another_is_told_which_there_are() {
        assert!(CHECK_IDS.iter().all(|id| check_id(id).is_ok()));
        assert_eq!(check_id("nonsense-of-mine").unwrap_err().help.unwrap(), format!("there are {}", CHECK_IDS.join(", ")));
    }
}
