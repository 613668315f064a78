//! What a comparison says: the two sides, and per aspect what is different between them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::image::{Digest, Platform};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// How the image runs, and its labels and annotations.
    Config,
    /// Installed packages and their versions.
    Packages,
    /// Paths that only one side has.
    Paths,
    /// What is at a path: file, folder, link, device.
    Kinds,
    /// Permission bits, and capabilities of files.
    Modes,
    /// User and group.
    Owners,
    /// Lengths of files.
    Sizes,
    /// Where symbolic links lead.
    Links,
    /// What ELF headers say.
    Elf,
    /// Content of files of the same length.
    Contents,
}

impl Aspect {
    /// Every aspect, in the order they are shown.
    pub const ALL: [Aspect; 10] = [
        Aspect::Config,
        Aspect::Packages,
        Aspect::Paths,
        Aspect::Kinds,
        Aspect::Modes,
        Aspect::Owners,
        Aspect::Sizes,
        Aspect::Links,
        Aspect::Elf,
        Aspect::Contents,
    ];

    /// The word, as printed and serialised.
    pub const fn word(self) -> &'static str {
        match self {
            Aspect::Config => "config",
            Aspect::Packages => "packages",
            Aspect::Paths => "paths",
            Aspect::Kinds => "kinds",
            Aspect::Modes => "modes",
            Aspect::Owners => "owners",
            Aspect::Sizes => "sizes",
            Aspect::Links => "links",
            Aspect::Elf => "elf",
            Aspect::Contents => "contents",
        }
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Two images side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Version of this document: 1.
    pub schema: u32,
    /// The first image.
    pub left: Side,
    /// The second image.
    pub right: Side,
    /// They are for different architectures: what has to differ then is not counted as different.
    pub across_architectures: bool,
    /// One for every aspect that was compared, in the order of [`Aspect::ALL`].
    pub sections: Vec<Section>,
}

impl Comparison {
    /// How many differences there are, in all aspects together.
    pub fn differences(&self) -> usize {
        self.sections.iter().map(|section| section.different).sum()
    }

    /// What was found of one aspect; `None` when it was not compared.
    pub fn section(&self, aspect: Aspect) -> Option<&Section> {
        self.sections.iter().find(|section| section.aspect == aspect)
    }
}

/// One of the two images, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// What was asked for, as the user wrote it, with the platform for members of an index.
    pub subject: String,
    /// The manifest's digest.
    pub digest: Digest,
    /// The platform the config claims.
    pub platform: Platform,
    /// Manifest, config and compressed layers, in bytes.
    pub size: u64,
    /// Layers.
    pub layers: usize,
    /// Packages its metadata names.
    pub packages: usize,
    /// Paths in the merged file system.
    pub paths: usize,
}

/// One aspect of two images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Which.
    pub aspect: Aspect,
    /// How many things were held against each other.
    pub compared: usize,
    /// How many of them differ.
    pub different: usize,
    /// The differences, at most [`Section::MAX_ROWS`] (`different` is the full number). When everything was asked for, as many
    /// rows at most of what is the same follow them.
    pub rows: Vec<Row>,
}

impl Section {
    /// How many differences of an aspect are kept: two unrelated images differ in every file.
    pub const MAX_ROWS: usize = 1000;
}

/// One thing, as both sides have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// A config field, a package, or a path without leading slash; as the left side calls it when both have it.
    pub name: String,
    /// What the right side calls it, where an architecture's name makes that different: `usr/lib/aarch64-linux-gnu/libz.so.1`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub right_name: Option<String>,
    /// The package whose list of files names the path.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub package: Option<String>,
    /// What the left side has; `None` when it has nothing of it.
    pub left: Option<String>,
    /// What the right side has; `None` when it has nothing of it.
    pub right: Option<String>,
    /// Whether that counts as different.
    pub differs: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serialised_name_of_an_aspect_is_its_word_and_all_has_every_one() {
        for (at, aspect) in Aspect::ALL.into_iter().enumerate() {
            assert_eq!(serde_json::to_value(aspect).unwrap(), aspect.word());
            assert_eq!(aspect as usize, at);
        }
    }
}
