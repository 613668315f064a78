//! `doctor`: what the nix builder needs.

use super::doctor::Finding;
use super::engine::Work;
use super::nix::EVALUATIONS;
use crate::catalog::{BuilderKind, Catalog, Target};
use crate::nix::{Nix, machines, ping};
use crate::progress::count;

impl Work {
    /// Nix itself, the flake and its outputs, and remote builders. Without containers of Nix only whether it is there.
    pub(super) async fn diagnose_nix(&self, catalog: Option<&Catalog>) -> Vec<Finding> {
        let targets: Vec<Target> = catalog
            .map(|catalog| catalog.targets().into_iter().filter(|target| catalog.builder_of(target) == BuilderKind::Nix).collect())
            .unwrap_or_default();
        let folder = catalog.map_or(std::path::Path::new("."), Catalog::folder);
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
        findings.push(match self.derivations(catalog, &targets, EVALUATIONS).await {
            Err(error) => Finding::fail(subject, &error),
            Ok((_, derivations)) => match derivations.iter().find_map(|found| found.as_ref().err()) {
                // The first line says what; a build shows the trace.
                Some(error) => {
                    let found = error.message().lines().next().unwrap_or_default().to_owned();
                    Finding { found, ..Finding::fail(subject, error) }
                }
                None => Finding::pass(subject, format!("has an image for each of {}", count(targets.len(), "target"))),
            },
        });
        let subject = "remote builders";
        match machines(&nix, &catalog.nix, &self.token).await {
            Err(error) => findings.push(Finding::fail(subject, &error)),
            Ok((machines, source)) if machines.is_empty() => {
                let fix = "foreign architectures are built here when the flake cross-compiles; else name a machine in `[nix] builders`";
                findings.push(Finding::skip(subject, format!("{source} names none"), fix));
            }
            Ok((machines, _)) => {
                for machine in machines {
                    let subject = format!("remote builder {}", machine.address);
                    findings.push(match ping(&nix, &machine, &self.token).await {
                        Ok(()) => Finding::pass(subject, format!("answers; builds for {}", machine.systems.join(", "))),
                        Err(error) => Finding::warn(
                            subject,
                            error.message(),
                            "is it on, and does `ssh` reach it without a password? Nix builds without it what it can",
                        ),
                    });
                }
            }
        }
        findings
    }
}
