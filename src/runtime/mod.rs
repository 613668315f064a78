//! RUN it: the container engine of this machine, Docker or Podman, over its API: found, given images, and told to run them.
//! Knows `error` only.

mod container;
mod context;
mod engine;
mod find;
mod foreign;
mod frames;
mod image;
mod service;
mod tls;

pub use container::{ContainerEnd, ContainerOutput, ContainerSpec};
pub use engine::{Engine, EngineFacts};
pub use find::EngineChoice;
pub use foreign::{emulates, is_foreign_machine, to_run_foreign};
pub use frames::Channel;
