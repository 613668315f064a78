//! Why two builds of one image are not the same: the first thing that differs, from the layers' tars up to the manifest.
//!
//! Layers are read side by side and nothing of them is kept, so memory does not depend on their length.

mod tar_difference;

use std::io::{self, BufRead, BufReader, Read};

use serde_json::Value;

use self::tar_difference::{TarDifference, first_difference};
use super::stream::MAX_UNCOMPRESSED;
use crate::image::{Blobs, Compression, Descriptor, Digest, Image};
use crate::{Error, Result};

/// The first thing in which a rebuild differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Where: `layer 2`, `config`, `manifest`.
    pub place: String,
    /// The image's layer, when it is in one.
    pub layer: Option<Digest>,
    /// The tar's member, when it is in one.
    pub path: Option<String>,
    /// What differs: a header field, `content`, a JSON pointer.
    pub what: String,
    /// What the image has.
    pub image: String,
    /// What the rebuild has.
    pub rebuilt: String,
}

/// The first difference; `None` when both are the same image.
///
/// Errors are blobs that cannot be read.
pub(super) fn explain(image: &Image, rebuilt: &Image) -> Result<Option<Difference>> {
    if image.descriptor.digest == rebuilt.descriptor.digest {
        return Ok(None);
    }
    let (ours, theirs) = (&image.manifest.layers, &rebuilt.manifest.layers);
    for (number, (left, right)) in ours.iter().zip(theirs).enumerate() {
        if left.digest == right.digest {
            continue;
        }
        let place = format!("layer {}", number + 1);
        let difference =
            |path, what, image, rebuilt| Difference { place: place.clone(), layer: Some(left.digest), path, what, image, rebuilt };
        let read = |error: io::Error| Error::failed(format!("{place} cannot be read to its end")).source(error);
        let tars = (content(&*image.blobs, left)?, content(&*rebuilt.blobs, right)?);
        if let Some(TarDifference { member, field, left, right }) = first_difference(tars.0, tars.1).map_err(read)? {
            return Ok(Some(difference(member, field, left, right)));
        }
        let (a, b) = (image.blobs.open(left)?, rebuilt.blobs.open(right)?);
        let at = first_byte(BufReader::new(a), BufReader::new(b)).map_err(read)?;
        let said = |blob: &Descriptor| format!("{} bytes", blob.size);
        return Ok(Some(difference(None, format!("compression, from byte {at} on"), said(left), said(right))));
    }
    if ours.len() != theirs.len() {
        let (place, what) = ("manifest".to_owned(), "number of layers".to_owned());
        let (image, rebuilt) = (ours.len().to_string(), theirs.len().to_string());
        return Ok(Some(Difference { place, layer: None, path: None, what, image, rebuilt }));
    }
    let documents = [("config", &image.config_bytes, &rebuilt.config_bytes), ("manifest", &image.manifest_bytes, &rebuilt.manifest_bytes)];
    for (place, left, right) in documents {
        if left != right {
            let (what, image, rebuilt) = first_value(left, right);
            return Ok(Some(Difference { place: place.into(), layer: None, path: None, what, image, rebuilt }));
        }
    }
    Ok(None)
}

/// The uncompressed content of a layer, as far as anybody may read.
fn content(blobs: &dyn Blobs, blob: &Descriptor) -> Result<Box<dyn Read>> {
    let mut input = BufReader::with_capacity(128 << 10, blobs.open(blob)?);
    let read = |error: io::Error| Error::failed(format!("the layer {} cannot be read", blob.digest)).source(error);
    let compression = Compression::of_bytes(input.fill_buf().map_err(read)?);
    let content: Box<dyn Read> = match compression {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(input).map_err(read)?),
    };
    Ok(Box::new(content.take(MAX_UNCOMPRESSED)))
}

/// Where two streams begin to differ: the offset of the first byte that is not the same, or of the shorter one's end.
fn first_byte(mut left: impl BufRead, mut right: impl BufRead) -> io::Result<u64> {
    let mut at = 0;
    loop {
        let (a, b) = (left.fill_buf()?, right.fill_buf()?);
        let length = a.len().min(b.len());
        match a[..length].iter().zip(&b[..length]).position(|(a, b)| a != b) {
            Some(offset) => return Ok(at + offset as u64),
            None if length == 0 => return Ok(at),
            None => at += length as u64,
        }
        left.consume(length);
        right.consume(length);
    }
}

/// The first value that two JSON documents do not share, by its pointer (RFC 6901). When all values are the same, the bytes are
/// written differently.
fn first_value(left: &[u8], right: &[u8]) -> (String, String, String) {
    let (Ok(a), Ok(b)) = (serde_json::from_slice::<Value>(left), serde_json::from_slice::<Value>(right)) else {
        return ("bytes".into(), format!("{} bytes", left.len()), format!("{} bytes", right.len()));
    };
    match value(&a, &b, String::new()) {
        Some(found) => found,
        None => ("how its JSON is written".into(), format!("{} bytes", left.len()), format!("{} bytes", right.len())),
    }
}

fn value(left: &Value, right: &Value, pointer: String) -> Option<(String, String, String)> {
    // serde_json reads at most 128 levels, so this goes no deeper.
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter().find_map(|key| {
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                value(a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), pointer)
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(at, (a, b))| value(a, b, format!("{pointer}/{at}")))
        }
        (a, b) => (a != b).then(|| (pointer, a.to_string(), b.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::media_type;
    use crate::verify::samples::{Layer, Sample, gzip};

    fn difference(left: Sample, right: Sample) -> Difference {
        explain(&left.image(), &right.image()).unwrap().expect("a difference")
    }

    #[test]
    fn the_same_image_has_no_difference() {
        let sample = || Sample::new("amd64").layer(Layer::new().file("a", 0o644, b"1"));
        assert_eq!(explain(&sample().image(), &sample().image()).unwrap(), None);
    }

    #[test]
    fn the_first_difference_is_found_in_layers_then_in_what_names_them() {
        let base = || Layer::new().file("a", 0o644, b"same");
        let sample = |content: &[u8]| Sample::new("amd64").layer(base()).layer(Layer::new().file("usr/bin/x", 0o755, content));
        let found = difference(sample(b"one two"), sample(b"one too"));
        assert_eq!((found.place.as_str(), found.path.as_deref()), ("layer 2", Some("usr/bin/x")));
        assert_eq!((found.what.as_str(), found.image.as_str(), found.rebuilt.as_str()), ("content at byte 5", "77 (`w`)", "6f (`o`)"));
        assert!(found.layer.is_some());

        let found = difference(sample(b"x").entrypoint("/a"), sample(b"x").entrypoint("/b"));
        assert_eq!((found.place.as_str(), found.what.as_str()), ("config", "/config/Entrypoint/0"));
        assert_eq!((found.image.as_str(), found.rebuilt.as_str()), ("\"/a\"", "\"/b\""));

        let found = difference(Sample::new("amd64").layer(base()), sample(b"x"));
        assert_eq!((found.what.as_str(), found.image.as_str(), found.rebuilt.as_str()), ("number of layers", "1", "2"));
    }

    #[test]
    fn another_compression_of_the_same_tar_is_told() {
        let tar = Layer::new().file("a", 0o644, &[7; 4000]).tar();
        let raw = |blob: Vec<u8>| Sample::new("amd64").raw(media_type::LAYER_GZIP, blob, &tar);
        let found = difference(raw(gzip(&tar)), raw(tar.clone()));
        assert_eq!((found.place.as_str(), found.what.as_str()), ("layer 1", "compression, from byte 0 on"));
    }
}
