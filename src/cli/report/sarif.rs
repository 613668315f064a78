//! SARIF 2.1.0 (OASIS "Static Analysis Results Interchange Format"): what code scanning services take in.
//!
//! Only the part of the format that is used here; names are the standard's.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Verification, remark};
use crate::cli::printer::{clean, clean_line};
use crate::image::{Digest, Reference};
use crate::verify::{Check, CheckResult, Finding, Report, Verdict};

/// A log file with one run (§3.13).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

/// §3.14
#[derive(Serialize)]
struct Run {
    tool: Value,
    invocations: [Value; 1],
    results: Vec<ResultObject>,
}

/// §3.27
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultObject {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Value,
    locations: [Value; 1],
    partial_fingerprints: Value,
    /// Present and empty where nothing is suppressed, so that a reader sees that suppressions are known of (§3.27.23).
    suppressions: Vec<Value>,
    properties: Value,
}

/// Everything a run came to, as one SARIF run.
pub(super) fn log(verification: &Verification<'_>) -> Log {
    let mut seen = HashMap::new();
    let results = verification.reports.iter().flat_map(|report| results(report, &mut seen)).collect();
    let notice = |level: &str, text: String| json!({ "level": level, "message": { "text": clean_line(&text) } });
    let broken = verification.broken().map(|(subject, failure)| match subject {
        Some(subject) => notice("error", format!("{subject} could not be read: {}", failure.message)),
        None => notice("error", failure.message.clone()),
    });
    let broken: Vec<Value> = broken.collect();
    let unused: Vec<Value> = verification.unused_waivers.iter().map(|waiver| notice("warning", remark(waiver))).collect();
    let invocation = json!({
        "executionSuccessful": broken.is_empty(),
        "toolExecutionNotifications": broken,
        "toolConfigurationNotifications": unused,
    });
    let version = env!("CARGO_PKG_VERSION");
    let rules: Vec<Value> = Check::ALL.into_iter().map(rule).collect();
    let driver = json!({ "name": "Catamaran", "version": version, "semanticVersion": version, "rules": rules });
    let run = Run { tool: json!({ "driver": driver }), invocations: [invocation], results };
    Log { schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] }
}

/// A check as a `reportingDescriptor` (§3.49).
fn rule(check: Check) -> Value {
    json!({
        "id": check.id(),
        "shortDescription": { "text": check.about() },
        "fullDescription": { "text": check.why() },
        "help": {
            "text": format!("{}\n\n{}", check.why(), check.remedy()),
            "markdown": format!("**Why.** {}\n\n**What to do.** {}", check.why(), check.remedy()),
        },
        "defaultConfiguration": { "level": level(check.severity()) },
    })
}

const fn level(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "error",
        Verdict::Warn => "warning",
        Verdict::Waived | Verdict::Pass | Verdict::Skip => "note",
    }
}

/// Every finding of an image; where findings are not all listed, a note says so.
fn results(report: &Report, seen: &mut HashMap<String, usize>) -> Vec<ResultObject> {
    let mut out = Vec::new();
    for result in &report.checks {
        for finding in &result.findings {
            let verdict = finding.waived.as_ref().map_or(finding.verdict, |waived| waived.verdict);
            let text = format!("expected {}, found {}", finding.expected, finding.found);
            let text = if finding.advice.is_empty() { text } else { format!("{text}; {}", finding.advice) };
            out.push(object(report, result, level(verdict), &text, Some(finding), seen));
        }
        if result.findings.len() >= CheckResult::MAX_FINDINGS {
            let text = format!("only the first {} findings are listed: {}", result.findings.len(), result.summary);
            out.push(object(report, result, "note", &text, None, seen));
        }
    }
    out
}

fn object(
    report: &Report,
    result: &CheckResult,
    level: &'static str,
    text: &str,
    finding: Option<&Finding>,
    seen: &mut HashMap<String, usize>,
) -> ResultObject {
    let check = result.check;
    let layer = finding.and_then(|f| f.layer);
    let fingerprint = fingerprint(report, check, finding, seen);
    let suppression = |reason: &str| json!({ "kind": "external", "status": "accepted", "justification": clean_line(reason) });
    ResultObject {
        rule_id: check.id(),
        rule_index: Check::ALL.iter().position(|c| *c == check).unwrap_or_default(),
        level,
        message: json!({ "text": format!("{}: {}", clean_line(&report.subject), clean_line(text)) }),
        locations: [location(report, finding)],
        // Services track findings by the one name, others by their own; it is the same finding.
        partial_fingerprints: json!({ "catamaranFinding/v1": fingerprint, "primaryLocationLineHash": fingerprint }),
        suppressions: finding.and_then(|f| f.waived.as_ref()).map(|waived| suppression(&waived.reason)).into_iter().collect(),
        properties: json!({ "image": report.digest, "platform": clean(&report.platform.to_string()), "layer": layer }),
    }
}

/// The image as logical location, the path in it as physical one. What is about no path is in a blob, and that is where a
/// layout has it. Services refuse a result without a file and a line; a file in an image has its first.
fn location(report: &Report, finding: Option<&Finding>) -> Value {
    let uri = match finding.and_then(|f| f.path.as_deref()) {
        Some(path) => uri(path),
        None => blob(&finding.and_then(|f| f.layer).unwrap_or(report.digest)),
    };
    let subject = clean_line(&report.subject);
    json!({
        "physicalLocation": { "artifactLocation": { "uri": uri }, "region": { "startLine": 1 } },
        "logicalLocations": [{ "name": subject, "fullyQualifiedName": format!("{subject}@{}", report.digest), "kind": "module" }],
    })
}

fn blob(digest: &Digest) -> String {
    format!("blobs/{}", digest.to_string().replace(':', "/"))
}

/// A relative reference (RFC 3986): everything but unreserved characters and `/` is encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.trim_start_matches('/').bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// The same for the same finding in the next version of the image: without tag, digest, layer, and what was found. Findings
/// that are alike in all of that are numbered.
fn fingerprint(report: &Report, check: Check, finding: Option<&Finding>, seen: &mut HashMap<String, usize>) -> String {
    let (reference, member) = report.subject.split_once(' ').unwrap_or((&report.subject, ""));
    let image = match reference.parse::<Reference>() {
        Ok(Reference::Registry(remote)) => format!("{}/{}", remote.host, remote.repository),
        _ => reference.to_owned(),
    };
    let place = match finding {
        Some(Finding { path: Some(path), .. }) => format!("path {path}"),
        Some(finding) => format!("expected {}", finding.expected),
        None => "unlisted".to_owned(),
    };
    let hash = Digest::of(format!("{:?}", (check.id(), image, member, place)).as_bytes()).hex()[..32].to_owned();
    let number = seen.entry(hash.clone()).or_insert(0);
    *number += 1;
    format!("{hash}:{number}")
}

#[cfg(test)]
mod tests {
    use super::super::tests::with;
    use super::*;

    fn run() -> Value {
        with(Verdict::Fail, |v| serde_json::to_value(log(v)).unwrap())["runs"][0].take()
    }

    #[test]
    fn findings_are_results_with_rule_level_place_and_fingerprint() {
        let run = run();
        let results = run["results"].as_array().unwrap();
        let levels: Vec<&str> = results.iter().map(|r| r["level"].as_str().unwrap()).collect();
        assert_eq!(levels, ["error", "error", "warning", "error"]);
        let first = &results[0];
        assert_eq!(run["tool"]["driver"]["rules"][first["ruleIndex"].as_u64().unwrap() as usize]["id"], first["ruleId"]);
        let place = &first["locations"][0];
        assert_eq!(place["physicalLocation"]["artifactLocation"]["uri"], "usr/bin/a%20b%25%1B%5D%5D%3E%EF%BF%BD");
        assert_eq!(place["logicalLocations"][0]["name"], "ghcr.io/acme/fd:1.2 linux/arm64");
        assert!(!first["message"]["text"].as_str().unwrap().contains(|c: char| c.is_control() || c == '\u{202e}'));
        let about_the_image = results[2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        assert!(about_the_image.starts_with("blobs/sha256/"), "{about_the_image}");
    }

    #[test]
    fn what_is_waived_is_suppressed_with_its_reason() {
        let run = run();
        let suppressions: Vec<usize> =
            run["results"].as_array().unwrap().iter().map(|r| r["suppressions"].as_array().unwrap().len()).collect();
        assert_eq!(suppressions, [0, 1, 0, 1]);
        assert_eq!(run["results"][1]["suppressions"][0]["justification"], "a <plugin> & more");
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
        assert!(run["invocations"][0]["toolConfigurationNotifications"][0]["message"]["text"].as_str().unwrap().contains("expired"));
    }

    #[test]
    fn a_fingerprint_outlives_the_version_and_tells_findings_apart() {
        let finding = |path: Option<&str>, expected: &str, found: &str| Finding {
            verdict: Verdict::Fail,
            path: path.map(str::to_owned),
            layer: Some(Digest::of(found.as_bytes())),
            expected: expected.into(),
            found: found.into(),
            advice: String::new(),
            waived: None,
        };
        let of = |subject: &str, finding: &Finding| {
            let report = Report { subject: subject.into(), ..super::super::tests::a_report() };
            fingerprint(&report, Check::Links, Some(finding), &mut HashMap::new())
        };
        let one = of("ghcr.io/acme/fd:1.0", &finding(Some("a"), "x", "y"));
        assert_eq!(one, of("ghcr.io/acme/fd:1.1", &finding(Some("a"), "x", "z")));
        for other in [
            of("ghcr.io/acme/rg:1.0", &finding(Some("a"), "x", "y")),
            of("ghcr.io/acme/fd:1.0 linux/arm64", &finding(Some("a"), "x", "y")),
            of("ghcr.io/acme/fd:1.0", &finding(Some("b"), "x", "y")),
            of("ghcr.io/acme/fd:1.0", &finding(None, "x", "y")),
        ] {
            assert_ne!(one, other);
        }
        let (report, mut seen) = (super::super::tests::a_report(), HashMap::new());
        let twice = [(); 2].map(|()| fingerprint(&report, Check::Links, Some(&finding(Some("a"), "x", "y")), &mut seen));
        assert_ne!(twice[0], twice[1]);
    }
}
