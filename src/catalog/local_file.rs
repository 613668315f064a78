//! `files`: what of the project itself goes into an image.

use std::path::{Path, PathBuf};

use super::Architecture;

/// What an entry of `files` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// A file or folder of the project.
    From(PathTemplate),
    /// The text itself.
    Text(String),
}

/// An entry of `files`: a file or folder put into the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalFile {
    /// What it holds.
    pub content: FileContent,
    /// Where it goes: an absolute path in the image.
    pub to: String,
    /// Permission bits of its files; `None`: 0755 for what its owner may execute, else 0644.
    pub mode: Option<u32>,
    /// `user[:group]`, by name or number; `None`: root.
    pub owner: Option<String>,
}

/// A path that may differ between architectures: `target/{rust}/release/app`.
///
/// | placeholder | example | whose word |
/// |---|---|---|
/// | `{target}` | `x86_64`, `armv7` | ours |
/// | `{oci}` | `amd64`, `arm` | OCI's, and Go's `GOARCH` |
/// | `{debian}` | `amd64`, `armhf` | Debian's |
/// | `{rust}` | `x86_64-unknown-linux-gnu` | the folder cargo builds into |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate(String);

/// What a placeholder is called, and what it becomes.
type Placeholder = (&'static str, fn(Architecture) -> &'static str);

impl PathTemplate {
    const PLACEHOLDERS: [Placeholder; 4] =
        [("target", Architecture::name), ("oci", Architecture::oci), ("debian", Architecture::debian), ("rust", Architecture::rust)];

    /// The template `text`.
    ///
    /// # Errors
    /// What is wrong with it: a placeholder that does not exist, or a brace without its other half.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once('{') {
            let (word, behind) = after.split_once('}').ok_or("a `{` is not closed")?;
            if !Self::PLACEHOLDERS.iter().any(|(name, _)| *name == word) {
                let known = Self::PLACEHOLDERS.map(|(name, _)| format!("`{{{name}}}`")).join(", ");
                return Err(format!("`{{{word}}}` stands for nothing; there are {known}"));
            }
            rest = behind;
        }
        Ok(PathTemplate(text.to_owned()))
    }

    /// The path below `folder` (or the absolute one) for `architecture`.
    pub fn path(&self, folder: &Path, architecture: Architecture) -> PathBuf {
        let filled =
            Self::PLACEHOLDERS.iter().fold(self.0.clone(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value(architecture)));
        folder.join(filled)
    }

    /// As it stands in the file.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_becomes_what_its_world_says() {
        let path = |text: &str, architecture| PathTemplate::parse(text).unwrap().path(Path::new("p"), architecture);
        assert_eq!(
            path("a/{target}-{oci}-{debian}/{rust}", Architecture::Armv7),
            Path::new("p/a/armv7-arm-armhf/armv7-unknown-linux-gnueabihf")
        );
        assert_eq!(path("/abs/{oci}/{oci}", Architecture::X86_64), Path::new("/abs/amd64/amd64"));
        assert_eq!(
            PathTemplate::parse("{arch}").unwrap_err(),
            "`{arch}` stands for nothing; there are `{target}`, `{oci}`, `{debian}`, `{rust}`"
        );
        assert!(PathTemplate::parse("a{target").is_err());
    }
}
