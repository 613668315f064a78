//! Reads one entry of `[containers]`.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::check::{self, Checked};
use super::reader::{Lines, Reader, Section, Text};
use super::schema;
use super::waiver;
use super::{Architecture, BuilderKind, Container, ContainerName, FileContent, LayerCompression, LocalFile, PathTemplate, near};

/// What `[defaults]` says about every container.
pub(super) struct Defaults {
    pub builder: BuilderKind,
    pub targets: Vec<Architecture>,
    pub base: Vec<String>,
    pub compression: LayerCompression,
    pub layers: Option<u32>,
    pub env: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

impl Default for Defaults {
    /// As in the reference system: both common architectures, and a base of a shell and the coreutils.
    fn default() -> Self {
        Defaults {
            builder: BuilderKind::Debian,
            targets: vec![Architecture::X86_64, Architecture::Aarch64],
            base: vec!["bash".into(), "coreutils".into()],
            compression: LayerCompression::default(),
            layers: None,
            env: BTreeMap::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }
}

/// Reads the entry `key`; problems are noted in `reader`, and what could be read is returned.
pub(super) fn container(
    reader: &mut Reader,
    key: &Text,
    lines: &Lines,
    value: &Spanned<DeValue>,
    defaults: &Defaults,
) -> Option<Container> {
    let shown = format!("[containers.{}]", check::shorten(key.get_ref()));
    let section = reader.table(value, &shown, &schema::CONTAINER)?;
    let name = match reader.text(&section, "name", container_name) {
        Some(name) => Some(name),
        None if section.get("name").is_some() => None,
        None => reader.check(container_name(key.get_ref()), &key.span()).then(|| key.get_ref().clone()),
    };
    let builder = builder(reader, &section).unwrap_or(defaults.builder);
    let targets = targets(reader, &section).unwrap_or_else(|| defaults.targets.clone());
    let (debian_packages, nix_packages) = packages(reader, &section, key, builder);
    let entrypoint = entrypoint(reader, &section);
    let cmd = reader.words(&section, "cmd").unwrap_or_default();
    // A container's own word counts more than the defaults'.
    let over = |defaults: &BTreeMap<String, String>, own| defaults.clone().into_iter().chain(own).collect();
    let env = over(&defaults.env, self::env(reader, &section));
    let labels = over(&defaults.labels, self::labels(reader, &section, "labels"));
    let annotations = over(&defaults.annotations, self::labels(reader, &section, "annotations"));
    let user = reader.text(&section, "user", check::user);
    let workdir = reader.text(&section, "workdir", check::absolute_path);
    let ports = reader.list(&section, "expose", |p| check::port(p).map(drop)).unwrap_or_default();
    let mut expose: Vec<String> = ports.iter().filter_map(|p| check::port(p.get_ref()).ok()).collect();
    expose.dedup();
    let volumes = strings(reader.list(&section, "volumes", check::absolute_path));
    let links = links(reader, &section);
    let files = files(reader, &section);
    let compression = compression(reader, &section).unwrap_or(defaults.compression);
    let layers = layers(reader, &section).or(defaults.layers);
    let test = reader.words(&section, "test").unwrap_or_else(|| vec!["--help".into()]);
    let waivers = waiver::waivers(reader, &section, lines);
    let name = ContainerName::new(name?);
    Some(Container {
        builder,
        targets,
        debian_packages,
        nix_packages,
        entrypoint: entrypoint.unwrap_or_else(|| vec![name.to_string()]),
        cmd,
        env,
        labels,
        annotations,
        user,
        workdir,
        expose,
        volumes,
        links,
        files,
        compression,
        layers,
        test,
        waivers,
        line: lines.of(key.span().start),
        span: key.span(),
        name,
    })
}

/// `builder`, of a container or of the defaults.
pub(super) fn builder(reader: &mut Reader, section: &Section) -> Option<BuilderKind> {
    let known = |word: &str| match word {
        "debian" => Some(BuilderKind::Debian),
        "nix" => Some(BuilderKind::Nix),
        _ => None,
    };
    let word = reader.text(section, "builder", |word| {
        if known(word).is_some() {
            return Ok(());
        }
        let help = match near(word, ["debian", "nix"]) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "there are `debian` and `nix`".into(),
        };
        Err(check::Fault { message: format!("unknown builder `{}`", check::shorten(word)), help: Some(help) })
    })?;
    known(&word)
}

/// `layers`, of a container or of the defaults. Engines take up to 127.
pub(super) fn layers(reader: &mut Reader, section: &Section) -> Option<u32> {
    reader.number(section, "layers", 2..=100)
}

/// `compression`, of a container or of the defaults.
pub(super) fn compression(reader: &mut Reader, section: &Section) -> Option<LayerCompression> {
    let known = |word: &str| match word {
        "gzip" => Some(LayerCompression::Gzip),
        "zstd" => Some(LayerCompression::Zstd),
        _ => None,
    };
    let word = reader.text(section, "compression", |word| {
        if known(word).is_some() {
            return Ok(());
        }
        let help = match near(word, ["gzip", "zstd"]) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "there are `gzip`, which everything reads, and `zstd`, which is smaller and faster".into(),
        };
        Err(check::Fault { message: format!("unknown compression `{}`", check::shorten(word)), help: Some(help) })
    })?;
    known(&word)
}

/// `targets`, of a container or of the defaults: architectures by any of their names, none twice, at least one.
pub(super) fn targets(reader: &mut Reader, section: &Section) -> Option<Vec<Architecture>> {
    let words = reader.list(section, "targets", |word| {
        let Err(error) = word.parse::<Architecture>() else { return Ok(()) };
        let help = match error.near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", Architecture::ALL.map(|a| a.name()).join(", ")),
        };
        Err(check::Fault { message: format!("unknown architecture `{}`", check::shorten(word)), help: Some(help) })
    })?;
    let mut targets: Vec<Architecture> = Vec::new();
    for word in &words {
        let Ok(architecture) = word.get_ref().parse() else { continue };
        if targets.contains(&architecture) {
            let message = format!("`{}` is {architecture}, which is listed already", word.get_ref());
            reader.problem(message, word.span(), "", Some("name it once".into()));
        } else {
            targets.push(architecture);
        }
    }
    let empty = section.get("targets").filter(|v| v.get_ref().as_array().is_some_and(|a| a.is_empty()));
    if let Some(value) = empty {
        reader.problem("`targets` is empty", value.span(), "", Some("for example `targets = [\"x86_64\", \"aarch64\"]`".into()));
    }
    Some(targets)
}

/// `packages`: the lists for Debian and for Nix. One list serves both, as far as its names are possible in both worlds.
fn packages(reader: &mut Reader, section: &Section, key: &Text, builder: BuilderKind) -> (Vec<String>, Vec<String>) {
    let Some(value) = section.get("packages") else {
        // `pakages` has been noted; that there are no `packages` follows from it.
        if section
            .table
            .keys()
            .any(|k| schema::CONTAINER.get(k.get_ref()).is_none() && schema::CONTAINER.advice(k.get_ref()).contains("`packages`?"))
        {
            return (Vec::new(), Vec::new());
        }
        let message = format!("container `{}` has no packages", check::shorten(key.get_ref()));
        reader.absence(message, Some(key.span()), "say what to install: `packages = [\"ripgrep\"]`");
        return (Vec::new(), Vec::new());
    };
    let rule = |kind| match kind {
        BuilderKind::Debian => check::debian_package as fn(&str) -> Checked,
        BuilderKind::Nix => check::nix_package,
    };
    let before = reader.problems.len();
    let (debian, nix) = if value.get_ref().is_table() {
        let Some(table) = reader.table(value, "packages", &schema::PACKAGES) else { return (Vec::new(), Vec::new()) };
        let debian = strings(reader.list(&table, "debian", rule(BuilderKind::Debian)));
        (debian, strings(reader.list(&table, "nix", rule(BuilderKind::Nix))))
    } else {
        let list = strings(reader.list(section, "packages", rule(builder)));
        let usable = |kind| if list.iter().all(|p| rule(kind)(p).is_ok()) { list.clone() } else { Vec::new() };
        (usable(BuilderKind::Debian), usable(BuilderKind::Nix))
    };
    let (mine, word) = match builder {
        BuilderKind::Debian => (&debian, "debian"),
        BuilderKind::Nix => (&nix, "nix"),
    };
    // A list whose every name was refused is not also empty.
    if mine.is_empty() && reader.problems.len() == before {
        let message = format!("container `{}` has no packages for the {word} builder", check::shorten(key.get_ref()));
        reader.problem(message, value.span(), "", Some("name at least one: `packages = [\"ripgrep\"]`".into()));
    }
    (debian, nix)
}

/// `entrypoint`: a command of the image's PATH or an absolute path, then its fixed arguments.
fn entrypoint(reader: &mut Reader, section: &Section) -> Option<Vec<String>> {
    let words = reader.words(section, "entrypoint")?;
    let span = section.get("entrypoint")?.span();
    let (message, help) = match words.first() {
        None => ("`entrypoint` is empty".to_owned(), "name a command, or leave it out: the default is the container's name".to_owned()),
        Some(first) if first.is_empty() => ("`entrypoint` names no command".to_owned(), "for example `entrypoint = \"rg\"`".to_owned()),
        Some(first) if first.contains('/') && !first.starts_with('/') => {
            let shown = check::shorten(first);
            (format!("`{shown}` is neither a command nor an absolute path"), format!("write `/{shown}`, or the command's name alone"))
        }
        Some(_) => return Some(words),
    };
    reader.problem(message, span, "", Some(help));
    None
}

/// `links`: path in the image → what the link says.
fn links(reader: &mut Reader, section: &Section) -> BTreeMap<String, String> {
    let mut links = BTreeMap::new();
    for (path, target) in reader.map(section, "links", check::absolute_path) {
        if target.get_ref().is_empty() || target.get_ref().contains('\n') {
            let help = Some("for example `links = { \"/usr/bin/fd\" = \"fdfind\" }`".to_owned());
            reader.problem("a link must point to a path", target.span(), "", help);
        } else {
            links.insert(path.into_inner(), target.into_inner());
        }
    }
    links
}

/// `files`: an array of `{ from | text, to, mode, owner }`.
fn files(reader: &mut Reader, section: &Section) -> Vec<LocalFile> {
    let mut files: Vec<LocalFile> = Vec::new();
    for value in reader.tables(section, "files") {
        let Some(table) = reader.table(value, "files", &schema::FILE) else { continue };
        let from = reader.text(&table, "from", check::source_path).and_then(|from| PathTemplate::parse(&from).ok()).map(FileContent::From);
        let text = reader.text(&table, "text", |_| Ok(())).map(FileContent::Text);
        let to = reader.text(&table, "to", check::absolute_path);
        let mode = reader.text(&table, "mode", |m| check::mode(m).map(drop)).and_then(|m| check::mode(&m).ok());
        let owner = reader.text(&table, "owner", check::user);
        if table.get("to").is_none() {
            reader.absence("an entry of `files` does not say where `to`", Some(value.span()), "for example `to = \"/etc/app.conf\"`");
        }
        if table.get("from").is_some() == table.get("text").is_some() {
            let help = "for example `{ from = \"app.conf\", to = \"/etc/app.conf\" }`".to_owned();
            reader.problem("an entry of `files` needs either `from` or `text`", value.span(), "", Some(help));
        }
        let (Some(content), Some(to)) = (from.or(text), to) else { continue };
        if to == "/" && matches!(content, FileContent::Text(_)) {
            reader.problem("`/` is a folder", value.span(), "", Some("name the file: `to = \"/etc/app.conf\"`".into()));
        } else if files
            .iter()
            .any(|f| f.to == to && matches!((&f.content, &content), (FileContent::Text(_), _) | (_, FileContent::Text(_))))
        {
            reader.problem(format!("two entries of `files` go to `{}`", check::shorten(&to)), value.span(), "", Some("remove one".into()));
        } else {
            files.push(LocalFile { content, to, mode, owner });
        }
    }
    files
}

fn container_name(name: &str) -> Checked {
    let Some(problem) = ContainerName::problem(name) else { return Ok(()) };
    let lower = name.to_lowercase().replace([' ', '/'], "-");
    let help = ContainerName::problem(&lower).is_none().then(|| format!("write `{}`", check::shorten(&lower)));
    Err(check::Fault { message: format!("`{}` cannot be a container's name: {problem}", check::shorten(name)), help })
}

/// `env`, of a container or of the defaults.
pub(super) fn env(reader: &mut Reader, section: &Section) -> BTreeMap<String, String> {
    pairs(reader.map(section, "env", check::image_variable))
}

/// `labels` or `annotations`, of a container or of the defaults.
pub(super) fn labels(reader: &mut Reader, section: &Section, key: &str) -> BTreeMap<String, String> {
    pairs(reader.map(section, key, check::label))
}

fn pairs(entries: Vec<(Text, Text)>) -> BTreeMap<String, String> {
    entries.into_iter().map(|(key, value)| (key.into_inner(), value.into_inner())).collect()
}

/// The texts of a list, without where they stand.
pub(super) fn strings(list: Option<Vec<Text>>) -> Vec<String> {
    list.unwrap_or_default().into_iter().map(Spanned::into_inner).collect()
}
