//! What the user wrote into `config.toml`: theme, ASCII, motion, mouse, keys.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::run::Options;
use super::theme::Wishes;
use crate::error::IoContext;
use crate::{Error, Result};

/// The text of a `config.toml`: it knows on which line what stands.
#[derive(Clone, Debug)]
pub struct ConfigText {
    /// The file, as it is called in messages.
    pub name: String,
    /// What is in it.
    pub text: String,
}

impl ConfigText {
    /// `FILE:LINE` of the key that `path` leads to; of the last key on the way that is there.
    pub fn place(&self, path: &[&str]) -> String {
        let Ok(document) = DeTable::parse(&self.text) else { return self.name.clone() };
        let (mut table, mut at) = (document.get_ref(), None);
        for name in path {
            let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else { break };
            at = Some(key.span().start);
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => break,
            }
        }
        match at.and_then(|at| self.text.get(..at)) {
            Some(before) => format!("{}:{}", self.name, before.matches('\n').count() + 1),
            None => self.name.clone(),
        }
    }
}

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
    let config = ConfigText { name: shown.clone(), text };
    let wrong = |key: &str, kind: &str| Error::usage(format!("{}: `{key}` is not {kind}", config.place(&[key])));
    let named = match table.remove("theme") {
        None => None,
        Some(toml::Value::String(name)) => Some(name),
        Some(_) => return Err(wrong("theme", "a name").hint("theme = \"dark\"")),
    };
    let mut switch = |key: &str, usual: bool| match table.remove(key) {
        None => Ok(usual),
        Some(toml::Value::Boolean(on)) => Ok(on),
        Some(_) => Err(wrong(key, "true or false")),
    };
    let mouse = switch("mouse", true)?;
    let wishes = Wishes { ascii: switch("ascii", false)?, still: !switch("motion", true)? };
    let keys = match table.remove("keys") {
        None => None,
        Some(toml::Value::Table(keys)) => Some((keys, config.clone())),
        Some(_) => return Err(wrong("keys", "a table").hint("[keys.images]\nbuild = \"B\"")),
    };
    if let Some(key) = table.keys().next() {
        return Err(Error::usage(format!("{}: unknown key `{key}`", config.place(&[key])))
            .hint("it has `theme`, `ascii`, `motion`, `mouse` and `[keys]`"));
    }
    Ok(Options { theme: theme.or(named), themes: Some(folder.join("themes")), keys, wishes, no_mouse: !mouse, ..Options::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_its_mistakes_are_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(preferences(folder.path(), None).unwrap().keys.is_none());
        let write = |text: &str| std::fs::write(folder.path().join("config.toml"), text).unwrap();
        write("theme = \"light\"\nmouse = false\nascii = true\nmotion = false\n[keys.images]\nbuild = \"B\"\n");
        let options = preferences(folder.path(), Some("dark".into())).unwrap();
        assert_eq!((options.theme.as_deref(), options.no_mouse), (Some("dark"), true));
        assert_eq!(options.wishes, Wishes { ascii: true, still: true });
        let (keys, config) = options.keys.unwrap();
        assert!(keys.contains_key("images"));
        assert!(config.place(&["keys", "images", "build"]).ends_with("config.toml:6"));
        assert!(config.place(&["keys", "images", "no"]).ends_with("config.toml:5"));
        for (text, word) in [
            ("theme = 1", "theme"),
            ("\n\ncolour = 1", "config.toml:3"),
            ("motion = 1", "motion"),
            ("= 1", "config.toml"),
            ("keys = 3", "keys"),
        ] {
            write(text);
            assert!(preferences(folder.path(), None).unwrap_err().message().contains(word), "{text}");
        }
    }
}
