//! `layer-digests`: every blob is what its descriptor says, and its content what the config's diff id says.

use super::Subject;
use super::tally::{Tally, count};
use crate::image::{Descriptor, Digest};
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
    // One without diff ids says nothing of its kind either, and is told below.
    let kind = &image.config.rootfs.kind;
    if kind != "layers" && !(kind.is_empty() && diff_ids.is_empty()) {
        let advice = "the specification has no other kind: correct rootfs.type in the config";
        tally.image(Verdict::Fail, None, "`layers` as rootfs.type of the config", format!("`{kind}`"), advice);
    }
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
                let found = layer.why_other.as_ref().map_or_else(|| digest.to_string(), |why| format!("{digest}: {why}"));
                tally.image(Verdict::Fail, at, format!("content with the digest {}", blob.digest), found, AGAIN);
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
    }
    let bytes: u64 = layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
    tally.result(Check::LayerDigests, format!("{}, {bytes} bytes", count(layers.len(), "layer")), "blob claim")
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::image::{Digest, media_type};
    use crate::verify::samples::{Layer, Sample, gzip, report, result};
    use crate::verify::{Check, CheckResult, Verdict};

    fn checked(sample: Sample) -> CheckResult {
        result(&sample.report(), Check::LayerDigests).clone()
    }

    fn tar() -> Vec<u8> {
        Layer::new().file("etc/a", 0o644, &[7; 5000]).file("etc/b", 0o644, &[9; 5000]).tar()
    }

    #[test]
    fn every_compression_passes_also_in_many_members_and_frames() {
        let tar = tar();
        let (front, back) = tar.split_at(3000);
        let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
        for (media_type, blob) in [
            (media_type::LAYER_TAR, tar.clone()),
            (media_type::LAYER_GZIP, [gzip(front), gzip(back)].concat()),
            (media_type::DOCKER_LAYER_GZIP, gzip(&tar)),
            (media_type::LAYER_ZSTD, [zstd(front), zstd(back)].concat()),
        ] {
            let result = checked(Sample::new("amd64").raw(media_type, blob, &tar));
            assert_eq!(result.verdict, Verdict::Pass, "{media_type}: {result:?}");
        }
    }

    #[test]
    fn a_truncated_stream_is_a_finding_and_what_came_before_is_still_looked_at() {
        let tar = tar();
        let compressed = [
            (media_type::LAYER_GZIP, gzip(&tar), "the gzip stream ends too early"),
            (media_type::LAYER_ZSTD, zstd::encode_all(&tar[..], 1).unwrap(), "the zstd stream ends too early"),
        ];
        for (media_type, mut blob, found) in compressed {
            blob.truncate(blob.len() - 12);
            let report = Sample::new("amd64").raw(media_type, blob, &tar).report();
            let result = result(&report, Check::LayerDigests);
            assert_eq!(result.findings[0].found, found, "{result:?}");
            // What cannot be seen is not judged.
            for check in [Check::Scripts, Check::Links, Check::Entrypoint, Check::User, Check::Setuid, Check::Packages] {
                assert_eq!(super::super::tests::verdict(&report, check), Verdict::Skip, "{check}");
            }
        }
    }

    #[test]
    fn wrong_digests_sizes_diff_ids_and_counts_are_found() {
        let tar = tar();
        let good = || Sample::new("amd64").raw(media_type::LAYER_TAR, tar.clone(), &tar).image();
        let found = |image: &crate::image::Image| {
            let report = report(image);
            result(&report, Check::LayerDigests).findings.iter().map(|f| f.expected.clone()).collect::<Vec<_>>().join("; ")
        };
        let mut image = good();
        Arc::make_mut(&mut image.manifest).layers[0].size += 1;
        assert!(found(&image).contains("bytes"), "{}", found(&image));
        Arc::make_mut(&mut image.manifest).layers[0].size = 10;
        assert!(found(&image).contains("10 bytes"), "{}", found(&image));
        let mut image = good();
        Arc::make_mut(&mut image.config).rootfs.diff_ids[0] = Digest::of(b"other");
        assert!(found(&image).starts_with("uncompressed content"), "{}", found(&image));
        Arc::make_mut(&mut image.config).rootfs.diff_ids.clear();
        assert!(found(&image).starts_with("1 diff id in the config"), "{}", found(&image));
        let mut image = good();
        Arc::make_mut(&mut image.config).rootfs.kind = "layers+base".into();
        assert!(found(&image).starts_with("`layers` as"), "{}", found(&image));
        let mut image = good();
        image.config_bytes = b"{}".as_slice().into();
        assert!(found(&image).contains("the config with the digest"), "{}", found(&image));
        // Other content under the same digest.
        let swapped = Sample::new("amd64").raw(media_type::LAYER_TAR, Layer::new().file("x", 0o644, b"").tar(), b"").image();
        let mut image = good();
        Arc::make_mut(&mut image.manifest).layers[0].digest = swapped.manifest.layers[0].digest;
        image.blobs = swapped.blobs.clone();
        Arc::make_mut(&mut image.manifest).layers[0].digest = Digest::of(b"absent");
        assert!(found(&image).contains("read to its end"), "{}", found(&image));
    }
}
