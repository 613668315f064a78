//! A segment that is in the cache, open for reading: its members as they go into a blob, and what is in them.
//!
//! Every piece is held against the checksum in the facts, so neither a failing disk nor a crash gets into an image.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::facts::{Places, Segment};
use super::member::{MEMBER, crc32, decompress};
use super::workers::{Buffer, Workers};
use crate::error::IoContext;
use crate::{Error, Result};

/// An open segment.
pub(in super::super) struct Cached {
    segment: Arc<Segment>,
    places: Places,
    members: File,
    plain: Option<File>,
}

impl Cached {
    /// Opens the segment below `folder`.
    pub fn open(folder: &Path, segment: &Arc<Segment>) -> Result<Self> {
        let places = Segment::places(folder, &segment.sha256.0, segment.compression);
        let members = File::open(&places.members).at("opening", &places.members)?;
        let plain = File::open(&places.plain).ok();
        if let Some(plain) = &plain {
            let _ = plain.set_modified(SystemTime::now()); // it was used: `trim`
        }
        Ok(Cached { segment: segment.clone(), places, members, plain })
    }

    /// Where its members begin in its file, in their order.
    pub fn offsets(&self) -> impl Iterator<Item = u64> {
        self.segment.members.iter().scan(0, |next, member| {
            let offset = *next;
            *next += u64::from(member.length);
            Some(offset)
        })
    }

    /// Puts the member `index`, which begins at `offset`, into `member`, and what is in it into `raw`.
    pub fn read(&self, index: usize, offset: u64, member: &mut Vec<u8>, raw: &mut Vec<u8>) -> Result<()> {
        self.member(index, offset, member)?;
        if self.plain(index, raw) { Ok(()) } else { decompress(self.segment.compression, member, raw).map_err(|error| self.damaged(error)) }
    }

    /// What is in all members.
    pub fn content<'a>(&'a self, workers: &Workers) -> impl Read + use<'a> {
        let offsets: Vec<u64> = self.offsets().collect();
        Content { cached: self, offsets, next: 0, member: workers.buffer(), raw: workers.buffer(), at: 0 }
    }

    fn member(&self, index: usize, offset: u64, member: &mut Vec<u8>) -> Result<()> {
        let known = &self.segment.members[index];
        member.resize(known.length as usize, 0);
        self.members.read_exact_at(member, offset).at("reading", &self.places.members).map_err(|error| self.damaged(error))?;
        match crc32(member) == known.crc {
            true => Ok(()),
            false => Err(self.damaged(Error::failed(format!("{} is not what was written", self.places.members.display())))),
        }
    }

    /// What is in the member `index`, from the uncompressed copy; `false` when there is none that has it.
    fn plain(&self, index: usize, raw: &mut Vec<u8>) -> bool {
        let Some(plain) = &self.plain else { return false };
        let before = index as u64 * MEMBER as u64;
        raw.resize(self.segment.raw_size.saturating_sub(before).min(MEMBER as u64) as usize, 0);
        let right = plain.read_exact_at(raw, before).is_ok() && crc32(raw) == self.segment.members[index].raw_crc;
        if !right {
            let _ = fs::remove_file(&self.places.plain);
        }
        right
    }

    /// A damaged segment is thrown away; its .deb is still there, and the next build makes it again.
    fn damaged(&self, error: Error) -> Error {
        let _ = (fs::remove_file(&self.places.facts), fs::remove_file(&self.places.members));
        error
            .context(format!("the cached segment of {} {} was damaged and is deleted", self.segment.package, self.segment.version))
            .hint("build again: it is made anew from its .deb")
    }
}

/// Reads what is in a segment, member by member.
struct Content<'a> {
    cached: &'a Cached,
    offsets: Vec<u64>,
    next: usize,
    member: Buffer,
    raw: Buffer,
    at: usize,
}

impl Read for Content<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.raw.len() {
            let Some(offset) = self.offsets.get(self.next) else { return Ok(0) };
            if !self.cached.plain(self.next, &mut self.raw) {
                self.cached.read(self.next, *offset, &mut self.member, &mut self.raw).map_err(io::Error::other)?;
            }
            (self.next, self.at) = (self.next + 1, 0);
        }
        let n = out.len().min(self.raw.len() - self.at);
        out[..n].copy_from_slice(&self.raw[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
