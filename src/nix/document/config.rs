//! The image config that belongs to a [`Document`], to the byte: its digest is not in the document, but images that skopeo's `nix:`
//! transport has pushed have it, and engines take it for the image's id.

use serde::Serialize;

use super::{Document, to_bytes};
use crate::Result;
use crate::image::{Digest, ExecutionConfig, History};

/// `Image` of image-spec's Go module, with the fields that nix2container sets. `config` and `rootfs` are written even when empty.
#[derive(Serialize)]
struct ConfigBlob<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'a str>,
    architecture: &'a str,
    os: &'static str,
    config: &'a ExecutionConfig,
    rootfs: RootFs,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<History>,
}

/// A slice of Go, which is `null` and not `[]` when nothing was put into it.
#[derive(Serialize)]
struct RootFs {
    #[serde(rename = "type")]
    kind: &'static str,
    diff_ids: Option<Vec<Digest>>,
}

/// The config's exact bytes.
pub(in crate::nix) fn config_blob(document: &Document) -> Result<Vec<u8>> {
    let layers = &document.layers;
    let rootfs = match layers.is_empty() {
        true => RootFs { kind: "", diff_ids: None },
        false => RootFs { kind: "layers", diff_ids: Some(layers.iter().map(|layer| layer.diff_id).collect()) },
    };
    // What readers wrote before documents had a history.
    let without = || History { created_by: Some("nix2container".into()), ..History::default() };
    to_bytes(&ConfigBlob {
        created: document.created.as_deref(),
        architecture: &document.architecture,
        os: "linux",
        config: &document.config,
        rootfs,
        history: layers.iter().map(|layer| layer.history.clone().unwrap_or_else(without)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_is_what_skopeo_makes_of_the_document() {
        let document = Document::parse(include_bytes!("../../../tests/data/nix/image.json")).unwrap();
        let expected = include_str!("../../../tests/data/nix/config-blob.json");
        assert_eq!(String::from_utf8(config_blob(&document).unwrap()).unwrap(), expected);
        assert_eq!(Digest::of(expected.as_bytes()).hex()[..8], *"0779f690");
    }

    #[test]
    fn an_image_without_layers_has_what_go_writes_for_nothing() {
        let document = Document::parse(br#"{"image-config":{"ArgsEscaped":true},"layers":null,"arch":"arm64","created":null}"#).unwrap();
        let expected = r#"{"architecture":"arm64","os":"linux","config":{"ArgsEscaped":true},"rootfs":{"type":"","diff_ids":null}}"#;
        assert_eq!(String::from_utf8(config_blob(&document).unwrap()).unwrap(), expected);
    }
}
