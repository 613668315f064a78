//! Layers: directories, segments in name order, generated files, end of archive; written once per recipe.

mod cache;
mod content;
mod directories;
mod filter;
mod ownership;
mod plan;
mod write;

pub(super) use cache::{CachedLayer, load, recipe, save};
pub(super) use content::content;
pub(super) use plan::{LayerPlan, plan};
pub(super) use write::write;
