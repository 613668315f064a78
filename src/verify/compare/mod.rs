//! Two images side by side: a pure comparison of what was read of them, one file per aspect.
//!
//! Two architectures of one image are to compare quietly. What an architecture decides is therefore no difference between them:
//! its names (`names`), the machine of its programs, and the length of what was compiled for it.

mod comparison;
mod config;
mod contents;
mod elf;
mod files;
mod names;
mod packages;
mod pairs;
mod rows;
#[cfg(test)]
mod tests;

pub use comparison::{Aspect, Comparison, Row, Section, Side};
pub use contents::{Contents, read_contents};

use self::names::Names;
use self::pairs::Pairs;
use super::facts::ImageFacts;
use super::rootfs::MergedRoot;
use crate::image::{Image, InstalledPackage};

/// One image to compare, and what was read of it.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// What the user calls it.
    pub subject: &'a str,
    /// What it says.
    pub image: &'a Image,
    /// What its layers hold.
    pub facts: &'a ImageFacts,
    /// What its files hold and whose they are, when that was read.
    pub contents: Option<&'a Contents>,
}

/// Holds `left` against `right`. With `all`, what is the same gets rows too.
pub fn compare(left: &Compared<'_>, right: &Compared<'_>, all: bool) -> Comparison {
    let (left_root, right_root) = (MergedRoot::merge(&left.facts.layers), MergedRoot::merge(&right.facts.layers));
    let pair = Pair::of(left, &left_root, right, &right_root);
    let mut sections = vec![config::whole(&pair, all), packages::compare(&pair, all)];
    sections.extend(files::compare(&pair, &Pairs::of(&pair), all));
    let side = |half: &Half<'_>, subject: &str| Side {
        subject: subject.to_owned(),
        digest: half.image.descriptor.digest,
        platform: half.image.platform(),
        size: half.image.size(),
        layers: half.image.manifest.layers.len(),
        packages: half.packages.len(),
        paths: half.root.iter().count(),
    };
    Comparison {
        schema: 1,
        left: side(&pair.left, left.subject),
        right: side(&pair.right, right.subject),
        across_architectures: pair.across_architectures,
        sections,
    }
}

/// What has to be the same in every architecture of an image: how it runs, its packages, which paths it has, and their modes and
/// owners. Says besides how many paths are no difference, because they are of one architecture only.
pub(super) fn parity(left: (&Image, &ImageFacts, &MergedRoot<'_>), right: (&Image, &ImageFacts, &MergedRoot<'_>)) -> ([Section; 5], usize) {
    let compared = |(image, facts, _): (_, _, &MergedRoot<'_>)| Compared { subject: "", image, facts, contents: None };
    let pair = Pair::of(&compared(left), left.2, &compared(right), right.2);
    let pairs = Pairs::of(&pair);
    let [modes, owners] = files::rights(&pair, &pairs);
    let (paths, aside) = files::paths(&pair, &pairs, false);
    ([config::running(&pair, false), packages::compare(&pair, false), paths, modes, owners], aside)
}

/// One half of a pair.
struct Half<'a> {
    image: &'a Image,
    facts: &'a ImageFacts,
    root: &'a MergedRoot<'a>,
    packages: Vec<InstalledPackage>,
    contents: Option<&'a Contents>,
}

/// Both images, and the names that differ only because their architectures do.
struct Pair<'a> {
    left: Half<'a>,
    right: Half<'a>,
    left_names: Names,
    right_names: Names,
    across_architectures: bool,
}

impl<'a> Pair<'a> {
    /// Whether `path` of either image is in a folder, or is a file, that is called after the image's architecture.
    fn is_own_path(&self, path: &str) -> bool {
        [&self.left_names, &self.right_names].into_iter().any(|names| names.neutral(path) != path)
    }

    fn of(left: &Compared<'a>, left_root: &'a MergedRoot<'a>, right: &Compared<'a>, right_root: &'a MergedRoot<'a>) -> Self {
        let (left_platform, right_platform) = (left.image.platform(), right.image.platform());
        let across_architectures = left_platform != right_platform;
        let names = |platform| if across_architectures { Names::of(platform) } else { Names::default() };
        let half = |side: &Compared<'a>, root: &'a MergedRoot<'a>| Half {
            image: side.image,
            facts: side.facts,
            root,
            packages: side.facts.packages(root),
            contents: side.contents,
        };
        Pair {
            left: half(left, left_root),
            right: half(right, right_root),
            left_names: names(&left_platform),
            right_names: names(&right_platform),
            across_architectures,
        }
    }
}
