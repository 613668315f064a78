//! What the user wrote into `config.toml`: theme, keys, mouse.

use std::path::Path;

use super::run::Options;
use crate::error::IoContext;
use crate::{Error, Result};

/// Reads `config.toml` in `folder`; the `theme` of the command line comes before it.
///
/// # Errors
/// The file is there but cannot be read or understood.
pub fn preferences(folder: &Path, theme: Option<String>) -> Result<Options> {
    let path = folder.join("config.toml");
    let shown = path.display().to_string();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).at("reading", &path),
    };
    let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| Error::usage(format!("{shown}: {error}")))?;
    let wrong = |key: &str, kind: &str| Error::usage(format!("{shown}: `{key}` is not {kind}"));
    let named = match table.remove("theme") {
        None => None,
        Some(toml::Value::String(name)) => Some(name),
        Some(_) => return Err(wrong("theme", "a name").hint("theme = \"dark\"")),
    };
    let mouse = match table.remove("mouse") {
        None => true,
        Some(toml::Value::Boolean(mouse)) => mouse,
        Some(_) => return Err(wrong("mouse", "true or false")),
    };
    let keys = match table.remove("keys") {
        None => None,
        Some(toml::Value::Table(keys)) => Some((keys, shown.clone())),
        Some(_) => return Err(wrong("keys", "a table").hint("[keys.images]\nbuild = \"B\"")),
    };
    if let Some(key) = table.keys().next() {
        return Err(Error::usage(format!("{shown}: unknown key `{key}`")).hint("it has `theme`, `mouse` and `[keys]`"));
    }
    Ok(Options { theme: theme.or(named), themes: Some(folder.join("themes")), keys, no_mouse: !mouse })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_its_mistakes_are_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(preferences(folder.path(), None).unwrap().keys.is_none());
        let write = |text: &str| std::fs::write(folder.path().join("config.toml"), text).unwrap();
        write("theme = \"light\"\nmouse = false\n[keys.images]\nbuild = \"B\"\n");
        let options = preferences(folder.path(), Some("dark".into())).unwrap();
        assert_eq!((options.theme.as_deref(), options.no_mouse), (Some("dark"), true));
        assert!(options.keys.unwrap().0.contains_key("images"));
        for (text, word) in [("theme = 1", "theme"), ("colour = 1", "colour"), ("= 1", "config.toml"), ("keys = 3", "keys")] {
            write(text);
            assert!(preferences(folder.path(), None).unwrap_err().message().contains(word), "{text}");
        }
    }
}
