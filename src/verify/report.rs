//! What a verification says: verdicts, findings, and the report that joins them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::image::{Digest, Platform};

/// How a check ended. Ordered from best to worst, so that the worst of many is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing to check in this image, or it does not apply.
    Skip,
    /// As it should be.
    Pass,
    /// Worth a look.
    Warn,
    /// Wrong.
    Fail,
}

impl Verdict {
    /// The word, as printed.
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Skip => "skip",
            Verdict::Pass => "pass",
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
    /// The config's platform is a known one, and the one asked for or claimed by the index.
    ConfigPlatform,
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
    /// The entrypoint exists, is executable and of the right architecture.
    Entrypoint,
    /// No symbolic link dangles.
    Links,
    /// Everything that maintainer scripts would have made is there.
    MaintainerScripts,
}

impl Check {
    /// Every check, in the order they are shown.
    pub const ALL: [Check; 9] = [
        Check::ConfigPlatform,
        Check::LayerDigests,
        Check::LayerDuplicates,
        Check::ElfMachine,
        Check::ElfInterpreter,
        Check::ElfLibraries,
        Check::Entrypoint,
        Check::Links,
        Check::MaintainerScripts,
    ];

    /// The stable id: `elf-machine`.
    pub const fn id(self) -> &'static str {
        match self {
            Check::ConfigPlatform => "config-platform",
            Check::LayerDigests => "layer-digests",
            Check::LayerDuplicates => "layer-duplicates",
            Check::ElfMachine => "elf-machine",
            Check::ElfInterpreter => "elf-interpreter",
            Check::ElfLibraries => "elf-libraries",
            Check::Entrypoint => "entrypoint",
            Check::Links => "links",
            Check::MaintainerScripts => "maintainer-scripts",
        }
    }

    /// What it proves, in a few words.
    pub const fn about(self) -> &'static str {
        match self {
            Check::ConfigPlatform => "the config names the platform it should",
            Check::LayerDigests => "every blob is what its digest says",
            Check::LayerDuplicates => "no path appears twice in a layer",
            Check::ElfMachine => "every ELF file is for this architecture",
            Check::ElfInterpreter => "every ELF interpreter is in the image",
            Check::ElfLibraries => "every needed library is found in the image",
            Check::Entrypoint => "the entrypoint exists and can run",
            Check::Links => "no symbolic link dangles",
            Check::MaintainerScripts => "all that package scripts would have made is there",
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
    /// Warn or fail.
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
}

impl Report {
    /// The worst verdict of all checks.
    pub fn verdict(&self) -> Verdict {
        self.checks.iter().map(|c| c.verdict).max().unwrap_or(Verdict::Skip)
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
