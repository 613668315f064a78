//! WHAT can be built: `containers.toml`, architectures, targets and the CI matrix.
//!
//! Knows no other room.

mod architecture;
mod check;
mod ci_jobs;
#[cfg(test)]
mod configuration_doc;
mod container;
mod debian;
mod diagnostic;
mod entry;
mod extend;
mod file;
mod find;
mod glob;
mod json_schema;
mod local_file;
mod matrix;
mod reader;
mod schema;
mod select;
mod starter;
mod target;
mod waiver;

pub use architecture::{Architecture, Endianness, ParseArchitectureError};
pub use check::is_port;
pub use ci_jobs::{CiJobs, GITLAB_JOBS};
pub use container::{BuilderKind, Catalog, Container, LayerCompression, NixSettings, RegistrySettings, Secret, Setting};
pub use debian::{DebianSettings, DebianSource};
pub use diagnostic::{Problem, Problems};
pub use extend::{NewContainer, extend};
pub use file::{load, parse, read};
pub use find::{FILE_NAME, find};
pub use glob::PathGlob;
pub use json_schema::containers_schema;
pub use local_file::{FileContent, LocalFile, PathTemplate};
pub use matrix::{Matrix, MatrixPart};
pub use select::{near, select};
pub use starter::{Starter, StarterRegistry};
pub use target::{ContainerName, Target};
pub use waiver::{CHECK_IDS, Waiver};
