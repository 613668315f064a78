//! Files from outside are read whole only up to a limit: belongs to everyone.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::Result;
use crate::error::IoContext;

/// The bytes of the file at `path`; `None` when it has more than `most`. What such a file is too large for, its reader says.
///
/// # Errors
/// It cannot be opened or read.
pub fn read_at_most(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path).at("opening", path)?.take(most + 1).read_to_end(&mut bytes).at("reading", path)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_too_large() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        assert_eq!(read_at_most(file.path(), 5).unwrap().unwrap(), b"12345");
        assert_eq!(read_at_most(file.path(), 4).unwrap(), None);
        assert!(read_at_most(Path::new("/nowhere"), 4).unwrap_err().message().contains("opening /nowhere"));
    }
}
