//! Reads the members of a tar stream in bounded memory (pax(1), "ustar Interchange Format"; GNU tar manual, "Basic Tar
//! Format").
//!
//! The `tar` crate decodes the headers. Its iterator is not used: it reads GNU long names, PAX records and sparse maps
//! of any claimed length into memory, and a layer comes from anywhere. What a member's data means for the position of
//! the next follows Go's `archive/tar`, because that is what the engines unpack with.

use std::io::{self, BufRead};

use tar::{EntryType, Header};

use super::sparse;
use crate::image::FileCapabilities;
use crate::read_full;

/// `PATH_MAX` of Linux: what is longer cannot be unpacked.
pub(super) const MAX_PATH: usize = 4096;
/// Longest long name or PAX header, as in Go's `archive/tar`.
const MAX_EXTENSION: u64 = 1 << 20;
const BLOCK: u64 = 512;
/// The PAX record in which engines look for `security.capability`; its value is binary.
const CAPABILITY: &[u8] = b"SCHILY.xattr.security.capability";

/// One member of a tar.
pub(super) struct Member {
    pub path: Vec<u8>,
    pub link: Vec<u8>,
    pub kind: EntryType,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    /// What its attribute `security.capability` says.
    pub capabilities: Option<FileCapabilities>,
    /// Length of the file once unpacked; what a sparse file claims is not what the stream holds.
    pub size: u64,
    /// The stored pieces of a sparse file, as far as they matter for its head.
    pub sparse: Option<Vec<sparse::Piece>>,
}

/// A tar being read.
pub(super) struct Members<R> {
    input: R,
    /// Unread data of the current member, with its padding.
    pending: u64,
    /// Unread data of the current member.
    pub(super) data: u64,
    ended: bool,
}

/// What extension headers said about the member that follows them.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    capabilities: Option<FileCapabilities>,
    sparse: sparse::Pax,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(input: R) -> Self {
        Members { input, pending: 0, data: 0, ended: false }
    }

    /// The next member; its data can be read with [`Members::head`] until the next call.
    pub(super) fn next(&mut self) -> io::Result<Option<Member>> {
        let mut extensions = Extensions::default();
        let mut extended = false;
        loop {
            let Some(header) = self.header()? else {
                return if extended { Err(io::Error::other("the tar ends after an extension header")) } else { Ok(None) };
            };
            let known = header.as_ustar().is_some() || header.as_gnu().is_some();
            let kind = header.entry_type();
            match kind {
                EntryType::GNULongName if known => extensions.path = Some(self.long_name(&header)?),
                EntryType::GNULongLink if known => extensions.link = Some(self.long_name(&header)?),
                EntryType::XHeader if known => {
                    let records = self.extension(&header)?;
                    pax(&records, &mut extensions)?;
                }
                // A comment for the whole archive; engines take nothing of it for the members.
                EntryType::XGlobalHeader if known => {
                    self.extension(&header)?;
                    continue;
                }
                _ => return self.member(&header, kind, extensions).map(Some),
            }
            extended = true;
        }
    }

    fn member(&mut self, header: &Header, kind: EntryType, extensions: Extensions) -> io::Result<Member> {
        let path = extensions.sparse.name.clone().or(extensions.path).unwrap_or_else(|| header.path_bytes().into_owned());
        let link = extensions.link.or_else(|| header.link_name_bytes().map(|l| l.into_owned())).unwrap_or_default();
        // Old tars mark a directory by its slash only.
        let kind = match kind {
            EntryType::Regular if path.ends_with(b"/") => EntryType::Directory,
            kind => kind,
        };
        let stored = match kind {
            EntryType::Link | EntryType::Symlink | EntryType::Char | EntryType::Block | EntryType::Directory | EntryType::Fifo => 0,
            _ => extensions.size.map_or_else(|| header.entry_size(), Ok)?,
        };
        if path.len() > MAX_PATH || link.len() > MAX_PATH {
            let shown = String::from_utf8_lossy(&path[..path.len().min(60)]).into_owned();
            return Err(io::Error::other(format!("a path longer than {MAX_PATH} bytes (`{shown}…`) cannot be unpacked")));
        }
        self.begin(stored)?;
        let (size, sparse) = match (kind, header.as_gnu()) {
            (EntryType::GNUSparse, Some(gnu)) => {
                let pieces = sparse::read_gnu(gnu, &mut self.input)?;
                (gnu.real_size()?, Some(pieces))
            }
            _ if extensions.sparse.is_used() => {
                let pieces = match extensions.sparse.map_in_data() {
                    true => {
                        let (pieces, used) = sparse::read_map(&mut self.input, self.data)?;
                        self.pending -= used;
                        self.data -= used;
                        pieces
                    }
                    false => extensions.sparse.pieces,
                };
                (extensions.sparse.real_size.unwrap_or(stored), Some(pieces))
            }
            _ => (stored, None),
        };
        let mode = header.mode().unwrap_or(0) & 0o7777;
        let uid = extensions.uid.unwrap_or_else(|| header.uid().unwrap_or(0));
        let gid = extensions.gid.unwrap_or_else(|| header.gid().unwrap_or(0));
        Ok(Member { path, link, kind, mode, uid, gid, capabilities: extensions.capabilities, size, sparse })
    }

    /// Appends up to `most` bytes of the current member's stored data to `out`.
    pub(super) fn head(&mut self, out: &mut Vec<u8>, most: u64) -> io::Result<()> {
        let mut wanted = most.min(self.data);
        // Callers ask for no more than they can hold; growing by doubling would hold three times as much.
        out.reserve_exact(usize::try_from(wanted).unwrap_or(0));
        while wanted > 0 {
            let available = self.input.fill_buf()?;
            if available.is_empty() {
                return Err(cut());
            }
            let n = (available.len() as u64).min(wanted);
            out.extend_from_slice(&available[..n as usize]);
            self.input.consume(n as usize);
            wanted -= n;
            self.data -= n;
            self.pending -= n;
        }
        Ok(())
    }

    /// Hands on what is left of the current member's stored data, piece by piece, while `more` says so.
    pub(super) fn stream(&mut self, mut more: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
        while self.data > 0 {
            let available = self.input.fill_buf()?;
            if available.is_empty() {
                return Err(cut());
            }
            let n = (available.len() as u64).min(self.data);
            let wanted = more(&available[..n as usize]);
            self.input.consume(n as usize);
            self.data -= n;
            self.pending -= n;
            if !wanted {
                break;
            }
        }
        Ok(())
    }

    /// Passes over `count` bytes of the current member's stored data.
    pub(super) fn pass(&mut self, count: u64) -> io::Result<()> {
        let count = count.min(self.data);
        skip(&mut self.input, count)?;
        self.data -= count;
        self.pending -= count;
        Ok(())
    }

    fn begin(&mut self, size: u64) -> io::Result<()> {
        let padded = size.checked_next_multiple_of(BLOCK).ok_or_else(|| io::Error::other("a member's size is beyond all numbers"))?;
        (self.data, self.pending) = (size, padded);
        Ok(())
    }

    fn header(&mut self) -> io::Result<Option<Header>> {
        if self.ended {
            return Ok(None);
        }
        let padding = self.pending - self.data;
        skip(&mut self.input, self.data)?;
        (self.data, self.pending) = (0, 0);
        // Some writers (umoci 0.4) leave out what pads the last member, and engines take that: Go's reader does not ask for it.
        if padding > 0 && self.input.fill_buf()?.is_empty() {
            self.ended = true;
            return Ok(None);
        }
        skip(&mut self.input, padding)?;
        let mut header = Header::new_old();
        // Readers accept a tar that ends without its two empty blocks; a block cut in two they do not.
        let empty = |header: &Header| header.as_bytes().iter().all(|b| *b == 0);
        if !read_block(&mut self.input, header.as_mut_bytes())? || empty(&header) {
            self.ended = true;
            // One empty block may be the end as well; but what follows it is not passed over by Go's reader.
            if read_block(&mut self.input, header.as_mut_bytes())? && !empty(&header) {
                return Err(io::Error::other("a single empty block is followed by something else: no end, and no member"));
            }
            return Ok(None);
        }
        let bytes = header.as_bytes();
        let sum: u32 = bytes.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum();
        if header.cksum().ok() != Some(sum) {
            return Err(io::Error::other("a header's checksum is wrong: this is no tar, or it is damaged"));
        }
        Ok(Some(header))
    }

    fn extension(&mut self, header: &Header) -> io::Result<Vec<u8>> {
        let size = header.entry_size()?;
        if size > MAX_EXTENSION {
            return Err(io::Error::other(format!("an extension header claims {size} bytes, more than {MAX_EXTENSION}")));
        }
        self.begin(size)?;
        let mut out = Vec::new();
        self.head(&mut out, size)?;
        Ok(out)
    }

    fn long_name(&mut self, header: &Header) -> io::Result<Vec<u8>> {
        let mut name = self.extension(header)?;
        name.truncate(name.iter().position(|b| *b == 0).unwrap_or(name.len()));
        Ok(name)
    }
}

/// Reads PAX records: `LENGTH KEY=VALUE\n`, the length counting itself.
fn pax(mut records: &[u8], out: &mut Extensions) -> io::Result<()> {
    let bad = || io::Error::other("a PAX header has a malformed record");
    while !records.is_empty() {
        let space = records.iter().take(20).position(|b| *b == b' ').ok_or_else(bad)?;
        let length: usize = std::str::from_utf8(&records[..space]).ok().and_then(|n| n.parse().ok()).ok_or_else(bad)?;
        let record = records.get(space + 1..length).and_then(|r| r.strip_suffix(b"\n")).ok_or_else(bad)?;
        let equals = record.iter().position(|b| *b == b'=').ok_or_else(bad)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        let number = || std::str::from_utf8(value).ok().and_then(|n| n.parse::<u64>().ok()).ok_or_else(bad);
        match key {
            // What has no value counts as not being there (pax(1)), whatever came before.
            b"path" if value.is_empty() => out.path = None,
            b"linkpath" if value.is_empty() => out.link = None,
            b"size" if value.is_empty() => out.size = None,
            b"uid" if value.is_empty() => out.uid = None,
            b"gid" if value.is_empty() => out.gid = None,
            b"path" => out.path = Some(value.to_vec()),
            b"linkpath" => out.link = Some(value.to_vec()),
            b"size" => out.size = Some(number()?),
            b"uid" => out.uid = Some(number()?),
            b"gid" => out.gid = Some(number()?),
            CAPABILITY => out.capabilities = (!value.is_empty()).then(|| FileCapabilities::read(value)),
            key => {
                if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                    out.sparse.record(key, value).ok_or_else(bad)?;
                }
            }
        }
        records = &records[length..];
    }
    Ok(())
}

/// Fills `block`; `false` at the end of the stream.
pub(super) fn read_block(input: &mut impl BufRead, block: &mut [u8; BLOCK as usize]) -> io::Result<bool> {
    match read_full(input, block)? {
        0 => Ok(false),
        filled if filled == block.len() => Ok(true),
        _ => Err(cut()),
    }
}

fn skip(input: &mut impl BufRead, mut count: u64) -> io::Result<()> {
    while count > 0 {
        let available = input.fill_buf()?.len();
        if available == 0 {
            return Err(cut());
        }
        let n = (available as u64).min(count);
        input.consume(n as usize);
        count -= n;
    }
    Ok(())
}

pub(super) fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the tar ends in the middle of a member")
}
