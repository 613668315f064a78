//! Names that an architecture decides: multiarch folders, dynamic linkers, the architecture's own names.
//!
//! Two architectures of one image call the same file by different names. Each side's text is brought into a form without them,
//! and what then reads alike is the same.

use crate::catalog::Architecture;
use crate::image::Platform;

/// The names of one platform's architecture.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// What is replaced, and by what, in this order. Whole words only where the flag says so.
    replacements: Vec<(String, &'static str, bool)>,
}

/// Debian's multiarch tuple (deb-multiarch, "dpkg-architecture -qDEB_HOST_MULTIARCH") and the dynamic linker of the psABI.
const fn system(architecture: Architecture) -> (&'static str, &'static str) {
    match architecture {
        Architecture::X86_64 => ("x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
        Architecture::Aarch64 => ("aarch64-linux-gnu", "ld-linux-aarch64.so.1"),
        Architecture::Riscv64 => ("riscv64-linux-gnu", "ld-linux-riscv64-lp64d.so.1"),
        Architecture::Ppc64le => ("powerpc64le-linux-gnu", "ld64.so.2"),
        Architecture::S390x => ("s390x-linux-gnu", "ld64.so.1"),
        Architecture::Armv7 => ("arm-linux-gnueabihf", "ld-linux-armhf.so.3"),
    }
}

impl Names {
    /// The names of `platform`. Of an architecture we do not build for, only OCI's own name is known.
    pub(super) fn of(platform: &Platform) -> Self {
        let mut names = Names::default();
        let mut replace = |from: &str, to, word| names.replacements.push((from.to_owned(), to, word));
        let known = Architecture::from_oci(&platform.architecture, platform.variant.as_deref());
        if let Some(architecture) = known {
            let (multiarch, loader) = system(architecture);
            // x86_64 and POWER keep the linker in lib64, the others in lib.
            replace(&format!("lib64/{loader}"), "lib/{loader}", false);
            replace(loader, "{loader}", false);
            replace(multiarch, "{multiarch}", false);
            // Package names cannot have an underscore (Policy 5.6.1): binutils-x86-64-linux-gnu.
            replace(&multiarch.replace('_', "-"), "{multiarch}", false);
            let cpu = multiarch.split('-').next().unwrap_or_default();
            for word in [architecture.name(), cpu, &cpu.replace('_', "-"), architecture.debian(), architecture.oci()] {
                replace(word, "{architecture}", true);
            }
        } else {
            replace(&platform.architecture, "{architecture}", true);
        }
        names
    }

    /// `text` without the architecture's names.
    pub(super) fn neutral(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to, word) in &self.replacements {
            if !from.is_empty() && text.contains(from.as_str()) {
                text = replace(&text, from, to, *word);
            }
        }
        text
    }
}

fn replace(text: &str, from: &str, to: &str, word: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        out.push_str(before);
        // `out` ends where `rest` began, so a word that follows another is seen as one.
        let inside = word && (out.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric));
        out.push_str(if inside { from } else { to });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(architecture: Architecture) -> Names {
        Names::of(&Platform::linux(architecture))
    }

    #[test]
    fn what_two_architectures_call_differently_reads_alike() {
        let (x86, arm) = (names(Architecture::X86_64), names(Architecture::Aarch64));
        for (left, right) in [
            ("usr/lib/x86_64-linux-gnu/libz.so.1", "usr/lib/aarch64-linux-gnu/libz.so.1"),
            ("usr/lib64/ld-linux-x86-64.so.2", "usr/lib/ld-linux-aarch64.so.1"),
            ("usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1"),
            ("binutils-x86-64-linux-gnu", "binutils-aarch64-linux-gnu"),
            ("usr/bin/x86_64-linux-gnu-ld", "usr/bin/aarch64-linux-gnu-ld"),
            ("lib/ld-musl-x86_64.so.1", "lib/ld-musl-aarch64.so.1"),
            ("linux-image-amd64", "linux-image-arm64"),
            ("asm_amd64.s", "asm_arm64.s"),
        ] {
            assert_eq!(x86.neutral(left), arm.neutral(right), "{left} {right}");
        }
        assert_eq!(x86.neutral("camd64 amd641"), "camd64 amd641");
        assert_eq!(x86.neutral("usr/lib/aarch64-linux-gnu"), "usr/lib/aarch64-linux-gnu");
    }

    #[test]
    fn every_architecture_loses_its_names() {
        let reference = names(Architecture::Aarch64).neutral("lib/ld-linux-aarch64.so.1");
        for architecture in Architecture::ALL {
            let (multiarch, loader) = system(architecture);
            let folder = if matches!(architecture, Architecture::X86_64 | Architecture::Ppc64le) { "lib64" } else { "lib" };
            assert_eq!(names(architecture).neutral(&format!("{folder}/{loader}")), reference);
            assert_eq!(names(architecture).neutral(multiarch), "{multiarch}");
            assert_eq!(names(architecture).neutral(architecture.debian()), "{architecture}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,60}") {
            names(Architecture::X86_64).neutral(&text);
            prop_assert_eq!(Names::of(&Platform { architecture: String::new(), os: "linux".into(), variant: None }).neutral(&text), text);
        }
    }
}
