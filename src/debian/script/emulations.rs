//! What is done instead of scripts that cannot be evaluated: data, from `emulations.toml` and from the user.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use super::commands::generator;
use super::shell::{Shell, matches};
use super::{Alternative, Call, Effect, ModeChange, Owner};
use crate::catalog::Catalog;
use crate::debian::version;
use crate::error::{Error, IoContext, Result};
use crate::image::Digest;

/// Those that come with the program.
const BUILTIN: &str = include_str!("emulations.toml");
/// Longest file of emulations that is read.
const MAX_FILE: u64 = 1 << 20;

/// A collection of emulations. The built-in one is [`Emulations::builtin`].
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Emulations {
    /// What comes first counts first.
    entries: Vec<Arc<Entry>>,
    /// The digest of the project's own file.
    own: Option<Digest>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    emulation: Vec<Arc<Entry>>,
}

/// One `[[emulation]]`; its keys are described at the head of `emulations.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    package: String,
    script: Option<String>,
    reason: String,
    #[serde(default)]
    sha256: Vec<String>,
    since: Option<String>,
    before: Option<String>,
    #[serde(default)]
    no_op: bool,
    #[serde(default)]
    commands: BTreeSet<String>,
    #[serde(default)]
    answers: BTreeMap<String, String>,
    #[serde(default)]
    generators: Vec<String>,
    #[serde(default)]
    groups: Vec<Group>,
    #[serde(default)]
    users: Vec<User>,
    #[serde(default)]
    directories: Vec<Place>,
    #[serde(default)]
    links: Vec<Link>,
    #[serde(default)]
    files: Vec<File>,
    #[serde(default)]
    modes: Vec<Place>,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default)]
    alternatives: Vec<Choice>,
    #[serde(default)]
    left_out: Vec<LeftOut>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    gid: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    name: String,
    uid: Option<u32>,
    group: Option<String>,
    #[serde(default)]
    gecos: String,
    home: Option<String>,
    shell: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    path: String,
    mode: Option<String>,
    user: Option<String>,
    group: Option<String>,
    #[serde(default)]
    recursive: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    path: String,
    target: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    path: String,
    text: Option<String>,
    from: Option<String>,
    mode: Option<String>,
    user: Option<String>,
    group: Option<String>,
}

/// A row of `update-alternatives --install`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    link: String,
    name: String,
    path: String,
    priority: i64,
}

/// What is not done all the same.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeftOut {
    command: String,
    why: String,
}

/// What applies to one script.
pub(super) struct Emulation {
    /// Commands of the script that do nothing.
    pub no_ops: BTreeSet<String>,
    /// What its `config` answers debconf's questions with.
    pub answers: BTreeMap<String, String>,
    /// What stands for the whole script.
    whole: Option<Arc<Entry>>,
}

impl Emulation {
    /// Does what stands for the whole script; `false` when there is no such thing.
    pub(super) fn replace(&self, shell: &mut Shell<'_>) -> bool {
        let Some(entry) = &self.whole else { return false };
        shell.command = format!("emulation of {} {}: {}", shell.call.package, shell.call.script, entry.reason).into();
        entry.effects().into_iter().for_each(|effect| {
            shell.apply(effect);
        });
        for LeftOut { command, why } in &entry.left_out {
            shell.command = command.as_str().into();
            shell.refuse(why.as_str());
        }
        true
    }
}

impl Emulations {
    /// Those that come with the program.
    pub(in super::super) fn builtin() -> Self {
        // Parsed once: every target that is looked at asks for it. A test parses it, so that what is shipped can be read.
        static PARSED: LazyLock<Emulations> = LazyLock::new(|| Emulations::parse(BUILTIN).unwrap_or_default());
        PARSED.clone()
    }

    /// Reads a collection in the format that the head of `emulations.toml` describes.
    pub(in super::super) fn parse(text: &str) -> Result<Self> {
        let hint = "the keys are described in src/debian/script/emulations.toml";
        let document: Document = toml::from_str(text).map_err(|error| Error::usage("reading emulations").source(error).hint(hint))?;
        for entry in &document.emulation {
            entry.check().map_err(|what| Error::usage(format!("the emulation of {}: {what}", entry.package)).hint(hint))?;
        }
        Ok(Emulations { entries: document.emulation, own: None })
    }

    /// Those that come with the program and those of the project (`emulations` under `[debian]`), whose word counts first.
    ///
    /// # Errors
    /// A usage error when the project's file cannot be read or understood.
    pub(in super::super) fn of(catalog: &Catalog) -> Result<Self> {
        let builtin = Self::builtin();
        let Some(path) = catalog.debian.emulations.as_ref().map(|path| catalog.folder().join(path)) else { return Ok(builtin) };
        let mut text = String::new();
        let file = std::fs::File::open(&path).at("reading", &path)?;
        file.take(MAX_FILE + 1).read_to_string(&mut text).at("reading", &path)?;
        if text.len() as u64 > MAX_FILE {
            return Err(Error::usage(format!("{} is too large for a file of emulations", path.display())));
        }
        let own = Self::parse(&text).map_err(|error| error.context(path.display()))?;
        Ok(Emulations { own: Some(Digest::of(text.as_bytes())), ..builtin.with(own) })
    }

    /// These and `other`, whose word counts first.
    fn with(self, other: Emulations) -> Self {
        Emulations { entries: other.entries.into_iter().chain(self.entries).collect(), own: self.own }
    }

    /// The digest of the project's file, if it has one: it decides what an image holds.
    pub(in super::super) fn own(&self) -> Option<Digest> {
        self.own
    }

    /// What applies to the script of `call`.
    pub(super) fn fitting(&self, call: &Call<'_>) -> Emulation {
        let fitting: Vec<&Arc<Entry>> = self.entries.iter().filter(|entry| entry.fits(call)).collect();
        Emulation {
            no_ops: fitting.iter().flat_map(|entry| entry.commands.iter().cloned()).collect(),
            // The first one's word counts.
            answers: fitting.iter().rev().flat_map(|entry| entry.answers.clone()).collect(),
            whole: fitting.into_iter().find(|entry| entry.is_whole()).cloned(),
        }
    }
}

impl Entry {
    fn fits(&self, call: &Call<'_>) -> bool {
        let hash = || Digest::of(call.text).hex();
        matches(&self.package, call.package)
            && self.script.as_deref().is_none_or(|script| script == call.script)
            && self.since.as_deref().is_none_or(|since| version::compare(call.version, since).is_ge())
            && self.before.as_deref().is_none_or(|before| version::compare(call.version, before).is_lt())
            && (self.sha256.is_empty() || self.sha256.contains(&hash()))
    }

    /// Whether it stands for the whole script.
    fn is_whole(&self) -> bool {
        self.no_op || self.has_effects()
    }

    fn has_effects(&self) -> bool {
        !(self.generators.is_empty()
            && self.groups.is_empty()
            && self.users.is_empty()
            && self.directories.is_empty()
            && self.links.is_empty()
            && self.files.is_empty()
            && self.modes.is_empty()
            && self.alternatives.is_empty()
            && self.left_out.is_empty()
            && self.remove.is_empty())
    }

    fn check(&self) -> std::result::Result<(), String> {
        if self.no_op && self.has_effects() {
            return Err("`no-op` says that nothing is done, and then something is".into());
        }
        if !self.is_whole() && self.commands.is_empty() && self.answers.is_empty() {
            return Err("it says neither `no-op`, `commands`, `answers` nor what to do".into());
        }
        if let Some(script) = self.script.as_deref().filter(|s| !matches!(*s, "preinst" | "postinst")) {
            return Err(format!("`script` is `preinst` or `postinst`, not `{script}`"));
        }
        if let Some(name) = self.generators.iter().find(|name| generator(name).is_none()) {
            return Err(format!("there is no generator `{name}`"));
        }
        if let Some(file) = self.files.iter().find(|file| file.text.is_some() == file.from.is_some()) {
            return Err(format!("{} needs either `text` or `from`", file.path));
        }
        let places = self.directories.iter().chain(&self.modes).map(|place| (&place.path, &place.mode));
        let files = self.files.iter().map(|file| (&file.path, &file.mode));
        for (path, mode) in places.chain(files).chain(self.links.iter().map(|link| (&link.path, &None))) {
            if !path.starts_with('/') {
                return Err(format!("`{path}` does not begin with `/`"));
            }
            if mode.as_deref().is_some_and(|mode| u32::from_str_radix(mode, 8).is_err()) {
                return Err(format!("the mode of {path} is no octal number"));
            }
        }
        let alternatives = self.alternatives.iter().flat_map(|choice| [&choice.link, &choice.path]);
        match self.remove.iter().chain(alternatives).find(|path| !path.starts_with('/')) {
            Some(path) => Err(format!("`{path}` does not begin with `/`")),
            None => Ok(()),
        }
    }

    fn effects(&self) -> Vec<Effect> {
        let octal = |mode: &Option<String>| mode.as_deref().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        let owner = |user: &Option<String>, group: &Option<String>| Owner { user: user.clone(), group: group.clone() };
        let mut effects = Vec::new();
        effects.extend(self.groups.iter().map(|group| Effect::Group { name: group.name.clone(), gid: group.gid }));
        for user in &self.users {
            effects.push(Effect::User {
                name: user.name.clone(),
                uid: user.uid,
                group: user.group.clone(),
                gecos: user.gecos.clone(),
                home: user.home.clone().unwrap_or_else(|| "/nonexistent".into()),
                shell: user.shell.clone().unwrap_or_else(|| "/usr/sbin/nologin".into()),
                make_home: false,
            });
            effects.extend(user.groups.iter().map(|group| Effect::Member { user: user.name.clone(), group: group.clone() }));
        }
        effects.extend(self.remove.iter().map(|path| Effect::Remove { path: path.clone(), recursive: true }));
        effects.extend(self.directories.iter().map(|place| Effect::Directory {
            path: place.path.clone(),
            mode: octal(&place.mode),
            owner: owner(&place.user, &place.group),
            parents: true,
        }));
        effects.extend(self.links.iter().map(|link| Effect::Link { path: link.path.clone(), target: link.target.clone(), force: true }));
        effects.extend(self.files.iter().map(|file| {
            let (mode, owner, path) = (octal(&file.mode), owner(&file.user, &file.group), file.path.clone());
            match (&file.from, &file.text) {
                (Some(from), _) => Effect::Copy { from: from.clone(), to: path, mode, owner },
                (None, text) => Effect::File { path, bytes: text.clone().unwrap_or_default().into_bytes(), mode, owner },
            }
        }));
        effects.extend(self.alternatives.iter().map(|Choice { link, name, path, priority }| {
            let (link, name, path) = (link.clone(), name.clone(), path.clone());
            Effect::Alternative(Alternative { link, name, path, priority: *priority, slaves: Vec::new() })
        }));
        for place in &self.modes {
            let (path, recursive) = (place.path.clone(), place.recursive);
            let owner = owner(&place.user, &place.group);
            if owner != Owner::default() {
                effects.push(Effect::Owner { path: path.clone(), owner, recursive, follow: true });
            }
            effects.extend(octal(&place.mode).map(|bits| Effect::Mode { path, change: ModeChange::Bits(bits), recursive }));
        }
        effects.extend(self.generators.iter().filter_map(|name| generator(name)).map(Effect::Generator));
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(package: &'a str, version: &'a str, text: &'a [u8]) -> Call<'a> {
        Call { package, version, script: "postinst", text, arguments: &["configure", ""] }
    }

    #[test]
    fn what_is_shipped_can_be_read() {
        let shipped = Emulations::parse(BUILTIN).unwrap();
        assert_eq!(shipped.entries.len(), BUILTIN.matches("\n[[emulation]]").count());
    }

    #[test]
    fn mistakes_are_named() {
        for (text, word) in [
            ("[[emulation]]\npackage = \"a\"\nreason = \"r\"", "neither"),
            ("[[emulation]]\npackage = \"a\"\nreason = \"r\"\nno-op = true\nremove = [\"/a\"]", "something is"),
            (
                "[[emulation]]\npackage = \"a\"\nreason = \"r\"\nalternatives = [{ link = \"/a\", name = \"a\", path = \"b\", priority = 1 }]",
                "begin with",
            ),
            ("[[emulation]]\npackage = \"a\"\nreason = \"r\"\nremove = [\"a\"]", "begin with"),
            ("[[emulation]]\npackage = \"a\"\nreason = \"r\"\ngenerators = [\"x\"]", "no generator"),
            ("[[emulation]]\npackage = \"a\"\nreason = \"r\"\nmodes = [{ path = \"/a\", mode = \"9\" }]", "octal"),
            ("[[emulation]]\npackage = \"a\"\nreason = \"r\"\nno-op = true\nscript = \"prerm\"", "preinst"),
            ("[[emulation]]\npackage = \"a\"\nreason = \"r\"\nfiles = [{ path = \"/a\" }]", "either"),
            ("[[emulation]]\nname = \"a\"", "unknown field"),
        ] {
            let error = Emulations::parse(text).unwrap_err();
            assert!(error.message().contains(word), "{text}\n{}", error.message());
        }
    }

    #[test]
    fn guards_decide_and_the_user_counts_first() {
        let text = "[[emulation]]\npackage = \"lib*\"\nreason = \"r\"\nno-op = true\nsince = \"1\"\nbefore = \"2\"";
        let ours = Emulations::parse(text).unwrap();
        assert!(ours.fitting(&call("liba", "1.5", b"")).whole.is_some());
        assert!(ours.fitting(&call("liba", "2", b"")).whole.is_none());
        assert!(ours.fitting(&call("a", "1.5", b"")).whole.is_none());
        let hash = Digest::of(b"x").hex();
        let theirs = format!("[[emulation]]\npackage = \"liba\"\nreason = \"mine\"\nsha256 = [\"{hash}\"]\nremove = [\"/a\"]");
        let both = ours.with(Emulations::parse(&theirs).unwrap());
        assert_eq!(both.fitting(&call("liba", "1.5", b"x")).whole.unwrap().reason, "mine");
        assert_eq!(both.fitting(&call("liba", "1.5", b"y")).whole.unwrap().reason, "r");
    }
}
