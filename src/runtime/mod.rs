//! RUN it: the container engine of this machine, Docker or Podman, over its API. Knows `error` only.

mod context;
mod engine;
mod tls;

pub use engine::Engine;
