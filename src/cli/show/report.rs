//! A verification report.

use crate::cli::fact::tally;
use crate::cli::printer::{Ink, clean_line};
use crate::cli::report::{Verification, remark};
use crate::cli::table::{Cell, Table, verdict_mark};
use crate::verify::{CheckResult, Finding, Report, Verdict};

/// Findings shown under each check; `--json` has all that were kept.
const MAX_FINDINGS: usize = 10;

/// Every report, then what could not be read, then waivers that had nothing to do.
pub(in crate::cli) fn verification(verification: &Verification<'_>, color: bool) -> String {
    let mut parts: Vec<String> = verification.reports.iter().map(|one| report(one, color)).collect();
    let (glyph, ink) = verdict_mark(Verdict::Fail);
    parts.extend(verification.broken().map(|(subject, failure)| {
        let what = subject.map_or_else(String::new, |subject| format!("{subject} could not be read: "));
        let line = format!("{} {}", ink.paint(glyph, color), clean_line(&format!("{what}{}", failure.message)));
        match &failure.hint {
            Some(hint) => format!("{line}\n  {}", Ink::Dim.paint(&clean_line(hint), color)),
            None => line,
        }
    }));
    let unused = verification.unused_waivers;
    let (glyph, ink) = verdict_mark(Verdict::Warn);
    let remarks: Vec<String> = unused.iter().map(|waiver| format!("{} {}", ink.paint(glyph, color), clean_line(&remark(waiver)))).collect();
    if !remarks.is_empty() {
        parts.push(remarks.join("\n"));
    }
    parts.join("\n\n")
}

/// Every check with its verdict; under those that warn or fail, what was found, and what of it is waived.
fn report(report: &Report, color: bool) -> String {
    let (glyph, ink) = verdict_mark(report.verdict());
    let title = Ink::Bold.paint(&clean_line(&report.subject), color);
    let verdict = ink.paint(&format!("{glyph} {}", report.verdict()), color);
    let mut out = format!("{title}  {}  {}\n{verdict}: {}", clean_line(&report.platform.to_string()), report.digest, tally(report));
    let mut table = Table::plain(2);
    for result in &report.checks {
        table.row([Cell::verdict(result.verdict), result.check.id().into(), result.summary.as_str().into()]);
    }
    for (line, result) in table.render(color).lines().zip(&report.checks) {
        out.push('\n');
        out.push_str(line);
        findings(&mut out, result, color);
    }
    out
}

fn findings(out: &mut String, result: &CheckResult, color: bool) {
    let shown = |f: &&Finding| f.verdict >= Verdict::Waived;
    for finding in result.findings.iter().filter(shown).take(MAX_FINDINGS) {
        let (glyph, ink) = verdict_mark(finding.verdict);
        let place = finding.path.as_deref().map(|path| format!("/{path}: ")).unwrap_or_default();
        let line = clean_line(&format!("{place}expected {}, found {}", finding.expected, finding.found));
        out.push_str(&format!("\n      {} {line}", ink.paint(glyph, color)));
        if let Some(waived) = &finding.waived {
            let line = clean_line(&format!("waived ({}): {}", waived.verdict, waived.reason));
            out.push_str(&format!("\n        {}", Ink::Dim.paint(&line, color)));
        } else if !finding.advice.is_empty() {
            out.push_str(&format!("\n        {}", Ink::Dim.paint(&clean_line(&finding.advice), color)));
        }
    }
    let more = result.findings.len().saturating_sub(MAX_FINDINGS);
    if more > 0 {
        out.push_str(&format!("\n      … and {more} more; --json lists them"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;
    use crate::cli::report::tests::with;
    use crate::image::{Digest, Platform};
    use crate::verify::Check;

    #[test]
    fn findings_stand_under_their_check() {
        let result = |check, verdict, findings| CheckResult { check, verdict, summary: "312 files".into(), findings };
        let finding = Finding {
            verdict: Verdict::Fail,
            path: Some("usr/bin/fd".into()),
            layer: None,
            expected: "AArch64".into(),
            found: "x86-64".into(),
            advice: "rebuild it".into(),
            waived: None,
        };
        let checks =
            vec![result(Check::ConfigPlatform, Verdict::Pass, vec![]), result(Check::ElfMachine, Verdict::Fail, vec![finding; 12])];
        let platform = Platform::linux(Architecture::Aarch64);
        let text = report(&Report { subject: "fd/aarch64".into(), digest: Digest::of(b"x"), platform, checks, waivers: vec![] }, false);
        assert_eq!(text.matches("expected AArch64, found x86-64").count(), MAX_FINDINGS);
        let head: Vec<&str> = text.lines().skip(1).take(5).collect();
        insta::assert_snapshot!(head.join("\n"), @r###"
        ✗ fail: 1 fail, 1 pass
          ✓ pass  config-platform  312 files
          ✗ fail  elf-machine      312 files
              ✗ /usr/bin/fd: expected AArch64, found x86-64
                rebuild it
        "###);
        assert!(text.ends_with("… and 2 more; --json lists them"));
    }

    #[test]
    fn what_is_waived_says_why_and_an_unused_waiver_is_said() {
        let text = with(Verdict::Fail, |report| verification(report, false));
        for line in [
            "✗ fail: 1 fail, 1 warn, 1 waived, 1 pass, 1 skip",
            "~ waived  links",
            "waived (fail): a <plugin> & more",
            "✗ example.org/b\u{fffd}:1 could not be read: b could not be reached\n  is it there?\n\n✗ interrupted\n",
            "! the waiver of links (etc/*) on line 7 of containers.toml has expired on 2026-01-01",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    }
}
