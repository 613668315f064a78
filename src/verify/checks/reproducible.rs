//! `reproducible`: built once more, from nothing but the lock and the packages, the image is the same to the byte.

use super::Subject;
use super::tally::skip;
use crate::verify::circumstances::Rebuild;
use crate::verify::report::{Check, CheckResult, Finding, Verdict};
use crate::verify::reproducible::{Difference, explain};

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    let (image, inputs_changed) = match subject.rebuild {
        Rebuild::NotAsked => return skip(Check::Reproducible, "--rebuild checks it"),
        Rebuild::Impossible(why) => return skip(Check::Reproducible, why.as_str()),
        Rebuild::Done { image, inputs_changed } => (image, *inputs_changed),
    };
    let failed =
        |summary: String, finding| CheckResult { check: Check::Reproducible, verdict: Verdict::Fail, summary, findings: vec![finding] };
    match explain(subject.image, image) {
        Ok(None) => CheckResult {
            check: Check::Reproducible,
            verdict: Verdict::Pass,
            summary: format!("built once more: {} again", image.descriptor.digest.short()),
            findings: Vec::new(),
        },
        Ok(Some(difference)) => {
            let summary = format!("built once more: {}, first different in {}", image.descriptor.digest.short(), difference.place);
            failed(summary, finding(difference, inputs_changed))
        }
        Err(error) => {
            let finding = Finding {
                verdict: Verdict::Fail,
                path: None,
                layer: None,
                expected: format!("the same image as the rebuild, {}", image.descriptor.digest),
                found: format!("another, and why cannot be seen: {error}"),
                advice: "see layer-digests; build again".into(),
                waived: None,
            };
            failed(format!("built once more: {}", image.descriptor.digest.short()), finding)
        }
    }
}

fn finding(difference: Difference, inputs_changed: bool) -> Finding {
    let Difference { place, layer, path, what, image, rebuilt } = difference;
    let advice = match inputs_changed {
        true => "the definition, the lock or a local file has changed since the image was built: build again, then verify",
        false => {
            "the image in the store is not what its inputs make: something changed it, or the build depends on more than its inputs; \
                  build again from an empty cache and report this if it stays"
        }
    };
    Finding {
        verdict: Verdict::Fail,
        path,
        layer,
        expected: format!("{place}: {what}: {rebuilt}, as the rebuild has it"),
        found: image,
        advice: advice.into(),
        waived: None,
    }
}
