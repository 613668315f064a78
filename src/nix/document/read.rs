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
    let named = |path: Option<String>| path.filter(|path| !path.is_empty()).ok_or_else(|| Error::failed(format!("`{at}` has no `path`")));
    // A plain list of strings until January 2022.
    if let Node::Text(path) = node {
        return Ok(StorePath { path: named(Some(path))?, options: Options::default() });
    }
    let mut fields = Fields::of(node, at.clone())?;
    let path = named(fields.text("path")?)?;
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
#[path = "read_tests.rs"]
mod tests;
