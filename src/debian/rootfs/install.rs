//! Installs packages into a root, as far as that means anything in an image.

use std::sync::Arc;

use super::super::script::Emulations;
use super::super::segment::Segment;
use super::generated::Additions;
use super::{
    Root, base_files, ca_certificates, desktop_database, graphviz, gsettings, hygiene, java_keystore, ld_cache, libc, metadata, mime, pam,
    passwd, shells, tzdata, usr_merge,
};
use crate::Result;
use crate::image::{ScriptClass, ScriptOutcome};

type Rule = fn(&Root, &mut Additions);

/// What is there before any script runs.
const FIRST: [Rule; 5] = [usr_merge::generate, base_files::generate, passwd::generate, tzdata::generate, libc::generate];
/// What is made from the whole system once every script is done.
const LAST: [Rule; 11] = [
    ca_certificates::generate,
    java_keystore::generate,
    ld_cache::generate,
    pam::generate,
    shells::generate,
    gsettings::generate,
    desktop_database::generate,
    mime::generate,
    graphviz::generate,
    metadata::generate,
    hygiene::generate,
];

/// The root of `own` packages on top of `below`.
pub(in super::super) fn install(below: Option<&Root>, own: &[Arc<Segment>], emulations: &Emulations) -> Result<Root> {
    let mut root = below.cloned().unwrap_or_default();
    root.remarks.clear();
    let mut own = own.to_vec();
    own.sort_by(|a, b| a.package.cmp(&b.package));
    root.unpack(&own)?;
    root.follow(&FIRST);
    root.read_accounts(false);
    root.run_scripts(&own, emulations);
    root.settle()?;
    root.follow(&LAST);
    root.fill_parents(own.iter().map(|segment| segment.newest).max().unwrap_or(0));
    let missing = root.scripts.iter().filter(|outcome| outcome.class == ScriptClass::Missing);
    let missing: Vec<String> = missing.map(remark).collect();
    root.remarks.extend(missing);
    // What was said of the layer below is not said again.
    if let Some(below) = below {
        root.remarks.retain(|remark| !below.remarks.contains(remark));
    }
    Ok(root)
}

/// What a script would have done and nobody did, in a line.
fn remark(outcome: &ScriptOutcome) -> String {
    let more = match outcome.missing.len() {
        0 | 1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let (command, why) = outcome.missing.first().map_or(("", "it was not understood"), |(command, why)| (command, why));
    format!("{} {}: not done: `{command}`: {why}{more}", outcome.package, outcome.script)
}

impl Root {
    fn follow(&mut self, rules: &[Rule]) {
        for rule in rules {
            let mut additions = Additions::default();
            rule(self, &mut additions);
            self.add(additions);
        }
    }
}
