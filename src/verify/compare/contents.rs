//! What files hold and whose they are: a pass over layers of its own, because verification wants neither and is not slowed for it.
//!
//! Which package a file belongs to is what the lists in the image say: `var/lib/dpkg/status.d/NAME.md5sums` (distroless, and ours)
//! and `var/lib/dpkg/info/NAME[:ARCH].{list,md5sums}` (dpkg(1), "FILES").

use std::collections::HashMap;
use std::io::{self, BufRead};

use crate::image::{Blobs, Descriptor, Digest, EntryRef, Hasher, Image, MAX_METADATA};
use crate::progress::Progress;
use crate::verify::facts::ImageFacts;
use crate::verify::layer_path::normal;
use crate::verify::stream::stream;
use crate::verify::tarball::Members;
use crate::verify::usage::Usage;
use crate::{Error, Result};

/// Paths in all lists together; longer lists are cut, and what they would name belongs to nobody.
const MAX_LISTED: usize = 2_000_000;
/// Files of one layer whose digests are kept: more than facts have room for.
const MAX_DIGESTS: usize = 2_000_000;

/// Digests of files and owners of paths. Cheap to ask.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// By layer, then path.
    digests: HashMap<Digest, HashMap<String, Digest>>,
    /// Path → package.
    packages: HashMap<String, String>,
}

impl Contents {
    /// The SHA-256 of the file that is `entry`, one of `facts`.
    pub(super) fn digest(&self, facts: &ImageFacts, entry: &EntryRef<'_>) -> Option<&Digest> {
        // A hard link shows the very entry of the file, which another layer may have.
        let layer = facts.layers.iter().find(|layer| std::ptr::eq(&layer.entries, entry.of()))?;
        self.digests.get(&layer.descriptor.digest)?.get(&entry.path())
    }

    /// The package whose list names `path`.
    pub(super) fn package(&self, path: &str) -> Option<&str> {
        let named = |path: &str| self.packages.get(path).map(String::as_str);
        // Lists of packages from before the merge of /usr name the paths of that time.
        named(path).or_else(|| named(path.strip_prefix("usr/")?))
    }
}

/// Reads the layers of `image`: the digest of every file if `digests`, and every list of files.
///
/// Same conditions as [`verify`](crate::verify::verify). A layer listed twice is read once. What is damaged is left out; the
/// facts of the layer say so.
pub fn read_contents(image: &Image, digests: bool, progress: &dyn Progress, cancelled: &(dyn Fn() -> bool + Sync)) -> Result<Contents> {
    let mut contents = Contents::default();
    let total = image.manifest.layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
    let usage = Usage::new(progress, total);
    progress.phase("contents");
    for (at, layer) in image.manifest.layers.iter().enumerate() {
        if image.manifest.layers[..at].iter().all(|before| before.digest != layer.digest) {
            read_layer(&*image.blobs, layer, digests, &usage, cancelled, &mut contents)?;
        }
    }
    Ok(contents)
}

fn read_layer(
    blobs: &dyn Blobs,
    blob: &Descriptor,
    digests: bool,
    usage: &Usage<'_>,
    cancelled: &(dyn Fn() -> bool + Sync),
    contents: &mut Contents,
) -> Result<()> {
    stream(blobs, blob, usage, cancelled, |content| {
        // Where the tar is damaged the facts have told so already.
        let _ = read_members(&mut Members::new(content), blob.digest, digests, contents);
    })?;
    if cancelled() { Err(Error::interrupted()) } else { Ok(()) }
}

fn read_members<R: BufRead>(members: &mut Members<R>, layer: Digest, digests: bool, contents: &mut Contents) -> io::Result<()> {
    while let Some(member) = members.next()? {
        if !member.kind.is_file() {
            continue;
        }
        let path = normal(&member.path);
        let listed = list(&path).filter(|_| member.size <= MAX_METADATA).map(|(package, form)| (package.to_owned(), form));
        if !digests && listed.is_none() {
            continue;
        }
        let (mut hasher, mut text) = (Hasher::new(), Vec::new());
        members.stream(|piece| {
            hasher.update(piece);
            if listed.is_some() {
                text.extend_from_slice(piece);
            }
            true
        })?;
        if let Some((package, form)) = listed {
            contents.own(&package, form, &text);
        }
        let known = contents.digests.entry(layer).or_default();
        if digests && known.len() < MAX_DIGESTS {
            known.insert(path, hasher.finish());
        }
    }
    Ok(())
}

/// How a list of files is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `/path`, folders too.
    Paths,
    /// `checksum  path` (deb-md5sums(5)).
    Checksums,
}

/// The package whose list is at `path`.
fn list(path: &str) -> Option<(&str, Form)> {
    let name = path.strip_prefix("var/lib/dpkg/status.d/").or_else(|| path.strip_prefix("var/lib/dpkg/info/"))?;
    let (name, form) = match (name.strip_suffix(".md5sums"), name.strip_suffix(".list")) {
        (Some(name), _) => (name, Form::Checksums),
        (_, name) => (name?, Form::Paths),
    };
    // Packages of several architectures carry theirs in the name: libc6:amd64.list.
    Some((name.split(':').next().unwrap_or(name), form))
}

impl Contents {
    fn own(&mut self, package: &str, form: Form, text: &[u8]) {
        for line in String::from_utf8_lossy(text).lines() {
            let path = match form {
                Form::Paths => line,
                Form::Checksums => line.split_once(char::is_whitespace).map_or("", |(_, path)| path.trim_start()),
            };
            let path = normal(path.as_bytes());
            if path.is_empty() || self.packages.len() >= MAX_LISTED {
                continue;
            }
            // Folders are in the lists of many packages; the first has them.
            self.packages.entry(path).or_insert_with(|| package.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lists_of_every_form_name_their_package() {
        for (path, package) in [
            ("var/lib/dpkg/status.d/bash.md5sums", Some(("bash", Form::Checksums))),
            ("var/lib/dpkg/info/libc6:amd64.list", Some(("libc6", Form::Paths))),
            ("var/lib/dpkg/info/tar.md5sums", Some(("tar", Form::Checksums))),
            ("var/lib/dpkg/status.d/bash", None),
            ("x/var/lib/dpkg/info/tar.list", None),
        ] {
            assert_eq!(list(path), package, "{path}");
        }
        let mut contents = Contents::default();
        contents.own("bash", Form::Checksums, b"d41d8cd98f00b204e9800998ecf8427e  bin/bash\nnonsense\n");
        contents.own("tar", Form::Paths, b"/.\n/usr\n/usr/bin/tar\n");
        assert_eq!((contents.package("usr/bin/bash"), contents.package("usr/bin/tar")), (Some("bash"), Some("tar")));
        assert_eq!(contents.package("nonsense"), None);
    }

    proptest! {
        #[test]
        fn any_list_is_read(text in proptest::collection::vec(any::<u8>(), 0..200), paths: bool) {
            let form = if paths { Form::Paths } else { Form::Checksums };
            Contents::default().own("p", form, &text);
        }
    }
}
