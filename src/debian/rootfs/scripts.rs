//! Evaluates maintainer scripts and triggers against the root, in the order dpkg would run them (R18).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::script::{Call, Class, Effect, Emulations, Reaction, System, Trigger, Unhandled, evaluate, reaction, triggers};
use super::super::segment::Segment;
use super::super::segment::canonical::canonical;
use super::before_unpack::BeforeUnpack;
use super::order::configuration_order;
use super::{Content, Root};
use crate::image::{ScriptClass, ScriptOutcome};

impl Root {
    /// What the scripts of `own` would do, and the triggers they set off.
    pub(super) fn run_scripts(&mut self, own: &[Arc<Segment>], emulations: &Emulations) {
        let first = self.segments.len() - own.len();
        self.triggers.clear();
        let order = configuration_order(own);
        for (script, arguments) in [("preinst", &["install"][..]), ("postinst", &["configure", ""])] {
            for index in &order {
                self.run_script(&own[*index], script, arguments, emulations);
            }
        }
        let mut done = BTreeSet::new();
        let mut activated = self.activated(first);
        // Scripts that are called may set off more.
        while !activated.is_empty() {
            for (package, names) in activated {
                let Some(segment) = self.package(&package) else { continue };
                let new = names.into_iter().filter(|name| done.insert((package.clone(), name.clone())));
                // What a trigger comes to is mostly known; for the others the script says what it does about them.
                let unknown: Vec<String> = new.filter(|name| !self.react(&segment, name)).collect();
                if !unknown.is_empty() {
                    self.run_script(&segment, "postinst", &["triggered", &unknown.join(" ")], emulations);
                }
            }
            let explicit = std::mem::take(&mut self.triggers);
            activated = self.waiting(|name| sets_off(&explicit, name));
        }
    }

    /// Does what is known to come of the trigger `name` of `segment`; false when nothing is known of it.
    fn react(&mut self, segment: &Segment, name: &str) -> bool {
        let evaluated = match reaction(name) {
            Reaction::Unknown => return false,
            Reaction::Nothing(_) => (Class::NoOp, Vec::new()),
            Reaction::Generator(generator) => match self.apply(Effect::Generator(generator)) {
                Ok(()) => (Class::Emulated, Vec::new()),
                Err(why) => (Class::Unhandled, vec![Unhandled { command: generator.to_owned(), why }]),
            },
        };
        let sha256 = segment.scripts.get("triggers").map(|triggers| triggers.sha256.0.hex()).unwrap_or_default();
        self.note(segment, format!("trigger {name}"), sha256, evaluated);
        true
    }

    fn run_script(&mut self, segment: &Segment, script: &str, arguments: &[&str], emulations: &Emulations) {
        let Some(found) = segment.scripts.get(script) else { return };
        self.mtime = segment.newest;
        let evaluated = match &found.text {
            Some(text) => {
                let (package, version) = (&segment.package, &segment.version);
                let call = Call { package, version, script, text: text.as_bytes(), arguments };
                let evaluation = match script {
                    "preinst" => evaluate(&call, &mut BeforeUnpack::new(self, package), emulations),
                    _ => evaluate(&call, self, emulations),
                };
                (evaluation.class, evaluation.unhandled)
            }
            None => {
                let why = "it is a compiled program".to_owned();
                (Class::Unhandled, vec![Unhandled { command: format!("{} {script}", segment.package), why }])
            }
        };
        let name = match arguments {
            ["triggered", names] => format!("{script} triggered {names}"),
            _ => script.to_owned(),
        };
        self.note(segment, name, found.sha256.0.hex(), evaluated);
    }

    fn note(&mut self, segment: &Segment, script: String, sha256: String, (class, unhandled): (Class, Vec<Unhandled>)) {
        self.scripts.push(ScriptOutcome {
            package: segment.package.clone(),
            version: segment.version.clone(),
            script,
            sha256,
            class: match class {
                Class::NoOp => ScriptClass::NoOp,
                Class::Emulated => ScriptClass::Done,
                Class::Unhandled => ScriptClass::Missing,
            },
            missing: unhandled.into_iter().map(|unhandled| (unhandled.command, unhandled.why)).collect(),
        });
    }

    /// The triggers that the segments from `first` on set off, by the package that waits for them (deb-triggers(5)): explicit
    /// ones, of their own or by a script, and files they bring at or below a path.
    fn activated(&mut self, first: usize) -> BTreeMap<String, BTreeSet<String>> {
        let mut explicit = std::mem::take(&mut self.triggers);
        let own = self.segments[first..].iter().flat_map(lines).filter(|trigger| !trigger.interest);
        explicit.extend(own.map(|trigger| trigger.name));
        let mut activated = self.waiting(|name| sets_off(&explicit, name));
        for segment in self.packages() {
            for name in interests(segment) {
                if name.strip_prefix('/').is_some_and(|path| self.brings(&canonical(path), first, &segment.package)) {
                    activated.entry(segment.package.clone()).or_default().insert(name);
                }
            }
        }
        activated
    }

    /// The triggers that `is_active`, by the package that waits for them.
    fn waiting(&self, is_active: impl Fn(&str) -> bool) -> BTreeMap<String, BTreeSet<String>> {
        let mut waiting: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for segment in self.packages() {
            for name in interests(segment).filter(|name| is_active(name)) {
                waiting.entry(segment.package.clone()).or_default().insert(name);
            }
        }
        waiting
    }

    /// Whether a segment from `first` on other than `but` has something at or below `path`.
    fn brings(&self, path: &str, first: usize, but: &str) -> bool {
        let at = self.nodes.get_key_value(path);
        at.into_iter().chain(self.below(path)).any(|(_, node)| {
            matches!(node.content, Content::Packaged { segment, .. } if segment >= first && self.segments[segment].package != but)
        })
    }
}

fn lines(segment: &Arc<Segment>) -> Vec<Trigger> {
    triggers(segment.scripts.get("triggers").and_then(|triggers| triggers.text.as_deref()).unwrap_or_default())
}

/// The triggers that a package waits for.
fn interests(segment: &Arc<Segment>) -> impl Iterator<Item = String> + use<> {
    lines(segment).into_iter().filter(|trigger| trigger.interest).map(|trigger| trigger.name)
}

/// Whether one of `explicit` is the trigger `name`: itself, or a path below it.
fn sets_off(explicit: &BTreeSet<String>, name: &str) -> bool {
    let is_below = |other: &String| other.strip_prefix(name).is_some_and(|rest| name.starts_with('/') && rest.starts_with('/'));
    explicit.contains(name) || explicit.iter().any(is_below)
}
