//! Keys of JSON documents that others read as another key.
//!
//! Go's `encoding/json`, and with it every engine and registry, takes `ARCHITECTURE` for `architecture`, and of two such keys the
//! last. Such a document means one thing here and another there, so it is refused.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Every key of a manifest, an index, a descriptor and a config that is read here.
const KEYS: [&str; 32] = [
    "ArgsEscaped",
    "Cmd",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Labels",
    "StopSignal",
    "User",
    "Volumes",
    "WorkingDir",
    "annotations",
    "architecture",
    "artifactType",
    "author",
    "comment",
    "config",
    "created",
    "created_by",
    "diff_ids",
    "digest",
    "empty_layer",
    "history",
    "layers",
    "manifests",
    "mediaType",
    "os",
    "platform",
    "rootfs",
    "schemaVersion",
    "size",
    "type",
    "variant",
];

/// What is below these is for users to name.
const FREE: [&str; 4] = ["ExposedPorts", "Labels", "Volumes", "annotations"];

/// The first key in the JSON document `bytes` that is not one of [`KEYS`] but read as one by others, and which; `None` also when
/// it is no JSON, which is for its reader to say.
pub(super) fn misspelt(bytes: &[u8]) -> Option<(String, &'static str)> {
    let mut found = None;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let _ = Keys(&mut found).deserialize(&mut reader);
    found
}

/// As Go folds: beside ASCII, two letters have ASCII ones as their other case.
fn folded(key: &str) -> impl Iterator<Item = char> {
    key.chars().map(|c| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    })
}

struct Keys<'f>(&'f mut Option<(String, &'static str)>);

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let meant = KEYS.iter().find(|known| folded(known).eq(folded(&key)));
            if let Some(meant) = meant.filter(|known| **known != key) {
                self.0.get_or_insert((key.into_owned(), meant));
                map.next_value::<IgnoredAny>()?;
            } else if FREE.contains(&&*key) {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(Keys(self.0))?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Keys(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Descriptor, History, ImageConfig, Index, Manifest, Platform, media_type};
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn a_key_that_others_read_as_another_is_found_wherever_it_is() {
        let found = |text: &str| misspelt(text.as_bytes()).map(|(key, meant)| format!("{key} for {meant}"));
        assert_eq!(found(r#"{"architecture":"amd64","ARCHITECTURE":"arm64"}"#).unwrap(), "ARCHITECTURE for architecture");
        assert_eq!(found(r#"{"oſ":"linux"}"#).unwrap(), "oſ for os");
        assert_eq!(found(r#"{"config":{"cmd":["a"]}}"#).unwrap(), "cmd for Cmd");
        assert_eq!(found(r#"{"manifests":[{"platform":{"os":"linux","OS":"x"}}]}"#).unwrap(), "OS for os");
        assert_eq!(found(r#"{"config":{"Labels":{"OS":"x","os":"y"}},"annotations":{"Size":"1"},"x":{"Y":1.5}}"#), None);
        for no_document in ["", "{", "[1,", "\"x\"", "nul"] {
            assert_eq!(found(no_document), None);
        }
    }

    /// A key that is read and not in the list could be written in another way unnoticed.
    #[test]
    fn every_key_that_is_written_is_known() {
        let mut config = ImageConfig { created: Some("x".into()), variant: Some("v8".into()), ..ImageConfig::default() };
        config.config = serde_json::from_str(
            r#"{"User":"1","ExposedPorts":{"80/tcp":{}},"Env":["A=b"],"Entrypoint":["a"],"Cmd":["a"],"Volumes":{"/a":{}},"WorkingDir":"/","Labels":{"a":"b"},"StopSignal":"x","ArgsEscaped":true}"#,
        )
        .unwrap();
        let text = || Some("x".to_owned());
        config.history = vec![History { created: text(), created_by: text(), author: text(), comment: text(), empty_layer: true }];
        let mut descriptor = Descriptor::of(media_type::CONFIG, b"{}");
        descriptor.platform = Some(Platform { architecture: "arm".into(), os: "linux".into(), variant: text() });
        descriptor.annotations.insert("a".into(), "b".into());
        let annotations = descriptor.annotations.clone();
        let mut manifest = Manifest::new(descriptor.clone(), vec![descriptor.clone()], annotations.clone());
        manifest.artifact_type = text();
        let index = Index::new(vec![descriptor], annotations);
        for document in [config.to_bytes(), manifest.to_bytes(), index.to_bytes()] {
            known(&serde_json::from_slice(&document).unwrap());
        }
    }

    fn known(value: &Value) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    assert!(KEYS.contains(&key.as_str()), "{key} is missing");
                    if !FREE.contains(&key.as_str()) {
                        known(value);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(known),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(text in "[\\[\\]{}:,\"a-zA-Z0-9\\\\ ]{0,60}") {
            let _ = misspelt(text.as_bytes());
        }
    }
}
