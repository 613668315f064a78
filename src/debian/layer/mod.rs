//! Layers: directories, segments in name order, generated files, end of archive; written once per recipe. A layer is what
//! makes one root file system out of another.

mod cache;
mod content;
mod filter;
mod plan;
mod write;

pub(super) use cache::{CachedLayer, load, recipe, save};
pub(super) use content::content;
pub(super) use plan::{ImagePlan, LayerPlan, plan};
pub(super) use write::write;
