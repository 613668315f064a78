//! Evaluates maintainer scripts and triggers against the root, in the order dpkg would run them (R18).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use super::super::script::{Call, Class, Emulations, Unhandled, evaluate};
use super::super::segment::Segment;
use super::super::segment::canonical::canonical;
use super::order::configuration_order;
use super::{Content, Root};
use crate::image::{ScriptClass, ScriptOutcome};

static EMULATIONS: LazyLock<Emulations> = LazyLock::new(Emulations::builtin);

impl Root {
    /// What the scripts of `own` would do, and the triggers they set off.
    pub(super) fn run_scripts(&mut self, own: &[Arc<Segment>]) {
        let first = self.segments.len() - own.len();
        let order = configuration_order(own);
        for (script, arguments) in [("preinst", &["install"][..]), ("postinst", &["configure", ""])] {
            for index in &order {
                self.run_script(&own[*index], script, arguments);
            }
        }
        for (package, triggers) in self.activated(first) {
            let names = triggers.into_iter().collect::<Vec<_>>().join(" ");
            if let Some(segment) = self.package(&package) {
                self.run_script(&segment, "postinst", &["triggered", &names]);
            }
        }
    }

    fn run_script(&mut self, segment: &Segment, script: &str, arguments: &[&str]) {
        let Some(found) = segment.scripts.get(script) else { return };
        self.mtime = segment.newest;
        let (class, unhandled) = match &found.text {
            Some(text) => {
                let (package, version) = (&segment.package, &segment.version);
                let call = Call { package, version, script, text: text.as_bytes(), arguments };
                let evaluation = evaluate(&call, self, &EMULATIONS);
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
        self.scripts.push(ScriptOutcome {
            package: segment.package.clone(),
            version: segment.version.clone(),
            script: name,
            sha256: found.sha256.0.hex(),
            class: match class {
                Class::NoOp => ScriptClass::NoOp,
                Class::Emulated => ScriptClass::Done,
                Class::Unhandled => ScriptClass::Missing,
            },
            missing: unhandled.into_iter().map(|unhandled| (unhandled.command, unhandled.why)).collect(),
        });
    }

    /// The triggers that the segments from `first` on set off, by the package that waits for them (deb-triggers(5)): explicit
    /// ones, and files they bring at or below a path.
    fn activated(&self, first: usize) -> BTreeMap<String, BTreeSet<String>> {
        let lines = |segment: &Arc<Segment>| -> Vec<(String, String)> {
            let text = segment.scripts.get("triggers").and_then(|triggers| triggers.text.as_deref()).unwrap_or_default();
            let words = text.lines().filter_map(|line| line.split('#').next()?.trim().split_once([' ', '\t']));
            words.map(|(directive, name)| (directive.to_owned(), name.trim().to_owned())).collect()
        };
        let explicit: BTreeSet<String> = self.segments[first..]
            .iter()
            .flat_map(lines)
            .filter(|(directive, _)| directive.starts_with("activate"))
            .map(|(_, name)| name)
            .collect();
        let mut activated: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for segment in self.packages() {
            for (_, name) in lines(segment).into_iter().filter(|(directive, _)| directive.starts_with("interest")) {
                let is_active = match name.strip_prefix('/') {
                    Some(path) => self.brings(&canonical(path), first, &segment.package),
                    None => explicit.contains(&name),
                };
                if is_active {
                    activated.entry(segment.package.clone()).or_default().insert(name);
                }
            }
        }
        activated
    }

    /// Whether a segment from `first` on other than `but` has something at or below `path`.
    fn brings(&self, path: &str, first: usize, but: &str) -> bool {
        let at = self.nodes.get_key_value(path);
        at.into_iter().chain(self.below(path)).any(|(_, node)| {
            matches!(node.content, Content::Packaged { segment, .. } if segment >= first && self.segments[segment].package != but)
        })
    }
}
