//! `docs/configuration.md`, made from the schema of `containers.toml` and the table of its keys; a test keeps it true.

use std::fmt::Write;

use serde_json::Value;

use super::containers_schema;
use super::schema::{self, Table};

/// A table of the file: how it is written, where its schema is, its keys.
const TABLES: [(&str, &str, &Table); 9] = [
    ("[registry]", "/properties/registry", &schema::REGISTRY),
    ("[defaults]", "/properties/defaults", &schema::DEFAULTS),
    ("[debian]", "/properties/debian", &schema::DEBIAN),
    ("[debian.sources.NAME]", "/properties/debian/properties/sources/additionalProperties", &schema::DEBIAN_SOURCE),
    ("[nix]", "/properties/nix", &schema::NIX),
    ("[containers.NAME]", CONTAINER, &schema::CONTAINER),
    ("files = [{ … }]", "/properties/containers/additionalProperties/properties/files/items", &schema::FILE),
    ("[[waive]] and [[containers.NAME.waive]]", "/properties/waive/items", &schema::WAIVER),
    ("packages = { … }", "/properties/containers/additionalProperties/properties/packages/oneOf/1", &schema::PACKAGES),
];
const CONTAINER: &str = "/properties/containers/additionalProperties";

fn configuration_markdown() -> String {
    let schema = containers_schema();
    let mut text = String::from(
        "# containers.toml\n\nEvery key, made from the schema that `catamaran schema` prints; a test keeps it true. Unknown keys, wrong types and \
         values that cannot be are errors, all of them told at once. How an editor completes and checks the file by the same schema: \
         [editors.md](editors.md).\n\nA file needs one container, whose `packages` are the only key it must have:\n\n```toml\n[containers.rg]\npackages = \
         [\"ripgrep\"]\n```\n",
    );
    for (shown, pointer, table) in TABLES {
        let of_table = schema.pointer(pointer).unwrap_or(&Value::Null);
        let about = of_table["description"].as_str().map(|about| format!("\n{}.\n", capital(about))).unwrap_or_default();
        let required: Vec<&str> = of_table["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let _ = write!(text, "\n## `{shown}`\n{about}\n| key | type | default | meaning | example |\n|---|---|---|---|---|\n");
        for key in table.keys {
            let of_key = &of_table["properties"][key.name];
            let default = match &of_key["default"] {
                _ if required.contains(&key.name) => "required".to_owned(),
                Value::Null => "–".to_owned(),
                value => format!("`{value}`"),
            };
            let meaning = of_key["description"].as_str().unwrap_or_default();
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} |",
                key.name,
                cell(&kind(of_key)),
                cell(&default),
                cell(meaning),
                if key.example.is_empty() { String::new() } else { format!("`{}`", cell(key.example)) }
            );
        }
    }
    text
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The type of a value, in words.
fn kind(schema: &Value) -> String {
    let words = |list: &Value| list.as_array().into_iter().flatten().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
    if schema["enum"].as_array().is_some_and(|all| all.len() > 8) {
        return "one of those of [checks.md](checks.md)".into();
    }
    if schema["enum"].is_array() {
        return words(&schema["enum"]);
    }
    for several in ["oneOf", "anyOf"] {
        if let Some(kinds) = schema[several].as_array() {
            return kinds.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    match schema["type"].as_str() {
        Some("string") if schema["format"] == "date" => "date".into(),
        Some("string") => "text".into(),
        Some("boolean") => "`true` or `false`".into(),
        Some("integer") => format!("number from {} to {}", schema["minimum"], schema["maximum"]),
        Some("array") if schema["items"]["type"] == "object" => "list of tables".into(),
        Some("array") => "list of texts".into(),
        Some("object") if schema["additionalProperties"] == Value::Bool(false) => {
            let keys: Vec<String> =
                schema["properties"].as_object().into_iter().flat_map(|keys| keys.keys()).map(|key| format!("`{key}`")).collect();
            format!("table of {}", keys.join(", "))
        }
        Some("object") => "table of names and values".into(),
        _ => String::new(),
    }
}

/// Text that breaks no table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[test]
fn the_documented_configuration_is_the_configuration() {
    let path = format!("{}/docs/configuration.md", env!("CARGO_MANIFEST_DIR"));
    let text = configuration_markdown();
    if std::env::var_os("CATAMARAN_WRITE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "{path} is stale: CATAMARAN_WRITE_DOCS=1 cargo test --lib documented renews it");
}

#[test]
fn every_table_of_the_document_is_in_the_schema() {
    let schema = containers_schema();
    for (shown, pointer, table) in TABLES {
        let found = schema
            .pointer(pointer)
            .and_then(|table| table["properties"].as_object())
            .unwrap_or_else(|| panic!("{shown} is not at {pointer}"));
        assert_eq!(found.len(), table.keys.len(), "{shown}");
    }
}
