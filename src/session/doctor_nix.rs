//! `doctor`: what the nix builder needs.

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::future::join_all;

use super::command::VmCache;
use super::doctor::Finding;
use super::engine::Work;
use super::event::EventKind;
use super::nix::EVALUATIONS;
use crate::catalog::{BuilderKind, Catalog, Target};
use crate::nix::{Builders, Nix, builders, copy_to_cache, is_in_cache, ping, vm_image};
use crate::progress::count;
use crate::verify::Verdict;
use crate::{Error, Result};

impl Work {
    /// Nix itself, the flake and its outputs, and remote builders. Without containers of Nix only whether it is there.
    pub(super) async fn diagnose_nix(&self, catalog: Option<&Catalog>) -> Vec<Finding> {
        let targets: Vec<Target> = catalog
            .map(|catalog| catalog.targets().into_iter().filter(|target| catalog.builder_of(target) == BuilderKind::Nix).collect())
            .unwrap_or_default();
        let folder = catalog.map_or(Path::new("."), Catalog::folder);
        let nix = match Nix::find(folder, &self.token).await {
            Ok(nix) => nix,
            Err(error) if targets.is_empty() => {
                return vec![Finding::skip("nix", error.message(), "only containers with builder = \"nix\" need it")];
            }
            Err(error) => return vec![Finding::fail("nix", &error)],
        };
        let mut findings = vec![Finding::pass("nix", nix.version().to_owned())];
        let Some(catalog) = catalog.filter(|_| !targets.is_empty()) else { return findings };
        let subject = format!("flake {}", catalog.nix.flake);
        let mut systems = BTreeSet::new();
        findings.push(match self.derivations(catalog, &targets, EVALUATIONS).await {
            Err(error) => Finding::fail(subject, &error),
            Ok((_, derivations)) => {
                let known = derivations.iter().flatten().map(|derivation| derivation.system.clone());
                systems.extend(known.filter(|system| !system.is_empty()));
                match derivations.iter().find_map(|found| found.as_ref().err()) {
                    // The first line says what; a build shows the trace.
                    Some(error) => {
                        let found = error.message().lines().next().unwrap_or_default().to_owned();
                        Finding { found, ..Finding::fail(subject, error) }
                    }
                    None => Finding::pass(subject, format!("has an image for each of {}", count(targets.len(), "target"))),
                }
            }
        });
        match builders(&nix, &catalog.nix, &self.token).await {
            Err(error) => findings.push(Finding::fail("builders", &error)),
            Ok(builders) => {
                let answers = join_all(builders.machines.iter().map(|machine| ping(&nix, machine, &self.token))).await;
                let mut reached: Vec<&str> = builders.here.iter().map(String::as_str).collect();
                let mut machines = Vec::new();
                for (machine, answer) in builders.machines.iter().zip(answers) {
                    let subject = format!("remote builder {}", machine.address);
                    machines.push(match answer {
                        Ok(()) => {
                            reached.extend(machine.systems.iter().map(String::as_str));
                            Finding::pass(subject, format!("answers; builds for {}", machine.systems.join(", ")))
                        }
                        Err(error) => Finding::warn(
                            subject,
                            error.message(),
                            "is it on, and does `ssh` reach it without a password? Nix builds without it what it can",
                        ),
                    });
                }
                findings.push(who_builds(&builders, &reached, &systems));
                findings.extend(machines);
            }
        }
        findings
    }

    /// Whether a binary cache has the image of the machine that a Mac builds on; it gets it, if that is wanted.
    pub(super) async fn diagnose_vm_cache(&self, asked: Option<&VmCache>) -> Option<Finding> {
        let asked = asked?;
        let subject = "builder's image";
        Some(self.vm_cache(asked, subject).await.unwrap_or_else(|error| Finding::fail(subject, &error)))
    }

    async fn vm_cache(&self, asked: &VmCache, subject: &str) -> Result<Finding> {
        let VmCache { url, system, upload } = asked;
        let nix = Nix::find(Path::new("."), &self.token).await?;
        let Some(image) = vm_image(&nix, system, &self.token).await? else {
            let found = format!("{} has no nix-rosetta-builder", system.display());
            return Ok(Finding::skip(subject, found, "docs/nix.md, \"On a Mac\", sets one up"));
        };
        if is_in_cache(&nix, url, &image, &self.token).await? {
            return Ok(Finding::pass(subject, format!("{image} is in {url}")));
        }
        if !upload {
            let fix = "`--upload` copies it there; a Mac without a Linux builder cannot build it";
            return Ok(Finding { verdict: Verdict::Fail, ..Finding::warn(subject, format!("{image} is not in {url}"), fix) });
        }
        self.emit(EventKind::RunPhaseChanged { phase: "upload".into() }).await;
        copy_to_cache(&nix, url, &image, self.progress.as_ref(), &self.token).await?;
        match is_in_cache(&nix, url, &image, &self.token).await? {
            true => Ok(Finding::pass(subject, format!("{image} is in {url} now"))),
            false => Err(Error::network(format!("{image} was copied to {url}, which does not have it"))),
        }
    }
}

/// Whether somebody who can be `reached` builds for each of the `systems` that are needed.
fn who_builds(builders: &Builders, reached: &[&str], systems: &BTreeSet<String>) -> Finding {
    let subject = "builders";
    let nobody: Vec<&str> = systems.iter().map(String::as_str).filter(|system| !reached.contains(system)).collect();
    let named = match builders.machines.len() {
        0 => format!("{} names no other machine", builders.named_by),
        n => format!("{} names {}", builders.named_by, count(n, "machine")),
    };
    if nobody.is_empty() {
        return Finding::pass(subject, format!("this machine builds for {}; {named}", builders.here.join(", ")));
    }
    let here = builders.here.first().map(String::as_str).unwrap_or_default();
    let fix = match here.ends_with("-darwin") {
        true => "a Mac needs a Linux machine: `catamaran.darwinModules.default` sets one up (docs/nix.md, \"On a Mac\")",
        false => "name a machine in `[nix] builders`, let this one run foreign programs (`extra-platforms` with binfmt), or cross-compile",
    };
    let found = format!("nobody builds for {}: this machine is {here}, and {named}", nobody.join(", "));
    Finding { verdict: Verdict::Fail, ..Finding::warn(subject, found, fix) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nix::Machine;

    #[test]
    fn systems_that_nobody_builds_for_are_named_with_what_to_do() {
        let machine = Machine { address: "ssh://big".into(), systems: vec!["aarch64-linux".into()] };
        let builders = Builders { machines: vec![machine], named_by: "`[nix] builders`", here: vec!["aarch64-darwin".into()] };
        let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let (arm, x86) = ("aarch64-linux", "x86_64-linux");
        let systems = of(&[arm, x86]);
        let finding = who_builds(&builders, &["aarch64-darwin", "aarch64-linux"], &systems);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert_eq!(finding.found, "nobody builds for x86_64-linux: this machine is aarch64-darwin, and `[nix] builders` names 1 machine");
        assert!(finding.fix.unwrap().contains("darwinModules"));
        // One that does not answer builds nothing.
        let finding = who_builds(&builders, &["aarch64-darwin"], &of(&[arm]));
        assert!(finding.found.starts_with("nobody builds for aarch64-linux"), "{}", finding.found);
        let linux = Builders { machines: Vec::new(), named_by: "nix's configuration (`builders`)", here: vec!["x86_64-linux".into()] };
        assert_eq!(who_builds(&linux, &["x86_64-linux"], &of(&[x86])).verdict, Verdict::Pass);
        assert!(who_builds(&linux, &["x86_64-linux"], &systems).fix.unwrap().contains("extra-platforms"));
    }
}
