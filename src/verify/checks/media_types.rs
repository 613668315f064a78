//! `media-types`: manifest, config and layers have media types that are known, of one family, and true of the bytes.
//!
//! OCI's and Docker's families mean the same things under two names (image-spec, "Compatibility Matrix"). Mixing them is
//! refused by some registries and engines, and Docker's has no word for zstd: what some builders write instead no other
//! program knows (containers/image#2906). Engines that trust a media type cannot unpack a layer that is compressed otherwise.

use super::Subject;
use super::tally::{Tally, count};
use crate::image::{Compression, media_type};
use crate::verify::report::{Check, CheckResult, Verdict};

/// Whose media type it is.
#[derive(Clone, Copy, PartialEq)]
enum Family {
    Oci,
    Docker,
}

impl Family {
    fn of(media_type: &str) -> Option<Self> {
        match media_type {
            t if t.starts_with("application/vnd.oci.") => Some(Family::Oci),
            t if t.starts_with("application/vnd.docker.") => Some(Family::Docker),
            _ => None,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Family::Oci => "OCI",
            Family::Docker => "Docker",
        }
    }
}

/// What a layer's media type says of it.
enum LayerType {
    /// A layer, compressed like this.
    Layer(Compression),
    /// A layer that its publisher does not give to registries.
    Foreign(Compression),
    Unknown,
}

impl LayerType {
    fn of(media_type: &str) -> Self {
        let Some(compression) = Compression::of_media_type(media_type) else { return LayerType::Unknown };
        match media_type {
            media_type::LAYER_TAR
            | media_type::LAYER_GZIP
            | media_type::LAYER_ZSTD
            | media_type::DOCKER_LAYER_TAR
            | media_type::DOCKER_LAYER_GZIP => LayerType::Layer(compression),
            t if t.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar") => LayerType::Foreign(compression),
            t if t.starts_with("application/vnd.docker.image.rootfs.foreign.diff.tar") => LayerType::Foreign(compression),
            _ => LayerType::Unknown,
        }
    }
}

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    let mut tally = Tally::default();
    let manifest = &subject.image.manifest;
    let named = &subject.image.descriptor.media_type;
    if let Some(own) = manifest.media_type.as_ref().filter(|own| !named.is_empty() && *own != named) {
        let advice = "registries refuse such a manifest or hand it out as something else: write the same type into both";
        tally.image(Verdict::Fail, None, format!("a manifest that says it is {named}, as its descriptor does"), own.clone(), advice);
    }
    let own = manifest.media_type.as_deref().unwrap_or(named);
    if !own.is_empty() && !media_type::is_manifest(own) {
        let expected = format!("{} or {}", media_type::MANIFEST, media_type::DOCKER_MANIFEST);
        tally.image(Verdict::Fail, None, expected, own.to_owned(), "engines do not know it for an image: build the image again");
    }
    if manifest.media_type.is_none() && Family::of(named) == Some(Family::Docker) {
        let advice = "Docker's schema 2 requires the field, and old engines take a manifest without it for schema 1: write it";
        tally.image(Verdict::Warn, None, "the field mediaType in the manifest", "none", advice);
    }
    // A manifest that says nothing is OCI's: there the field is optional.
    let family = Family::of(own).unwrap_or(Family::Oci);
    config(&mut tally, &manifest.config.media_type, family);
    let layers = &subject.facts.layers;
    for layer in layers {
        let (blob, at) = (&layer.descriptor, Some(layer.descriptor.digest));
        let promised = match LayerType::of(&blob.media_type) {
            LayerType::Layer(promised) => promised,
            LayerType::Foreign(promised) => {
                let advice = "registries and mirrors need not have it, and it is deprecated: give the layer an ordinary media type";
                tally.image(Verdict::Warn, at, "a layer that may be distributed", blob.media_type.clone(), advice);
                promised
            }
            LayerType::Unknown => {
                let advice =
                    "engines may ignore or refuse it; an image's layers are tar, tar+gzip or tar+zstd, the last in OCI's family only";
                tally.image(Verdict::Warn, at, "the media type of an image layer", blob.media_type.clone(), advice);
                continue;
            }
        };
        mixed(&mut tally, at, "layer", &blob.media_type, family);
        if layer.size > 0 && promised != layer.compression {
            let expected = format!("{} content, as {} says", promised.word(), blob.media_type);
            let advice = "some engines trust the media type and cannot unpack it: write the manifest with the right one";
            tally.image(Verdict::Fail, at, expected, layer.compression.word(), advice);
        }
    }
    tally.result(Check::MediaTypes, format!("{}'s, {}", family.word(), count(layers.len(), "layer")), "media type")
}

fn config(tally: &mut Tally, media_type: &str, family: Family) {
    match media_type {
        media_type::CONFIG | media_type::DOCKER_CONFIG => mixed(tally, None, "config", media_type, family),
        other => {
            let advice = "engines take the manifest for an artifact and not for an image: write the media type of an image config";
            tally.image(Verdict::Warn, None, format!("{} or {}", media_type::CONFIG, media_type::DOCKER_CONFIG), other.to_owned(), advice);
        }
    }
}

/// A finding when `media_type` is of the other family than the manifest.
fn mixed(tally: &mut Tally, layer: Option<crate::image::Digest>, what: &str, media_type: &str, family: Family) {
    if Family::of(media_type).is_some_and(|of| of != family) {
        let expected = format!("a {what} of {}'s family, as the manifest is", family.word());
        let advice = "some registries and engines refuse the mixture: write all media types of one family";
        tally.image(Verdict::Warn, layer, expected, media_type.to_owned(), advice);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::image::Image;
    use crate::verify::samples::{Layer, Sample, gzip, report, result};

    fn tar() -> Vec<u8> {
        Layer::new().file("etc/a", 0o644, &[7; 5000]).tar()
    }

    fn of(media_type: &'static str, blob: Vec<u8>) -> Image {
        Sample::new("amd64").raw(media_type, blob, &tar()).image()
    }

    fn found(image: &Image) -> Vec<String> {
        let report = report(image);
        result(&report, Check::MediaTypes).findings.iter().map(|f| format!("{} {}", f.verdict, f.found)).collect()
    }

    /// The image with every media type of Docker's family.
    fn docker(layer: &'static str, blob: Vec<u8>) -> Image {
        let mut image = of(layer, blob);
        image.descriptor.media_type = media_type::DOCKER_MANIFEST.into();
        let manifest = Arc::make_mut(&mut image.manifest);
        manifest.media_type = Some(media_type::DOCKER_MANIFEST.into());
        manifest.config.media_type = media_type::DOCKER_CONFIG.into();
        image
    }

    #[test]
    fn either_family_passes_by_itself() {
        assert_eq!(found(&of(media_type::LAYER_GZIP, gzip(&tar()))), [""; 0]);
        assert_eq!(found(&docker(media_type::DOCKER_LAYER_GZIP, gzip(&tar()))), [""; 0]);
        assert_eq!(found(&docker(media_type::DOCKER_LAYER_TAR, tar())), [""; 0]);
    }

    #[test]
    fn mixtures_are_worth_a_look_and_contradictions_fail() {
        assert_eq!(found(&of(media_type::DOCKER_LAYER_GZIP, gzip(&tar()))), [format!("warn {}", media_type::DOCKER_LAYER_GZIP)]);
        let mut image = docker(media_type::DOCKER_LAYER_GZIP, gzip(&tar()));
        Arc::make_mut(&mut image.manifest).config.media_type = media_type::CONFIG.into();
        assert_eq!(found(&image), [format!("warn {}", media_type::CONFIG)]);
        image.descriptor.media_type = media_type::MANIFEST.into();
        assert_eq!(found(&image)[0], format!("fail {}", media_type::DOCKER_MANIFEST));
        Arc::make_mut(&mut image.manifest).media_type = None;
        image.descriptor.media_type = media_type::DOCKER_MANIFEST.into();
        assert_eq!(found(&image)[0], "warn none");
        let mut image = of(media_type::LAYER_GZIP, gzip(&tar()));
        Arc::make_mut(&mut image.manifest).media_type = Some("application/json".into());
        image.descriptor.media_type = "application/json".into();
        assert_eq!(found(&image), ["fail application/json"]);
    }

    #[test]
    fn media_types_that_the_bytes_contradict_fail() {
        let zstd = zstd::encode_all(&tar()[..], 1).unwrap();
        for (media_type, blob, is) in [
            (media_type::LAYER_GZIP, zstd.clone(), "zstd"),
            (media_type::LAYER_GZIP, tar(), "uncompressed"),
            (media_type::LAYER_ZSTD, gzip(&tar()), "gzip"),
            (media_type::LAYER_TAR, zstd.clone(), "zstd"),
        ] {
            assert_eq!(found(&of(media_type, blob)), [format!("fail {is}")], "{media_type}");
        }
    }

    #[test]
    fn foreign_and_unknown_types_are_named() {
        for media_type in [
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "application/vnd.docker.image.rootfs.diff.tar.zstd",
            "application/vnd.in-toto+json",
        ] {
            assert_eq!(found(&of(media_type, gzip(&tar()))), [format!("warn {media_type}")]);
        }
        assert_eq!(
            found(&docker("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", gzip(&tar()))),
            ["warn application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"]
        );
        let mut image = of(media_type::LAYER_GZIP, gzip(&tar()));
        Arc::make_mut(&mut image.manifest).config.media_type = "application/vnd.cncf.helm.config.v1+json".into();
        assert_eq!(found(&image), ["warn application/vnd.cncf.helm.config.v1+json"]);
    }
}
