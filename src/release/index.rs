//! The index that joins the images of a container (image-spec, "Image Index").

use super::candidate::{Candidate, CandidateImage};
use crate::image::{Descriptor, Index, Platform, media_type};
use crate::{Error, Result};

/// The index of a candidate's images: by digest, in the order of the architectures' OCI names, each member with the
/// platform its own config claims.
///
/// # Errors
/// An image is not for the architecture of its target, an index is mixed of OCI and Docker images, or two images are for
/// the same platform: nobody could pull what was meant.
pub fn index_of(candidate: &Candidate) -> Result<Index> {
    let mut members: Vec<Descriptor> = Vec::new();
    for candidate_image in candidate.ordered() {
        let platform = platform_of(candidate_image)?;
        let image = &candidate_image.image;
        if image.descriptor.media_type != media_type::MANIFEST {
            return Err(Error::failed(format!("{} is a {}", candidate_image.target, image.descriptor.media_type))
                .hint("an OCI index joins OCI images only: build it again, or convert it"));
        }
        if members.iter().any(|m| m.platform.as_ref().is_some_and(|p| p.same(&platform))) {
            return Err(Error::failed(format!("two images of {} are for {platform}", candidate.container)));
        }
        let mut member = Descriptor::of(media_type::MANIFEST, &image.manifest_bytes);
        member.platform = Some(platform);
        members.push(member);
    }
    Ok(Index::new(members, candidate.annotations.clone()))
}

/// The platform of an image: what its config claims, which must be what its target is.
pub(super) fn platform_of(candidate: &CandidateImage) -> Result<Platform> {
    let (found, wanted) = (candidate.image.platform(), Platform::linux(candidate.target.architecture));
    if !found.same(&wanted) {
        return Err(Error::failed(format!("the config of {} says {found}, not {wanted}", candidate.target))
            .hint("build it again; an index with a wrong platform gives people programs that cannot run"));
    }
    Ok(found)
}
