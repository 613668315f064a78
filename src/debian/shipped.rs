//! Which package ships a program, by the archive's `Contents` indexes (Debian Wiki "RepositoryFormat"): for who knows what a command is
//! called, and not what its package is.
//!
//! Such an index has tens of megabytes, so one is fetched only when no package has the name that was asked for, and of each only the
//! programs are kept.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::archive::Archive;
use super::deb::Limited;
use super::indexes::{ReleaseFile, Wanted, fetch};
use super::packages::Packages;
use super::release::Release;
use super::sources::Source;
use crate::image::{Digest, record};
use crate::progress::{Progress, bytes};
use crate::{Error, Result};

/// The most that is unpacked; Debian's largest has 500 MB.
const MAX_CONTENTS: u64 = 4 << 30;
/// The longest line; Debian's longest has a few thousand letters.
const MAX_LINE: u64 = 1 << 20;
/// The most that is kept of one index; of Debian's largest it is 2 MB.
const MAX_KEPT: usize = 16 << 20;
/// Where programs are. Those in the last one are there under the names that their authors gave them.
const FOLDERS: [&str; 6] = ["bin/", "sbin/", "usr/bin/", "usr/sbin/", "usr/games/", "usr/lib/cargo/bin/"];

impl Archive {
    /// The packages that ship a program called `program` on `architecture`, sorted; of the suites and components that are read.
    pub(super) async fn shipping(
        &self,
        program: &str,
        packages: &Packages,
        releases: &[(&Source, Release)],
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<Vec<String>> {
        let architecture = packages.architecture;
        // What is in packages for all architectures stands in an index of its own, the largest.
        for folder in [architecture.debian(), "all"] {
            let mut found = BTreeSet::new();
            for (source, release) in releases {
                for component in &source.components {
                    let wanted = Wanted { source, release, component, folder, architecture: architecture.debian() };
                    found.extend(self.programs(&wanted, progress, cancel).await?.of(program));
                }
            }
            // What is no longer in the archive, or is not for this architecture, cannot be installed.
            found.retain(|name| packages.every_version(name).next().is_some());
            if !found.is_empty() {
                return Ok(found.into_iter().collect());
            }
        }
        Ok(Vec::new())
    }

    /// The programs of one index, from the cache when it is still the one the release names.
    async fn programs(&self, wanted: &Wanted<'_>, progress: &dyn Progress, cancel: &CancellationToken) -> Result<Programs> {
        let path = format!("{}/Contents-{}.gz", wanted.component, wanted.folder);
        let Some((digest, size)) = wanted.release.contents.get(&path).copied() else { return Ok(Programs::default()) };
        let place = cached_path(&self.releases_folder(), wanted);
        if let Some(known) = record::read(&place, &digest) {
            return Ok(known);
        }
        progress.line(&format!("looking through {path} of {}, {}", wanted.source.suite, bytes(size)));
        let file = ReleaseFile { path: &path, digest, size };
        let programs = fetch(&self.http, wanted, file, cancel, |compressed| {
            let plain = flate2::bufread::MultiGzDecoder::new(compressed);
            scan(BufReader::with_capacity(1 << 18, Limited::new(plain, MAX_CONTENTS, "it")))
        });
        let programs = programs.await?;
        // Next time is no reason to fail now.
        let _ = record::write(&place, &digest, &programs);
        Ok(programs)
    }
}

fn cached_path(folder: &Path, wanted: &Wanted<'_>) -> PathBuf {
    let Wanted { source, component, folder: part, .. } = wanted;
    let place = Digest::of(source.base.as_str().as_bytes()).short();
    folder.join(format!("{}-{place}-{component}-{part}.programs", source.suite).replace('/', "_"))
}

/// `PROGRAM PACKAGE` lines.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
struct Programs(String);

impl Programs {
    /// The packages that ship `program`.
    fn of(&self, program: &str) -> impl Iterator<Item = String> {
        self.0
            .lines()
            .filter_map(move |line| line.split_once(' ').filter(|(name, _)| *name == program))
            .map(|(_, package)| package.to_owned())
    }
}

/// The programs in an unpacked index, whose lines are a path and, after the last space, `SECTION/PACKAGE` with commas between.
fn scan(mut reader: impl BufRead) -> Result<Programs> {
    let broken = |error: io::Error| Error::network("it cannot be unpacked").source(error);
    let (mut kept, mut line) = (String::new(), Vec::new());
    loop {
        line.clear();
        if (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line).map_err(broken)? == 0 {
            return Ok(Programs(kept));
        }
        if line.len() as u64 == MAX_LINE {
            return Err(Error::network("it has a line that is too long"));
        }
        let Some(program) = program(&line) else { continue };
        let Ok(rest) = std::str::from_utf8(&line[program..]) else { continue };
        let Some((name, owners)) = rest.trim_end().rsplit_once([' ', '\t']) else { continue };
        let name = name.trim_end();
        if name.contains(|c: char| c == '/' || c.is_whitespace()) {
            continue;
        }
        for owner in owners.split(',').filter_map(|owner| owner.rsplit('/').next()).filter(|owner| !owner.is_empty()) {
            kept.extend([name, " ", owner, "\n"]);
        }
        if kept.len() > MAX_KEPT {
            return Err(Error::network("it has more programs than an index may have here"));
        }
    }
}

/// Where the name of a program begins in a line about one.
fn program(line: &[u8]) -> Option<usize> {
    FOLDERS.iter().find(|folder| line.starts_with(folder.as_bytes())).map(|folder| folder.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn programs_are_found_under_both_of_their_names() {
        let text = "bin/bash            shells/bash\n\
                    usr/bin/a b         x/y\n\
                    usr/bin/convert     graphics/imagemagick,non-free/graphics/other\n\
                    usr/bin/fdfind\t    utils/fd-find\n\
                    usr/bin/sub/x       utils/fd-find\n\
                    usr/lib/cargo/bin/fd utils/fd-find\n\
                    usr/share/doc/fd    doc/fd-doc\n";
        let programs = scan(text.as_bytes()).unwrap();
        let of = |name: &str| programs.of(name).collect::<Vec<_>>();
        assert_eq!(of("bash"), ["bash"]);
        assert_eq!((of("fd"), of("fdfind")), (vec!["fd-find".to_owned()], vec!["fd-find".to_owned()]));
        assert_eq!(of("convert"), ["imagemagick", "other"]);
        assert!(of("x").is_empty() && of("b").is_empty());
    }

    #[test]
    fn a_line_without_end_does_not_fill_memory() {
        let endless = BufReader::new(io::repeat(b'x'));
        assert!(scan(endless).unwrap_err().message().contains("too long"));
        let programs = "usr/bin/x y/z\n".repeat(20);
        let many =
            BufReader::new(io::Cursor::new(programs).chain(BufReader::new(Repeated(b"usr/bin/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx y/z\n"))));
        assert!(scan(many).unwrap_err().message().contains("more programs"));
    }

    /// The same line for ever.
    struct Repeated(&'static [u8]);

    impl Read for Repeated {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = out.len() / self.0.len() * self.0.len();
            out[..n].chunks_mut(self.0.len()).for_each(|line| line.copy_from_slice(self.0));
            Ok(n)
        }
    }

    proptest! {
        #[test]
        fn any_text_is_scanned(text in "(usr/bin/|bin/|a/b|,| |\t|\n|[ -~]){0,40}") {
            scan(text.as_bytes()).unwrap();
        }

        #[test]
        fn any_bytes_are_scanned(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            scan(&bytes[..]).unwrap();
        }
    }
}
