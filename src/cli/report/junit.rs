//! JUnit XML as CI servers read it: a suite for every image, a case for every check.
//!
//! A check that fails (or warns, with `--fail-on warn`) is a failure; one that is skipped, or whose findings are all waived, is
//! skipped with the reason; other warnings passed, and are said in the case's output.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Verification, remark};
use crate::cli::printer::{clean, clean_line};
use crate::verify::{CheckResult, Finding, Report, Verdict};

/// How one case ends.
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// Cases of a suite, or of all.
#[derive(Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn attributes(self) -> [(&'static str, String); 4] {
        [
            ("tests", self.tests.to_string()),
            ("failures", self.failures.to_string()),
            ("errors", self.errors.to_string()),
            ("skipped", self.skipped.to_string()),
        ]
    }
}

type Xml = Writer<Vec<u8>>;

/// The document, UTF-8.
pub(super) fn document(verification: &Verification<'_>) -> io::Result<String> {
    let fail_from = verification.fail_from;
    let mut all = Counts::default();
    for report in verification.reports {
        let counts = counts(report, fail_from);
        all.tests += counts.tests;
        all.failures += counts.failures;
        all.skipped += counts.skipped;
    }
    let unused = verification.unused_waivers.len();
    let errors = verification.broken().count();
    let of_waivers = Counts { tests: unused, failures: if fail_from <= Verdict::Warn { unused } else { 0 }, ..Counts::default() };
    all = Counts { tests: all.tests + unused + errors, failures: all.failures + of_waivers.failures, errors, skipped: all.skipped };
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    element(&mut xml, "testsuites", &with_name("catamaran verify", all), |xml| {
        verification.reports.iter().try_for_each(|report| suite(xml, report, fail_from))?;
        if unused > 0 {
            element(xml, "testsuite", &with_name("containers.toml", of_waivers), |xml| {
                verification.unused_waivers.iter().try_for_each(|waiver| {
                    let name = format!("waiver on line {}: {}", waiver.line, waiver.scope());
                    let said = remark(waiver);
                    element(xml, "testcase", &[("name", line(&name)), ("classname", "containers.toml".into())], |xml| match fail_from {
                        Verdict::Fail => element(xml, "system-out", &[], |xml| text(xml, &said)),
                        _ => leaf(xml, "failure", &[("message", line(&said)), ("type", "warn".into())]),
                    })
                })
            })?;
        }
        if errors > 0 {
            let counts = Counts { tests: errors, errors, ..Counts::default() };
            element(xml, "testsuite", &with_name("catamaran", counts), |xml| {
                verification.broken().try_for_each(|(subject, failure)| {
                    let name = subject.map_or_else(|| "the run".to_owned(), |subject| format!("reading {subject}"));
                    element(xml, "testcase", &[("name", line(&name)), ("classname", "catamaran".into())], |xml| {
                        element(xml, "error", &[("message", line(&failure.message)), ("type", "error".into())], |xml| {
                            text(xml, failure.hint.as_deref().unwrap_or_default())
                        })
                    })
                })
            })?;
        }
        Ok(())
    })?;
    String::from_utf8(xml.into_inner()).map_err(io::Error::other)
}

fn suite(xml: &mut Xml, report: &Report, fail_from: Verdict) -> io::Result<()> {
    element(xml, "testsuite", &with_name(&report.subject, counts(report, fail_from)), |xml| {
        element(xml, "properties", &[], |xml| {
            [("digest", report.digest.to_string()), ("platform", report.platform.to_string())]
                .into_iter()
                .try_for_each(|(name, value)| leaf(xml, "property", &[("name", name.into()), ("value", line(&value))]))
        })?;
        report.checks.iter().try_for_each(|result| {
            let names = [("name", result.check.id().to_owned()), ("classname", line(&report.subject))];
            element(xml, "testcase", &names, |xml| case(xml, result, fail_from))
        })
    })
}

fn case(xml: &mut Xml, result: &CheckResult, fail_from: Verdict) -> io::Result<()> {
    let findings: Vec<String> = result.findings.iter().map(said).collect();
    let findings = findings.join("\n");
    match outcome(result, fail_from) {
        Outcome::Failed => {
            let attributes = [("message", line(&result.summary)), ("type", result.verdict.word().to_owned())];
            return element(xml, "failure", &attributes, |xml| text(xml, &findings));
        }
        Outcome::Skipped => {
            let word = if result.verdict == Verdict::Waived { "waived: " } else { "" };
            leaf(xml, "skipped", &[("message", line(&format!("{word}{}", result.summary)))])?;
        }
        Outcome::Passed => {}
    }
    let out = if findings.is_empty() { result.summary.clone() } else { format!("{}\n{findings}", result.summary) };
    element(xml, "system-out", &[], |xml| text(xml, &out))
}

/// A finding on a line of its own.
fn said(finding: &Finding) -> String {
    let place = finding.path.as_deref().map(|path| format!("/{path}: ")).unwrap_or_default();
    let advice = if finding.advice.is_empty() { String::new() } else { format!("; {}", finding.advice) };
    let waived = finding.waived.as_ref().map(|w| format!(" (was {}: {})", w.verdict, w.reason)).unwrap_or_default();
    clean_line(&format!("{}{waived}: {place}expected {}, found {}{advice}", finding.verdict, finding.expected, finding.found))
}

fn outcome(result: &CheckResult, fail_from: Verdict) -> Outcome {
    match result.verdict {
        verdict if verdict >= fail_from => Outcome::Failed,
        Verdict::Skip | Verdict::Waived => Outcome::Skipped,
        Verdict::Pass | Verdict::Warn | Verdict::Fail => Outcome::Passed,
    }
}

fn counts(report: &Report, fail_from: Verdict) -> Counts {
    let mut counts = Counts { tests: report.checks.len(), ..Counts::default() };
    for result in &report.checks {
        match outcome(result, fail_from) {
            Outcome::Passed => {}
            Outcome::Failed => counts.failures += 1,
            Outcome::Skipped => counts.skipped += 1,
        }
    }
    counts
}

fn with_name(name: &str, counts: Counts) -> Vec<(&'static str, String)> {
    std::iter::once(("name", line(name))).chain(counts.attributes()).collect()
}

/// An element with what `inside` writes in it.
fn element(
    xml: &mut Xml,
    name: &'static str,
    attributes: &[(&'static str, String)],
    inside: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    let element = xml.create_element(name).with_attributes(attributes.iter().map(|(key, value)| (*key, value.as_str())));
    element.write_inner_content(inside).map(drop)
}

/// An element with nothing in it.
fn leaf(xml: &mut Xml, name: &'static str, attributes: &[(&'static str, String)]) -> io::Result<()> {
    let element = xml.create_element(name).with_attributes(attributes.iter().map(|(key, value)| (*key, value.as_str())));
    element.write_empty().map(drop)
}

fn text(xml: &mut Xml, words: &str) -> io::Result<()> {
    xml.write_event(Event::Text(BytesText::new(&allowed(&clean(words)))))
}

/// Text for an attribute: one line.
fn line(words: &str) -> String {
    allowed(&clean_line(words))
}

/// XML 1.0 has no way to write some characters, escaped or not (§2.2, `Char`); the library leaves that to its caller.
fn allowed(words: &str) -> String {
    let is_char = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    words.chars().map(|c| if is_char(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::Reader;

    use super::super::tests::with;
    use super::*;

    #[test]
    fn every_verdict_has_its_element() {
        let xml = with(Verdict::Fail, |v| document(v).unwrap());
        for part in [
            r#"<testsuites name="catamaran verify" tests="8" failures="1" errors="2" skipped="2">"#,
            "<testcase name=\"reading example.org/b\u{fffd}:1\" classname=\"catamaran\">",
            r#"<testsuite name="ghcr.io/acme/fd:1.2 linux/arm64" tests="5" failures="1" errors="0" skipped="2">"#,
            r#"<failure message="2 files" type="fail">"#,
            r#"<skipped message="waived: 2 files"/>"#,
            "waived (was fail: a &lt;plugin&gt; &amp; more): /usr/lib/x.so",
            r#"<error message="b could not be reached" type="error">"#,
            "x86-64 ]]&gt; &lt;b&gt;&amp;",
        ] {
            assert!(xml.contains(part), "{part}\n{xml}");
        }
        let strict = with(Verdict::Warn, |v| document(v).unwrap());
        assert!(strict.contains(r#"tests="8" failures="3" errors="2" skipped="2">"#), "{strict}");
    }

    proptest! {
        /// Whatever an image calls its files, the document stays one that can be read, and says it.
        #[test]
        fn any_text_stays_text(words in any::<String>()) {
            let mut xml = Writer::new(Vec::new());
            element(&mut xml, "a", &[("b", line(&words))], |xml| text(xml, &words)).unwrap();
            let written = String::from_utf8(xml.into_inner()).unwrap();
            let mut reader = Reader::from_str(&written);
            let (mut depth, mut elements) = (0_i32, 0);
            loop {
                match reader.read_event().unwrap() {
                    Event::Start(_) => { depth += 1; elements += 1; }
                    Event::End(_) => depth -= 1,
                    Event::Text(_) | Event::GeneralRef(_) => {}
                    Event::Eof => break,
                    other => panic!("{other:?}"),
                }
            }
            prop_assert_eq!((depth, elements), (0, 1));
            prop_assert!(!written.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')));
        }
    }
}
