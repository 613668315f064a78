//! Layers made of store paths once more, byte for byte as nix2container made them when it noted their digest (`nix/tar.go`,
//! `nix/graph.go`, and Go's `archive/tar` below them).

mod generator;
mod gone;
mod header;
mod members;
mod options;
mod stream;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use self::generator::Generator;
use self::gone::store_path;
use self::stream::{Stream, length};
use self::tree::Tree;
use super::document::{Layer, StorePath};
use crate::error::read_error;
use crate::image::Digest;
use crate::{Error, Result};

pub(super) use self::gone::gone;

/// A layer that is made of store paths.
#[derive(Debug)]
pub(super) struct Regenerated {
    layer: Layer,
    paths: Arc<[StorePath]>,
    /// Which nix2container it is of, once that is known.
    generator: OnceLock<Generator>,
}

impl Regenerated {
    /// `layer`, whose store paths are `paths`.
    pub(super) fn new(layer: Layer, paths: Arc<[StorePath]>) -> Self {
        Regenerated { layer, paths, generator: OnceLock::new() }
    }

    /// How many bytes it comes to, for documents that do not say.
    pub(super) fn measure(&self, base: &Path) -> Result<u64> {
        let tree = self.tree(base)?;
        let mut lengths: Vec<u64> = Generator::candidates(&self.layer).into_iter().map(|generator| length(&tree, generator)).collect();
        lengths.dedup();
        match lengths.as_slice() {
            [only] => Ok(*only),
            _ => Ok(length(&tree, self.generator(&tree)?)),
        }
    }

    /// The tar from its beginning; relative paths begin at `base`. Its length is the one that is declared; its digest is for whoever
    /// reads it to check.
    ///
    /// # Errors
    /// Something of the store paths is not there or cannot be read, or what is there is something else than what was built.
    pub(super) fn open(&self, base: &Path) -> Result<Box<dyn Read + Send>> {
        let tree = self.tree(base)?;
        let generator = self.generator(&tree)?;
        Ok(Box::new(Stream::of(tree, generator)?))
    }

    /// Why a layer that was made turned out to have another digest, as far as that can be seen.
    pub(super) fn explain(&self, base: &Path) -> Error {
        match self.tree(base) {
            Ok(tree) => self.differs(&tree, "the content of a file is another"),
            Err(error) => error,
        }
    }

    fn tree(&self, base: &Path) -> Result<Arc<Tree>> {
        Tree::of(Arc::clone(&self.paths), base).map(Arc::new).map_err(|error| error.context(self.shown()))
    }

    /// The nix2container that has made it: one whose tar has the declared length. Where there are several, their tars are hashed until one
    /// is right.
    fn generator(&self, tree: &Arc<Tree>) -> Result<Generator> {
        let candidates = self.generator.get().map_or_else(|| Generator::candidates(&self.layer), |known| vec![*known]);
        let lengths: Vec<u64> = candidates.iter().map(|candidate| length(tree, *candidate)).collect();
        let fits = |length: &u64| self.layer.size.is_none_or(|size| size == *length);
        let fitting: Vec<Generator> =
            candidates.into_iter().zip(&lengths).filter(|(_, length)| fits(length)).map(|(fits, _)| fits).collect();
        let found = match (fitting.as_slice(), self.layer.size, lengths.first()) {
            ([only], ..) => *only,
            ([], Some(size), Some(length)) => return Err(self.differs(tree, &format!("it comes to {length} bytes instead of {size}"))),
            (several, ..) => self.right_one(tree, several)?,
        };
        Ok(*self.generator.get_or_init(|| found))
    }

    fn right_one(&self, tree: &Arc<Tree>, candidates: &[Generator]) -> Result<Generator> {
        for candidate in candidates {
            let stream = Stream::of(Arc::clone(tree), *candidate)?;
            let (digest, _) = Digest::of_reader(stream).map_err(|error| read_error(error, self.shown()))?;
            if digest == self.layer.digest {
                return Ok(*candidate);
            }
        }
        Err(self.differs(tree, "no version of nix2container makes it of what is there"))
    }

    /// The error for a layer of which something else came than was declared. Nix sets the time of everything it has built to the
    /// second 1, so what has another was put there by somebody else.
    fn differs(&self, tree: &Tree, found: &str) -> Error {
        let said = |what: &str| Error::failed(format!("{} is not what was built: {found}; {what}", self.shown()));
        let touched = tree.sources_in_store().find(|(_, path)| path.symlink_metadata().is_ok_and(|metadata| metadata.mtime() != 1));
        match touched {
            Some((store_path, path)) => {
                let (path, store_path) = (path.display(), store_path.display());
                said(&format!("the first file that was changed after it was built is {path}"))
                    .hint(format!("`nix-store --repair-path {store_path}` brings back what was built"))
            }
            None => {
                let paths: Vec<&str> = self.paths.iter().take(3).map(|path| path.path.as_str()).collect();
                let more = self.paths.len().saturating_sub(paths.len());
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let error = said(&format!("it is made of {}{more}", paths.join(", ")));
                let stored: Vec<&str> = paths.into_iter().filter(|path| store_path(Path::new(path)).is_some()).collect();
                error.hint(match stored.is_empty() {
                    true => "build the image again".to_owned(),
                    false => format!("`nix-store --verify-path {}` tells whether a store path is as it was built", stored.join(" ")),
                })
            }
        }
    }

    fn shown(&self) -> String {
        format!("layer {}", self.layer.digest)
    }
}
