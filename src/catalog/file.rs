//! Reads `containers.toml`: syntax, keys, types and values, all problems at once, nothing half-applied.

use std::io::Read;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check;
use super::debian;
use super::diagnostic::{NO_CONTAINERS, Problem, Problems, position};
use super::entry::{self, Defaults};
use super::reader::{Lines, Reader, Section};
use super::schema;
use super::waiver;
use super::{BuilderKind, Catalog, Container, NixSettings, RegistrySettings, Secret, Setting};

/// The largest file that is read: some ten thousand containers.
const MAX_FILE_SIZE: u64 = 4 << 20;

/// Reads and checks the file at `path`.
///
/// # Errors
/// Everything that is wrong with it, when anything is; there is no partial catalog.
pub fn load(path: &Path) -> Result<Catalog, Problems> {
    parse(path, &read(path)?)
}

/// The text of the file at `path`.
///
/// # Errors
/// It cannot be read, is too large for a catalog, or is not UTF-8.
pub fn read(path: &Path) -> Result<String, Problems> {
    let unreadable = |message: String, help: &str| Problems {
        path: path.to_path_buf(),
        source: String::new(),
        problems: vec![Problem { message, span: None, label: String::new(), help: Some(help.to_owned()) }],
    };
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        let help = "name the file with --file, or run inside the project that has it";
        return Err(unreadable(format!("cannot read {}: {error}", path.display()), help));
    }
    if bytes.len() as u64 > MAX_FILE_SIZE {
        let message = format!("{} has more than {MAX_FILE_SIZE} bytes", path.display());
        return Err(unreadable(message, "is it the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let source = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let help = Some("TOML files are UTF-8; save it in that encoding".to_owned());
        let problem = Problem { message: "this is not UTF-8".into(), span: Some(at..at + 1), label: String::new(), help };
        Problems { path: path.to_path_buf(), source, problems: vec![problem] }
    })
}

/// Checks `text` as the content of `path`, which is not touched.
///
/// # Errors
/// As [`load`].
pub fn parse(path: &Path, text: &str) -> Result<Catalog, Problems> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader::default();
    let catalog = catalog(&mut reader, path, text, document.get_ref());
    let mut problems = syntax_problems(text, &errors);
    if problems.is_empty() {
        problems.append(&mut reader.absences);
    } else {
        // What follows from a syntax error is not a second problem.
        let line = |p: &Problem| p.span.as_ref().map(|s| position(text, s.start).0);
        let broken: std::collections::BTreeSet<_> = problems.iter().map(line).collect();
        let end = unclosed_at(&problems).unwrap_or(usize::MAX);
        reader.problems.retain(|p| !broken.contains(&line(p)) && p.span.as_ref().is_none_or(|s| s.start < end));
    }
    problems.append(&mut reader.problems);
    if problems.is_empty() {
        return Ok(catalog);
    }
    problems.sort_by_key(|p| p.span.as_ref().map(|s| s.start));
    Err(Problems { path: path.to_path_buf(), source: without_secrets(text, &reader.secrets), problems })
}

/// `text` with the given ranges, and whatever follows `password =`, starred out: what is shown of the file ends up on
/// screens and in logs of CI. Every byte stays where it was.
fn without_secrets(text: &str, secrets: &[std::ops::Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut ranges = secrets.to_vec();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let value = line.split_once('=').filter(|(key, _)| key.trim().ends_with("password")).map(|(_, value)| value);
        if let Some(value) = value.filter(|v| !v.trim_start().starts_with('{')) {
            let space = value.len() - value.trim_start().len();
            ranges.push(start + line.len() - value.len() + space..start + line.trim_end().len());
        }
        start += line.len();
    }
    for range in ranges {
        bytes.get_mut(range).into_iter().flatten().filter(|b| !b.is_ascii_whitespace()).for_each(|b| *b = b'*');
    }
    String::from_utf8(bytes).unwrap_or_default()
}

const UNCLOSED: &str = "is a `]` or `}` missing at the end of the line above?";

/// Where the file stops making sense for want of a closing bracket.
fn unclosed_at(problems: &[Problem]) -> Option<usize> {
    problems.iter().find(|p| p.help.as_deref() == Some(UNCLOSED))?.span.as_ref().map(|s| s.start)
}

/// The syntax errors, one per line, without the echoes of a bracket that was never closed: the parser then takes
/// everything after it for elements.
fn syntax_problems(text: &str, errors: &[toml::de::Error]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = errors.iter().map(|error| syntax(text, error)).collect();
    problems.sort_by_key(|p| p.span.as_ref().map(|s| s.start));
    if problems.iter().any(|p| p.message.starts_with("unclosed"))
        && let Some(first) = problems.iter().position(|p| p.message.starts_with("missing comma"))
    {
        problems.truncate(first + 1);
        problems[first].help = Some(UNCLOSED.into());
    }
    problems.dedup_by_key(|p| p.span.as_ref().map(|s| position(text, s.start).0));
    problems
}

/// A syntax error, in our words where the parser's are terse.
fn syntax(text: &str, error: &toml::de::Error) -> Problem {
    let span = error.span().unwrap_or(text.len()..text.len());
    if error.message().starts_with("duplicate key") {
        let key = text.get(span.clone()).unwrap_or_default().trim();
        let help = Some("rename or remove one of the two; TOML takes a key once".to_owned());
        return Problem {
            message: format!("`{}` is defined twice", check::shorten(key)),
            span: Some(span),
            label: "again here".into(),
            help,
        };
    }
    Problem { message: error.message().to_owned(), span: Some(span), label: String::new(), help: None }
}

fn catalog(reader: &mut Reader, path: &Path, text: &str, document: &DeTable) -> Catalog {
    let root = reader.section(document, "containers.toml", &schema::ROOT);
    let registry = named(reader, &root, "registry", &schema::REGISTRY).map(|s| registry(reader, path, &s)).unwrap_or_default();
    let defaults = named(reader, &root, "defaults", &schema::DEFAULTS).map(|s| defaults(reader, &s)).unwrap_or_default();
    let debian = named(reader, &root, "debian", &schema::DEBIAN).map(|s| debian::settings(reader, &s)).unwrap_or_default();
    let nix = named(reader, &root, "nix", &schema::NIX).map(|s| nix(reader, &s)).unwrap_or_default();
    let lines = Lines::new(text);
    let containers = containers(reader, &lines, &root, &defaults);
    let waivers = waiver::waivers(reader, &root, &lines);
    Catalog { path: path.to_path_buf(), registry, debian, nix, base: defaults.base, containers, waivers }
}

fn named<'t, 'i>(reader: &mut Reader, root: &Section<'t, 'i>, key: &str, keys: &'static schema::Table) -> Option<Section<'t, 'i>> {
    let value = root.get(key)?;
    reader.table(value, &format!("[{key}]"), keys)
}

fn registry(reader: &mut Reader, path: &Path, section: &Section) -> RegistrySettings {
    let folder = path.parent().unwrap_or(Path::new(""));
    let rule = |path: &str| if path.is_empty() { check::source_path(path) } else { Ok(()) };
    let mut file = |key| reader.text(section, key, rule).map(|name| folder.join(name));
    let (ca, client_cert, client_key) = (file("ca"), file("client-cert"), file("client-key"));
    for (one, other) in [("client-cert", "client-key"), ("client-key", "client-cert")] {
        if let Some(value) = section.get(one).filter(|_| section.get(other).is_none()) {
            let help = format!("name both files: a certificate proves nothing without its key. For example `{other} = …`");
            reader.absence(format!("`{one}` needs `{other}`"), Some(value.span()), &help);
        }
    }
    RegistrySettings {
        ca,
        client_cert,
        client_key,
        insecure: reader.flag(section, "insecure").unwrap_or(false),
        host: reader.address(section, "host", check::host),
        repository: reader.text(section, "repository", check::repository),
        username: section.get("username").and_then(|value| username(reader, section, value)),
        password: section.get("password").and_then(|value| password(reader, value)),
    }
}

fn username(reader: &mut Reader, section: &Section, value: &Spanned<DeValue>) -> Option<Setting> {
    if !value.get_ref().is_table() {
        return reader.text(section, "username", |_| Ok(())).map(Setting::Literal);
    }
    let setting = reader.table(value, "username", &schema::SETTING)?;
    let default = reader.text(&setting, "default", |_| Ok(()));
    let variable = environment(reader, &setting, value, "username")?;
    Some(Setting::Environment { variable, default })
}

fn password(reader: &mut Reader, value: &Spanned<DeValue>) -> Option<Secret> {
    let help = "name the variable that holds it: `password = { env = \"GITHUB_TOKEN\" }`; if this one was ever committed, revoke it";
    if value.get_ref().is_str() {
        reader.secrets.push(value.span());
        let message = "a password does not belong in this file: it is committed, and secrets stay in the environment";
        reader.problem(message, value.span(), "this is a literal password", Some(help.into()));
        return None;
    }
    let setting = reader.table(value, "password", &schema::SETTING)?;
    if let Some(default) = setting.get("default") {
        reader.secrets.push(default.span());
        let message = "a password has no default: the file is committed, and secrets stay in the environment";
        reader.problem(message, default.span(), "this is a literal password", Some(help.into()));
    }
    environment(reader, &setting, value, "password").map(|variable| Secret { variable })
}

fn environment(reader: &mut Reader, setting: &Section, value: &Spanned<DeValue>, shown: &str) -> Option<String> {
    if setting.get("env").is_none() {
        let help = format!("for example `{shown} = {{ env = \"GITHUB_ACTOR\" }}`");
        reader.absence(format!("`{shown}` names no environment variable"), Some(value.span()), &help);
    }
    reader.text(setting, "env", check::variable)
}

fn defaults(reader: &mut Reader, section: &Section) -> Defaults {
    let standard = Defaults::default();
    let base = reader.list(section, "base", check::debian_package);
    Defaults {
        builder: entry::builder(reader, section).unwrap_or(standard.builder),
        targets: entry::targets(reader, section).unwrap_or(standard.targets),
        base: base.map_or(standard.base, |list| entry::strings(Some(list))),
        compression: entry::compression(reader, section).unwrap_or(standard.compression),
        layers: entry::layers(reader, section),
        env: entry::env(reader, section),
        labels: entry::labels(reader, section, "labels"),
        annotations: entry::labels(reader, section, "annotations"),
    }
}

fn nix(reader: &mut Reader, section: &Section) -> NixSettings {
    NixSettings {
        flake: reader.text(section, "flake", |_| Ok(())).unwrap_or_else(|| NixSettings::default().flake),
        builders: entry::strings(reader.list(section, "builders", |_| Ok(()))),
        extra_args: reader.words(section, "extra-args").unwrap_or_default(),
    }
}

fn containers(reader: &mut Reader, lines: &Lines, root: &Section, defaults: &Defaults) -> Vec<Container> {
    let entries = reader.entries(root, "containers");
    let missing = root.get("containers").is_none_or(|value| value.get_ref().as_table().is_some_and(|table| table.is_empty()));
    // A flake may say which there are.
    if missing && defaults.builder != BuilderKind::Nix {
        let help = "`catamaran add ripgrep` defines one; or write it yourself, for example\n\n[containers.rg]\npackages = [\"ripgrep\"]";
        reader.absence(NO_CONTAINERS, root.get("containers").map(Spanned::span), help);
    }
    let mut out: Vec<Container> = Vec::new();
    for (key, value) in entries {
        let Some(container) = entry::container(reader, &key, lines, value, defaults) else { continue };
        match out.iter().find(|c| c.name == container.name) {
            Some(first) => {
                let message = format!("two containers are called `{}`", container.name);
                let help = Some(format!("the first is on line {}; rename one", first.line));
                reader.problem(message, key.span(), "again here", help);
            }
            None => out.push(container),
        }
    }
    out
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
