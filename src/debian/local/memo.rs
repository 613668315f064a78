//! The hashes of large local files, remembered: a run that finds nothing to do must not read 500 MB to find it.

use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::IoContext;
use crate::image::record;
use crate::image::{Digest, Stamp};
use crate::{Error, Result};

/// Smaller files are hashed in less time than a record takes to read.
const WORTH_A_RECORD: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Memo {
    stamp: Stamp,
    digest: Digest,
}

/// Length and SHA-256 of the regular file at `path`; remembered below `folder`.
pub(super) fn digest(path: &Path, folder: &Path) -> Result<(u64, Digest)> {
    let file = File::open(path).at("opening", path)?;
    let stamp = Stamp::of(&file.metadata().at("reading", path)?);
    let key = Digest::of(std::path::absolute(path).at("finding", path)?.as_os_str().as_encoded_bytes());
    let at = folder.join(format!("{}.json", key.hex()));
    let large = stamp.size >= WORTH_A_RECORD;
    if large && let Some(memo) = record::read::<Memo>(&at, &key).filter(|memo| memo.stamp == stamp) {
        return Ok((stamp.size, memo.digest));
    }
    let (digest, length) = Digest::of_reader(&file).at("reading", path)?;
    if length != stamp.size || Stamp::of(&file.metadata().at("reading", path)?) != stamp {
        return Err(Error::failed(format!("{} is being written to", path.display())).hint("build again when it is finished"));
    }
    if large && stamp.is_settled() {
        // Without the record the file is only read once more.
        let _ =
            std::fs::create_dir_all(folder).and_then(|()| record::write(&at, &key, &Memo { stamp, digest }).map_err(std::io::Error::other));
    }
    Ok((length, digest))
}
