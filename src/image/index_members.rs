//! An index and its members: what it claims of each, and what each says of itself.

use std::sync::Arc;

use super::{Descriptor, Digest, Image, Platform};
use crate::{Error, Result};

/// The index that an image came out of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexMembers {
    /// The index's own digest.
    pub digest: Digest,
    /// Its members in their order; those of an index within it stand in its place.
    pub members: Vec<IndexMember>,
}

/// One member of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexMember {
    /// What the index says of it.
    pub claimed: Descriptor,
    /// What it turned out to be.
    pub found: FoundMember,
}

/// What a member of an index turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundMember {
    /// An image, whose config names this platform.
    Image(Platform),
    /// Something said about another member (BuildKit's attestations); it is not read.
    Attestation,
    /// Nothing that could be read, for this reason.
    Unreadable(String),
}

impl IndexMembers {
    /// The images among the members of the index `digest`, each knowing the whole. A member is `None` when it is an attestation.
    ///
    /// # Errors
    /// The first member's, when not one of them could be read, or somebody interrupted.
    pub fn join(digest: Digest, read: Vec<(Descriptor, Option<Result<Image>>)>) -> Result<Vec<Image>> {
        let (mut members, mut images, mut failure): (Vec<IndexMember>, Vec<Image>, Option<Error>) = (Vec::new(), Vec::new(), None);
        for (claimed, outcome) in read {
            let found = match outcome {
                None => FoundMember::Attestation,
                Some(Ok(image)) => {
                    let platform = image.platform();
                    images.push(image);
                    FoundMember::Image(platform)
                }
                Some(Err(error)) if error.is_interrupted() => return Err(error),
                Some(Err(error)) => {
                    let why = error.message();
                    failure.get_or_insert(error);
                    FoundMember::Unreadable(why)
                }
            };
            members.push(IndexMember { claimed, found });
        }
        if let (true, Some(failure)) = (images.is_empty(), failure) {
            return Err(failure);
        }
        let index = Arc::new(IndexMembers { digest, members });
        images.iter_mut().for_each(|image| image.index = Some(Arc::clone(&index)));
        Ok(images)
    }

    /// The members that could not be read, each with the reason.
    pub fn unreadable(&self) -> impl Iterator<Item = (&Descriptor, &str)> {
        self.members.iter().filter_map(|member| match &member.found {
            FoundMember::Unreadable(why) => Some((&member.claimed, why.as_str())),
            _ => None,
        })
    }
}
