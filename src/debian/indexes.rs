//! Getting the `Packages` indexes: by hash, streamed through the decompressor, checked before use, kept for next time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::deb::Limited;
use super::http::{Answer, Fault, Http, Pieces, shown};
use super::index::Index;
use super::index_file;
use super::release::Release;
use super::sources::Source;
use crate::error::IoContext;
use crate::image::{Digest, Hasher};
use crate::{Error, Result};

/// The most that is decompressed, and the longest cached index that is read; Debian's largest, sid's, has 65 MB.
const MAX_INDEX: u64 = 160 << 20;
/// When the release does not say how long the index is unpacked, it is at most this many times as long. Debian's are 4 to 6.
const MAX_RATIO: u64 = 40;

/// One index of a release.
pub(crate) struct Wanted<'a> {
    pub source: &'a Source,
    pub release: &'a Release,
    pub component: &'a str,
    /// The folder: Debian's name of the architecture, or `all`.
    pub folder: &'a str,
    /// Debian's name of the architecture whose packages are kept.
    pub architecture: &'a str,
}

#[derive(Clone, Copy)]
enum Compression {
    None,
    Gzip,
    Xz,
}

/// The index, from `cache` when it is still the one the release names. `None` when the release has none.
pub(crate) async fn read(http: &Http, wanted: &Wanted<'_>, cache: &Path, cancel: &CancellationToken) -> Result<Option<Index>> {
    let plain = format!("{}/binary-{}/Packages", wanted.component, wanted.folder);
    // gzip first: with a third more to fetch it is open five times sooner than xz, which wins below about 20 MB/s only.
    let forms = [(".gz", Compression::Gzip), (".xz", Compression::Xz), ("", Compression::None)];
    let found = forms.into_iter().find_map(|(suffix, compression)| {
        let path = format!("{plain}{suffix}");
        wanted.release.files.get(&path).map(|(digest, size)| (path, compression, *digest, *size))
    });
    let Some((path, compression, digest, size)) = found else { return Ok(None) };
    let promised = wanted.release.files.get(&plain).map(|(_, size)| *size);
    if promised.unwrap_or(size) > MAX_INDEX {
        let what = format!("{path} of {} {}", wanted.source.archive, wanted.source.suite);
        return Err(Error::network(format!("{what} is larger than an index may be here: {} MB, and Debian's have 65", MAX_INDEX >> 20))
            .hint(format!("is {} what it should be? see {}", shown(&wanted.source.base), wanted.source.setting)));
    }
    let unpacked = promised.unwrap_or_else(|| size.saturating_mul(MAX_RATIO) + (1 << 20)).min(MAX_INDEX);

    let place = cached_path(cache, wanted);
    let known = place.clone();
    let cached = tokio::task::spawn_blocking(move || load(&known, &digest)).await.ok().flatten();
    if cached.is_some() {
        return Ok(cached);
    }
    let file = ReleaseFile { path: &path, digest, size };
    let architecture = wanted.architecture.to_owned();
    let index = fetch(http, wanted, file, cancel, move |compressed| {
        let plain: Box<dyn Read> = match compression {
            Compression::None => Box::new(compressed),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(compressed)),
            Compression::Xz => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(compressed)),
        };
        Index::scan(BufReader::with_capacity(1 << 18, Limited::new(plain, unpacked, "it")), &architecture)
    });
    let index = index.await?;
    let kept = tokio::task::spawn_blocking(move || {
        // Next time is no reason to fail now.
        let _ = store(&place, &digest, &index);
        index
    });
    kept.await.map(Some).map_err(|_| Error::failed("keeping a package index stopped unexpectedly"))
}

/// A file that a release lists.
#[derive(Clone, Copy)]
pub(super) struct ReleaseFile<'a> {
    /// Below the suite's folder.
    pub path: &'a str,
    pub digest: Digest,
    pub size: u64,
}

/// Fetches a file of the release and gives it, compressed as it is, to `scan`. What was scanned is thrown away when the hash is wrong.
pub(super) async fn fetch<T: Send + 'static>(
    http: &Http,
    wanted: &Wanted<'_>,
    ReleaseFile { path, digest, size }: ReleaseFile<'_>,
    cancel: &CancellationToken,
    scan: impl Fn(&mut dyn BufRead) -> Result<T> + Clone + Send + 'static,
) -> Result<T> {
    let what = format!("{path} of {} {}", wanted.source.archive, wanted.source.suite);
    let urls = urls(wanted, path, &digest)?;
    http.with_retries(cancel, || async {
        for url in &urls {
            let Answer::Body(body) = http.ask(url, &wanted.source.setting, 0, None).await? else { continue };
            let (what, scan) = (format!("{what} ({})", shown(url)), scan.clone());
            return body.read_by(move |pieces| checked(pieces, digest, size, &what, scan)).await;
        }
        Err(Fault::lasting(Error::network(format!("{} does not have {what}", shown(&wanted.source.base))).hint(format!(
            "it may be in the middle of an update: try again in a few minutes, or name another with {}",
            wanted.source.setting
        ))))
    })
    .await
}

/// By hash, which an update of the mirror cannot change under our hands; then by name, for mirrors without.
pub(super) fn urls(wanted: &Wanted<'_>, path: &str, digest: &Digest) -> Result<Vec<url::Url>> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let by_hash = wanted.release.by_hash.then(|| format!("{folder}/by-hash/SHA256/{}", digest.hex()));
    let paths = by_hash.into_iter().chain([path.to_owned()]);
    paths
        .map(|path| {
            let path = format!("dists/{}/{path}", wanted.source.suite);
            wanted.source.base.join(&path).map_err(|error| Error::usage(format!("`{path}` is not a path")).source(error))
        })
        .collect()
}

/// Scans what comes, and holds it against what the release promises.
fn checked<T>(
    pieces: &mut Pieces,
    digest: Digest,
    size: u64,
    what: &str,
    scan: impl FnOnce(&mut dyn BufRead) -> Result<T>,
) -> Result<T, Fault> {
    let mut source = Checked { inner: pieces.take(size + 1), hasher: Hasher::new(), length: 0, broken: false };
    let scanned = scan(&mut BufReader::with_capacity(1 << 16, &mut source));
    // The hash is over everything, and says more than whatever the scanner stumbled over.
    let rest = io::copy(&mut source, &mut io::sink());
    if source.broken || rest.is_err() {
        return Err(Fault::transient(Error::network(format!("the connection broke while receiving {what}"))));
    }
    let (found, length) = (source.hasher.finish(), source.length);
    if length != size || found != digest {
        // Transient: another server behind the same name, or the next attempt, may have the right one.
        return Err(Fault::transient(
            Error::network(format!(
                "{what} is not what the signed release promises: expected {size} bytes with {digest}, found {length} with {found}"
            ))
            .hint("the mirror is in the middle of an update, or altered it; try again in a few minutes, or use another mirror"),
        ));
    }
    scanned.map_err(|error| Fault::lasting(error.context(what)))
}

/// Knows the hash and length of what went through, and whether the connection broke.
struct Checked<R> {
    inner: R,
    hasher: Hasher,
    length: u64,
    broken: bool,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out).inspect_err(|_| self.broken = true)?;
        self.hasher.update(&out[..n]);
        self.length += n as u64;
        Ok(n)
    }
}

fn cached_path(cache: &Path, wanted: &Wanted<'_>) -> PathBuf {
    let Wanted { source, component, folder, architecture, .. } = wanted;
    let place = Digest::of(source.base.as_str().as_bytes()).short();
    cache.join(format!("{}-{place}-{component}-{folder}-{architecture}.index", source.suite).replace('/', "_"))
}

/// The cached index of the `Packages` file with `digest`.
fn load(path: &Path, digest: &Digest) -> Option<Index> {
    let file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    (length <= MAX_INDEX).then(|| index_file::read(file, length, digest))?
}

/// Not synced: it is checked when it is read, and can be had again.
fn store(path: &Path, digest: &Digest, index: &Index) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder).at("writing to", folder)?;
    index_file::write(&mut file, digest, index).at("writing", path)?;
    file.persist(path).map_err(|error| error.error).at("writing", path)?;
    Ok(())
}
