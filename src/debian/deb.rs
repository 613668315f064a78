//! Reads a .deb (deb(5)): an ar archive with `debian-binary`, `control.tar.*` and `data.tar.*`, in this order.
//!
//! Everything is one forward pass over a stream, so the caller can hash the file while it is read and no member is
//! ever whole in memory. The `ar` crate is not used: stale since 2021, and deb(5) needs only the common subset.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};

use crate::{Error, Result, read_full};

/// Most memory an xz stream may ask for: presets go up to 65 MiB; beyond that it is no Debian package.
const XZ_MEMORY: u64 = 160 << 20;
/// Control members larger than this, together, are refused.
const MAX_CONTROL: u64 = 64 << 20;
/// Files in a control member.
const MAX_CONTROL_FILES: usize = 1024;
/// What a data member may unpack to, whatever its size: three times the largest package of Debian.
const MAX_DATA: u64 = 32 << 30;
/// A member may unpack to this, and to [`EXPANSION`] times its length more. gzip cannot exceed that ratio, and xz and zstd do so
/// only for data that is hardly anything but zeros.
const FREE_EXPANSION: u64 = 256 << 20;
/// See [`FREE_EXPANSION`].
const EXPANSION: u64 = 1000;

/// A .deb being read from front to back.
pub(super) struct Deb<R> {
    ar: Ar<R>,
}

/// The small files of a package's control member, by name: `control`, `md5sums`, `postinst`, …
pub(super) type Control = BTreeMap<String, Vec<u8>>;

impl<R: Read> Deb<R> {
    /// Begins to read: checks the magic and the format version.
    pub(super) fn open(inner: R) -> Result<Self> {
        let mut ar = Ar::open(inner)?;
        let name = ar.next_member()?.ok_or_else(|| damaged("it is empty"))?;
        let mut version = Vec::new();
        ar.by_ref().take(64).read_to_end(&mut version).map_err(unreadable)?;
        if name != "debian-binary" || !version.starts_with(b"2.") {
            return Err(damaged("it does not begin with `debian-binary` of format 2.x"));
        }
        Ok(Deb { ar })
    }

    /// The control member's files. Call first.
    pub(super) fn control(&mut self) -> Result<Control> {
        let name = self.seek("control.tar")?;
        let mut files = Control::new();
        let limit = MAX_CONTROL.min(self.ar.most());
        let mut archive = tar::Archive::new(Limited::new(decompress(&name, &mut self.ar)?, limit, "a member"));
        for entry in archive.entries().map_err(unreadable)?.raw(true) {
            let mut entry = entry.map_err(unreadable)?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = entry.path_bytes();
            let name = String::from_utf8_lossy(path.strip_prefix(b"./").unwrap_or(&path)).into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(unreadable)?;
            if files.contains_key(&name) {
                return Err(damaged(format!("its control member has `{name}` twice")));
            }
            files.insert(name, bytes);
            if files.len() > MAX_CONTROL_FILES {
                return Err(damaged(format!("its control member has more than {MAX_CONTROL_FILES} files")));
            }
        }
        if !files.contains_key("control") {
            return Err(damaged("its control member has no `control` file"));
        }
        Ok(files)
    }

    /// The data member, decompressed: a tar stream.
    pub(super) fn data(&mut self) -> Result<Box<dyn Read + '_>> {
        let name = self.seek("data.tar")?;
        let limit = MAX_DATA.min(self.ar.most());
        Ok(Box::new(Limited::new(decompress(&name, &mut self.ar)?, limit, "a member")))
    }

    /// Reads to the end of the file, so that a hash over the stream covers all of it.
    pub(super) fn drain(mut self) -> Result<R> {
        io::copy(&mut self.ar.inner, &mut io::sink()).map_err(unreadable)?;
        Ok(self.ar.inner)
    }

    /// Goes on to the member called `stem` (with whatever suffix); `_…` members are to be skipped (deb(5)).
    fn seek(&mut self, stem: &str) -> Result<String> {
        while let Some(name) = self.ar.next_member()? {
            if name.starts_with(stem) {
                return Ok(name);
            }
            if !name.starts_with('_') {
                return Err(damaged(format!("where `{stem}` should be there is `{name}`")));
            }
        }
        Err(damaged(format!("it has no `{stem}` member")))
    }
}

/// The decompressor that a member's suffix asks for.
fn decompress<'a>(name: &str, inner: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    let buffered = BufReader::with_capacity(1 << 17, inner);
    Ok(match name.split_once(".tar").map(|(_, suffix)| suffix) {
        Some("") => Box::new(buffered),
        Some(".gz") => Box::new(flate2::bufread::MultiGzDecoder::new(buffered)),
        Some(".xz") => {
            // The stream's own checksum is not computed again (4 % of a build): whoever reads a .deb holds all of it against
            // its SHA-256 before anything made from it is kept.
            let flags = liblzma::stream::CONCATENATED | liblzma::stream::IGNORE_CHECK;
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, flags)
                .map_err(|error| Error::failed("cannot begin to decompress xz").source(error))?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(buffered, stream))
        }
        Some(".zst") => Box::new(zstd::stream::read::Decoder::with_buffer(buffered).map_err(unreadable)?),
        _ => {
            return Err(damaged(format!("`{name}` is compressed in a way we do not read"))
                .hint("xz, zstd, gzip and no compression are read; Debian has used no other since 2015"));
        }
    })
}

/// Something decompressed that must not be longer than `limit`: a few bytes can unpack to petabytes.
pub(super) struct Limited<R> {
    inner: R,
    left: u64,
    limit: u64,
    what: &'static str,
}

impl<R> Limited<R> {
    /// Reads from `inner`; more than `limit` bytes are an error about `what`.
    pub(super) fn new(inner: R, limit: u64, what: &'static str) -> Self {
        Limited { inner, left: limit, limit, what }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        match self.left.checked_sub(n as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(format!("{} unpacks to more than {} bytes", self.what, self.limit))),
        }
        Ok(n)
    }
}

/// A .deb that is not what it should be.
pub(super) fn damaged(what: impl std::fmt::Display) -> Error {
    Error::failed(format!("not a usable .deb: {what}"))
}

/// A .deb whose bytes end early or do not decompress.
pub(super) fn unreadable(error: io::Error) -> Error {
    damaged(error)
}

/// An ar archive (the common format; no long names, which deb(5) does not have). Reads the current member.
struct Ar<R> {
    inner: R,
    left: u64,
    padded: bool,
}

impl<R: Read> Ar<R> {
    fn open(mut inner: R) -> Result<Self> {
        let mut magic = [0; 8];
        inner.read_exact(&mut magic).map_err(unreadable)?;
        if &magic != b"!<arch>\n" {
            return Err(damaged("it does not begin with `!<arch>`"));
        }
        Ok(Ar { inner, left: 0, padded: false })
    }

    /// Skips what is left of the current member and reads the next header; the member's name.
    fn next_member(&mut self) -> Result<Option<String>> {
        let rest = self.left + u64::from(self.padded);
        let skipped = io::copy(&mut self.inner.by_ref().take(rest), &mut io::sink()).map_err(unreadable)?;
        // The very last padding byte may be missing.
        if skipped + u64::from(self.padded) < rest {
            return Err(damaged("it ends within a member"));
        }
        (self.left, self.padded) = (0, false);
        let mut header = [0u8; 60];
        match read_full(&mut self.inner, &mut header).map_err(unreadable)? {
            0 => return Ok(None),
            filled if filled < header.len() => return Err(damaged("it ends within a member's header")),
            _ => {}
        }
        if &header[58..] != b"`\n" {
            return Err(damaged("a member's header is malformed"));
        }
        let text = |range: std::ops::Range<usize>| std::str::from_utf8(&header[range]).map(str::trim_end).unwrap_or_default();
        let name = text(0..16).trim_end_matches('/').to_owned();
        let digits = text(48..58);
        let size = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
        self.left = size.ok_or_else(|| damaged(format!("member `{name}` has the size `{digits}`")))?;
        self.padded = self.left % 2 == 1;
        Ok(Some(name))
    }

    /// What the current member may unpack to.
    fn most(&self) -> u64 {
        self.left.saturating_mul(EXPANSION).saturating_add(FREE_EXPANSION)
    }

    fn by_ref(&mut self) -> &mut Self {
        self
    }
}

impl<R: Read> Read for Ar<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let n = self.inner.read(&mut buffer[..most])?;
        if n == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends within a member"));
        }
        self.left -= n as u64;
        Ok(n)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    /// A tar of small `files`.
    pub(in super::super) fn wrap(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, format!("./{name}"), *bytes).unwrap();
        }
        tar.into_inner().unwrap()
    }

    /// A .deb of `control` files and the finished `data` tar, compressed as `suffix` says.
    pub(in super::super) fn deb(control: &[(&str, &str)], data: &[u8], suffix: &str) -> Vec<u8> {
        let control: Vec<_> = control.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        let control = wrap(&control);
        let mut out = b"!<arch>\n".to_vec();
        for (name, bytes) in [
            ("debian-binary".to_owned(), b"2.0\n".to_vec()),
            (format!("control.tar{suffix}"), compress(&control, suffix)),
            (format!("data.tar{suffix}"), compress(data, suffix)),
        ] {
            writeln!(out, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, 100644, bytes.len()).unwrap();
            out.extend(&bytes);
            out.extend(&b"\n"[..bytes.len() % 2]);
        }
        out
    }

    fn compress(bytes: &[u8], suffix: &str) -> Vec<u8> {
        match suffix {
            ".xz" => {
                let mut out = liblzma::write::XzEncoder::new(Vec::new(), 1);
                out.write_all(bytes).unwrap();
                out.finish().unwrap()
            }
            ".gz" => {
                let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                out.write_all(bytes).unwrap();
                out.finish().unwrap()
            }
            ".zst" => zstd::encode_all(bytes, 1).unwrap(),
            _ => bytes.to_vec(),
        }
    }

    fn read(bytes: &[u8]) -> Result<(Control, Vec<u8>)> {
        let mut deb = Deb::open(bytes)?;
        let control = deb.control()?;
        let mut data = Vec::new();
        deb.data()?.read_to_end(&mut data).map_err(unreadable)?;
        deb.drain()?;
        Ok((control, data))
    }

    #[test]
    fn every_compression_gives_the_same_members() {
        for suffix in ["", ".gz", ".xz", ".zst"] {
            let (control, data) = read(&deb(&[("control", "Package: a\n"), ("postinst", "#!/bin/sh\n")], b"data!", suffix)).unwrap();
            assert_eq!(control["control"], b"Package: a\n", "{suffix}");
            assert_eq!((control.len(), &data[..]), (2, &b"data!"[..]), "{suffix}");
        }
        let error = read(&deb(&[("control", "Package: a\n")], b"", ".bz2")).unwrap_err();
        assert!(error.message().contains("control.tar.bz2"), "{error}");
    }

    #[test]
    fn a_deb_cut_anywhere_is_an_error() {
        for suffix in ["", ".xz", ".gz", ".zst"] {
            let whole = deb(&[("control", "Package: a\n")], &[7; 3000], suffix);
            // The last byte may be padding.
            for end in (0..whole.len() - 1).step_by(7) {
                assert!(read(&whole[..end]).is_err(), "{suffix} {end}");
            }
        }
    }

    proptest! {
        #[test]
        fn lies_do_not_panic(at in 0usize..400, byte: u8, tail in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut bytes = deb(&[("control", "Package: a\n")], b"data", "");
            let at = at.min(bytes.len() - 1);
            bytes[at] = byte;
            bytes.extend(tail);
            let _ = read(&bytes);
        }
    }
}
