//! Files of a project that appear all together or not at all, and never in the place of what is there.

use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::IoContext;
use crate::{Error, Result};

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewFile {
    /// Below the project's folder.
    pub path: PathBuf,
    pub text: String,
}

/// Refuses when one of `files` is below `folder` already.
pub(super) fn are_free(folder: &Path, files: &[NewFile]) -> Result<()> {
    let there: Vec<String> = files
        .iter()
        .filter(|file| folder.join(&file.path).symlink_metadata().is_ok())
        .map(|file| file.path.display().to_string())
        .collect();
    match there.as_slice() {
        [] => Ok(()),
        [one] => Err(Error::usage(format!("{one} is there already; nothing was written"))
            .hint("--force replaces it, --dry-run shows what it would be")),
        _ => Err(Error::usage(format!("{} are there already; nothing was written", there.join(", ")))
            .hint("--force replaces them, --dry-run shows what they would be")),
    }
}

/// Writes `files` below `folder`; with `force` what is there is replaced.
///
/// # Errors
/// One cannot be written. Then none is new, and what was there is as it was, unless a disk fails between two renames.
pub(super) fn write(folder: &Path, files: &[NewFile], force: bool) -> Result<()> {
    let mut ready: Vec<(NamedTempFile, PathBuf)> = Vec::new();
    for file in files {
        let path = folder.join(&file.path);
        // Behind a link lies the file that is meant.
        let path = if force { path.canonicalize().unwrap_or(path) } else { path };
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).at("creating", parent)?;
        let mut new = tempfile::Builder::new().prefix(".catamaran-").tempfile_in(parent).at("writing to", parent)?;
        new.write_all(file.text.as_bytes()).and_then(|()| new.as_file().sync_all()).at("writing", &path)?;
        readable_by_all(&new).at("writing", &path)?;
        ready.push((new, path));
    }
    let mut made: Vec<PathBuf> = Vec::new();
    for (new, path) in ready {
        let named = if force { new.persist(&path) } else { new.persist_noclobber(&path) };
        if let Err(error) = named {
            // Without --force every one of these is new.
            made.iter().filter(|_| !force).for_each(|path| drop(std::fs::remove_file(path)));
            return Err(error.error).at("writing", &path);
        }
        made.push(path);
    }
    Ok(())
}

/// Temporary files are for their owner only; these are the project's.
fn readable_by_all(file: &NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Vec<NewFile> {
        names.iter().map(|name| NewFile { path: name.into(), text: format!("{name}\n") }).collect()
    }

    #[test]
    fn all_are_written_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(folder.path(), &files(&["a", "b/c"]), false).unwrap();
        assert_eq!(std::fs::read_to_string(at("b/c")).unwrap(), "b/c\n");
        std::fs::write(at("a"), "mine").unwrap();
        let there = are_free(folder.path(), &files(&["a", "b/c", "d"])).unwrap_err();
        assert!(there.message().starts_with("a, b/c are there already"), "{there}");
        // Someone else was faster.
        write(folder.path(), &files(&["d", "a"]), false).unwrap_err();
        assert!(!at("d").exists(), "what was written before is gone again");
        assert_eq!(std::fs::read_to_string(at("a")).unwrap(), "mine");
        std::fs::write(at("file"), "x").unwrap();
        write(folder.path(), &files(&["e", "file/f"]), true).unwrap_err();
        assert!(!at("e").exists());
        write(folder.path(), &files(&["a"]), true).unwrap();
        assert_eq!(std::fs::read_to_string(at("a")).unwrap(), "a\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "no temporary file is left");
    }
}
