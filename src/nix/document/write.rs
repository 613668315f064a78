//! A [`Document`] as today's nix2container writes it, but for the white space: what tests and fuzzers read again.

use serde_json::{Value, json};

use super::{Content, Document, Layer, StorePath, to_bytes};

impl Document {
    pub(in crate::nix) fn to_bytes(&self) -> Vec<u8> {
        let layers: Vec<Value> = self.layers.iter().map(layer).collect();
        let document =
            json!({ "version": 1, "image-config": self.config, "layers": layers, "arch": self.architecture, "created": self.created });
        to_bytes(&document).expect("it has string keys only")
    }
}

fn layer(layer: &Layer) -> Value {
    let mut written =
        json!({ "digest": layer.digest, "size": layer.size.unwrap_or(0), "diff_ids": layer.diff_id, "mediatype": layer.media_type });
    match &layer.content {
        Content::File(file) => written["layer-path"] = json!(file),
        Content::Paths(paths) => written["paths"] = paths.iter().map(path).collect(),
    }
    if let Some(history) = &layer.history {
        written["History"] = json!(history);
    }
    written
}

fn path(path: &StorePath) -> Value {
    let perms = path.options.perms.iter().map(|perm| {
        json!({ "regex": perm.regex, "mode": perm.mode, "uid": perm.uid, "gid": perm.gid, "uname": perm.uname, "gname": perm.gname })
    });
    let (regex, repl) = path.options.rewrite.as_ref().map_or(("", ""), |rewrite| (&rewrite.regex, &rewrite.repl));
    json!({ "path": path.path, "options": { "rewrite": { "regex": regex, "repl": repl }, "perms": perms.collect::<Vec<_>>() } })
}
