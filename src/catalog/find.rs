//! Where is `containers.toml`?

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The name of the file.
pub const FILE_NAME: &str = "containers.toml";

/// The file to read: `file` when given (a folder stands for the file in it), else the nearest `containers.toml` of
/// `folder` and its parents.
///
/// # Errors
/// A usage error that says what the file is, where it was looked for, and how to begin one.
pub fn find(file: Option<&Path>, folder: &Path) -> Result<PathBuf> {
    if let Some(file) = file {
        let path = if file.is_dir() { file.join(FILE_NAME) } else { file.to_path_buf() };
        return match path.try_exists() {
            Ok(true) => Ok(path),
            Ok(false) => {
                Err(Error::usage(format!("there is no file {}", path.display()))
                    .hint("`--file` names a containers.toml, or a folder with one"))
            }
            Err(error) => Err(Error::usage(format!("cannot look at {}: {error}", path.display()))),
        };
    }
    let found = folder.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file());
    found.ok_or_else(|| {
        Error::usage(format!("there is no {FILE_NAME} in {} or any folder above it", folder.display()))
            .hint(format!("{FILE_NAME} says which containers to build: `catamaran init` begins one here, `--file` names another"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_wins_and_a_folder_stands_for_its_file() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let outer = root.path().join(FILE_NAME);
        std::fs::write(&outer, "").unwrap();
        assert_eq!(find(None, &deep).unwrap(), outer);
        let inner = root.path().join("a").join(FILE_NAME);
        std::fs::write(&inner, "").unwrap();
        assert_eq!(find(None, &deep).unwrap(), inner);
        assert_eq!(find(Some(root.path()), &deep).unwrap(), outer);
        assert!(find(Some(&deep), &deep).unwrap_err().message().contains("there is no file"));
    }

    #[test]
    fn without_a_file_the_error_shows_how_to_begin() {
        let empty = tempfile::tempdir().unwrap();
        let error = find(None, empty.path()).unwrap_err();
        assert!(error.advice().unwrap().contains("`catamaran init`"));
        assert_eq!(error.kind(), crate::Kind::Usage);
    }
}
