//! What of the project itself goes into an image: `files` and `links` of `containers.toml`.
//!
//! [`gather()`] reads what is there now, content by its hash only, so that it can tell whether an image is still up to date;
//! [`place()`] decides where each thing goes among the packages' files; the layer's writer streams it.

mod accounts;
mod content;
mod gather;
mod memo;
mod place;
#[cfg(test)]
mod tests;

pub(super) use accounts::Accounts;
pub(super) use content::Content;
pub(super) use gather::{Local, gather};
pub(super) use place::place;
