//! What a verification says: verdicts, findings, and the report that joins them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::waive::{AppliedWaiver, WaivedAs};
use crate::image::{Digest, Platform};

/// How a check ended. Ordered from best to worst, so that the worst of many is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing to check in this image, or it does not apply.
    Skip,
    /// As it should be.
    Pass,
    /// Not as it should be, and accepted with a reason in `containers.toml`.
    Waived,
    /// Worth a look.
    Warn,
    /// Wrong.
    Fail,
}

impl Verdict {
    /// Every verdict, from best to worst.
    pub const ALL: [Verdict; 5] = [Verdict::Skip, Verdict::Pass, Verdict::Waived, Verdict::Warn, Verdict::Fail];

    /// The word, as printed.
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Skip => "skip",
            Verdict::Pass => "pass",
            Verdict::Waived => "waived",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The checks, by their stable ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The config's platform is a known one, and the one asked for.
    ConfigPlatform,
    /// What an index says of its members is what their configs say, and every member is there.
    IndexPlatform,
    /// The media types of manifest, config and layers are known, of one family, and true of the bytes.
    MediaTypes,
    /// Every blob has the digest, size and diff id that manifest and config declare.
    LayerDigests,
    /// No layer's tar names a path twice (image-spec, "Image Layer Filesystem Changeset"), no manifest a layer twice.
    LayerDuplicates,
    /// Every ELF file of every layer has the class, byte order and machine of the config's architecture.
    ElfMachine,
    /// Every ELF interpreter exists inside the image.
    ElfInterpreter,
    /// Every library that a program loads when it starts is found as the image's own loader finds it.
    ElfLibraries,
    /// Every executable script has its interpreter inside the image.
    Scripts,
    /// No symbolic link dangles.
    Links,
    /// The entrypoint exists, is executable and of the right architecture.
    Entrypoint,
    /// The user the image runs as is known in it, and can enter the working directory.
    User,
    /// No program gives its owner's rights to others, and nothing is open to everybody, unless it is known to be.
    Setuid,
    /// No layer puts a folder or files over the links of a merged `/usr`.
    UsrMerge,
    /// Scanners can read which packages are installed, and all are for this architecture.
    Packages,
    /// Everything that maintainer scripts would have made is there.
    MaintainerScripts,
    /// All architectures of an image run the same way and have the same packages and paths.
    Parity,
    /// Built once more, the same image comes out.
    Reproducible,
}

impl Check {
    /// Every check, in the order they are shown.
    pub const ALL: [Check; 18] = [
        Check::ConfigPlatform,
        Check::IndexPlatform,
        Check::MediaTypes,
        Check::LayerDigests,
        Check::LayerDuplicates,
        Check::ElfMachine,
        Check::ElfInterpreter,
        Check::ElfLibraries,
        Check::Scripts,
        Check::Links,
        Check::Entrypoint,
        Check::User,
        Check::Setuid,
        Check::UsrMerge,
        Check::Packages,
        Check::MaintainerScripts,
        Check::Parity,
        Check::Reproducible,
    ];

    /// The stable id: `elf-machine`.
    pub const fn id(self) -> &'static str {
        match self {
            Check::ConfigPlatform => "config-platform",
            Check::IndexPlatform => "index-platform",
            Check::MediaTypes => "media-types",
            Check::LayerDigests => "layer-digests",
            Check::LayerDuplicates => "layer-duplicates",
            Check::ElfMachine => "elf-machine",
            Check::ElfInterpreter => "elf-interpreter",
            Check::ElfLibraries => "elf-libraries",
            Check::Scripts => "scripts",
            Check::Links => "links",
            Check::Entrypoint => "entrypoint",
            Check::User => "user",
            Check::Setuid => "setuid",
            Check::UsrMerge => "usr-merge",
            Check::Packages => "packages",
            Check::MaintainerScripts => "maintainer-scripts",
            Check::Parity => "parity",
            Check::Reproducible => "reproducible",
        }
    }

    /// What it proves, in a few words.
    pub const fn about(self) -> &'static str {
        match self {
            Check::ConfigPlatform => "the config names the platform it should",
            Check::IndexPlatform => "the index says of its members what they are",
            Check::MediaTypes => "the media types fit together, and the bytes",
            Check::LayerDigests => "every blob is what its digest says",
            Check::LayerDuplicates => "no path appears twice in a layer",
            Check::ElfMachine => "every ELF file is for this architecture",
            Check::ElfInterpreter => "every ELF interpreter is in the image",
            Check::ElfLibraries => "every needed library is found in the image",
            Check::Scripts => "every script has its interpreter in the image",
            Check::Links => "no symbolic link dangles",
            Check::Entrypoint => "the entrypoint exists and can run",
            Check::User => "the user exists and can start where it should",
            Check::Setuid => "no unexpected setuid program, nothing open to everybody",
            Check::UsrMerge => "no layer covers the links of a merged /usr",
            Check::Packages => "scanners can read the packages, all for this architecture",
            Check::MaintainerScripts => "all that package scripts would have made is there",
            Check::Parity => "all architectures of the image are alike",
            Check::Reproducible => "built once more, it is the same",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// One thing a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Warn or fail, or waived.
    pub verdict: Verdict,
    /// The path in the image, without leading slash, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// The layer it is in, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub layer: Option<Digest>,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
    /// What to do.
    pub advice: String,
    /// Why it does not count, when it is waived.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub waived: Option<WaivedAs>,
}

/// How one check ended for one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Which check.
    pub check: Check,
    /// The worst of its findings, or pass or skip.
    pub verdict: Verdict,
    /// One line: what was looked at, or how many findings: `312 ELF files, all AArch64`.
    pub summary: String,
    /// The findings, at most [`CheckResult::MAX_FINDINGS`]; the summary tells the full number.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub findings: Vec<Finding>,
}

impl CheckResult {
    /// How many findings a check keeps: a wholly wrong image would otherwise list every file.
    pub const MAX_FINDINGS: usize = 100;
}

/// Every check of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What was asked for, as the user wrote it, with the platform for members of an index.
    pub subject: String,
    /// The manifest's digest.
    pub digest: Digest,
    /// The platform the config claims.
    pub platform: Platform,
    /// The results, in the order of [`Check::ALL`].
    pub checks: Vec<CheckResult>,
    /// The waivers of `containers.toml` that are for this image, and what each came to.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub waivers: Vec<AppliedWaiver>,
}

impl Report {
    /// The worst verdict of all checks.
    pub fn verdict(&self) -> Verdict {
        self.checks.iter().map(|c| c.verdict).max().unwrap_or(Verdict::Skip)
    }

    /// What came of `check`; `None` when it was not run.
    pub fn result(&self, check: Check) -> Option<&CheckResult> {
        self.checks.iter().find(|result| result.check == check)
    }

    /// How many checks ended with `verdict`.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.checks.iter().filter(|c| c.verdict == verdict).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serialised_name_of_a_check_is_its_id() {
        for check in Check::ALL {
            assert_eq!(serde_json::to_value(check).unwrap(), check.id());
        }
    }
}
