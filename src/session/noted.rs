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
/// Entry annotation: the image that it was held against (`parity`). Against another the verdict may be another.
const AGAINST: &str = "dev.catamaran.against";
/// Entry annotation: what those waivers came to, as JSON.
const WAIVED: &str = "dev.catamaran.waived";

/// The day on which waivers are looked at.
pub(super) fn today() -> Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// The entry with how its checks ended, under which waivers, and `against` which image of its container it was held.
pub(super) fn with_report(mut entry: Descriptor, report: &Report, waivers: &[Waiver], against: Option<&Digest>) -> Descriptor {
    entry.annotations.insert(VERIFIED.into(), report.verdict().word().into());
    let waived = used(report);
    let notes = [
        (WAIVERS, digest_of(waivers, today()).map(|digest| digest.to_string())),
        (AGAINST, against.map(ToString::to_string)),
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

/// How the entry's checks ended, and which waivers that took; `None` when they were not run, or under other waivers, or against
/// another image.
pub(super) fn verdict(entry: &Descriptor, waivers: &[Waiver], against: Option<&Digest>) -> Option<(Verdict, Vec<AppliedWaiver>)> {
    let word = entry.annotations.get(VERIFIED)?;
    let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.word() == word)?;
    let under = digest_of(waivers, today()).map(|digest| digest.to_string());
    let held = against.map(ToString::to_string);
    if entry.annotations.get(WAIVERS) != under.as_ref() || entry.annotations.get(AGAINST) != held.as_ref() {
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
pub(super) fn is_verified(entry: &Descriptor, waivers: &[Waiver], against: Option<&Digest>) -> bool {
    verdict(entry, waivers, against).is_some_and(|(verdict, _)| verdict != Verdict::Fail)
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
        let plain = with_report(entry.clone(), &report(&none), &none, None);
        assert_eq!(verdict(&plain, &none, None), Some((Verdict::Fail, vec![])));
        assert_eq!(verdict(&plain, &one, None), None, "a new waiver may let it pass");
        let waived = with_report(plain.clone(), &report(&one), &one, None);
        assert!(is_verified(&waived, &one, None));
        assert_eq!(verdict(&waived, &one, None).unwrap().1[0].reason, "docs");
        assert_eq!(
            (verdict(&waived, &none, None), verdict(&waived, &other, None)),
            (None, None),
            "without it, it fails; the reason is another"
        );
        assert_eq!(with_report(waived, &report(&none), &none, None), plain, "nothing is left of a waiver that is gone");
        let expired = vec![waiver("docs", Some(Date::constant(2020, 1, 1)))];
        assert_eq!(verdict(&plain, &expired, None), Some((Verdict::Fail, vec![])), "one that has expired is as none");
    }
    #[test]
    fn a_verdict_counts_against_the_image_it_was_reached_with() {
        let (entry, first, other) = (Descriptor::of("x", b"x"), Digest::of(b"first"), Digest::of(b"other"));
        let noted = with_report(entry, &report(&[]), &[], Some(&first));
        assert!(verdict(&noted, &[], Some(&first)).is_some());
        assert_eq!((verdict(&noted, &[], Some(&other)), verdict(&noted, &[], None)), (None, None));
    }
}
