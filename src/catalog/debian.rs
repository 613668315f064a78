//! `[debian]`: where packages come from, and which of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::check;
use super::entry;
use super::reader::{Reader, Section};
use super::schema;

/// `[debian]`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebianSettings {
    /// The suite; its `-updates` and `-security` come with it.
    pub suite: String,
    /// Archive components, `main` by default.
    pub components: Vec<String>,
    /// The mirror, when the file names one.
    pub mirror: Option<String>,
    /// The security mirror, when the file names one.
    pub security_mirror: Option<String>,
    /// A keyring file instead of the embedded Debian keyring.
    pub keyring: Option<PathBuf>,
    /// `YYYYMMDDTHHMMSSZ`: build from the snapshot archive of that moment.
    pub snapshot: Option<String>,
    /// The snapshot archive, when the file names another than Debian's.
    pub snapshot_mirror: Option<String>,
    /// Whether a `Release` past its `Valid-Until` is refused.
    pub check_valid_until: bool,
    /// Whether recommended packages come along, as with plain `apt-get install`.
    pub recommends: bool,
    /// Whether the base layer holds every `Essential` package.
    pub essential: bool,
    /// A file with more emulations of maintainer scripts; relative to [`Catalog::folder`](super::Catalog::folder).
    pub emulations: Option<PathBuf>,
    /// Other suites and repositories, by name.
    pub sources: BTreeMap<String, DebianSource>,
    /// Package name or pattern → the version, or the suite or source, that its version has to come from.
    pub pins: BTreeMap<String, String>,
}

impl Default for DebianSettings {
    fn default() -> Self {
        DebianSettings {
            suite: "trixie".into(),
            components: vec!["main".into()],
            mirror: None,
            security_mirror: None,
            keyring: None,
            snapshot: None,
            snapshot_mirror: None,
            check_valid_until: true,
            recommends: false,
            essential: false,
            emulations: None,
            sources: BTreeMap::new(),
            pins: BTreeMap::new(),
        }
    }
}

/// `[debian.sources.NAME]`: one suite of another repository, or another suite of Debian's own archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebianSource {
    /// The repository's root; `None` for Debian's own archive.
    pub url: Option<String>,
    /// The suite, exactly as it is called there.
    pub suite: String,
    /// Its components, `main` by default.
    pub components: Vec<String>,
    /// The keyring file, relative to `containers.toml`, binary or armored; `None` for the one that Debian's own has.
    pub keyring: Option<PathBuf>,
    /// Whether a `Release` past its `Valid-Until` is refused; `None` for what `[debian]` says.
    pub check_valid_until: Option<bool>,
}

pub(super) fn settings(reader: &mut Reader, section: &Section) -> DebianSettings {
    let standard = DebianSettings::default();
    DebianSettings {
        suite: reader.text(section, "suite", check::suite).unwrap_or(standard.suite),
        components: components(reader, section),
        mirror: reader.address(section, "mirror", check::mirror),
        security_mirror: reader.address(section, "security-mirror", check::mirror),
        keyring: keyring(reader, section),
        snapshot: reader.text(section, "snapshot", check::snapshot),
        snapshot_mirror: reader.address(section, "snapshot-mirror", check::mirror),
        check_valid_until: reader.flag(section, "check-valid-until").unwrap_or(standard.check_valid_until),
        recommends: reader.flag(section, "recommends").unwrap_or(standard.recommends),
        essential: reader.flag(section, "essential").unwrap_or(standard.essential),
        emulations: reader.text(section, "emulations", check::source_path).map(Into::into),
        sources: sources(reader, section),
        pins: pins(reader, section),
    }
}

fn components(reader: &mut Reader, section: &Section) -> Vec<String> {
    let components = reader.list(section, "components", check::component).map(|list| entry::strings(Some(list)));
    if let Some(value) = section.get("components").filter(|v| v.get_ref().as_array().is_some_and(|a| a.is_empty())) {
        reader.problem("`components` is empty", value.span(), "", Some("for example `components = [\"main\"]`".into()));
    }
    components.unwrap_or_else(|| vec!["main".into()])
}

fn keyring(reader: &mut Reader, section: &Section) -> Option<PathBuf> {
    reader.text(section, "keyring", |path| if path.is_empty() { check::source_path(path) } else { Ok(()) }).map(Into::into)
}

fn sources(reader: &mut Reader, section: &Section) -> BTreeMap<String, DebianSource> {
    let mut found = BTreeMap::new();
    for (name, value) in reader.entries(section, "sources") {
        let fine = reader.check(check::source_name(name.get_ref()), &name.span());
        let shown = format!("[debian.sources.{}]", check::shorten(name.get_ref()));
        let Some(table) = reader.table(value, &shown, &schema::DEBIAN_SOURCE) else { continue };
        if table.get("suite").is_none() {
            reader.absence(format!("`{shown}` names no suite"), Some(name.span()), "for example `suite = \"trixie-backports\"`");
        }
        let source = DebianSource {
            url: reader.address(&table, "url", check::mirror),
            suite: reader.text(&table, "suite", check::any_suite).unwrap_or_default(),
            components: components(reader, &table),
            keyring: keyring(reader, &table),
            check_valid_until: reader.flag(&table, "check-valid-until"),
        };
        if fine {
            found.insert(name.into_inner(), source);
        }
    }
    found
}

fn pins(reader: &mut Reader, section: &Section) -> BTreeMap<String, String> {
    let mut pins = BTreeMap::new();
    for (pattern, value) in reader.map(section, "pins", check::package_pattern) {
        if reader.check(check::pin(value.get_ref()), &value.span()) {
            pins.insert(pattern.into_inner(), value.into_inner());
        }
    }
    pins
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::parse;

    #[test]
    fn sources_and_pins_are_read() {
        let text = "[debian.sources.backports]\nsuite = \"trixie-backports\"\n\
             [debian.sources.acme]\nurl = \"https://deb.example.org/\"\nsuite = \"stable\"\ncomponents = [\"main\", \"extra\"]\nkeyring = \"keys/acme.asc\"\ncheck-valid-until = false\n\
             [debian.pins]\n\"python3*\" = \"backports\"\ncurl = \"8.14.*\"\n[containers.x]\npackages = [\"curl\"]\n";
        let debian = parse(Path::new("containers.toml"), text).unwrap().debian;
        let (backports, acme) = (&debian.sources["backports"], &debian.sources["acme"]);
        assert_eq!((backports.url.as_deref(), backports.suite.as_str(), backports.components.len()), (None, "trixie-backports", 1));
        assert_eq!((acme.url.as_deref(), acme.components.len()), (Some("https://deb.example.org/"), 2));
        assert_eq!(acme.keyring.as_deref(), Some(Path::new("keys/acme.asc")));
        assert_eq!((backports.check_valid_until, acme.check_valid_until), (None, Some(false)));
        assert_eq!((debian.pins["curl"].as_str(), debian.pins["python3*"].as_str()), ("8.14.*", "backports"));
    }

    #[test]
    fn wrong_sources_and_pins_are_named() {
        for (text, expected) in [
            ("[debian.sources.debian]\nsuite = \"x\"", "`debian` is the name of an archive that is there already"),
            ("[debian.sources.Acme]\nsuite = \"x\"", "`Acme` is not a name for a source"),
            ("[debian.sources.acme]\nurl = \"http://x/\"", "names no suite"),
            ("[debian.sources.acme]\nsuite = \"x\"\nkeys = \"k\"", "unknown key `keys`"),
            ("[debian.sources.acme]\nsuite = \"x\"\nurl = \"http://me:hunter2@x/\"", "cannot hold credentials"),
            ("[debian.pins]\n\"a b\" = \"1\"", "`a b` is neither a Debian package name nor a pattern"),
            ("[debian.pins]\ncurl = \"8.1 4\"", "`8.1 4` is neither a version, a suite nor a source"),
        ] {
            let text = format!("{text}\n[containers.x]\npackages = [\"curl\"]\n");
            let problems = parse(Path::new("containers.toml"), &text).unwrap_err();
            assert!(problems.problems.iter().any(|p| p.message.contains(expected)), "{expected}: {problems:?}");
            assert!(!format!("{problems}").contains("hunter2"));
        }
    }
}
