//! `doctor`: container engines, which `load`, `test` and `docker-daemon:` references need, and whether they run what was built for
//! another architecture.

use std::collections::BTreeSet;

use super::doctor::Finding;
use super::engine::Work;
use crate::catalog::{Architecture, Catalog};
use crate::runtime::{Engine, EngineChoice, EngineFacts, emulates, to_run_foreign};
use crate::{Error, Result};

impl Work {
    /// The engine that would be used, Podman if that is another one, and emulators for the catalog's other architectures.
    pub(super) async fn diagnose_engines(&self, catalog: Option<&Catalog>) -> Vec<Finding> {
        let (usual, podman) = tokio::join!(facts(&EngineChoice::Any), facts(&EngineChoice::Podman));
        let mut findings = Vec::new();
        let facts = match usual {
            Ok(facts) => facts,
            Err(error) => {
                let fix = match error.advice() {
                    Some(advice) => format!("only `load`, `test` and docker-daemon:NAME need one: {advice}"),
                    None => "only `load`, `test` and docker-daemon:NAME need one".to_owned(),
                };
                return vec![Finding::skip("container engine", error.message(), fix)];
            }
        };
        findings.push(Finding::pass("container engine", shown(&facts)));
        if let Some(podman) = podman.ok().filter(|podman| !facts.is_podman() && podman.is_podman()) {
            findings.push(Finding::pass("container engine", format!("{}; `--podman` takes it", shown(&podman))));
        }
        let targets: BTreeSet<Architecture> =
            catalog.into_iter().flat_map(|catalog| &catalog.containers).flat_map(|c| c.targets.clone()).collect();
        // Elsewhere engines have a machine of their own, whose emulators nobody sees from here.
        if cfg!(target_os = "linux") && !facts.address.starts_with("tcp:") {
            findings.extend(targets.into_iter().filter_map(|target| foreign(target, &facts.architecture, emulates(target.name()))));
        }
        findings
    }
}

async fn facts(choice: &EngineChoice) -> Result<EngineFacts, Error> {
    Engine::find(choice).await?.facts().await
}

/// `Docker 28.2.2 for amd64 at unix:///var/run/docker.sock`.
fn shown(facts: &EngineFacts) -> String {
    let EngineFacts { product, version, architecture, address } = facts;
    format!("{product} {version} for {architecture} at {address}")
}

/// Whether an engine on a machine for `own` runs `target`; nothing when it is its own.
fn foreign(target: Architecture, own: &str, emulated: bool) -> Option<Finding> {
    if target.oci() == own {
        return None;
    }
    let subject = format!("programs for {target}");
    Some(match emulated {
        true => Finding::pass(subject, "this machine has an emulator that containers reach"),
        false => Finding::skip(
            subject,
            "no emulator that containers reach is registered on this machine: `catamaran test` cannot run them",
            format!("building and verifying never need one; {}", to_run_foreign(target.oci(), target.name())),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Verdict;

    #[test]
    fn only_what_is_foreign_to_the_engine_needs_an_emulator() {
        let judged = |emulated| foreign(Architecture::Aarch64, "amd64", emulated).map(|finding| (finding.verdict, finding.fix.is_some()));
        assert_eq!((judged(true), judged(false)), (Some((Verdict::Pass, false)), Some((Verdict::Skip, true))));
        assert_eq!(foreign(Architecture::X86_64, "amd64", false), None);
    }
}
