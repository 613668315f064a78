//! Layers: directories, segments in name order, generated files, end of archive; written once per recipe. A layer is what
//! makes one root file system out of another; one may be cut into several (`group`, `split`).

mod cache;
mod content;
mod filter;
mod group;
mod plan;
mod split;
#[cfg(test)]
mod tests;
mod write;

pub use cache::layer_of;
pub(super) use cache::{CachedLayer, load, recipe, save};
pub(super) use content::content;
pub(super) use group::LAYERING;
pub(super) use plan::{ImagePlan, LayerPlan, Part, plan};
pub(super) use write::write;
