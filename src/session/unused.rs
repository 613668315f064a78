//! Waivers that had nothing to do.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::{Catalog, ContainerName};
use crate::verify::{AppliedWaiver, Check, Report, Verdict};

/// The waivers that had nothing to do: expired ones, and those that no image they are for needed, as far as all of those were
/// looked at (a finding may be there on one architecture only, and a waiver for every container may be for another one).
pub(super) fn waivers_unused(catalog: Option<&Catalog>, reports: &[(Option<ContainerName>, Arc<Report>)]) -> Vec<AppliedWaiver> {
    let looked_at = |name: &ContainerName| reports.iter().filter(|(of, _)| of.as_ref() == Some(name)).count();
    let whole = |name: &ContainerName| catalog.and_then(|c| c.container(name.as_str())).is_some_and(|c| looked_at(name) >= c.targets.len());
    let everything = catalog.is_some_and(|catalog| catalog.containers.iter().all(|c| whole(&c.name)));
    let mut used: BTreeMap<_, (usize, &AppliedWaiver)> = BTreeMap::new();
    for (of, report) in reports {
        for waiver in &report.waivers {
            let for_all = catalog.is_some_and(|c| c.waivers.iter().any(|w| w.line == waiver.line));
            // Images of elsewhere (--waivers-of) are looked at one by one: nothing can be said of the others.
            let known = of.as_ref().is_some_and(|name| if for_all { everything } else { whole(name) });
            if known && was_run(reports, of.as_ref(), waiver.check) || waiver.expired {
                let waived = &mut used.entry((waiver.line, waiver.check, &waiver.path)).or_insert((0, waiver)).0;
                *waived += waiver.findings;
            }
        }
    }
    used.into_values().filter(|(findings, _)| *findings == 0).map(|(_, waiver)| waiver.clone()).collect()
}

/// Whether `check` was run over the images of the container `of`: of what was not run, nothing can be said. `reproducible` is run on
/// request, `parity` where there are several architectures (and is told of the others than the first); what is inside of a damaged
/// layer is known to none.
fn was_run(reports: &[(Option<ContainerName>, Arc<Report>)], of: Option<&ContainerName>, check: Check) -> bool {
    let mut mine = reports.iter().filter(|(container, _)| container.as_ref() == of).map(|(_, report)| report);
    let verdict = |report: &Report, check: Check| report.result(check).map(|result| result.verdict);
    match check {
        Check::Parity | Check::Reproducible => mine.any(|report| verdict(report, check).is_some_and(|verdict| verdict != Verdict::Skip)),
        Check::LayerDigests => true,
        _ => mine.all(|report| verdict(report, Check::LayerDigests) != Some(Verdict::Fail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Architecture, Waiver};
    use crate::image::{Digest, Platform};
    use crate::verify::{CheckResult, waive};

    #[test]
    fn a_waiver_of_a_check_that_was_not_run_is_not_unused() {
        let text = "[containers.fd]\npackages = [\"fd-find\"]\ntargets = [\"x86_64\", \"aarch64\"]\n";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("containers.toml");
        std::fs::write(&file, text).unwrap();
        let catalog = crate::catalog::load(&file).unwrap();
        let unused = |check: Check, first: Verdict, second: Verdict, digests: Verdict| {
            let report = |verdict| {
                let result = |check, verdict| CheckResult { check, verdict, summary: String::new(), findings: Vec::new() };
                let checks = vec![result(Check::LayerDigests, digests), result(check, verdict)];
                let platform = Platform::linux(Architecture::X86_64);
                let report = Report { subject: "fd".into(), digest: Digest::of(b"x"), platform, checks, waivers: Vec::new() };
                let waiver = Waiver { check: check.id().into(), path: None, reason: "known".into(), until: None, line: 9 };
                (Some(ContainerName::new("fd")), Arc::new(waive(report, &[waiver], jiff::civil::Date::constant(2026, 1, 1))))
            };
            waivers_unused(Some(&catalog), &[report(first), report(second)]).len()
        };
        use Verdict::{Fail, Pass, Skip};
        assert_eq!(unused(Check::Reproducible, Skip, Skip, Pass), 0);
        assert_eq!(unused(Check::Reproducible, Pass, Pass, Pass), 1);
        assert_eq!(unused(Check::Parity, Skip, Skip, Pass), 0);
        assert_eq!(unused(Check::Parity, Skip, Pass, Pass), 1);
        assert_eq!(unused(Check::Scripts, Skip, Skip, Pass), 1, "there are no scripts any more");
        assert_eq!(unused(Check::Scripts, Skip, Pass, Fail), 0, "what is in the damaged layer is not known");
    }
}
