//! The fuzz target for documents. Exists under `cfg(fuzzing)` and in tests only.

use super::document::{Document, config_blob};
use crate::image::ImageConfig;
use crate::image::fuzz::Target;

/// This room's targets: the name, as in `fuzz/fuzz_targets` and `fuzz/corpus`, and the function.
pub const TARGETS: [(&str, Target); 1] = [("nix", nix)];

/// An image document: what is read is written so that it is read again, and its config is one.
pub fn nix(bytes: &[u8]) {
    let Ok(document) = Document::parse(bytes) else { return };
    let document = Document { ignored: Vec::new(), ..document };
    assert_eq!(Document::parse(&document.to_bytes()).ok().as_ref(), Some(&document));
    let config = config_blob(&document).expect("a config is written");
    assert!(ImageConfig::parse(&config, "it").is_ok(), "{}", String::from_utf8_lossy(&config));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_is_read_or_refused() {
        crate::image::fuzz::replay(&super::TARGETS);
    }
}
