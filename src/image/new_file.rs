//! Files that are being written: nobody reads them before they get their name, and those of writers that were killed are swept.
//!
//! A writer holds a lock on its file, which ends with its process. Whoever gets that lock knows that nobody writes any more.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How names of such files begin.
const PREFIX: &str = ".new-";
/// Random letters at their ends.
const RANDOM: usize = 6;

/// A new file in `folder` that will get another name, or go with whoever holds it. `kind` is a part of its name until then.
pub(super) fn new_file(folder: &Path, kind: &str) -> io::Result<tempfile::NamedTempFile> {
    loop {
        let file = tempfile::Builder::new().prefix(&format!("{PREFIX}{kind}")).rand_bytes(RANDOM).tempfile_in(folder)?;
        match file.as_file().try_lock() {
            // Between its making and its lock someone may have swept it: then there is another one to make.
            Ok(()) if fs::metadata(file.path()).is_ok_and(|there| file.as_file().metadata().is_ok_and(|own| own.ino() == there.ino())) => {
                return Ok(file);
            }
            Ok(()) | Err(fs::TryLockError::WouldBlock) => {}
            // A file system without locks: nothing is swept there either.
            Err(fs::TryLockError::Error(_)) => return Ok(file),
        }
    }
}

/// Removes what killed writers have left in `folder`, of this `kind`. What is still being written stays, and so does what cannot
/// be removed: who writes next is told by the writing what is wrong.
pub(super) fn sweep(folder: &Path, kind: &str) {
    let begin = format!("{PREFIX}{kind}");
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = name.to_str().and_then(|name| name.strip_prefix(&begin));
        let ours = ours.is_some_and(|rest| rest.len() == RANDOM && rest.bytes().all(|b| b.is_ascii_alphanumeric()));
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // It may get its name, or be swept by someone else, at any moment.
        let Ok(file) = File::open(entry.path()) else { continue };
        // The lock is held until it is gone: nobody else can take it for a new one meanwhile.
        if file.try_lock().is_ok() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_killed_writer_left_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".new-abcDEF", ".new-x.tar-abc123", ".new-notes", ".new-longer-than-six", "abcdef"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let writing = new_file(folder.path(), "").unwrap();
        let named = writing.path().file_name().unwrap().to_str().unwrap().to_owned();
        sweep(folder.path(), "");
        sweep(folder.path(), "x.tar-");
        let mut left = vec![".new-longer-than-six".to_owned(), ".new-notes".into(), named, "abcdef".into()];
        left.sort();
        assert_eq!(names(folder.path()), left);
        writing.persist(folder.path().join("done")).unwrap();
        assert!(names(folder.path()).contains(&"done".to_owned()));
    }

    #[test]
    fn writers_and_sweepers_at_the_same_time_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                scope.spawn(move || {
                    for n in 0..200 {
                        let file = new_file(path, "").unwrap();
                        file.persist(path.join(format!("{writer}-{n}"))).unwrap();
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(move || (0..200).for_each(|_| sweep(path, "")));
            }
        });
        assert_eq!(names(path).len(), 800);
    }
}
