//! Small records beside cached data: JSON under its own checksum, so that a damaged one counts as missing.
//!
//! The first line is the SHA-256 of the key and the rest. The key binds a record to what it is about: one that was copied to
//! another place is not believed there.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Digest, Hasher};
use crate::error::IoContext;
use crate::{Error, Result};

/// The record at `path` about `key`, if it is there and whole.
pub fn read<T: DeserializeOwned>(path: &Path, key: &Digest) -> Option<T> {
    let bytes = fs::read(path).ok()?;
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let (noted, content) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]);
    (Digest::from_hex(noted).ok()? == checksum(key, content)).then(|| serde_json::from_slice(content).ok())?
}

/// Writes it, whole or not at all.
///
/// It is not synced: what a crash leaves half-written does not have its checksum, and counts as missing.
pub fn write<T: Serialize>(path: &Path, key: &Digest, value: &T) -> Result<()> {
    let content = serde_json::to_vec(value).map_err(|error| Error::failed(format!("cannot write {}", path.display())).source(error))?;
    let mut bytes = checksum(key, &content).hex().into_bytes();
    bytes.push(b'\n');
    bytes.extend(content);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).at("creating", folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .at("writing to", folder)?;
    file.write_all(&bytes).at("writing", path)?;
    file.persist(path).map_err(|error| error.error).at("writing", path)?;
    Ok(())
}

fn checksum(key: &Digest, content: &[u8]) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(key.hex().as_bytes());
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
