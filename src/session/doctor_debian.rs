//! `doctor`: what the debian builder needs: archives that answer, and keyrings that still count.

use std::path::PathBuf;

use jiff::{Span, Timestamp};

use super::doctor::Finding;
use super::engine::Work;
use crate::catalog::{Catalog, DebianSettings};
use crate::debian::{Archive, KeyringNote};
use crate::progress::count;
use crate::verify::Verdict;

/// A key that expires sooner is worth a word: its successor has to come from somewhere.
const SOON_DAYS: i64 = 90;

impl Work {
    /// The keyrings, and the archives: reached, and signed by a key of them.
    pub(super) async fn diagnose_debian(&self, catalog: Option<&Catalog>) -> Vec<Finding> {
        let settings = catalog.map_or_else(DebianSettings::default, |catalog| catalog.debian.clone());
        let folder = catalog.map_or_else(PathBuf::new, |catalog| catalog.folder().to_owned());
        let subject = "Debian archive";
        let archive = match Archive::new(&settings, &folder, self.context.options.folders.cache.clone()) {
            Ok(archive) => archive,
            Err(error) => return vec![Finding::fail(subject, &error)],
        };
        let mut findings: Vec<Finding> = archive
            .keyrings()
            .into_iter()
            .map(|(name, read)| match read {
                Ok(note) => keyring(&name, &note, Timestamp::now()),
                Err(error) => Finding::fail(name, &error),
            })
            .collect();
        findings.push(match archive.check(&self.token).await {
            Ok(releases) => Finding::pass(subject, format!("{}; signed by a key of the keyring", releases.join(", "))),
            Err(error) => Finding::fail(subject, &error),
        });
        findings
    }
}

/// What is to be said of a keyring `now`.
fn keyring(name: &str, note: &KeyringNote, now: Timestamp) -> Finding {
    let fix = match name {
        KeyringNote::EMBEDDED => {
            "get a newer catamaran, or name a keyring with `keyring` under [debian]: Debian's package \
                                  debian-archive-keyring has the present one"
        }
        _ => "get the archive's present keyring from its owner",
    };
    let mut expiries: Vec<Timestamp> = note.expiries.iter().flatten().copied().collect();
    expiries.sort_unstable();
    let day = |at: &Timestamp| at.strftime("%Y-%m-%d").to_string();
    let (expired, valid): (Vec<Timestamp>, Vec<Timestamp>) = expiries.iter().partition(|at| **at <= now);
    let lasting = note.expiries.len() - expired.len();
    let keys = count(lasting, "valid key");
    match valid.first() {
        _ if lasting == 0 => {
            let last = expired.last().map(|at| format!(": the last expired on {}", day(at))).unwrap_or_default();
            Finding { verdict: Verdict::Fail, ..Finding::warn(name, format!("no key is valid any more{last}"), fix) }
        }
        Some(first) if now.checked_add(Span::new().hours(SOON_DAYS * 24)).is_ok_and(|soon| *first <= soon) => {
            Finding::warn(name, format!("{keys}, one of which expires on {}", day(first)), fix)
        }
        Some(first) => Finding::pass(name, format!("{keys}; the first to expire does on {}", day(first))),
        None => Finding::pass(name, format!("{keys} without an expiry")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_is_judged_by_when_its_keys_expire() {
        let now: Timestamp = "2026-11-27T00:00:00Z".parse().unwrap();
        let judged = |expiries: &[Option<&str>]| {
            let expiries = expiries.iter().map(|at| at.map(|at| at.parse().unwrap())).collect();
            let finding = keyring(KeyringNote::EMBEDDED, &KeyringNote { expiries }, now);
            (finding.verdict, finding.found)
        };
        let (old, soon, late) = (Some("2025-01-01T00:00:00Z"), Some("2026-12-24T00:00:00Z"), Some("2031-01-01T00:00:00Z"));
        assert_eq!(judged(&[late, None, old]), (Verdict::Pass, "2 valid keys; the first to expire does on 2031-01-01".into()));
        assert_eq!(judged(&[late, soon]), (Verdict::Warn, "2 valid keys, one of which expires on 2026-12-24".into()));
        assert_eq!(judged(&[old]), (Verdict::Fail, "no key is valid any more: the last expired on 2025-01-01".into()));
        assert_eq!(judged(&[None]), (Verdict::Pass, "1 valid key without an expiry".into()));
        assert_eq!(judged(&[]).0, Verdict::Fail);
    }
}
