//! `catamaran schema`: JSON Schemas of what is read and of what is printed.

use clap::{Args, ValueEnum};

use super::printer::Printer;
use super::report::report_schema;
use crate::Result;
use crate::catalog::containers_schema;

/// `schema`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  catamaran schema > containers.schema.json    # then, first in containers.toml: #:schema \
                        ./containers.schema.json\n  catamaran schema report > report.schema.json")]
pub struct SchemaArgs {
    /// Of what
    #[arg(value_enum, default_value_t)]
    pub of: SchemaOf,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// containers.toml.
    #[default]
    Containers,
    /// What `verify --json` prints.
    Report,
}

/// Prints a schema; it is JSON whatever `--json` says.
///
/// # Errors
/// It cannot be serialised.
pub(super) fn run(printer: &Printer, args: &SchemaArgs) -> Result<()> {
    match args.of {
        SchemaOf::Containers => printer.document(&containers_schema()),
        SchemaOf::Report => printer.document(&report_schema()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::Value;

    use super::*;

    /// Holds `schema` against the file of `docs/`.
    pub(in crate::cli) fn is_documented(name: &str, schema: &Value) {
        is_documented_text(name, &(serde_json::to_string_pretty(schema).unwrap() + "\n"));
    }

    /// Holds `text` against the file of `docs/`.
    pub(in crate::cli) fn is_documented_text(name: &str, text: &str) {
        let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("CATAMARAN_WRITE_DOCS").is_some() {
            std::fs::write(&path, text).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == text, "{path} is stale: CATAMARAN_WRITE_DOCS=1 cargo test --lib documented renews it");
    }

    #[test]
    fn the_documented_schema_of_containers_toml_is_the_schema() {
        is_documented("containers.schema.json", &containers_schema());
    }
}
