//! What became of the maintainer scripts of an image we built, kept beside it under the digest of its manifest.
//!
//! An image does not tell: what a script would have made and nobody did is just not there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Digest, record};
use crate::Result;

/// Changes whenever the same scripts would be judged differently.
const FORMAT: u32 = 1;

/// What became of one script of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptOutcome {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// `preinst`, `postinst`, or `postinst triggered NAME`.
    pub script: String,
    /// SHA-256 of the script.
    pub sha256: String,
    /// How it ended.
    pub class: ScriptClass,
    /// What was not done: the command, and why.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub missing: Vec<(String, String)>,
}

/// How the evaluation of a script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptClass {
    /// It would change nothing that an image has.
    NoOp,
    /// Everything it would change has been changed.
    Done,
    /// Something of it is missing.
    Missing,
}

/// The records of one folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ScriptRecords {
    folder: Arc<Path>,
}

impl ScriptRecords {
    /// The records in `folder`, which need not be there yet.
    pub fn new(folder: PathBuf) -> Self {
        ScriptRecords { folder: folder.into() }
    }

    /// What became of the scripts of the image whose manifest is `digest`, if we built it. A damaged record counts as missing.
    pub fn load(&self, digest: &Digest) -> Option<Vec<ScriptOutcome>> {
        record::read(&self.path(digest), digest)
    }

    /// Keeps it.
    pub fn keep(&self, digest: &Digest, outcomes: &[ScriptOutcome]) -> Result<()> {
        record::write(&self.path(digest), digest, &outcomes)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}-v{FORMAT}.json", digest.hex()))
    }
}
