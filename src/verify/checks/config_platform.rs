//! `config-platform`: the config's platform is a known one, and the one asked for.
//!
//! A wrong one is fatal where it matters: containerd 2.2 does not unpack an image whose config names another platform.

use super::Subject;
use super::tally::{Tally, skip};
use crate::image::Platform;
use crate::verify::platform::{ElfPlatform, not_looked_into};
use crate::verify::report::{Check, CheckResult, Verdict};

const REBUILD: &str = "build the image again for the right platform; do not edit the config by hand, the files must match it";

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    let mut tally = Tally::default();
    let platform = subject.image.platform();
    if platform.architecture.is_empty() || platform.os.is_empty() {
        let found = format!("os `{}`, architecture `{}`", platform.os, platform.architecture);
        tally.image(
            Verdict::Fail,
            None,
            "an os and an architecture in the config",
            found,
            "image-spec requires both; set them in the builder",
        );
    } else if let Some(why) = not_looked_into(&platform).filter(|_| subject.expected.is_none()) {
        return skip(Check::ConfigPlatform, why);
    } else if ElfPlatform::of(&platform).is_none() {
        tally.image(
            Verdict::Fail,
            None,
            "a Linux platform: linux/amd64, linux/arm64, …",
            platform.to_string(),
            "use the names of GOOS and GOARCH: `amd64` and not `x86_64`, `arm64` and not `aarch64`",
        );
    }
    if let Some(expected) = subject.expected {
        let expected = Platform::linux(expected);
        if !platform.same(&expected) {
            tally.image(Verdict::Fail, None, format!("{expected}, the target's platform"), platform.to_string(), REBUILD);
        }
    }
    tally.result(Check::ConfigPlatform, platform.to_string(), "platform claim")
}

#[cfg(test)]
mod tests {
    use crate::catalog::Architecture;
    use crate::progress::Silent;
    use crate::verify::samples::{Layer, Sample, report, result};
    use crate::verify::{Check, Circumstances, Known, Verdict, verify};

    fn verdict(image: &crate::image::Image, expected: Option<Architecture>) -> Verdict {
        let circumstances = Circumstances { expected, ..Circumstances::default() };
        let (report, _) = verify(image, "", &circumstances, &Known::default(), &mut |_| {}, &Silent, &|| false).unwrap();
        result(&report, Check::ConfigPlatform).verdict
    }

    #[test]
    fn the_config_must_name_the_platform_that_was_asked_for() {
        let image = Sample::new("arm64").layer(Layer::new()).image();
        assert_eq!(verdict(&image, Some(Architecture::Aarch64)), Verdict::Pass);
        assert_eq!(verdict(&image, Some(Architecture::X86_64)), Verdict::Fail);
        assert_eq!(verdict(&image, None), Verdict::Pass);
    }

    #[test]
    fn windows_images_are_not_looked_into_and_what_they_claim_is_judged() {
        let mut sample = Sample::new("amd64").layer(Layer::new().file("Files/a.exe", 0o644, b"MZ")).entrypoint("a.exe");
        sample.os = "windows";
        let mut image = sample.image();
        let all = |image: &crate::image::Image| {
            let report = report(image);
            (report.verdict(), result(&report, Check::IndexPlatform).verdict, result(&report, Check::Entrypoint).summary.clone())
        };
        assert_eq!(all(&image), (Verdict::Skip, Verdict::Skip, "windows/amd64: only Linux images are looked into".into()));
        image.descriptor.platform = Some(image.platform());
        assert_eq!(all(&image).0, Verdict::Pass);
        crate::verify::samples::claim(&mut image, "amd64", None);
        assert_eq!(all(&image).1, Verdict::Fail, "the index says linux");
        assert_eq!(verdict(&image, Some(Architecture::X86_64)), Verdict::Fail, "one of ours is never for Windows");
    }

    #[test]
    fn names_of_other_worlds_are_no_platform() {
        let report = report(&Sample::new("x86_64").layer(Layer::new()).image());
        assert_eq!(result(&report, Check::ConfigPlatform).verdict, Verdict::Fail);
        assert_eq!(result(&report, Check::ElfMachine).verdict, Verdict::Skip);
    }
}
