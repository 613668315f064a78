//! WHAT can be built: `containers.toml`, architectures, targets and the CI matrix.
//!
//! Knows no other room.

mod architecture;
mod container;
mod target;

pub use architecture::{Architecture, Endianness, ParseArchitectureError};
pub use container::{BuilderKind, Catalog, Container, DebianSettings, RegistrySettings, Secret, Setting};
pub use target::{ContainerName, Target};
