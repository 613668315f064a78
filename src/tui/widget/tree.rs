//! A JSON value as lines that fold.

use std::collections::BTreeSet;

use serde_json::Value;

/// A JSON value, its folded places and the cursor.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    folded: BTreeSet<String>,
    /// The line the cursor is on.
    pub cursor: usize,
}

/// One visible line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeRow {
    /// JSON pointer (RFC 6901) of the value.
    pub pointer: String,
    /// How deep it is.
    pub depth: usize,
    /// The key, or the position in an array.
    pub key: String,
    /// The value, or what it has when it is folded; empty for an open object or array.
    pub value: String,
    /// `None` for a plain value.
    pub open: Option<bool>,
}

impl Tree {
    /// Folds or unfolds the value at `pointer`.
    pub fn toggle(&mut self, pointer: &str) {
        if !self.folded.remove(pointer) {
            self.folded.insert(pointer.to_owned());
        }
    }

    /// The visible lines of `value`.
    pub fn rows(&self, value: &Value) -> Vec<TreeRow> {
        let mut rows = Vec::new();
        self.children(value, "", 0, &mut rows);
        rows
    }

    fn children(&self, value: &Value, pointer: &str, depth: usize, rows: &mut Vec<TreeRow>) {
        // A config deeper than this is no config; the parser stops at 128 anyway.
        if depth > 64 {
            return;
        }
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let escaped = key.replace('~', "~0").replace('/', "~1");
                    self.row(key.clone(), value, format!("{pointer}/{escaped}"), depth, rows);
                }
            }
            Value::Array(list) => {
                for (i, value) in list.iter().enumerate() {
                    self.row(i.to_string(), value, format!("{pointer}/{i}"), depth, rows);
                }
            }
            _ => {}
        }
    }

    fn row(&self, key: String, value: &Value, pointer: String, depth: usize, rows: &mut Vec<TreeRow>) {
        let size = match value {
            Value::Object(map) => Some((map.len(), "{", "}")),
            Value::Array(list) => Some((list.len(), "[", "]")),
            _ => None,
        };
        let Some((size, left, right)) = size.filter(|(size, ..)| *size > 0) else {
            let open = None;
            rows.push(TreeRow { pointer, depth, key, value: value.to_string(), open });
            return;
        };
        let open = !self.folded.contains(&pointer);
        let shown = if open { String::new() } else { format!("{left} {size} {right}") };
        rows.push(TreeRow { pointer: pointer.clone(), depth, key, value: shown, open: Some(open) });
        if open {
            self.children(value, &pointer, depth + 1, rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_hides_what_is_below() {
        let value = serde_json::json!({"os": "linux", "config": {"Env": ["A=b", "C=d"], "a/b": {}}});
        let mut tree = Tree::default();
        let keys = |tree: &Tree| tree.rows(&value).into_iter().map(|r| r.key).collect::<Vec<_>>().join(" ");
        assert_eq!(keys(&tree), "config Env 0 1 a/b os");
        tree.toggle("/config/Env");
        assert_eq!(keys(&tree), "config Env a/b os");
        assert_eq!(tree.rows(&value)[1].value, "[ 2 ]");
        assert_eq!(value.pointer(&tree.rows(&value)[2].pointer), Some(&serde_json::json!({})));
        tree.toggle("/config");
        assert_eq!(keys(&tree), "config os");
    }
}
