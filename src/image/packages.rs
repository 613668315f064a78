//! Packages as an image's own metadata names them: dpkg's status (deb-status, deb822(5)) and apk's installed database.

use super::InstalledPackage;

/// Larger metadata files are not read: dpkg's status of five thousand packages has 8 MiB.
pub const MAX_METADATA: u64 = 12 << 20;

/// A list that names more is not kept: short stanzas would take many times the file's length. Debian has some 60,000 packages in all.
pub(super) const MAX_PACKAGES: usize = 100_000;

/// Which metadata a file is, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// dpkg's status, whole or one package of it in `status.d`.
    Dpkg,
    /// apk's database of what is installed.
    Apk,
}

impl Metadata {
    /// The metadata that a file at `path` is, if any.
    pub fn of_path(path: &str) -> Option<Self> {
        match path {
            "var/lib/dpkg/status" => Some(Metadata::Dpkg),
            // usr/lib/apk is where apk-tools 3 keeps it.
            "lib/apk/db/installed" | "usr/lib/apk/db/installed" => Some(Metadata::Apk),
            _ => path
                .strip_prefix("var/lib/dpkg/status.d/")
                .is_some_and(|name| !name.contains('/') && !name.ends_with(".md5sums"))
                .then_some(Metadata::Dpkg),
        }
    }

    /// The installed packages that `text` describes, at most one more than 100,000. What is no stanza of a package is passed over.
    pub fn read(self, text: &[u8]) -> Vec<InstalledPackage> {
        let (name, version, architecture): (&[u8], &[u8], &[u8]) = match self {
            Metadata::Dpkg => (b"Package", b"Version", b"Architecture"),
            Metadata::Apk => (b"P", b"V", b"A"),
        };
        let mut out = Vec::new();
        let mut stanza = Stanza::default();
        for line in text.split(|b| *b == b'\n') {
            if line.trim_ascii().is_empty() {
                out.extend(std::mem::take(&mut stanza).package());
                if out.len() > MAX_PACKAGES {
                    return out;
                }
                continue;
            }
            let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
            let value = || Some(String::from_utf8_lossy(line[colon + 1..].trim_ascii()).into_owned());
            // Continuation lines begin with a space, so their key never matches. apk's one-letter keys have case.
            match &line[..colon] {
                key if same(key, name, self) => stanza.name = value(),
                key if same(key, version, self) => stanza.version = value(),
                key if same(key, architecture, self) => stanza.architecture = value(),
                key if self == Metadata::Dpkg && key.eq_ignore_ascii_case(b"Status") => stanza.status = value(),
                _ => {}
            }
        }
        out.extend(stanza.package());
        out
    }
}

fn same(key: &[u8], wanted: &[u8], metadata: Metadata) -> bool {
    match metadata {
        Metadata::Dpkg => key.eq_ignore_ascii_case(wanted),
        Metadata::Apk => key == wanted,
    }
}

#[derive(Default)]
struct Stanza {
    name: Option<String>,
    version: Option<String>,
    architecture: Option<String>,
    status: Option<String>,
}

impl Stanza {
    fn package(self) -> Option<InstalledPackage> {
        // dpkg keeps removed packages whose configuration remains; files of status.d have no Status at all.
        if self.status.is_some_and(|status| status.split_ascii_whitespace().nth(2) != Some("installed")) {
            return None;
        }
        // What a stanza lacks stays empty, so that whoever checks it can say so.
        let (version, architecture) = (self.version.unwrap_or_default(), self.architecture.unwrap_or_default());
        Some(InstalledPackage { name: self.name?, version, architecture })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_installed_packages_count() {
        let text = b"Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2\nDescription: x\n Version: 9\n\n\
            Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\nPackage: tz\nVersion: 2\nArchitecture: all";
        let names: Vec<String> =
            Metadata::Dpkg.read(text).into_iter().map(|p| format!("{} {} {}", p.name, p.version, p.architecture)).collect();
        assert_eq!(names, ["bash 5.2 amd64", "tz 2 all"]);
    }

    #[test]
    fn apk_keys_have_case() {
        let packages = Metadata::Apk.read(b"C:Q1x\nP:musl\nV:1.2.5-r0\nA:x86_64\np:so:libc=1\n\n");
        assert_eq!(packages, [InstalledPackage { name: "musl".into(), version: "1.2.5-r0".into(), architecture: "x86_64".into() }]);
    }

    #[test]
    fn which_files_are_metadata() {
        assert_eq!(Metadata::of_path("var/lib/dpkg/status.d/base"), Some(Metadata::Dpkg));
        for other in ["var/lib/dpkg/status.d/base.md5sums", "var/lib/dpkg/status-old", "x/var/lib/dpkg/status"] {
            assert_eq!(Metadata::of_path(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            Metadata::Dpkg.read(&text);
            Metadata::Apk.read(&text);
        }
    }
}
