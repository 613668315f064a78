//! Store paths that are not there: whoever built the image may have collected its garbage since, or built it elsewhere.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::Error;
use crate::error::io_error;

/// The error for `doing` something to `path`, which may be in a store path that is gone.
pub(in crate::nix) fn gone(error: io::Error, doing: &str, path: &Path) -> Error {
    if error.kind() != io::ErrorKind::NotFound {
        return io_error(error, doing, path);
    }
    match store_path(path) {
        Some(store_path) if !store_path.exists() => {
            let shown = store_path.display();
            Error::failed(format!("the store path {shown} is not on this machine (`nix-store --realise {shown}` brings it back)"))
                .hint("build the image again, or copy it from where it was built: `nix copy` of the JSON brings what it names")
        }
        Some(store_path) => {
            let shown = store_path.display();
            Error::failed(format!("{} is not there, though its store path is (`nix-store --repair-path {shown}`)", path.display()))
                .hint("something has deleted a file of the store")
        }
        None => Error::failed(format!("{} is not there", path.display())).hint("build the image again"),
    }
}

/// The store path that `path` is in: what is right below a folder `store` of a folder `nix`.
pub(super) fn store_path(path: &Path) -> Option<PathBuf> {
    let parts: Vec<Component<'_>> = path.components().collect();
    let at = parts.windows(2).position(|pair| pair[0].as_os_str() == "nix" && pair[1].as_os_str() == "store")?;
    (parts.len() > at + 2).then(|| parts[..at + 3].iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_path_is_found_in_a_path() {
        let of = |path: &str| store_path(Path::new(path)).map(|found| found.display().to_string());
        assert_eq!(of("/nix/store/abc-x/bin/y").as_deref(), Some("/nix/store/abc-x"));
        assert_eq!(of("/nix/store/abc-x").as_deref(), Some("/nix/store/abc-x"));
        assert_eq!(of("/home/me/nix/store/abc-x/y").as_deref(), Some("/home/me/nix/store/abc-x"));
        assert_eq!((of("/nix/store"), of("/tmp/x")), (None, None));
    }

    #[test]
    fn what_is_gone_is_told_with_what_brings_it_back() {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let error = gone(missing(), "opening", Path::new("/nix/store/0000-gone/bin/x"));
        assert!(error.message().contains("nix-store --realise /nix/store/0000-gone`"), "{error}");
        let denied = gone(io::ErrorKind::PermissionDenied.into(), "opening", Path::new("/nix/store/x-y/z"));
        assert!(denied.message().starts_with("opening /nix/store/x-y/z"), "{denied}");
        assert!(gone(missing(), "opening", Path::new("/nowhere")).message().contains("/nowhere is not there"));
    }
}
