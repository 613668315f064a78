//! Verification reports for machines: one JSON document, SARIF, JUnit.

mod junit;
mod sarif;
mod schema;

use std::path::Path;

use serde::Serialize;

use super::show;
use super::verify::Format;
use crate::session::Failure;
use crate::verify::{AppliedWaiver, Report, Verdict};
use crate::{Error, Result};

pub(super) use schema::report_schema;

/// Everything a run of `verify` came to; serialised, it is what `verify --json` prints.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Verification<'a> {
    /// Version of the document: 1.
    pub schema: u32,
    /// The worst of everything below; `fail` where something was not looked at.
    pub verdict: Verdict,
    /// One per image.
    pub reports: &'a [&'a Report],
    /// What could not be read.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub unread: &'a [Unread<'a>],
    /// What ended the run before everything was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a Failure>,
    /// Waivers that had nothing to do.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub unused_waivers: &'a [AppliedWaiver],
    /// From which verdict on a check counts as failed (`--fail-on`).
    #[serde(skip)]
    pub fail_from: Verdict,
}

/// Something that could not be read, so nothing is said of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Unread<'a> {
    /// What: a reference as it was given, with the platform for a member of an index.
    pub subject: &'a str,
    /// Why.
    #[serde(flatten)]
    pub failure: &'a Failure,
}

impl Verification<'_> {
    /// All that kept something from being looked at, with what it was; the run's own end has nothing that it is about.
    pub fn broken(&self) -> impl Iterator<Item = (Option<&str>, &Failure)> {
        self.unread.iter().map(|unread| (Some(unread.subject), unread.failure)).chain(self.error.map(|error| (None, error)))
    }

    /// How many images, and waivers that had nothing to do, are as bad as `--fail-on` says.
    pub fn wrong(&self) -> usize {
        let images = self.reports.iter().filter(|r| r.verdict() >= self.fail_from).count();
        images + if self.fail_from <= Verdict::Warn { self.unused_waivers.len() } else { 0 }
    }

    /// The report in this format, with a line end.
    ///
    /// # Errors
    /// It cannot be written down, which would be a bug.
    pub fn render(&self, format: Format, color: bool) -> Result<String> {
        let mut text = match format {
            Format::Text => show::verification(self, color),
            Format::Json => json(self)?,
            Format::Sarif => json(&sarif::log(self))?,
            Format::Junit => {
                junit::document(self).map_err(|error| Error::bug("the report cannot be written as JUnit XML").source(error))?
            }
        };
        text.push('\n');
        Ok(text)
    }
}

fn json(document: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(document).map_err(|error| Error::failed("cannot write the result as JSON").source(error))
}

/// The format that a file's name asks for: `x.sarif`, `x.xml`, `x.json`; else text.
pub(super) fn format_of(file: &Path) -> Format {
    let name = file.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if name.ends_with(".sarif") || name.ends_with(".sarif.json") {
        Format::Sarif
    } else if name.ends_with(".xml") {
        Format::Junit
    } else if name.ends_with(".json") {
        Format::Json
    } else {
        Format::Text
    }
}

/// What an unused waiver is worth saying.
pub(super) fn remark(waiver: &AppliedWaiver) -> String {
    let about = format!("the waiver of {} on line {} of containers.toml", waiver.scope(), waiver.line);
    match waiver.until.filter(|_| waiver.expired) {
        Some(until) => format!("{about} has expired on {until}: what it was for counts again; mend it, or renew `until`"),
        None => format!("{about} matches nothing any more; remove it"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::catalog::Architecture;
    use crate::image::{Digest, Platform};
    use crate::verify::{Check, CheckResult, Finding, WaivedAs};

    /// One image with a check of every verdict, and everything hostile that a path or an image can say.
    pub(in crate::cli) fn a_report() -> Report {
        let finding = |verdict, path: Option<&str>, found: &str, waived| Finding {
            verdict,
            path: path.map(str::to_owned),
            layer: path.map(|_| Digest::of(b"layer")),
            expected: "AArch64".into(),
            found: found.into(),
            advice: "rebuild it".into(),
            waived,
        };
        let result = |check, verdict, findings| CheckResult { check, verdict, summary: "2 files".into(), findings };
        let waived = WaivedAs { verdict: Verdict::Fail, reason: "a <plugin> & more".into() };
        let hostile = "x86-64 ]]> <b>&\u{1b}[31m\u{0}\u{b}\u{ffff}\u{202e}\r\n\"'";
        Report {
            subject: "ghcr.io/acme/fd:1.2 linux/arm64".into(),
            digest: Digest::of(b"image"),
            platform: Platform::linux(Architecture::Aarch64),
            checks: vec![
                result(Check::ConfigPlatform, Verdict::Pass, vec![]),
                result(
                    Check::ElfMachine,
                    Verdict::Fail,
                    vec![
                        finding(Verdict::Fail, Some("usr/bin/a b%\u{1b}]]>\u{fffd}"), hostile, None),
                        finding(Verdict::Waived, Some("usr/lib/x.so"), "x86-64", Some(waived.clone())),
                    ],
                ),
                result(Check::Entrypoint, Verdict::Warn, vec![finding(Verdict::Warn, None, "nothing", None)]),
                result(Check::Links, Verdict::Waived, vec![finding(Verdict::Waived, Some("etc/l"), "nothing", Some(waived))]),
                result(Check::MaintainerScripts, Verdict::Skip, vec![]),
            ],
            waivers: vec![an_unused_waiver()],
        }
    }

    pub(in crate::cli) fn an_unused_waiver() -> AppliedWaiver {
        AppliedWaiver {
            check: Check::Links,
            path: Some("etc/*".into()),
            reason: "docs".into(),
            until: Some(jiff::civil::Date::constant(2026, 1, 1)),
            line: 7,
            expired: true,
            findings: 0,
        }
    }

    pub(in crate::cli) fn with<T>(fail_from: Verdict, look: impl FnOnce(&Verification<'_>) -> T) -> T {
        let (report, unused_waivers) = (a_report(), [an_unused_waiver()]);
        let gone = Failure::from(&Error::network("b could not be reached").hint("is it there?"));
        let (unread, error) = ([Unread { subject: "example.org/b\u{1b}:1", failure: &gone }], Failure::from(&Error::interrupted()));
        let verdict = Verdict::Fail;
        look(&Verification {
            schema: 1,
            verdict,
            reports: &[&report],
            unread: &unread,
            error: Some(&error),
            unused_waivers: &unused_waivers,
            fail_from,
        })
    }

    #[test]
    fn what_counts_is_what_fail_on_says() {
        assert_eq!(with(Verdict::Fail, |v| v.wrong()), 1);
        assert_eq!(with(Verdict::Warn, |v| v.wrong()), 2, "the image, and a waiver that has expired");
    }

    #[test]
    fn a_files_name_tells_its_format() {
        let formats = ["a.sarif", "a.SARIF.json", "b/junit.xml", "a.json", "a.txt", "a"].map(|name| format_of(Path::new(name)));
        assert_eq!(formats, [Format::Sarif, Format::Sarif, Format::Junit, Format::Json, Format::Text, Format::Text]);
    }
}
