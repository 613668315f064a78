//! A target: one container for one architecture.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Architecture;

/// The name of a container; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerName(Arc<str>);

impl ContainerName {
    /// Wraps a name that has already been checked (see [`ContainerName::problem`]).
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        ContainerName(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Why `name` cannot be a container's name, if it cannot.
    ///
    /// A name becomes a path component of a repository, so it follows distribution-spec's
    /// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
    pub fn problem(name: &str) -> Option<&'static str> {
        if name.is_empty() {
            return Some("a container needs a name");
        }
        if name.len() > 128 {
            return Some("a container's name has at most 128 characters");
        }
        let mut separator = String::new();
        let mut after_alphanumeric = false;
        for c in name.chars() {
            match c {
                'a'..='z' | '0'..='9' => {
                    if !separator.is_empty() {
                        let fine = matches!(separator.as_str(), "." | "_" | "__") || separator.bytes().all(|b| b == b'-');
                        if !fine || !after_alphanumeric {
                            return Some("separators in a name stand alone, between letters or digits");
                        }
                        separator.clear();
                    }
                    after_alphanumeric = true;
                }
                '.' | '_' | '-' => separator.push(c),
                _ => return Some("a container's name has lower-case letters, digits, `.`, `_` and `-` only"),
            }
        }
        (!separator.is_empty()).then_some("a container's name ends in a letter or a digit")
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for ContainerName {
    fn from(name: &str) -> Self {
        ContainerName::new(name)
    }
}

/// One container for one architecture: the unit of building. Shown as `fd/x86_64`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// Which container.
    pub container: ContainerName,
    /// For which architecture.
    #[serde(rename = "target")]
    pub architecture: Architecture,
}

impl Target {
    /// `container` for `architecture`.
    pub fn new(container: impl Into<ContainerName>, architecture: Architecture) -> Self {
        Target { container: container.into(), architecture }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.container, self.architecture))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_distribution_spec() {
        for good in ["fd", "sqlite3", "my-app", "a__b", "a.b-c---d", "7zip"] {
            assert_eq!(ContainerName::problem(good), None, "{good}");
        }
        for bad in ["", "Fd", "-a", "a-", "a._b", "a___b", "a b", "ä"] {
            assert!(ContainerName::problem(bad).is_some(), "{bad}");
        }
    }
}
