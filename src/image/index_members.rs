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
    /// What stands before it in the index once more: the same digest, for the same platform. It is read there.
    Repeated,
    /// Nothing that could be read, for this reason.
    Unreadable(String),
    /// Unknown: the network or the registry failed, for this reason.
    Unreached(String),
}

impl IndexMembers {
    /// The images among the members of the index `digest`, each knowing the whole. A member is `None` when there was nothing to
    /// read: an attestation, or what is listed before ([`IndexMembers::repeats`]).
    ///
    /// # Errors
    /// The first member's, when not one of them could be read; there is no image in it; somebody interrupted.
    pub fn join(digest: Digest, read: Vec<(Descriptor, Option<Result<Image>>)>) -> Result<Vec<Image>> {
        let (mut members, mut images, mut failure): (Vec<IndexMember>, Vec<Image>, Option<Error>) = (Vec::new(), Vec::new(), None);
        for (claimed, outcome) in read {
            let found = match outcome {
                None if claimed.is_attestation() => FoundMember::Attestation,
                None => FoundMember::Repeated,
                Some(Ok(image)) => {
                    let platform = image.platform();
                    images.push(image);
                    FoundMember::Image(platform)
                }
                Some(Err(error)) if error.is_interrupted() => return Err(error),
                Some(Err(error)) => {
                    let (why, outage) = (error.message(), error.is_outage());
                    failure.get_or_insert(error);
                    if outage { FoundMember::Unreached(why) } else { FoundMember::Unreadable(why) }
                }
            };
            members.push(IndexMember { claimed, found });
        }
        if images.is_empty() {
            let what = if members.is_empty() { "has no members at all" } else { "holds attestations only, no image" };
            let empty = || Error::failed(format!("the index {digest} {what}")).hint("make it again from the images it is to join");
            return Err(failure.unwrap_or_else(empty));
        }
        let index = Arc::new(IndexMembers { digest, members });
        images.iter_mut().for_each(|image| image.index = Some(Arc::clone(&index)));
        Ok(images)
    }

    /// Whether `member` is what one of `before` is, for the same platform: an index may say so twice, and it is read once.
    pub fn repeats<'a>(member: &Descriptor, before: impl IntoIterator<Item = &'a Descriptor>) -> bool {
        before.into_iter().any(|other| other.digest == member.digest && other.platform == member.platform)
    }

    /// The members that could not be read, each with the reason.
    pub fn unreadable(&self) -> impl Iterator<Item = (&Descriptor, &str)> {
        self.members.iter().filter_map(|member| match &member.found {
            FoundMember::Unreadable(why) => Some((&member.claimed, why.as_str())),
            _ => None,
        })
    }

    /// The members of which nothing is known, each with the reason.
    pub fn unreached(&self) -> impl Iterator<Item = (&Descriptor, &str)> {
        self.members.iter().filter_map(|member| match &member.found {
            FoundMember::Unreached(why) => Some((&member.claimed, why.as_str())),
            _ => None,
        })
    }
}
