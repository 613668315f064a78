//! A segment without some of its paths: the rare layer in which another package replaces a file of this one.

use std::collections::BTreeSet;
use std::io::Read;

use tar::EntryType;

use super::super::segment::canonical::canonical;
use super::super::segment::tar_header::padding;
use crate::{Error, Result};

/// Hands on the tar entries of the segment `content` but those at `without`, as uncompressed pieces.
pub(super) fn filter(
    content: impl Read,
    without: &BTreeSet<String>,
    package: &str,
    push: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let damaged = |error: std::io::Error| Error::failed(format!("the cached segment of {package} is damaged")).source(error);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.strip_suffix(b"\0").unwrap_or(bytes)).into_owned();
    let mut archive = tar::Archive::new(content);
    let (mut before, mut name, mut link) = (Vec::new(), None, None);
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        before.extend_from_slice(entry.header().as_bytes());
        let size = entry.size();
        if matches!(kind, EntryType::GNULongName | EntryType::GNULongLink) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(damaged)?;
            before.extend_from_slice(&bytes);
            before.resize(before.len() + padding(size), 0);
            *(if kind == EntryType::GNULongName { &mut name } else { &mut link }) = Some(text(&bytes));
            continue;
        }
        let path = name.take().unwrap_or_else(|| text(&entry.header().path_bytes()));
        let target = link.take().or_else(|| entry.header().link_name_bytes().map(|l| text(&l)));
        let header = std::mem::take(&mut before);
        if without.contains(&path) {
            continue;
        }
        if kind == EntryType::Link && target.as_deref().is_some_and(|t| without.contains(&canonical(t))) {
            return Err(Error::failed(format!("/{path} of {package} is a hard link to a file that is replaced")));
        }
        push(&header)?;
        let mut buffer = [0; 1 << 16];
        loop {
            match entry.read(&mut buffer).map_err(damaged)? {
                0 => break,
                n => push(&buffer[..n])?,
            }
        }
        push(&[0; 512][..padding(size)])?;
    }
    Ok(())
}
