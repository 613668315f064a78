//! What the user wrote into `config.toml`: theme, ASCII, motion, mouse, keys.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
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
    let theme = theme.or(named);
    Ok(Options { theme, themes: Some(folder.join("themes")), config: Some(path), keys, wishes, no_mouse: !mouse, ..Options::default() })
}

/// Writes that the dashboard begins with the theme called `name` into the `config.toml` at `path`, which is made if need be; what else
/// stands there stays as it is, comments too. A link leads to the file that is written, and a crash leaves the old one whole.
///
/// # Errors
/// The file cannot be read, is no TOML, or cannot be written.
pub fn keep_theme(path: &Path, name: &str) -> Result<()> {
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).at("reading", path),
    };
    let wrong = |error: toml_edit::TomlError| Error::usage(format!("{}: {}", path.display(), error.message()));
    let mut document: toml_edit::DocumentMut = text.parse().map_err(wrong)?;
    match document.get_mut("theme").and_then(toml_edit::Item::as_value_mut) {
        // The comment behind it is part of how the value is written.
        Some(value) => {
            let mut new = toml_edit::Value::from(name);
            new.decor_mut().clone_from(value.decor());
            *value = new;
        }
        None => drop(document.insert("theme", toml_edit::value(name))),
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).at("making", folder)?;
    // Readable for others, as the old one was or as the user's other files are.
    let old = std::fs::metadata(path).map(|old| old.permissions());
    let new = old.unwrap_or_else(|_| std::fs::Permissions::from_mode(0o666));
    let write = || {
        let mut file = tempfile::Builder::new().prefix(".config-").permissions(new).tempfile_in(folder)?;
        file.write_all(document.to_string().as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    };
    write().map(drop).at("writing", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_is_kept_and_all_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/config.toml");
        keep_theme(&path, "dark").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "theme = \"dark\"\n");
        let text = "# mine\nmouse = false # never\ntheme  = 'dark'   # at night\n\n[keys.images] # the letters\nbuild = [\"B\"]\n";
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for (before, after) in [
            (text, text.replace("'dark'", "\"light\"")),
            ("[keys.images]\nbuild = []\n", "theme = \"light\"\n[keys.images]\nbuild = []\n".into()),
        ] {
            std::fs::write(&path, before).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
            keep_theme(&link, "light").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
            assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(preferences(path.parent().unwrap(), None).unwrap().theme.as_deref(), Some("light"));
        }
        std::fs::write(&path, "theme = ").unwrap();
        assert!(keep_theme(&path, "light").unwrap_err().message().contains("config.toml"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "theme = ");
        // Where a file is in the way of the folder, nobody can write.
        assert!(keep_theme(&path.join("config.toml"), "light").is_err());
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left behind");
    }

    proptest::proptest! {
        #[test]
        fn what_can_be_read_is_kept_readable(text in "(theme|mouse|\\[keys\\]|[#= \"'a-z\n]){0,30}") {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("config.toml");
            std::fs::write(&path, &text).unwrap();
            if keep_theme(&path, "dark").is_ok() {
                let table: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
                proptest::prop_assert_eq!(table["theme"].as_str(), Some("dark"));
            }
        }
    }

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
