//! The CPU architectures, and what each is called by everyone we talk to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A CPU architecture that images are built for.
///
/// One enum knows the names of all the worlds an image passes through: OCI (`image-spec`, GOARCH), Debian
/// (`dpkg-architecture`), Nix systems and ELF headers (gABI `e_machine`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// 64-bit x86.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
    /// 64-bit little-endian RISC-V.
    Riscv64,
    /// 64-bit little-endian POWER.
    Ppc64le,
    /// IBM Z, big-endian.
    S390x,
    /// 32-bit Arm v7, hard float.
    Armv7,
}

/// Byte order, as in ELF's `EI_DATA`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endianness {
    /// Least significant byte first (`ELFDATA2LSB`).
    Little,
    /// Most significant byte first (`ELFDATA2MSB`).
    Big,
}

/// One row per architecture: everything that differs between the worlds.
struct Names {
    name: &'static str,
    oci: &'static str,
    oci_variant: Option<&'static str>,
    debian: &'static str,
    rust: &'static str,
    nix: &'static str,
    nix_cross: &'static str,
    elf_machine: u16,
    elf_64_bit: bool,
    endianness: Endianness,
    aliases: &'static [&'static str],
}

impl Architecture {
    /// Every architecture, in display order.
    pub const ALL: [Architecture; 6] = [
        Architecture::X86_64,
        Architecture::Aarch64,
        Architecture::Riscv64,
        Architecture::Ppc64le,
        Architecture::S390x,
        Architecture::Armv7,
    ];

    const fn names(self) -> Names {
        use Endianness::{Big, Little};
        // e_machine values: gABI, "ELF Header". Nix cross names: nixpkgs lib/systems/examples.nix.
        match self {
            Architecture::X86_64 => Names {
                name: "x86_64",
                oci: "amd64",
                oci_variant: None,
                debian: "amd64",
                rust: "x86_64-unknown-linux-gnu",
                nix: "x86_64-linux",
                nix_cross: "gnu64",
                elf_machine: 62,
                elf_64_bit: true,
                endianness: Little,
                aliases: &["amd64", "x86-64", "x64"],
            },
            Architecture::Aarch64 => Names {
                name: "aarch64",
                oci: "arm64",
                oci_variant: None,
                debian: "arm64",
                rust: "aarch64-unknown-linux-gnu",
                nix: "aarch64-linux",
                nix_cross: "aarch64-multiplatform",
                elf_machine: 183,
                elf_64_bit: true,
                endianness: Little,
                aliases: &["arm64"],
            },
            Architecture::Riscv64 => Names {
                name: "riscv64",
                oci: "riscv64",
                oci_variant: None,
                debian: "riscv64",
                rust: "riscv64gc-unknown-linux-gnu",
                nix: "riscv64-linux",
                nix_cross: "riscv64",
                elf_machine: 243,
                elf_64_bit: true,
                endianness: Little,
                aliases: &[],
            },
            Architecture::Ppc64le => Names {
                name: "ppc64le",
                oci: "ppc64le",
                oci_variant: None,
                debian: "ppc64el",
                rust: "powerpc64le-unknown-linux-gnu",
                nix: "powerpc64le-linux",
                nix_cross: "powernv",
                elf_machine: 21,
                elf_64_bit: true,
                endianness: Little,
                aliases: &["ppc64el", "powerpc64le"],
            },
            Architecture::S390x => Names {
                name: "s390x",
                oci: "s390x",
                oci_variant: None,
                debian: "s390x",
                rust: "s390x-unknown-linux-gnu",
                nix: "s390x-linux",
                nix_cross: "s390x",
                elf_machine: 22,
                elf_64_bit: true,
                endianness: Big,
                aliases: &[],
            },
            Architecture::Armv7 => Names {
                name: "armv7",
                oci: "arm",
                oci_variant: Some("v7"),
                debian: "armhf",
                rust: "armv7-unknown-linux-gnueabihf",
                nix: "armv7l-linux",
                nix_cross: "armv7l-hf-multiplatform",
                elf_machine: 40,
                elf_64_bit: false,
                endianness: Little,
                aliases: &["armv7l", "armhf"],
            },
        }
    }

    /// Our own name, as written in `containers.toml`.
    pub const fn name(self) -> &'static str {
        self.names().name
    }

    /// `architecture` in an OCI config and platform (GOARCH).
    pub const fn oci(self) -> &'static str {
        self.names().oci
    }

    /// `variant` in an OCI platform; only where the architecture is ambiguous without one. `arm64` carries none:
    /// containerd normalises `v8` away, and readers disagree about images that have it.
    pub const fn oci_variant(self) -> Option<&'static str> {
        self.names().oci_variant
    }

    /// Debian's name (`dpkg --print-architecture`).
    pub const fn debian(self) -> &'static str {
        self.names().debian
    }

    /// Rust's target triple of the GNU system, whose folder cargo builds into.
    pub const fn rust(self) -> &'static str {
        self.names().rust
    }

    /// Nix's system double.
    pub const fn nix(self) -> &'static str {
        self.names().nix
    }

    /// The attribute of `pkgsCross` that builds for it.
    pub const fn nix_cross(self) -> &'static str {
        self.names().nix_cross
    }

    /// ELF `e_machine`.
    pub const fn elf_machine(self) -> u16 {
        self.names().elf_machine
    }

    /// Whether ELF files are `ELFCLASS64`.
    pub const fn elf_64_bit(self) -> bool {
        self.names().elf_64_bit
    }

    /// The byte order of its ELF files.
    pub const fn endianness(self) -> Endianness {
        self.names().endianness
    }

    /// The suffix of per-architecture tags: `amd64`, `arm64`, `arm-v7`.
    pub fn tag_suffix(self) -> String {
        match self.oci_variant() {
            Some(variant) => format!("{}-{variant}", self.oci()),
            None => self.oci().to_owned(),
        }
    }

    /// The architecture of an OCI platform, whatever equivalent variant it names (`arm64/v8` is `arm64`).
    pub fn from_oci(architecture: &str, variant: Option<&str>) -> Option<Self> {
        Self::ALL.into_iter().find(|a| {
            a.oci() == architecture
                && match (a.oci_variant(), variant.filter(|v| !v.is_empty())) {
                    (None, None) => true,
                    (None, Some("v8")) => *a == Architecture::Aarch64,
                    (Some(mine), Some(theirs)) => mine == theirs,
                    (Some(_), None) => true,                       // GOARCH "arm" means v7 to containerd
                    (None, Some(_)) => *a == Architecture::X86_64, // v1..v4 micro-architecture levels
                }
        })
    }

    /// The architecture of this machine, if it is one of ours.
    pub fn host() -> Option<Self> {
        std::env::consts::ARCH.parse().ok()
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The word is not an architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseArchitectureError {
    /// The word that was given.
    pub word: String,
    /// The architecture it was probably meant to be.
    pub near: Option<Architecture>,
}

impl fmt::Display for ParseArchitectureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown architecture `{}`", self.word)?;
        match self.near {
            Some(near) => write!(f, "; did you mean `{near}`?"),
            None => {
                let all: Vec<&str> = Architecture::ALL.iter().map(|a| a.name()).collect();
                write!(f, "; known are {}", all.join(", "))
            }
        }
    }
}

impl std::error::Error for ParseArchitectureError {}

impl FromStr for Architecture {
    type Err = ParseArchitectureError;

    /// Accepts every world's name (`amd64`, `arm64`, `x86_64-linux`, …).
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let lower = word.to_ascii_lowercase();
        let found = Self::ALL.into_iter().find(|a| {
            let n = a.names();
            [n.name, n.debian, n.nix].contains(&lower.as_str()) || n.oci == lower || n.aliases.contains(&lower.as_str())
        });
        found.ok_or_else(|| ParseArchitectureError {
            word: word.to_owned(),
            near: Self::ALL
                .into_iter()
                .flat_map(|a| {
                    let n = a.names();
                    [n.name, n.oci, n.debian].into_iter().chain(n.aliases.iter().copied()).map(move |word| (a, word))
                })
                .map(|(a, word)| (a, strsim::normalized_damerau_levenshtein(word, &lower)))
                .filter(|(_, likeness)| *likeness >= 0.6)
                .max_by(|x, y| x.1.total_cmp(&y.1))
                .map(|(a, _)| a),
        })
    }
}

impl Serialize for Architecture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Architecture {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = std::borrow::Cow::<str>::deserialize(deserializer)?;
        word.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back() {
        for a in Architecture::ALL {
            for word in [a.name(), a.debian(), a.nix(), a.oci()] {
                assert_eq!(word.parse(), Ok(a), "{word}");
            }
            assert_eq!(Architecture::from_oci(a.oci(), a.oci_variant()), Some(a));
        }
        assert_eq!(Architecture::from_oci("arm64", Some("v8")), Some(Architecture::Aarch64));
        assert_eq!(Architecture::from_oci("arm", Some("v6")), None);
    }

    #[test]
    fn a_misspelling_is_answered_with_the_near_name() {
        let error = "x86_46".parse::<Architecture>().unwrap_err();
        assert_eq!(error.near, Some(Architecture::X86_64));
        assert!("sparc".parse::<Architecture>().unwrap_err().to_string().contains("known are x86_64, aarch64"));
    }
}
