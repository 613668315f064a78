//! `maintainer-scripts`: every script of every package has been understood, and what it would have made is in the image (R18).
//!
//! The builder has evaluated them and left a record; an image that somebody else built has none.

use super::Subject;
use crate::image::{ScriptClass, ScriptOutcome};
use crate::progress::count;
use crate::verify::report::{Check, CheckResult, Finding, Verdict};

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    let result = |verdict, summary| CheckResult { check: Check::MaintainerScripts, verdict, summary, findings: Vec::new() };
    let Some(outcomes) = subject.scripts else {
        return result(Verdict::Skip, "only known of images that were built here from .deb packages".into());
    };
    if outcomes.is_empty() {
        return result(Verdict::Pass, "its packages have no scripts".into());
    }
    let number = |class| outcomes.iter().filter(|outcome| outcome.class == class).count();
    let (nothing, done, missing) = (number(ScriptClass::NoOp), number(ScriptClass::Done), number(ScriptClass::Missing));
    let all = count(outcomes.len(), "script");
    let mut findings: Vec<Finding> = outcomes.iter().filter(|outcome| outcome.class == ScriptClass::Missing).map(finding).collect();
    findings.truncate(CheckResult::MAX_FINDINGS);
    match missing {
        0 => result(Verdict::Pass, format!("{all}: {done} done, {nothing} would change nothing")),
        _ => CheckResult {
            findings,
            ..result(Verdict::Warn, format!("{all}: {done} done, {nothing} would change nothing, {missing} not wholly understood"))
        },
    }
}

fn finding(outcome: &ScriptOutcome) -> Finding {
    let commands: Vec<String> = outcome.missing.iter().map(|(command, why)| format!("`{command}`: {why}")).collect();
    Finding {
        verdict: Verdict::Warn,
        path: None,
        layer: None,
        expected: format!("what the {} of {} {} does", outcome.script, outcome.package, outcome.version),
        found: format!("not done: {}", if commands.is_empty() { "all of it".to_owned() } else { commands.join("; ") }),
        waived: None,
        advice:
            "look at what the script would have made; when the image needs it, make it with `links` or `files`, or choose another package"
                .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::ScriptRecords;
    use crate::progress::Silent;
    use crate::verify::samples::{Layer, Sample};
    use crate::verify::{Circumstances, Known, verify};

    fn outcome(package: &str, class: ScriptClass, missing: &[(&str, &str)]) -> ScriptOutcome {
        let missing = missing.iter().map(|(command, why)| ((*command).to_owned(), (*why).to_owned())).collect();
        ScriptOutcome { package: package.into(), version: "1".into(), script: "postinst".into(), sha256: "0".into(), class, missing }
    }

    #[test]
    fn what_is_missing_is_a_warning_and_what_is_not_known_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let records = ScriptRecords::new(folder.path().into());
        let image = Sample::new("amd64").layer(Layer::new().folder("x")).image();
        let known = Known { scripts: Some(records.clone()), ..Known::default() };
        let run = || {
            let report = verify(&image, "x", &Circumstances::default(), &known, &mut |_| {}, &Silent, &|| false).unwrap().0;
            report.checks.into_iter().find(|result| result.check == Check::MaintainerScripts).unwrap()
        };
        assert_eq!(run().verdict, Verdict::Skip);
        let (done, nothing) = (outcome("a", ScriptClass::Done, &[]), outcome("b", ScriptClass::NoOp, &[]));
        records.keep(&image.descriptor.digest, &[done.clone(), nothing]).unwrap();
        assert_eq!((run().verdict, &*run().summary), (Verdict::Pass, "2 scripts: 1 done, 1 would change nothing"));
        let missing = outcome("c", ScriptClass::Missing, &[("frobnicate --all", "it is not known"), ("x", "y")]);
        records.keep(&image.descriptor.digest, &[done, missing]).unwrap();
        let result = run();
        assert_eq!((result.verdict, result.findings.len()), (Verdict::Warn, 1));
        assert_eq!(result.findings[0].expected, "what the postinst of c 1 does");
        assert_eq!(result.findings[0].found, "not done: `frobnicate --all`: it is not known; `x`: y");
    }
}
