//! Makes a segment: one pass over a .deb, from its file to compressed members and facts.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::super::LockedPackage;
use super::super::deb::{Control, Deb, damaged};
use super::canonical::{canonical, clean};
use super::facts::{FORMAT, Member, Segment};
use super::member::{compress, crc32};
use super::plain::Plain;
use super::rewrite::{Gathered, rewrite};
use super::scripts::{self, Mentions, Script};
use super::stanza;
use super::workers::{Buffer, Workers};
use crate::catalog::LayerCompression;
use crate::error::IoContext;
use crate::image::{Hasher, record};
use crate::{Error, Result};

/// Below this length of .deb, threads cost more than they bring.
const WORTH_THREADS: u64 = 256 << 10;

/// What making a segment needs to know.
pub(in super::super) struct Making<'a> {
    /// Which package the file must be.
    pub package: &'a LockedPackage,
    /// The .deb.
    pub deb: &'a Path,
    /// Where segments are kept.
    pub folder: &'a Path,
    /// How to compress it.
    pub compression: LayerCompression,
    /// Threads and buffers; the bytes are the same for any number.
    pub workers: &'a Workers,
    /// Stops the work.
    pub cancel: &'a CancellationToken,
}

/// Makes the segment of a .deb and puts it into the cache, members first, facts last.
pub(in super::super) fn make(making: &Making<'_>) -> Result<Segment> {
    let package = making.package;
    write_segment(making).map_err(|error| match error.is_interrupted() {
        true => error,
        false => error.context(format!("{} {} ({})", package.name, package.version, making.deb.display())),
    })
}

fn write_segment(making: &Making<'_>) -> Result<Segment> {
    fs::create_dir_all(making.folder).at("creating", making.folder)?;
    let mut out = tempfile::Builder::new().prefix(".new-").tempfile_in(making.folder).at("creating a segment in", making.folder)?;
    let file = File::open(making.deb).at("opening", making.deb)?;
    let mut deb = Deb::open(HashingReader { inner: file, hasher: Hasher::new(), length: 0 })?;
    let control = deb.control()?;
    let scripts = scripts::read(&control);
    let mentions = Mentions::of(&scripts);
    let plain = Plain::begin(making.folder)?;
    let mut members = Vec::new();
    let (mut gathered, mut raw_size) = (Gathered::default(), 0);
    making.workers.ordered(
        making.package.size < WORTH_THREADS,
        |push| {
            let mut index = 0;
            let mut push = |raw: Buffer| {
                index += 1;
                push((index - 1, raw))
            };
            (gathered, raw_size) = rewrite(deb.data()?, mentions, making.workers, making.cancel, &mut push)?;
            Ok(())
        },
        |(index, raw): (u64, Buffer)| {
            plain.write(index, &raw);
            let mut member = making.workers.buffer();
            compress(making.compression, &raw, &mut member)?;
            let length = u32::try_from(member.len()).map_err(|_| Error::failed("a member is too long"))?;
            Ok((Member { length, crc: crc32(&member), raw_crc: crc32(&raw) }, member))
        },
        |(known, member): (Member, Buffer)| {
            members.push(known);
            out.write_all(&member).at("writing a segment to", making.folder)
        },
    )?;
    let file = deb.drain()?;
    let (sha256, deb_size) = (file.hasher.finish(), file.length);
    if sha256 != making.package.sha256.0 {
        return Err(Error::failed(format!("the file's SHA-256 is {}, the lock says {}", sha256.hex(), making.package.sha256.0.hex()))
            .hint("delete that file and build again; if it comes back, the mirror serves something else than Debian signed"));
    }
    let segment = describe(making, (&control, scripts), gathered, members, (deb_size, raw_size))?;
    let places = Segment::places(making.folder, &sha256, making.compression);
    // Not synced: what a crash leaves half-written does not have its checksums, and is made anew.
    out.persist(&places.members).map_err(|error| error.error).at("writing", &places.members)?;
    plain.keep(&places.plain);
    record::write(&places.facts, &segment.sha256.0, &segment)?;
    Ok(segment)
}

/// Joins the control files and what was gathered from the tar.
fn describe(
    making: &Making<'_>,
    (control, scripts): (&Control, BTreeMap<String, Script>),
    gathered: Gathered,
    members: Vec<Member>,
    (deb_size, raw_size): (u64, u64),
) -> Result<Segment> {
    let package = making.package;
    let stanza = control.get("control").map(|bytes| stanza::normalise(bytes)).transpose()?.unwrap_or_default();
    let named = |name: &str| stanza::field(&stanza, name).unwrap_or_default();
    for (field, expected) in [("Package", &package.name), ("Version", &package.version), ("Architecture", &package.architecture)] {
        if named(field) != *expected {
            return Err(Error::failed(format!("the .deb says `{field}: {}`, the lock says `{expected}`", named(field))));
        }
    }
    let md5sums = control.get("md5sums").map(|bytes| physical_md5sums(bytes)).transpose()?.unwrap_or_default();
    Ok(Segment {
        format: FORMAT,
        sha256: package.sha256,
        package: package.name.clone(),
        version: package.version.clone(),
        architecture: package.architecture.clone(),
        deb_size,
        raw_size,
        size: members.iter().map(|member| u64::from(member.length)).sum(),
        compression: making.compression,
        members,
        newest: gathered.newest,
        entries: gathered.entries,
        directories: gathered.directories.into_values().collect(),
        control: stanza,
        md5sums,
        scripts,
        contents: gathered.contents,
    })
}

/// `md5sums` with the paths files really have, so that scanners find their owners; `DIGEST  PATH`, two spaces.
pub(super) fn physical_md5sums(bytes: &[u8]) -> Result<String> {
    let mut out = String::with_capacity(bytes.len());
    let text = std::str::from_utf8(bytes).map_err(|_| damaged("its `md5sums` is not UTF-8"))?;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Some((sum, path)) = line.split_once(' ').filter(|(sum, _)| sum.len() == 32) else {
            return Err(damaged(format!("its `md5sums` has the line `{line}`")));
        };
        let path = path.trim_start_matches([' ', '*']);
        out.push_str(&format!("{sum}  {}\n", canonical(&clean(path.as_bytes())?)));
    }
    Ok(out)
}

/// Hashes what is read through it.
struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
    length: u64,
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        self.length += n as u64;
        Ok(n)
    }
}
