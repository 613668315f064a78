//! Waivers at work: what is known and accepted stays in the report and counts no more.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::report::{Check, CheckResult, Report, Verdict};
use crate::catalog::Waiver;

/// Why a finding does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaivedAs {
    /// What it would be: warn or fail.
    pub verdict: Verdict,
    /// The waiver's reason.
    pub reason: String,
}

/// One waiver, and what it came to in one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedWaiver {
    /// The check.
    pub check: Check,
    /// The pattern of paths; every finding of the check without one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it counts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Date>,
    /// Its line in `containers.toml`.
    pub line: usize,
    /// That day is over: nothing was waived because of it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub expired: bool,
    /// How many findings it waived.
    pub findings: usize,
}

impl AppliedWaiver {
    /// What it is for: `links`, `links (usr/share/*)`.
    pub fn scope(&self) -> String {
        match &self.path {
            Some(path) => format!("{} ({path})", self.check),
            None => self.check.to_string(),
        }
    }
}

/// Marks what `waivers` are for as waived in the result of one check. The first waiver that fits a finding has it; one that
/// has expired by `today` fits none. A result that was waived before stays as it is.
pub fn waive_result(result: &mut CheckResult, waivers: &[Waiver], today: Date) {
    let of_check: Vec<&Waiver> = waivers.iter().filter(|w| w.check == result.check.id() && !w.has_expired(today)).collect();
    if of_check.is_empty() || result.verdict < Verdict::Warn {
        return;
    }
    let mut waived = 0;
    for finding in result.findings.iter_mut().filter(|f| f.verdict >= Verdict::Warn) {
        let Some(waiver) = of_check.iter().find(|w| fits(w, finding.path.as_deref())) else { continue };
        finding.waived = Some(WaivedAs { verdict: finding.verdict, reason: waiver.reason.clone() });
        finding.verdict = Verdict::Waived;
        waived += 1;
    }
    if waived == 0 {
        return;
    }
    // Of what is not listed nobody knows the paths: only a waiver of the whole check is for it, too.
    let unlisted = result.findings.len() >= CheckResult::MAX_FINDINGS && of_check.iter().all(|w| w.path.is_some());
    let listed = result.findings.iter().map(|f| f.verdict).max().unwrap_or(result.verdict);
    match unlisted {
        true => result.summary.push_str(&format!("; {waived} waived, the unlisted ones count")),
        false => {
            result.summary.push_str(&format!("; {waived} waived"));
            result.verdict = listed;
        }
    }
}

/// Applies `waivers` to a report, as [`waive_result`] does, and notes in it what each came to.
pub fn waive(mut report: Report, waivers: &[Waiver], today: Date) -> Report {
    for result in &mut report.checks {
        waive_result(result, waivers, today);
    }
    report.waivers = waivers.iter().filter_map(|waiver| applied(&report, waiver, waivers, today)).collect();
    report
}

/// What `waiver` came to; `None` for a check that this version does not know.
fn applied(report: &Report, waiver: &Waiver, all: &[Waiver], today: Date) -> Option<AppliedWaiver> {
    let check = Check::ALL.into_iter().find(|check| check.id() == waiver.check)?;
    let expired = waiver.has_expired(today);
    let is_first = |path: Option<&str>| {
        let mut fitting = all.iter().filter(|w| w.check == waiver.check && !w.has_expired(today) && fits(w, path));
        fitting.next().is_some_and(|first| std::ptr::eq(first, waiver))
    };
    let found = report.checks.iter().filter(|c| c.check == check).flat_map(|c| &c.findings);
    let findings = found.filter(|f| f.waived.is_some() && is_first(f.path.as_deref())).count();
    Some(AppliedWaiver {
        check,
        path: waiver.path.as_ref().map(ToString::to_string),
        reason: waiver.reason.clone(),
        until: waiver.until,
        line: waiver.line,
        expired,
        findings,
    })
}

/// Whether `waiver` is for a finding about `path`.
fn fits(waiver: &Waiver, path: Option<&str>) -> bool {
    match (&waiver.path, path) {
        (None, _) => true,
        (Some(pattern), Some(path)) => pattern.matches(path),
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::{Architecture, CHECK_IDS, PathGlob};
    use crate::image::{Digest, Platform};
    use crate::verify::Finding;

    const TODAY: Date = Date::constant(2026, 11, 26);

    fn waiver(check: &str, path: Option<&str>, reason: &str) -> Waiver {
        Waiver { check: check.into(), path: path.map(PathGlob::new), reason: reason.into(), until: None, line: 1 }
    }

    fn finding(verdict: Verdict, path: &str) -> Finding {
        let path = (!path.is_empty()).then(|| path.to_owned());
        Finding { verdict, path, layer: None, expected: "a".into(), found: "b".into(), advice: String::new(), waived: None }
    }

    fn report(findings: Vec<Finding>) -> Report {
        let verdict = findings.iter().map(|f| f.verdict).max().unwrap_or(Verdict::Pass);
        let links = CheckResult { check: Check::Links, verdict, summary: "2 links".into(), findings };
        let machine = CheckResult { check: Check::ElfMachine, verdict: Verdict::Pass, summary: "fine".into(), findings: vec![] };
        let platform = Platform::linux(Architecture::X86_64);
        Report { subject: "fd".into(), digest: Digest::of(b"x"), platform, checks: vec![machine, links], waivers: vec![] }
    }

    #[test]
    fn containers_toml_knows_exactly_the_checks_there_are() {
        assert_eq!(Check::ALL.map(Check::id).as_slice(), CHECK_IDS, "CHECK_IDS of src/catalog/waiver.rs are the ids of Check::ALL");
    }

    #[test]
    fn what_is_waived_stays_and_does_not_count() {
        let found = report(vec![finding(Verdict::Fail, "usr/lib/x/a.so"), finding(Verdict::Warn, "etc/b")]);
        let some = waive(found.clone(), &[waiver("links", Some("usr/lib/**"), "a plugin")], TODAY);
        assert_eq!((some.verdict(), some.checks[1].summary.as_str()), (Verdict::Warn, "2 links; 1 waived"));
        let waived = some.checks[1].findings[0].waived.as_ref().unwrap();
        assert_eq!((waived.verdict, waived.reason.as_str()), (Verdict::Fail, "a plugin"));
        assert_eq!(some.waivers[0].findings, 1);
        let all = waive(found, &[waiver("links", Some("usr/lib/**"), "a plugin"), waiver("links", None, "the rest")], TODAY);
        assert_eq!((all.verdict(), all.waivers[0].findings, all.waivers[1].findings), (Verdict::Waived, 1, 1));
    }

    #[test]
    fn others_and_expired_ones_change_nothing() {
        let found = report(vec![finding(Verdict::Fail, "a")]);
        let expired = Waiver { until: Some(Date::constant(2026, 11, 25)), ..waiver("links", None, "old") };
        let waived = waive(found.clone(), &[waiver("links", Some("b"), "x"), waiver("entrypoint", None, "x"), expired], TODAY);
        assert_eq!(waived.checks, found.checks);
        assert_eq!(waived.waivers.iter().map(|w| (w.findings, w.expired)).collect::<Vec<_>>(), [(0, false), (0, false), (0, true)]);
    }

    #[test]
    fn a_path_does_not_waive_what_is_not_listed() {
        let found = report(vec![finding(Verdict::Fail, "a/b"); CheckResult::MAX_FINDINGS]);
        let by_path = waive(found.clone(), &[waiver("links", Some("a/*"), "x")], TODAY);
        assert_eq!(by_path.verdict(), Verdict::Fail);
        assert!(by_path.checks[1].summary.ends_with("the unlisted ones count"), "{}", by_path.checks[1].summary);
        assert_eq!(waive(found, &[waiver("links", None, "x")], TODAY).verdict(), Verdict::Waived);
    }

    proptest! {
        /// A waiver never makes anything worse, never loses a finding, and saying it twice says no more.
        #[test]
        fn waiving_only_takes_away(
            paths in prop::collection::vec(("[ab/]{0,4}", any::<bool>()), 0..5),
            patterns in prop::collection::vec(prop::option::of("[ab*?/]{1,4}"), 0..4),
        ) {
            let verdict = |fail| if fail { Verdict::Fail } else { Verdict::Warn };
            let found = report(paths.iter().map(|(path, fail)| finding(verdict(*fail), path)).collect());
            let waivers: Vec<Waiver> = patterns.iter().map(|p| waiver("links", p.as_deref(), "why")).collect();
            let once = waive(found.clone(), &waivers, TODAY);
            prop_assert!(once.verdict() <= found.verdict());
            prop_assert_eq!(once.checks[1].findings.len(), found.checks[1].findings.len());
            let counted: usize = once.waivers.iter().map(|w| w.findings).sum();
            prop_assert_eq!(counted, once.checks[1].findings.iter().filter(|f| f.waived.is_some()).count());
            prop_assert_eq!(waive(once.clone(), &waivers, TODAY), once);
        }
    }
}
