//! What the store's entries note of verifications: how the checks ended, and which waivers that took.

use std::fmt::Write as _;

use jiff::civil::Date;

use crate::catalog::Waiver;
use crate::image::{Descriptor, Digest};
use crate::verify::{AppliedWaiver, Report, Verdict};

/// Entry annotation: the verdict of its checks.
const VERIFIED: &str = "dev.catamaran.verified";
/// Entry annotation: a digest of the waivers that counted when it was verified. With others the verdict may be another.
const WAIVERS: &str = "dev.catamaran.waivers";
/// Entry annotation: what those waivers came to, as JSON.
const WAIVED: &str = "dev.catamaran.waived";

/// The day on which waivers are looked at.
pub(super) fn today() -> Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// The entry with how its checks ended, and under which waivers.
pub(super) fn with_report(mut entry: Descriptor, report: &Report, waivers: &[Waiver]) -> Descriptor {
    entry.annotations.insert(VERIFIED.into(), report.verdict().word().into());
    let waived = used(report);
    let notes = [
        (WAIVERS, digest_of(waivers, today()).map(|digest| digest.to_string())),
        (WAIVED, (!waived.is_empty()).then(|| serde_json::to_string(&waived).unwrap_or_default())),
    ];
    for (key, note) in notes {
        match note {
            Some(note) => entry.annotations.insert(key.into(), note),
            None => entry.annotations.remove(key),
        };
    }
    entry
}

/// The waivers that a report needed.
pub(super) fn used(report: &Report) -> Vec<AppliedWaiver> {
    report.waivers.iter().filter(|waiver| waiver.findings > 0).cloned().collect()
}

/// How the entry's checks ended, and which waivers that took; `None` when they were not run, or under other waivers.
pub(super) fn verdict(entry: &Descriptor, waivers: &[Waiver]) -> Option<(Verdict, Vec<AppliedWaiver>)> {
    let word = entry.annotations.get(VERIFIED)?;
    let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.word() == word)?;
    let under = digest_of(waivers, today()).map(|digest| digest.to_string());
    if entry.annotations.get(WAIVERS) != under.as_ref() {
        return None;
    }
    let waived = match entry.annotations.get(WAIVED) {
        // A note that cannot be read is none: the checks are run again.
        Some(text) => serde_json::from_str(text).ok()?,
        None => Vec::new(),
    };
    Some((verdict, waived))
}

/// Whether the entry's checks ended without a fail.
pub(super) fn is_verified(entry: &Descriptor, waivers: &[Waiver]) -> bool {
    verdict(entry, waivers).is_some_and(|(verdict, _)| verdict != Verdict::Fail)
}

/// A digest of everything in `waivers` that decides a report or its reasons on the day `today`; `None` when nothing counts.
fn digest_of(waivers: &[Waiver], today: Date) -> Option<Digest> {
    let mut text = String::new();
    for waiver in waivers.iter().filter(|waiver| !waiver.has_expired(today)) {
        let path = waiver.path.as_ref().map(ToString::to_string);
        let _ = writeln!(text, "{:?}", (&waiver.check, path, &waiver.reason));
    }
    (!text.is_empty()).then(|| Digest::of(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;
    use crate::image::Platform;
    use crate::verify::{Check, CheckResult, Finding, waive};

    fn waiver(reason: &str, until: Option<Date>) -> Waiver {
        Waiver { check: "links".into(), path: None, reason: reason.into(), until, line: 3 }
    }

    fn report(waivers: &[Waiver]) -> Report {
        let (expected, found, advice) = ("a".into(), "b".into(), "c".into());
        let finding = Finding { verdict: Verdict::Fail, path: None, layer: None, expected, found, advice, waived: None };
        let links = CheckResult { check: Check::Links, verdict: Verdict::Fail, summary: "1".into(), findings: vec![finding] };
        let platform = Platform::linux(Architecture::X86_64);
        let report = Report { subject: "fd".into(), digest: Digest::of(b"x"), platform, checks: vec![links], waivers: vec![] };
        waive(report, waivers, today())
    }

    #[test]
    fn a_verdict_counts_under_the_waivers_it_was_reached_with() {
        let entry = Descriptor::of("x", b"x");
        let (none, one, other) = (vec![], vec![waiver("docs", None)], vec![waiver("other words", None)]);
        let plain = with_report(entry.clone(), &report(&none), &none);
        assert_eq!(verdict(&plain, &none), Some((Verdict::Fail, vec![])));
        assert_eq!(verdict(&plain, &one), None, "a new waiver may let it pass");
        let waived = with_report(plain.clone(), &report(&one), &one);
        assert!(is_verified(&waived, &one));
        assert_eq!(verdict(&waived, &one).unwrap().1[0].reason, "docs");
        assert_eq!((verdict(&waived, &none), verdict(&waived, &other)), (None, None), "without it, it fails; the reason is another");
        assert_eq!(with_report(waived, &report(&none), &none), plain, "nothing is left of a waiver that is gone");
        let expired = vec![waiver("docs", Some(Date::constant(2020, 1, 1)))];
        assert_eq!(verdict(&plain, &expired), Some((Verdict::Fail, vec![])), "one that has expired is as none");
    }
}
