//! From JSON to a [`Document`].

use std::path::Path;

use super::json::{Fields, Node, unexpected};
use super::{Content, Document, Layer, Options, Perm, Rewrite, StorePath};
use crate::error::IoContext;
use crate::image::{Digest, Empty, ExecutionConfig, History, media_type};
use crate::{Error, Result, read_at_most};

/// The largest document that is read: some 50,000 store paths.
const MAX_DOCUMENT: u64 = 8 << 20;
/// The only version of the document there is.
const VERSION: i64 = 1;
/// What documents from before August 2022 are for.
const FIRST_ARCHITECTURE: &str = "amd64";

impl Document {
    /// Reads the document in the file at `path`.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        if !std::fs::metadata(path).at_named("opening", path)?.is_file() {
            return Err(Error::usage(format!("{shown} is not a file"))
                .hint("name the JSON that nix2container's buildImage makes: `nix build` links to it as ./result"));
        }
        let Some(bytes) = read_at_most(path, MAX_DOCUMENT)? else {
            return Err(Error::failed(format!("{shown} has more than {} MiB: it is no image of nix2container", MAX_DOCUMENT >> 20)));
        };
        Document::parse(&bytes).map_err(|error| error.context(format_args!("{shown} is not an image of nix2container that can be read")))
    }

    /// Reads the document in `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let node = Node::parse(bytes).map_err(|error| Error::failed("it is not JSON").source(error))?;
        let mut fields = Fields::of(node, String::new())?;
        match fields.integer("version")? {
            None | Some(VERSION) => {}
            Some(other) => {
                return Err(Error::failed(format!("it is version {other} of the document, and version {VERSION} is understood"))
                    .hint("a later catamaran may read it"));
            }
        }
        // An index, a lock, a package.json: anything may be an object.
        if !fields.has("layers") && !fields.has("image-config") {
            return Err(Error::failed("it has neither `image-config` nor `layers`"));
        }
        let config = fields.object("image-config")?;
        let mut ignored = Vec::new();
        let layers = fields.list("layers")?.into_iter().enumerate();
        let mut document = Document {
            config: ExecutionConfig::default(),
            layers: layers.map(|(n, node)| layer(node, format!("layers[{n}]"), &mut ignored)).collect::<Result<_>>()?,
            // Present and empty in what `pullImage` leaves.
            architecture: fields.text("arch")?.unwrap_or_else(|| FIRST_ARCHITECTURE.to_owned()),
            created: fields.text("created")?.map(|text| go_time(&text, "created")).transpose()?,
            ignored,
        };
        if let Some(mut config) = config {
            document.config = execution_config(&mut config)?;
            document.ignored.extend(config.left());
        }
        document.ignored.extend(fields.left());
        Ok(document)
    }
}

fn layer(node: Node, at: String, ignored: &mut Vec<String>) -> Result<Layer> {
    let mut fields = Fields::of(node, at.clone())?;
    let digest = |text: String, key: &str| text.parse::<Digest>().map_err(|error| Error::failed(format!("`{at}.{key}`: {error}")));
    let Some(text) = fields.text("digest")? else { return Err(Error::failed(format!("`{at}` has no `digest`"))) };
    let digest_of_blob = digest(text, "digest")?;
    // A string in spite of its name; absent in the first weeks, when every layer was a plain tar.
    let diff_id = fields.text("diff_ids")?.map_or(Ok(digest_of_blob), |text| digest(text, "diff_ids"))?;
    let size = match fields.integer("size")? {
        Some(size) => u64::try_from(size).map_err(|_| Error::failed(format!("`{at}.size` is {size}")))?,
        None => 0,
    };
    let paths = fields.list("paths")?.into_iter().enumerate();
    let paths: Vec<StorePath> = paths.map(|(n, node)| store_path(node, format!("{at}.paths[{n}]"))).collect::<Result<_>>()?;
    // `tar-path` is what it was called in the first weeks.
    let file = match fields.text("layer-path")? {
        Some(file) => Some(file),
        None => fields.text("tar-path")?,
    };
    let content = match file.filter(|file| !file.is_empty()) {
        Some(file) => Content::File(file.into()),
        None if paths.is_empty() => return Err(Error::failed(format!("`{at}` has neither `paths` nor `layer-path`"))),
        None => Content::Paths(paths.into()),
    };
    let layer = Layer {
        digest: digest_of_blob,
        diff_id,
        size: Some(size).filter(|size| *size > 0),
        media_type: fields.text("mediatype")?.filter(|text| !text.is_empty()).unwrap_or_else(|| media_type::LAYER_TAR.to_owned()),
        content,
        history: fields.object("History")?.map(|fields| history(fields, ignored)).transpose()?,
    };
    fields.end()?;
    Ok(layer)
}

fn history(mut fields: Fields, ignored: &mut Vec<String>) -> Result<History> {
    let at = fields.path("created");
    let history = History {
        created: fields.text("created")?.map(|text| go_time(&text, &at)).transpose()?,
        created_by: given(fields.text("created_by")?),
        author: given(fields.text("author")?),
        comment: given(fields.text("comment")?),
        empty_layer: fields.truth("empty_layer")?,
    };
    ignored.extend(fields.left());
    Ok(history)
}

fn store_path(node: Node, at: String) -> Result<StorePath> {
    // A plain list of strings until January 2022.
    if let Node::Text(path) = node {
        return Ok(StorePath { path, options: Options::default() });
    }
    let mut fields = Fields::of(node, at.clone())?;
    let Some(path) = fields.text("path")?.filter(|path| !path.is_empty()) else {
        return Err(Error::failed(format!("`{at}` has no `path`")));
    };
    let mut options = Options::default();
    if let Some(mut given) = fields.object("options")? {
        if let Some(mut rewrite) = given.object("rewrite")? {
            let (regex, repl) = (rewrite.text("regex")?.unwrap_or_default(), rewrite.text("repl")?.unwrap_or_default());
            rewrite.end()?;
            options.rewrite = Some(Rewrite { regex, repl }).filter(|rewrite| !rewrite.regex.is_empty());
        }
        let perms = given.list("perms")?.into_iter().enumerate();
        options.perms = perms.map(|(n, node)| perm(node, format!("{at}.options.perms[{n}]"))).collect::<Result<_>>()?;
        given.end()?;
    }
    fields.end()?;
    Ok(StorePath { path, options })
}

/// Owners are absent until September 2022.
fn perm(node: Node, at: String) -> Result<Perm> {
    let mut fields = Fields::of(node, at)?;
    let perm = Perm {
        regex: fields.text("regex")?.unwrap_or_default(),
        mode: fields.text("mode")?.unwrap_or_default(),
        uid: fields.integer("uid")?.unwrap_or_default(),
        gid: fields.integer("gid")?.unwrap_or_default(),
        uname: fields.text("uname")?.unwrap_or_default(),
        gname: fields.text("gname")?.unwrap_or_default(),
    };
    fields.end()?;
    Ok(perm)
}

/// `ImageConfig` of image-spec's Go module.
fn execution_config(fields: &mut Fields) -> Result<ExecutionConfig> {
    let set = |entries: Vec<(String, Node)>| entries.into_iter().map(|(key, _)| (key, Empty {})).collect();
    let mut config = ExecutionConfig {
        user: given(fields.text("User")?),
        exposed_ports: set(fields.map("ExposedPorts")?),
        env: fields.texts("Env")?,
        entrypoint: fields.texts("Entrypoint")?,
        cmd: fields.texts("Cmd")?,
        volumes: set(fields.map("Volumes")?),
        working_dir: given(fields.text("WorkingDir")?),
        labels: Default::default(),
        stop_signal: given(fields.text("StopSignal")?),
        args_escaped: fields.truth("ArgsEscaped")?,
    };
    for (key, node) in fields.map("Labels")? {
        let value = match node {
            Node::Text(text) => text,
            Node::Null => String::new(),
            other => return Err(unexpected(&fields.path(&format!("Labels.{key}")), "a string", &other)),
        };
        config.labels.insert(key, value);
    }
    Ok(config)
}

/// What Go leaves out when it is empty.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// A time of RFC 3339 as Go's `time.Time` writes it again: without the zeros at the end of a fraction, and `Z` for no offset.
fn go_time(text: &str, at: &str) -> Result<String> {
    let wrong = || Error::failed(format!("`{at}` is `{text}`, which is no time of RFC 3339"));
    let shaped = text.is_ascii() && text.get(10..11) == Some("T") && text.parse::<jiff::Timestamp>().is_ok();
    let (Some(seconds), Some(rest), true) = (text.get(..19), text.get(19..), shaped) else { return Err(wrong()) };
    let zone = rest.find(['Z', '+', '-']).ok_or_else(wrong)?;
    let (fraction, zone) = rest.split_at(zone);
    if !fraction.is_empty() && !fraction.starts_with('.') {
        return Err(wrong());
    }
    let zone = if matches!(zone, "+00:00" | "-00:00") { "Z" } else { zone };
    Ok(format!("{seconds}{}{zone}", fraction.trim_end_matches('0').trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
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
        let any = read(
            json!({ "IMAGE-config": { "entrypoint": ["/x"], "ENV": null }, "Layers": [], "Created": "2024-01-01T01:00:00.500+00:00" }),
        );
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
}
