//! `layer-digests`: every blob is what its descriptor says, and its content what the config's diff id says.

use super::Subject;
use super::tally::{Tally, count};
use crate::image::{Descriptor, Digest};
use crate::verify::decode::Compression;
use crate::verify::report::{Check, CheckResult, Verdict};

const AGAIN: &str = "the blob was damaged or replaced: fetch or build the image again";
const DIFF_ID: &str = "engines refuse to unpack it: build the image again, or correct rootfs.diff_ids in the config";

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    let mut tally = Tally::default();
    let image = subject.image;
    document(&mut tally, "the manifest", &image.descriptor, &image.manifest_bytes);
    document(&mut tally, "the config", &image.manifest.config, &image.config_bytes);
    let layers = &subject.facts.layers;
    let diff_ids = &image.config.rootfs.diff_ids;
    if diff_ids.len() != layers.len() {
        let expected = format!("{} in the config, one for each layer", count(layers.len(), "diff id"));
        tally.image(Verdict::Fail, None, expected, count(diff_ids.len(), "diff id"), DIFF_ID);
    }
    for (index, layer) in layers.iter().enumerate() {
        let blob = &layer.descriptor;
        let at = Some(blob.digest);
        if let Some(damage) = &layer.damage {
            let advice = "the layer cannot be unpacked: fetch or build the image again";
            tally.image(Verdict::Fail, at, "a layer that can be read to its end", damage.clone(), advice);
        }
        if layer.size > blob.size {
            tally.image(Verdict::Fail, at, format!("{} bytes", blob.size), format!("more than {} bytes", blob.size), AGAIN);
        } else if layer.size < blob.size && layer.digest.is_some() {
            tally.image(Verdict::Fail, at, format!("{} bytes", blob.size), format!("{} bytes", layer.size), AGAIN);
        }
        match layer.digest {
            Some(digest) if digest != blob.digest => {
                tally.image(Verdict::Fail, at, format!("content with the digest {}", blob.digest), digest.to_string(), AGAIN);
            }
            _ => {}
        }
        match diff_ids.get(index) {
            Some(diff_id) if *diff_id != layer.diff_id && layer.damage.is_none() => {
                let found = layer.diff_id.to_string();
                tally.image(Verdict::Fail, at, format!("uncompressed content with the digest {diff_id}"), found, DIFF_ID);
            }
            _ => {}
        }
        match Compression::of_media_type(&blob.media_type) {
            Some(promised) if layer.size > 0 && promised != layer.compression => {
                let expected = format!("{} content, as {} says", promised.word(), blob.media_type);
                let advice = "some engines trust the media type and cannot unpack it: write the manifest with the right one";
                tally.image(Verdict::Fail, at, expected, layer.compression.word(), advice);
            }
            None => {
                let advice = "engines may ignore or refuse it; an image's layers are tar, tar+gzip or tar+zstd";
                tally.image(Verdict::Warn, at, "the media type of an image layer", blob.media_type.clone(), advice);
            }
            Some(_) => {}
        }
    }
    let bytes: u64 = layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
    tally.result(Check::LayerDigests, format!("{}, {bytes} bytes read", count(layers.len(), "layer")), "blob claim")
}

fn document(tally: &mut Tally, what: &str, descriptor: &Descriptor, bytes: &[u8]) {
    if descriptor.size != bytes.len() as u64 {
        let expected = format!("{what} with {} bytes, as its descriptor says", descriptor.size);
        tally.image(Verdict::Fail, None, expected, format!("{} bytes", bytes.len()), AGAIN);
    }
    let digest = Digest::of(bytes);
    if digest != descriptor.digest {
        tally.image(Verdict::Fail, None, format!("{what} with the digest {}", descriptor.digest), digest.to_string(), AGAIN);
    }
}
