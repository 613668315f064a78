//! Runs every check over an image.

use super::checks::{self, Subject};
use super::facts::ImageFacts;
use super::known::Known;
use super::report::{Check, CheckResult, Report};
use super::rootfs::MergedRoot;
use crate::catalog::Architecture;
use crate::image::{Image, InstalledPackage, ScriptOutcome};
use crate::progress::Progress;
use crate::{Error, Result};

/// Reads every layer of `image` once, or less of what is `known`, and runs every check.
///
/// `subject` is how the report calls it, `expected` the architecture it was built for, where the caller knows. `on_check`
/// hears of each result in the order of [`Check::ALL`]. To be called on a blocking thread. A wrong image is a report and
/// not an error; errors are an unreachable registry, and [`Kind::Interrupted`](crate::Kind) once `cancelled` says so.
pub fn verify(
    image: &Image,
    subject: &str,
    expected: Option<Architecture>,
    known: &Known,
    on_check: &mut dyn FnMut(&CheckResult),
    progress: &dyn Progress,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Report> {
    let facts = ImageFacts::gather_knowing(image, known, progress, cancelled)?;
    progress.phase("check");
    let scripts = known.scripts.as_ref().and_then(|records| records.load(&image.descriptor.digest));
    check_facts(image, &facts, scripts.as_deref(), subject, expected, on_check, cancelled)
}

/// Runs every check over facts that were gathered before; `scripts` is what became of its packages' scripts, when we built it.
pub fn check_facts(
    image: &Image,
    facts: &ImageFacts,
    scripts: Option<&[ScriptOutcome]>,
    subject: &str,
    expected: Option<Architecture>,
    on_check: &mut dyn FnMut(&CheckResult),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Report> {
    let root = MergedRoot::merge(&facts.layers);
    let about = Subject { image, facts, root: &root, expected, scripts };
    let mut results = Vec::with_capacity(Check::ALL.len());
    for check in Check::ALL {
        if cancelled() {
            return Err(Error::interrupted());
        }
        let result = checks::run(check, &about);
        on_check(&result);
        results.push(result);
    }
    Ok(Report { subject: subject.to_owned(), digest: image.descriptor.digest, platform: image.platform(), checks: results })
}

/// What `inspect` shows of an image's content: the number of entries of each layer, and the installed packages as the
/// image's own metadata names them, sorted.
///
/// Same pass and same conditions as [`verify`]; a layer that cannot be read is an error.
pub fn inspect_facts(
    image: &Image,
    known: &Known,
    progress: &dyn Progress,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<(Vec<usize>, Vec<InstalledPackage>)> {
    let facts = readable(ImageFacts::gather_knowing(image, known, progress, cancelled)?)?;
    let root = MergedRoot::merge(&facts.layers);
    Ok((facts.layers.iter().map(|layer| layer.entries.len()).collect(), facts.packages(&root)))
}

/// `facts`, unless a layer could not be read to its end: half a list would lie.
pub(super) fn readable(facts: ImageFacts) -> Result<ImageFacts> {
    if let Some(layer) = facts.damaged().next() {
        let damage = layer.damage.as_deref().unwrap_or_default();
        return Err(Error::failed(format!("layer {} cannot be read: {damage}", layer.descriptor.digest))
            .hint("`catamaran verify` shows everything that is wrong with the image"));
    }
    Ok(facts)
}
