//! What the caller knows of an image besides its bytes: some checks hold it against something else.

use std::sync::Arc;

use super::facts::ImageFacts;
use crate::catalog::Architecture;
use crate::image::Image;

/// Where an image comes from and what belongs to it. The default knows nothing.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The architecture it was built for.
    pub expected: Option<Architecture>,
    /// The other architectures of the same image.
    pub group: Group,
    /// The same target, built once more.
    pub rebuild: Rebuild,
}

/// Which of the architectures of one image it is.
#[derive(Clone, Debug, Default)]
pub enum Group {
    /// Not known.
    #[default]
    Unknown,
    /// There is no other.
    Alone,
    /// The first; so many others are held against it.
    First(usize),
    /// One that is held against the first.
    Later(Arc<Sibling>),
}

/// An image of a group that was read before.
#[derive(Clone, Debug)]
pub struct Sibling {
    /// What the user calls it.
    pub subject: String,
    /// What it says.
    pub image: Image,
    /// What its layers hold.
    pub facts: ImageFacts,
}

/// Whether an image was built once more, to see if the same comes out.
#[derive(Clone, Debug, Default)]
pub enum Rebuild {
    /// Nobody asked for it.
    #[default]
    NotAsked,
    /// It cannot be: why.
    Impossible(String),
    /// What came out.
    Done {
        /// The image.
        image: Box<Image>,
        /// The definition, the lock or a local file is another than when the first was built.
        inputs_changed: bool,
    },
}
