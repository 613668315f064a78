//! The JSON Schema of `containers.toml`, for editors: made from the table of keys that the reader uses.

use serde_json::{Map, Value, json};

use super::entry::Defaults;
use super::schema::{self, Table};
use super::{Architecture, CHECK_IDS, Container, DebianSettings, NixSettings, RegistrySettings};

/// The schema (JSON Schema draft 7, which the TOML servers of editors read). It knows keys, types and words; what only a look at
/// the whole file can tell (a name twice, a certificate without its key) the reader says.
pub fn containers_schema() -> Value {
    let mut root = table("", &schema::ROOT, &[]);
    root["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    root["title"] = "containers.toml of Catamaran".into();
    // A flake may say which there are.
    root["if"] = json!({ "properties": { "defaults": { "properties": { "builder": { "const": "nix" } }, "required": ["builder"] } }, "required": ["defaults"] });
    root["else"] = json!({ "required": ["containers"] });
    root
}

/// A table with its keys, and no others. `name` is what [`shape`] calls it.
fn table(name: &str, keys: &Table, required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        keys.keys.iter().filter_map(|key| Some((key.name.to_owned(), described(name, key.name)?))).collect();
    let mut out = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        out["required"] = json!(required);
    }
    out
}

fn described(table: &str, key: &str) -> Option<Value> {
    let (about, mut shape) = shape(table, key)?;
    shape["description"] = about.into();
    if let Some(default) = default(table, key) {
        shape["default"] = default;
    }
    Some(shape)
}

/// What holds when a key is not there, as the reader has it.
fn default(table: &str, key: &str) -> Option<Value> {
    let (defaults, debian, nix) = (Defaults::default(), DebianSettings::default(), NixSettings::default());
    Some(match (table, key) {
        ("registry", "insecure") => json!(RegistrySettings::default().insecure),
        ("defaults", "builder") => json!(defaults.builder),
        ("defaults", "targets") => json!(defaults.targets),
        ("defaults", "base") => json!(defaults.base),
        ("defaults", "compression") => json!(defaults.compression),
        ("debian", "suite") => json!(debian.suite),
        ("debian", "components") => json!(debian.components),
        ("debian-source", "components") => json!(["main"]),
        ("debian", "check-valid-until") => json!(debian.check_valid_until),
        ("debian", "recommends") => json!(debian.recommends),
        ("debian", "essential") => json!(debian.essential),
        ("nix", "flake") => json!(nix.flake),
        ("container", "test") => json!(Container::new("x").test),
        _ => return None,
    })
}

/// What a key is for and what it takes; a test asks for every key of every table.
fn shape(table_name: &str, key: &str) -> Option<(&'static str, Value)> {
    let text = || json!({ "type": "string" });
    let flag = || json!({ "type": "boolean" });
    let texts = || json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true });
    let words = || json!({ "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] });
    let map = |value: Value| json!({ "type": "object", "additionalProperties": value });
    let list_of = |item: Value| json!({ "type": "array", "items": item });
    let setting = || table("setting", &schema::SETTING, &["env"]);
    Some(match (table_name, key) {
        ("", "registry") => ("where images go", table("registry", &schema::REGISTRY, &[])),
        ("", "defaults") => ("what holds for every container that does not say otherwise", table("defaults", &schema::DEFAULTS, &[])),
        ("", "debian") => ("where Debian packages come from", table("debian", &schema::DEBIAN, &[])),
        ("", "nix") => ("the nix builder", table("nix", &schema::NIX, &[])),
        ("", "containers") => {
            let mut containers = map(table("container", &schema::CONTAINER, &["packages"]));
            containers["minProperties"] = 1.into();
            ("the containers, by name", containers)
        }
        ("", "waive") => ("findings that are accepted in every container", list_of(waiver())),
        ("container", "waive") => ("findings that are accepted", list_of(waiver())),

        ("registry", "host") => ("`host[:port]`", text()),
        ("registry", "repository") => ("the repository; `{container}` stands for the container's name", text()),
        ("registry", "username") => ("who pushes", json!({ "oneOf": [text(), setting()] })),
        ("registry", "password") => {
            let variable = json!({ "env": { "type": "string", "description": "the variable" } });
            let secret = json!({ "type": "object", "additionalProperties": false, "required": ["env"], "properties": variable });
            ("the variable that holds the password or token; never the secret itself", secret)
        }
        ("registry", "ca") => ("a file (PEM) of certificate authorities that vouch for the host", text()),
        ("registry", "client-cert") => ("a certificate (PEM) for a host that asks for one", text()),
        ("registry", "client-key") => ("its private key (PEM)", text()),
        ("registry", "insecure") => ("speak plain HTTP", flag()),
        ("setting", "env") => ("the environment variable", text()),
        ("setting", "default") => ("used when the variable is unset", text()),

        ("defaults" | "container", "builder") => ("which builder makes the image", json!({ "enum": ["debian", "nix"] })),
        ("defaults" | "container", "targets") => ("the architectures, by any of their names", targets()),
        ("defaults", "base") => ("packages of the base layer, which all containers share", texts()),
        ("defaults" | "container", "compression") => ("how layers are compressed", json!({ "enum": ["gzip", "zstd"] })),
        ("defaults" | "container", "layers") => {
            ("into how many layers an image is cut at most", json!({ "type": "integer", "minimum": 2, "maximum": 100 }))
        }
        ("defaults" | "container", "env") => ("environment variables", map(text())),
        ("defaults" | "container", "labels") => ("labels of the config", map(text())),
        ("defaults" | "container", "annotations") => ("annotations of manifest and index", map(text())),

        ("debian", "suite") => ("the suite; its -updates and -security come with it", text()),
        ("debian" | "debian-source", "components") => {
            ("archive components", json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true, "minItems": 1 }))
        }
        ("debian", "mirror") => ("the mirror, instead of the host's own or Debian's", text()),
        ("debian", "security-mirror") => ("the security mirror", text()),
        ("debian", "emulations") => ("a file with more emulations of maintainer scripts", text()),
        ("debian" | "debian-source", "keyring") => ("a file with the keys that sign the archive", text()),
        ("debian", "snapshot") => {
            ("build from the snapshot archive of that moment", json!({ "type": "string", "pattern": "^[0-9]{8}T[0-9]{6}Z$" }))
        }
        ("debian", "snapshot-mirror") => ("the snapshot archive, instead of Debian's", text()),
        ("debian" | "debian-source", "check-valid-until") => ("whether a release past its date is refused", flag()),
        ("debian", "recommends") => ("whether recommended packages come along", flag()),
        ("debian", "essential") => ("whether the base layer holds every essential package", flag()),
        ("debian", "sources") => {
            ("other suites and repositories, by name", map(table("debian-source", &schema::DEBIAN_SOURCE, &["suite"])))
        }
        ("debian", "pins") => ("package name or pattern, and the version, suite or source it has to come from", map(text())),
        ("debian-source", "url") => ("the repository's root; Debian's own archive without it", text()),
        ("debian-source", "suite") => ("the suite, exactly as it is called there", text()),

        ("nix", "flake") => ("the flake whose outputs are built", text()),
        ("nix", "builders") => ("remote builders", texts()),
        ("nix", "extra-args") => ("further arguments of `nix build`", words()),

        ("container", "name") => ("its name, where the table's is not it", text()),
        ("container", "packages") => (
            "what is installed; a list for each builder where names differ",
            json!({ "oneOf": [texts(), table("packages", &schema::PACKAGES, &[])] }),
        ),
        ("packages", "debian") => ("Debian packages", texts()),
        ("packages", "nix") => ("attributes of nixpkgs", texts()),
        ("container", "entrypoint") => ("what runs: a command or an absolute path, with fixed arguments; the name by default", words()),
        ("container", "cmd") => ("default arguments", words()),
        ("container", "user") => ("`user[:group]`, by name or number", text()),
        ("container", "workdir") => ("the working directory", text()),
        ("container", "expose") => ("ports, `8080/tcp`", texts()),
        ("container", "volumes") => ("mount points", texts()),
        ("container", "links") => ("symbolic links to add: path in the image, and where it leads", map(text())),
        ("container", "files") => ("files and folders of the project to add", list_of(table("file", &schema::FILE, &["to"]))),
        ("container", "test") => ("arguments with which it is tried out", words()),
        ("file", "from") => ("a file or folder of the project; `{target}` and the like stand for the architecture", text()),
        ("file", "text") => ("or the content itself", text()),
        ("file", "to") => ("where it goes in the image", text()),
        ("file", "mode") => ("permission bits, in octal", json!({ "type": "string", "pattern": "^(0o)?[0-7]{3,4}$" })),
        ("file", "owner") => ("`user[:group]`, by name or number", text()),

        ("waiver", "check") => ("the check", json!({ "enum": CHECK_IDS })),
        ("waiver", "path") => ("which paths: `*` stays within a folder, `**` does not; every finding of the check without it", text()),
        ("waiver", "reason") => ("why, in one line", json!({ "type": "string", "minLength": 1 })),
        ("waiver", "until") => ("the last day (UTC) on which it counts", json!({ "type": "string", "format": "date" })),
        _ => return None,
    })
}

fn waiver() -> Value {
    table("waiver", &schema::WAIVER, &["check", "reason"])
}

fn targets() -> Value {
    let names: Vec<&str> = Architecture::ALL.into_iter().map(Architecture::name).collect();
    // Other names of the same architectures are understood, too; editors offer the first.
    json!({ "type": "array", "minItems": 1, "items": { "anyOf": [{ "enum": names }, { "type": "string" }] } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_every_table_is_described() {
        let tables: [(&str, &Table); 11] = [
            ("", &schema::ROOT),
            ("registry", &schema::REGISTRY),
            ("setting", &schema::SETTING),
            ("defaults", &schema::DEFAULTS),
            ("debian", &schema::DEBIAN),
            ("debian-source", &schema::DEBIAN_SOURCE),
            ("nix", &schema::NIX),
            ("container", &schema::CONTAINER),
            ("packages", &schema::PACKAGES),
            ("file", &schema::FILE),
            ("waiver", &schema::WAIVER),
        ];
        for (name, keys) in tables {
            for key in keys.keys {
                assert!(shape(name, key.name).is_some(), "`{}` of `{name}` has no shape in src/catalog/json_schema.rs", key.name);
            }
        }
    }
}
