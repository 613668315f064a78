//! The checks: pure functions over an image's metadata and the facts read from it, one file each.

mod config_platform;
mod elf_interpreter;
mod elf_libraries;
mod elf_machine;
mod entrypoint;
mod identity;
mod index_platform;
mod launch;
mod layer_digests;
mod layer_duplicates;
mod links;
mod maintainer_scripts;
mod media_types;
mod packages;
mod parity;
mod reproducible;
mod scripts;
mod setuid;
mod tally;
mod user;
mod usr_merge;

pub(super) use tally::skip;

use super::circumstances::{Group, Rebuild};
use super::facts::ImageFacts;
use super::report::{Check, CheckResult};
use super::rootfs::MergedRoot;
use crate::catalog::Architecture;
use crate::image::{Image, ScriptOutcome};

/// What every check may look at.
pub(super) struct Subject<'a> {
    pub image: &'a Image,
    pub facts: &'a ImageFacts,
    pub root: &'a MergedRoot<'a>,
    /// The architecture the image was built for, when the caller knows.
    pub expected: Option<Architecture>,
    /// The other architectures of the same image.
    pub group: &'a Group,
    /// The same target, built once more.
    pub rebuild: &'a Rebuild,
    /// What became of its packages' scripts, when we built it.
    pub scripts: Option<&'a [ScriptOutcome]>,
}

/// Runs one check.
pub(super) fn run(check: Check, subject: &Subject<'_>) -> CheckResult {
    match check {
        Check::ConfigPlatform => config_platform::check(subject),
        Check::IndexPlatform => index_platform::check(subject),
        Check::MediaTypes => media_types::check(subject),
        Check::LayerDigests => layer_digests::check(subject),
        Check::LayerDuplicates => layer_duplicates::check(subject),
        Check::ElfMachine => elf_machine::check(subject),
        Check::ElfInterpreter => elf_interpreter::check(subject),
        Check::ElfLibraries => elf_libraries::check(subject),
        Check::Scripts => scripts::check(subject),
        Check::Links => links::check(subject),
        Check::Entrypoint => entrypoint::check(subject),
        Check::User => user::check(subject),
        Check::Setuid => setuid::check(subject),
        Check::UsrMerge => usr_merge::check(subject),
        Check::Packages => packages::check(subject),
        Check::MaintainerScripts => maintainer_scripts::check(subject),
        Check::Parity => parity::check(subject),
        Check::Reproducible => reproducible::check(subject),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{Report, Verdict};

    pub(super) fn verdict(report: &Report, check: Check) -> Verdict {
        report.result(check).unwrap().verdict
    }
}
