//! Collects the findings of one check.

use crate::image::Digest;
use crate::verify::facts::ImageFacts;
use crate::verify::report::{Check, CheckResult, Finding, Verdict};

/// The findings so far: all are counted, the first of each kind are kept, so that memory is bounded.
#[derive(Default)]
pub(super) struct Tally {
    fails: Vec<Finding>,
    warns: Vec<Finding>,
    pub failed: usize,
    pub warned: usize,
}

impl Tally {
    pub(super) fn add(&mut self, finding: Finding) {
        let (kept, count) = match finding.verdict {
            Verdict::Fail => (&mut self.fails, &mut self.failed),
            _ => (&mut self.warns, &mut self.warned),
        };
        *count += 1;
        if kept.len() < CheckResult::MAX_FINDINGS {
            kept.push(finding);
        }
    }

    /// A finding about no path.
    pub(super) fn image(
        &mut self,
        verdict: Verdict,
        layer: Option<Digest>,
        expected: impl Into<String>,
        found: impl Into<String>,
        advice: &str,
    ) {
        self.add(Finding {
            verdict,
            path: None,
            layer,
            expected: expected.into(),
            found: found.into(),
            advice: advice.into(),
            waived: None,
        });
    }

    /// A finding about a path of a layer.
    pub(super) fn path(
        &mut self,
        verdict: Verdict,
        path: &str,
        layer: Digest,
        expected: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let (expected, found, advice) = (expected.into(), found.into(), advice.into());
        self.add(Finding { verdict, path: Some(path.to_owned()), layer: Some(layer), expected, found, advice, waived: None });
    }

    /// The result: pass, saying what was `looked_at`, or the worst finding, with the full number of `things`.
    pub(super) fn result(self, check: Check, looked_at: String, thing: &str) -> CheckResult {
        let verdict = match (self.failed, self.warned) {
            (0, 0) => Verdict::Pass,
            (0, _) => Verdict::Warn,
            _ => Verdict::Fail,
        };
        let counted = |n: usize, word: &str| (n > 0).then(|| format!("{n} {thing}{} {word}", if n == 1 { "" } else { "s" }));
        let counts: Vec<String> = [counted(self.failed, "wrong"), counted(self.warned, "worth a look")].into_iter().flatten().collect();
        let summary = if counts.is_empty() { looked_at } else { format!("{} ({looked_at})", counts.join(", ")) };
        let mut findings = self.fails;
        findings.extend(self.warns);
        findings.truncate(CheckResult::MAX_FINDINGS);
        CheckResult { check, verdict, summary, findings }
    }
}

/// A check that does not apply.
pub(in crate::verify) fn skip(check: Check, why: impl Into<String>) -> CheckResult {
    CheckResult { check, verdict: Verdict::Skip, summary: why.into(), findings: Vec::new() }
}

/// Checks of the merged file system cannot tell missing from unread: they are skipped when a layer is damaged.
pub(super) fn skip_if_damaged(check: Check, facts: &ImageFacts) -> Option<CheckResult> {
    let layer = facts.damaged().next()?;
    Some(skip(check, format!("layer {} could not be read to its end, see layer-digests", layer.descriptor.digest.short())))
}

/// `1 file`, `2 files`.
pub(super) fn count(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}
