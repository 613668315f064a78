//! An index and its members: what it claims of each, and what each says of itself.

use super::{Descriptor, Digest, Platform};

/// More findings about one index than these help nobody, and more members no real index has.
pub const MAX_INDEX_MEMBERS: usize = 512;

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
    /// The members that could not be read, each with the reason.
    pub fn unreadable(&self) -> impl Iterator<Item = (&Descriptor, &str)> {
        self.members.iter().filter_map(|member| match &member.found {
            FoundMember::Unreadable(why) => Some((&member.claimed, why.as_str())),
            _ => None,
        })
    }
}
