//! How much the manifests and configs of one reference may take in memory together.
//!
//! An index may name hundreds of images, each with a config of some megabytes, and JSON of few bytes becomes values of many. Whoever
//! reads the images of a reference takes room for each, and what finds none counts as unreadable.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Image;
use super::manifest::values;
use crate::{Error, Result};

/// Bytes for all images of a reference.
const ROOM: u64 = 24 << 20;
/// What a value of JSON may take once it is read, however few bytes it is written with: a whole entry of a config's history.
const BYTES_PER_VALUE: u64 = 128;

/// What is left.
#[derive(Debug)]
pub struct Room(AtomicU64);

impl Default for Room {
    fn default() -> Self {
        Room(AtomicU64::new(ROOM))
    }
}

impl Room {
    /// Hands `image` back if there is room for it.
    ///
    /// # Errors
    /// The images before it take all there is.
    pub fn for_image(&self, image: Image) -> Result<Image> {
        // The bytes themselves are kept, and once more as the texts that are read of them.
        let need =
            [&image.manifest_bytes, &image.config_bytes].map(|bytes| 2 * bytes.len() as u64 + BYTES_PER_VALUE * values(bytes) as u64);
        let need = need.into_iter().sum();
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(need));
        taken.map(|_| image).map_err(|_| {
            Error::failed(format!("the manifests and configs that are read of one reference would take more than {} MiB", ROOM >> 20))
                .hint("name fewer images at once")
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::image::{Descriptor, ImageConfig, Manifest, Store, media_type};

    #[test]
    fn there_is_room_for_many_images_and_not_for_many_huge_ones() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let image = |label: &str| {
            let mut config = ImageConfig { os: "linux".into(), ..ImageConfig::default() };
            config.config.labels.insert("x".into(), label.into());
            let bytes = config.to_bytes();
            store.put(&bytes).unwrap();
            let manifest = Manifest::new(Descriptor::of(media_type::CONFIG, &bytes), vec![], BTreeMap::new()).to_bytes();
            store.put(&manifest).unwrap();
            store.image(&Descriptor::of(media_type::MANIFEST, &manifest)).unwrap()
        };
        let usual = image("usual");
        let room = Room::default();
        assert!((0..4000).all(|_| room.for_image(usual.clone()).is_ok()));
        let huge = image(&"x".repeat(3 << 20));
        let room = Room::default();
        assert_eq!((0..50).filter(|_| room.for_image(huge.clone()).is_ok()).count(), 3);
        assert!(room.for_image(usual).is_ok(), "what is left is left");
    }
}
