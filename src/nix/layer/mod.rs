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

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use self::generator::Generator;
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
        Ok(length(&tree, self.generator(&tree)?))
    }

    /// The tar from its beginning; relative paths begin at `base`. Its length is the one that is declared; its digest is for whoever
    /// reads it to check.
    ///
    /// # Errors
    /// Something of the store paths is not there or cannot be read, or what is there is something else than what was built.
    pub(super) fn open(&self, base: &Path) -> Result<Box<dyn Read + Send>> {
        let tree = self.tree(base)?;
        let generator = self.generator(&tree)?;
        let found = length(&tree, generator);
        match self.layer.size {
            Some(size) if size != found => Err(self.differs(&tree, &format!("it comes to {found} bytes instead of {size}"))),
            _ => Ok(Box::new(Stream::of(tree, generator)?)),
        }
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

    /// The nix2container that has made it. Where several may have, their tars are hashed until one is right.
    fn generator(&self, tree: &Arc<Tree>) -> Result<Generator> {
        if let Some(known) = self.generator.get() {
            return Ok(*known);
        }
        let candidates = Generator::candidates(&self.layer);
        let found = match candidates.as_slice() {
            [only] => *only,
            several => {
                let mut right = None;
                for candidate in several {
                    let stream = Stream::of(Arc::clone(tree), *candidate)?;
                    let (digest, _) = Digest::of_reader(stream).map_err(|error| read_error(error, self.shown()))?;
                    if digest == self.layer.digest {
                        right = Some(*candidate);
                        break;
                    }
                }
                right.ok_or_else(|| self.differs(tree, "no version of nix2container makes it of what is there"))?
            }
        };
        Ok(*self.generator.get_or_init(|| found))
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
                said(&format!("it is made of {}{more}", paths.join(", ")))
                    .hint(format!("`nix-store --verify-path {}` tells whether a store path is as it was built", paths.join(" ")))
            }
        }
    }

    fn shown(&self) -> String {
        format!("layer {}", self.layer.digest)
    }
}
