//! The CI matrix: which targets to build and which manifests to make, as JSON for a workflow.

use serde::Serialize;

use super::{Catalog, ContainerName, Target};

/// The whole matrix.
///
/// [`Matrix::json`] prints the bytes of `nix eval .#containerMatrix --json` in the reference system: compact JSON,
/// containers in alphabetical order (Nix sorts attributes), targets in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// One per target.
    pub build: Vec<Target>,
    /// One per container.
    pub manifest: Vec<ContainerName>,
}

/// A half of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixPart {
    /// The build jobs.
    Build,
    /// The manifest jobs.
    Manifest,
}

impl Matrix {
    /// The matrix of `catalog`.
    pub fn of(catalog: &Catalog) -> Self {
        let mut containers: Vec<_> = catalog.containers.iter().collect();
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        let targets = containers.iter().flat_map(|c| c.targets.iter().map(|a| Target::new(c.name.clone(), *a)));
        Matrix { build: targets.collect(), manifest: containers.iter().map(|c| c.name.clone()).collect() }
    }

    /// The matrix, or one part of it, as one line of compact JSON without line end.
    pub fn json(&self, part: Option<MatrixPart>) -> String {
        match part {
            None => json(self),
            Some(MatrixPart::Build) => json(&self.build),
            Some(MatrixPart::Manifest) => json(&self.manifest),
        }
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("structs of strings always serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rg` comes first in the file; Nix sorts.
    const FILE: &str = "[containers.rg]\npackages = [\"ripgrep\"]\n[containers.fd]\npackages = [\"fd-find\"]\n";

    fn matrix() -> Matrix {
        Matrix::of(&super::super::parse("containers.toml".as_ref(), FILE).unwrap())
    }

    #[test]
    fn the_bytes_are_those_of_the_reference_system() {
        assert_eq!(
            matrix().json(None),
            r#"{"build":[{"container":"fd","target":"x86_64"},{"container":"fd","target":"aarch64"},{"container":"rg","target":"x86_64"},{"container":"rg","target":"aarch64"}],"manifest":["fd","rg"]}"#
        );
        assert_eq!(matrix().json(Some(MatrixPart::Manifest)), r#"["fd","rg"]"#);
    }
}
