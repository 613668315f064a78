//! `index-platform`: what an index says of its members is what their configs say.
//!
//! Engines choose a member by what the index claims and then run what they got; containerd 2.2 refuses one whose config
//! differs. Platforms are compared once equivalent variants are folded (`arm64` and `arm64/v8`). Every image out of a broken
//! index is told what is wrong with the whole: it is one thing that is published.

use super::Subject;
use super::tally::{Tally, count, skip};
use crate::image::{Descriptor, FoundMember, IndexMembers, Platform};
use crate::verify::report::{Check, CheckResult, Verdict};

const AGAIN: &str = "the index and the image disagree: make the index again from the images' configs";

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    let image = subject.image;
    let (own, claimed) = (image.platform(), image.descriptor.platform.as_ref());
    let mut tally = Tally::default();
    let Some(index) = &image.index else {
        let Some(claimed) = claimed else { return skip(Check::IndexPlatform, "not read out of an index") };
        agree(&mut tally, claimed, &own);
        return tally.result(Check::IndexPlatform, format!("{claimed}, as its entry says"), "platform claim");
    };
    match claimed {
        Some(claimed) => agree(&mut tally, claimed, &own),
        None => {
            let advice = "engines have to guess, and some take the first member: write the platform into the index";
            tally.image(Verdict::Warn, None, format!("{own} in the index"), "no platform", advice);
        }
    }
    if let Some(claimed) = claimed {
        alone(&mut tally, index, &image.descriptor, claimed);
    }
    once(&mut tally, index, &image.descriptor);
    for (member, why) in index.unreadable() {
        let expected = format!("the index's member {}", shown(member));
        let advice = "whoever pulls this platform gets an error: push the member again, or make the index without it";
        tally.image(Verdict::Fail, None, expected, format!("it cannot be read: {why}"), advice);
    }
    attestations(&mut tally, index);
    let number = |wanted: fn(&FoundMember) -> bool| index.members.iter().filter(|member| wanted(&member.found)).count();
    let images = number(|found| matches!(found, FoundMember::Image(_) | FoundMember::Unreadable(_) | FoundMember::Unreached(_)));
    let said = number(|found| *found == FoundMember::Attestation);
    let said = if said > 0 { format!(" and {}", count(said, "attestation")) } else { String::new() };
    tally.result(Check::IndexPlatform, format!("{own}, one of {}{said}", count(images, "image")), "finding")
}

fn agree(tally: &mut Tally, claimed: &Platform, own: &Platform) {
    if !own.same(claimed) {
        tally.image(Verdict::Fail, None, format!("{claimed}, as the index says"), format!("{own} in the config"), AGAIN);
    }
}

/// No other member is for the same platform. Of Windows there may be several, which differ in `os.version`.
fn alone(tally: &mut Tally, index: &IndexMembers, own: &Descriptor, claimed: &Platform) {
    if claimed.os == "windows" {
        return;
    }
    let same = |platform: &Option<Platform>| platform.as_ref().is_some_and(|platform| platform.same(claimed));
    let images = index.members.iter().filter(|member| member.found != FoundMember::Attestation);
    let mut others = images.filter(|member| same(&member.claimed.platform) && member.claimed.digest != own.digest);
    if let Some(other) = others.next() {
        let advice = "engines take the first of them and nobody ever gets the other: leave one out";
        let expected = format!("one member for {claimed}");
        tally.image(Verdict::Fail, None, expected, format!("{} as well", other.claimed.digest.short()), advice);
    }
}

/// The image stands in the index once: tools that join indexes list it again, and others then take the index for damaged.
fn once(tally: &mut Tally, index: &IndexMembers, own: &Descriptor) {
    // For two platforms at once it is wrong in another way, which its own report says.
    let fits = |other: &Descriptor| match (&other.platform, &own.platform) {
        (Some(other), Some(own)) => other.same(own),
        _ => true,
    };
    let times = index.members.iter().filter(|member| member.claimed.digest == own.digest && fits(&member.claimed)).count();
    if times > 1 {
        let expected = format!("{} in the index once", own.digest.short());
        let found = if times == 2 { "it is listed twice".to_owned() } else { format!("it is listed {times} times") };
        let advice = "whoever made the index added it twice: make it again, with every image once";
        tally.image(Verdict::Warn, None, expected, found, advice);
    }
}

/// What is said about a member speaks of one that is there.
fn attestations(tally: &mut Tally, index: &IndexMembers) {
    for member in index.members.iter().filter(|member| member.found == FoundMember::Attestation) {
        let Some(about) = member.claimed.annotations.get("vnd.docker.reference.digest") else { continue };
        if !index.members.iter().any(|other| other.claimed.digest.to_string() == *about) {
            let expected = format!("a member {about}, of which the attestation {} speaks", member.claimed.digest.short());
            let advice = "it says nothing about any image of the index: leave it out, or make it for what is there";
            tally.image(Verdict::Warn, None, expected, "no such member", advice);
        }
    }
}

fn shown(member: &Descriptor) -> String {
    match &member.platform {
        Some(platform) => format!("{} for {platform}", member.digest.short()),
        None => member.digest.short().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::image::{Digest, Image, IndexMember, media_type};
    use crate::verify::samples::{Layer, Sample, claim, report, result};

    fn image(architecture: &'static str, claimed: &str, variant: Option<&str>) -> Image {
        let mut image = Sample::new(architecture).layer(Layer::new().file("x", 0o644, architecture.as_bytes())).image();
        claim(&mut image, claimed, variant);
        image
    }

    fn member(image: &Image) -> IndexMember {
        IndexMember { claimed: image.descriptor.clone(), found: FoundMember::Image(image.platform()) }
    }

    /// The images as members of one index, with `more`.
    fn index(mut images: Vec<Image>, more: Vec<IndexMember>) -> Vec<Image> {
        let members = images.iter().map(member).chain(more).collect();
        let index = Arc::new(IndexMembers { digest: Digest::of(b"index"), members });
        images.iter_mut().for_each(|image| image.index = Some(Arc::clone(&index)));
        images
    }

    fn found(image: &Image) -> Vec<String> {
        let report = report(image);
        let result = result(&report, Check::IndexPlatform);
        result.findings.iter().map(|finding| format!("{} {}", finding.verdict, finding.found)).collect()
    }

    fn attestation(about: Digest) -> IndexMember {
        let mut claimed = Descriptor::new(media_type::MANIFEST, Digest::of(b"attestation"), 3);
        claimed.platform = Some(Platform { architecture: "unknown".into(), os: "unknown".into(), variant: None });
        claimed.annotations.insert("vnd.docker.reference.type".into(), "attestation-manifest".into());
        claimed.annotations.insert("vnd.docker.reference.digest".into(), about.to_string());
        IndexMember { claimed, found: FoundMember::Attestation }
    }

    #[test]
    fn members_in_their_right_places_pass_and_attestations_are_no_images() {
        let (amd, arm) = (image("amd64", "amd64", Some("v1")), image("arm64", "arm64", Some("v8")));
        let about = amd.descriptor.digest;
        for image in index(vec![amd, arm], vec![attestation(about)]) {
            assert_eq!(found(&image), [""; 0]);
            let report = report(&image);
            assert!(result(&report, Check::IndexPlatform).summary.ends_with("one of 2 images and 1 attestation"));
        }
    }

    #[test]
    fn swapped_members_fail_both() {
        let images = index(vec![image("amd64", "arm64", None), image("arm64", "amd64", None)], vec![]);
        assert_eq!(found(&images[0]), ["fail linux/amd64 in the config"]);
        assert_eq!(found(&images[1]), ["fail linux/arm64 in the config"]);
    }

    #[test]
    fn two_members_for_one_platform_fail_both() {
        let images = index(vec![image("arm64", "arm64", None), image("amd64", "arm64", Some("v8"))], vec![]);
        assert!(found(&images[0])[0].ends_with("as well") && found(&images[1])[1].ends_with("as well"));
        let one = image("arm64", "arm64", None);
        assert_eq!(found(&index(vec![one.clone(), one], vec![])[0]), ["warn it is listed twice"]);
    }

    #[test]
    fn members_that_are_not_there_are_named_in_the_reports_of_the_others() {
        let mut claimed = Descriptor::new(media_type::MANIFEST, Digest::of(b"gone"), 3);
        claimed.platform = Some(Platform { architecture: "s390x".into(), os: "linux".into(), variant: None });
        let gone = IndexMember { claimed, found: FoundMember::Unreadable("no such manifest".into()) };
        let image = index(vec![image("amd64", "amd64", None)], vec![gone, attestation(Digest::of(b"other"))]).remove(0);
        assert_eq!(found(&image), ["fail it cannot be read: no such manifest", "warn no such member"]);
        let report = report(&image);
        assert!(result(&report, Check::IndexPlatform).findings[0].expected.ends_with("for linux/s390x"));
    }

    #[test]
    fn a_member_that_the_network_kept_from_us_is_no_finding_and_one_that_is_not_there_is() {
        let joined = |error: crate::Error| {
            let mut other = Descriptor::new(media_type::MANIFEST, Digest::of(b"other"), 3);
            other.platform = Some(Platform { architecture: "s390x".into(), os: "linux".into(), variant: None });
            let amd = image("amd64", "amd64", None);
            let members = vec![(amd.descriptor.clone(), Some(Ok(amd))), (other, Some(Err(error)))];
            let image = IndexMembers::join(Digest::of(b"index"), members).unwrap().remove(0);
            (found(&image), image.index.as_ref().map_or(0, |index| index.unreached().count()))
        };
        assert_eq!(joined(crate::Error::network("nothing listens")), (vec![], 1));
        assert_eq!(joined(crate::Error::network("404").as_answer()), (vec!["fail it cannot be read: 404".to_owned()], 0));
        let nothing = |members| IndexMembers::join(Digest::of(b"index"), members).unwrap_err().message();
        assert!(nothing(vec![]).ends_with("has no members at all"));
        assert!(nothing(vec![(attestation(Digest::of(b"x")).claimed, None)]).ends_with("holds attestations only, no image"));
    }

    #[test]
    fn an_image_that_stands_alone_is_judged_by_its_entry() {
        assert_eq!(found(&image("amd64", "arm64", None)), ["fail linux/amd64 in the config"]);
        let report = report(&Sample::new("amd64").layer(Layer::new()).image());
        assert_eq!(result(&report, Check::IndexPlatform).verdict, Verdict::Skip);
        let mut silent = index(vec![image("amd64", "amd64", None)], vec![]).remove(0);
        silent.descriptor.platform = None;
        assert_eq!(found(&silent), ["warn no platform"]);
    }
}
