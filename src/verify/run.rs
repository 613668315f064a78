//! Runs every check over an image.

use super::checks::{self, Subject};
use super::circumstances::Circumstances;
use super::facts::ImageFacts;
use super::known::Known;
use super::platform::not_looked_into;
use super::report::{Check, CheckResult, Report};
use super::rootfs::MergedRoot;
use crate::image::{Image, InstalledPackage, ScriptOutcome};
use crate::progress::Progress;
use crate::{Error, Result};

/// Reads every layer of `image` once, or less of what is `known`, and runs every check.
///
/// `subject` is how the report calls it, `circumstances` is what the caller knows besides. `on_check` hears of each result in the
/// order of [`Check::ALL`]. The facts are handed out with the report, for the next image of a group. To be called on a blocking
/// thread. A wrong image is a report and not an error; errors are an unreachable registry, and
/// [`Kind::Interrupted`](crate::Kind) once `cancelled` says so.
pub fn verify(
    image: &Image,
    subject: &str,
    circumstances: &Circumstances,
    known: &Known,
    on_check: &mut dyn FnMut(&CheckResult),
    progress: &dyn Progress,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<(Report, ImageFacts)> {
    let facts = match not_looked_into(&image.platform()) {
        None => ImageFacts::gather_knowing(image, known, progress, cancelled)?,
        Some(_) => ImageFacts::default(),
    };
    progress.phase("check");
    let scripts = known.scripts.as_ref().and_then(|records| records.load(&image.descriptor.digest));
    let report = check_facts(image, &facts, scripts.as_deref(), subject, circumstances, on_check, cancelled)?;
    Ok((report, facts))
}

/// Runs every check over facts that were gathered before; `scripts` is what became of its packages' scripts, when we built it.
pub fn check_facts(
    image: &Image,
    facts: &ImageFacts,
    scripts: Option<&[ScriptOutcome]>,
    subject: &str,
    circumstances: &Circumstances,
    on_check: &mut dyn FnMut(&CheckResult),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Report> {
    let root = MergedRoot::merge(&facts.layers);
    let Circumstances { expected, group, rebuild } = circumstances;
    let about = Subject { image, facts, root: &root, expected: *expected, group, rebuild, scripts };
    let unseen = not_looked_into(&image.platform());
    let mut results = Vec::with_capacity(Check::ALL.len());
    for check in Check::ALL {
        if cancelled() {
            return Err(Error::interrupted());
        }
        let result = match &unseen {
            // What its config and its index say needs none of its files.
            Some(why) if !matches!(check, Check::ConfigPlatform | Check::IndexPlatform) => checks::skip(check, why.as_str()),
            _ => checks::run(check, &about),
        };
        on_check(&result);
        results.push(result);
    }
    let (digest, platform) = (image.descriptor.digest, image.platform());
    Ok(Report { subject: subject.to_owned(), digest, platform, checks: results, waivers: Vec::new() })
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
    let facts = ImageFacts::gather_knowing(image, known, progress, cancelled)?;
    facts.require_whole()?;
    let root = MergedRoot::merge(&facts.layers);
    Ok((facts.layers.iter().map(|layer| layer.entries.len()).collect(), facts.packages(&root)))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read};
    use std::sync::Arc;

    use super::*;
    use crate::image::{Blobs, Descriptor};
    use crate::progress::Silent;
    use crate::verify::Verdict;
    use crate::verify::samples::{Layer, Sample, result};

    /// Blobs whose reading fails with this, at once or in the middle.
    #[derive(Debug)]
    struct Failing {
        error: fn() -> Error,
        at_once: bool,
    }

    impl Blobs for Failing {
        fn open(&self, _: &Descriptor) -> Result<Box<dyn Read + Send>> {
            match self.at_once {
                true => Err((self.error)()),
                false => Ok(Box::new(Cursor::new([0x1f, 0x8b, 8, 0]).chain(Cut(self.error)))),
            }
        }
    }

    struct Cut(fn() -> Error);

    impl Read for Cut {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other((self.0)()))
        }
    }

    #[test]
    fn what_a_registry_lacks_is_a_finding_and_what_the_network_kept_is_an_error() {
        let verified = |error: fn() -> Error, at_once| {
            let mut image = Sample::new("amd64").layer(Layer::new().file("a", 0o644, b"a")).image();
            image.blobs = Arc::new(Failing { error, at_once });
            let report = verify(&image, "x", &Circumstances::default(), &Known::default(), &mut |_| {}, &Silent, &|| false);
            report.map(|(report, _)| result(&report, Check::LayerDigests).verdict)
        };
        for at_once in [true, false] {
            assert!(verified(|| Error::network("the connection was cut"), at_once).is_err_and(|error| error.is_outage()));
            assert_eq!(verified(|| Error::network("404").as_answer(), at_once).unwrap(), Verdict::Fail);
            assert_eq!(verified(|| Error::failed("the disk is gone"), at_once).unwrap(), Verdict::Fail);
        }
    }
}
