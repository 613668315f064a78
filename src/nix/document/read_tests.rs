//! Documents of all times, and what is no document.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A real image: nix2container made it of the tree that `tests/data/nix/fixture.sh` makes.
const IMAGE: &[u8] = include_bytes!("../../../tests/data/nix/image.json");

fn digest(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string()
}

fn read(value: Value) -> Result<Document> {
    Document::parse(value.to_string().as_bytes())
}

#[test]
fn a_real_document_is_read_and_written_again() {
    let document = Document::parse(IMAGE).unwrap();
    assert_eq!((document.architecture.as_str(), document.layers.len()), ("amd64", 3));
    assert_eq!(document.created.as_deref(), Some("2024-05-13T09:31:10Z"));
    assert_eq!(document.config.env[1], "A=<x>&\"y\"\\\u{2028}é\u{7}\n");
    let Content::Paths(paths) = &document.layers[0].content else { panic!("{document:?}") };
    assert_eq!((paths[0].options.perms.len(), paths[0].options.perms[0].uid), (4, 3_000_000));
    assert_eq!(paths[0].options.rewrite, None);
    assert_eq!(Document::parse(&document.to_bytes()).unwrap(), document);
    assert!(document.ignored.is_empty());
}

#[test]
fn the_oldest_documents_are_read() {
    // January 2022: no version, no arch, no size, no diff ids, no media type; store paths as strings; `tar-path`.
    let first = read(json!({ "image-config": {}, "layers": [
        { "digest": digest("a"), "paths": ["/nix/store/x-a", "/nix/store/y-b"] },
        { "digest": digest("b"), "tar-path": "/nix/store/z.tar" },
    ]}))
    .unwrap();
    assert_eq!((first.architecture.as_str(), first.created.as_ref()), ("amd64", None));
    let layer = &first.layers[0];
    assert_eq!((layer.diff_id, layer.size, layer.media_type.as_str()), (layer.digest, None, media_type::LAYER_TAR));
    assert!(matches!(&layer.content, Content::Paths(paths) if paths[1].path == "/nix/store/y-b"));
    assert_eq!(first.layers[1].content, Content::File("/nix/store/z.tar".into()));
    // Permissions without owners, until September 2022.
    let perms = json!([{ "regex": "x", "mode": "0755" }]);
    let paths = json!([{ "path": "/nix/store/x-a", "options": { "rewrite": { "regex": "^/nix", "repl": "" }, "perms": perms } }]);
    let second = read(json!({ "version": 1, "image-config": null, "arch": "arm64",
        "layers": [{ "digest": digest("a"), "size": 5, "diff_ids": digest("a"), "paths": paths, "mediatype": "m" }] }))
    .unwrap();
    let Content::Paths(paths) = &second.layers[0].content else { panic!("{second:?}") };
    assert_eq!((paths[0].options.perms[0].mode.as_str(), paths[0].options.perms[0].uid), ("0755", 0));
    assert_eq!(second.layers[0].history, None);
}

#[test]
fn pulled_images_empty_ones_and_any_case_are_read() {
    let pulled = read(json!({ "version": 1, "image-config": {}, "arch": "", "created": null, "layers": [{ "digest": digest("a"),
        "size": 0, "diff_ids": digest("b"), "mediatype": media_type::LAYER_GZIP, "layer-path": "/nix/store/x/blob", "History": {} }] }))
    .unwrap();
    assert_eq!((pulled.architecture.as_str(), pulled.layers[0].size), ("", None));
    assert_eq!(pulled.layers[0].history, Some(History::default()));
    assert!(read(json!({ "image-config": {}, "layers": null })).unwrap().layers.is_empty());
    let any =
        read(json!({ "IMAGE-config": { "entrypoint": ["/x"], "ENV": null }, "Layers": [], "Created": "2024-01-01T01:00:00.500+00:00" }));
    let any = any.unwrap();
    assert_eq!((any.config.entrypoint.len(), any.created.as_deref()), (1, Some("2024-01-01T01:00:00.5Z")));
    // The file counts where both are told.
    let both = read(json!({ "layers": [{ "digest": digest("a"), "paths": ["/x"], "layer-path": "/y" }] })).unwrap();
    assert_eq!(both.layers[0].content, Content::File("/y".into()));
}

#[test]
fn what_could_change_a_layer_is_refused_and_the_rest_is_told() {
    let layer = |more: Value| {
        let mut layer = json!({ "digest": digest("a"), "paths": [{ "path": "/x" }] });
        layer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(json!({ "layers": [layer] })).unwrap_err().message()
    };
    assert_eq!(layer(json!({ "compressed": true })), "`layers[0].compressed` is not understood");
    let paths = |options: Value| layer(json!({ "paths": [{ "path": "/x", "options": options }] }));
    assert_eq!(paths(json!({ "tars": [] })), "`layers[0].paths[0].options.tars` is not understood");
    assert_eq!(paths(json!({ "perms": [{ "caps": 1 }] })), "`layers[0].paths[0].options.perms[0].caps` is not understood");
    assert_eq!(layer(json!({ "paths": ["/x", ""] })), "`layers[0].paths[1]` has no `path`");
    assert_eq!(layer(json!({ "paths": [{ "path": "" }] })), "`layers[0].paths[0]` has no `path`");
    assert_eq!(layer(json!({ "paths": null })), "`layers[0]` has neither `paths` nor `layer-path`");
    assert!(layer(json!({ "digest": "sha256:12" })).starts_with("`layers[0].digest`: `sha256:12` is not a digest"));
    assert!(layer(json!({ "size": -1 })).contains("`layers[0].size` is -1"));
    assert!(read(json!({ "version": 2, "layers": [] })).unwrap_err().message().contains("version 2"));
    assert!(read(json!({ "name": "package" })).unwrap_err().message().contains("neither"));
    assert!(read(json!({ "layers": [], "created": "yesterday" })).unwrap_err().message().contains("`yesterday`"));
    let told = read(json!({ "layers": [], "later": 1, "image-config": { "Healthcheck": {} } })).unwrap();
    assert_eq!(told.ignored, ["image-config.Healthcheck", "later"]);
}

/// Documents of every shape.
fn document() -> impl Strategy<Value = Document> {
    let text = || "[ -~é<>&]{0,8}";
    let perm = (text(), text(), any::<i64>(), any::<i64>(), text(), text());
    let perm = perm.prop_map(|(regex, mode, uid, gid, uname, gname)| Perm { regex, mode, uid, gid, uname, gname });
    let rewrite = proptest::option::of(("[a-z^]{1,8}", text()).prop_map(|(regex, repl)| Rewrite { regex, repl }));
    let path = ("[ -~]{1,20}", rewrite, proptest::collection::vec(perm, 0..3));
    let path = path.prop_map(|(path, rewrite, perms)| StorePath { path, options: Options { rewrite, perms } });
    let content = prop_oneof![
        proptest::collection::vec(path, 1..4).prop_map(|paths| Content::Paths(paths.into())),
        "[ -~]{1,20}".prop_map(|path| Content::File(path.into())),
    ];
    let history = proptest::option::of(proptest::option::of("[ -~]{1,8}"))
        .prop_map(|by| by.map(|created_by| History { created_by, ..History::default() }));
    let layer = (any::<[u8; 32]>(), any::<[u8; 32]>(), proptest::option::of(1..u64::MAX >> 1), "[a-z+]{1,9}", content, history);
    let layer = layer.prop_map(|(digest, diff_id, size, media_type, content, history)| Layer {
        digest: Digest::from_bytes(digest),
        diff_id: Digest::from_bytes(diff_id),
        size,
        media_type,
        content,
        history,
    });
    (proptest::collection::vec(layer, 0..4), text(), proptest::collection::vec(text(), 0..3)).prop_map(|(layers, architecture, env)| {
        let config = ExecutionConfig { env, ..ExecutionConfig::default() };
        Document { config, layers, architecture, created: None, ignored: Vec::new() }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(document in document()) {
        prop_assert_eq!(Document::parse(&document.to_bytes()).unwrap(), document);
    }

    #[test]
    fn damage_ends_in_an_answer(at in 0..IMAGE.len(), byte: u8, cut in 0..IMAGE.len()) {
        let mut bytes = IMAGE.to_vec();
        bytes[at] = byte;
        let _ = Document::parse(&bytes);
        bytes.truncate(cut);
        let _ = Document::parse(&bytes);
    }
}
