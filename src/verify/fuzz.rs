//! The fuzz target for layers. Exists under `cfg(fuzzing)` and in tests only.

use super::ImageFacts;
use super::samples::{Sample, report};
use crate::image::fuzz::{Target, mended};
use crate::image::media_type;
use crate::progress::Silent;

/// This room's targets: the name, as in `fuzz/fuzz_targets` and `fuzz/corpus`, and the function.
pub const TARGETS: [(&str, Target); 1] = [("layer", layer)];

/// A layer's blob, as it is and with its header checksums mended: read as far as it goes, and put to every check.
pub fn layer(bytes: &[u8]) {
    for blob in [bytes.to_vec(), mended(bytes)] {
        let image = Sample::new("amd64").raw(media_type::LAYER_GZIP, blob, b"").entrypoint("/bin/sh").image();
        let Ok(facts) = ImageFacts::gather(&image, &Silent, &|| false) else { panic!("a layer in memory cannot be out of reach") };
        for path in facts.layers.iter().flat_map(|layer| layer.entries.iter()).map(|entry| entry.path()) {
            let plain = path.is_empty() || path.split('/').all(|part| !matches!(part, "" | "." | ".."));
            assert!(plain, "{path:?} leaves the image");
        }
        report(&image);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_is_read_or_refused() {
        crate::image::fuzz::replay(&super::TARGETS);
    }
}
