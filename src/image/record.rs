//! Small records beside cached data: JSON under its own checksum, so that a damaged one counts as missing.
//!
//! The first line is the SHA-256 of the key and the rest. The key binds a record to what it is about: one that was copied to
//! another place is not believed there.

use std::fs;
use std::io::{self, BufWriter, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Digest, Hasher, HashingWriter};
use crate::Result;
use crate::error::IoContext;

/// The record at `path` about `key`, if it is there and whole.
pub fn read<T: DeserializeOwned>(path: &Path, key: &Digest) -> Option<T> {
    let bytes = fs::read(path).ok()?;
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let (noted, content) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]);
    (Digest::from_hex(noted).ok()? == checksum(key, content)).then(|| serde_json::from_slice(content).ok())?
}

/// Writes it, whole or not at all, and never holds all of it in memory.
///
/// It is not synced: what a crash leaves half-written does not have its checksum, and counts as missing.
pub fn write<T: Serialize>(path: &Path, key: &Digest, value: &T) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).at("creating", folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .at("writing to", folder)?;
    // The checksum stands first and is known last.
    file.write_all(format!("{:64}\n", "").as_bytes()).at("writing", path)?;
    let mut out = BufWriter::with_capacity(1 << 16, HashingWriter::after(begin(key), file.as_file_mut()));
    serde_json::to_writer(&mut out, value).map_err(io::Error::from).at("writing", path)?;
    let (_, checksum, _) = out.into_inner().map_err(|error| error.into_error()).at("writing", path)?.finish();
    file.rewind().and_then(|()| file.write_all(checksum.hex().as_bytes())).at("writing", path)?;
    file.persist(path).map_err(|error| error.error).at("writing", path)?;
    Ok(())
}

fn begin(key: &Digest) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.update(key.hex().as_bytes());
    hasher
}

fn checksum(key: &Digest, content: &[u8]) -> Digest {
    let mut hasher = begin(key);
    hasher.update(content);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_and_any_other_key_makes_it_missing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, key) = (folder.path().join("x.json"), Digest::of(b"key"));
        write(&path, &key, &vec!["a", "b"]).unwrap();
        assert_eq!(read::<Vec<String>>(&path, &key).unwrap(), ["a", "b"]);
        assert!(read::<Vec<String>>(&path, &Digest::of(b"other")).is_none());
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert!(read::<Vec<String>>(&path, &key).is_none(), "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert!(read::<Vec<String>>(&path, &key).is_none(), "cut at {at}");
        }
    }
}
