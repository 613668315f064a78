//! A `containers.toml` to begin with: every line of it says what it is for.

use std::fmt::{self, Display, Formatter};

/// Where releases of a new project go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StarterRegistry {
    /// `host[:port]`.
    pub host: String,
    /// The repository, with `{container}` in it.
    pub repository: String,
    /// The environment variable that names the user.
    pub username: String,
    /// The environment variable that holds the password.
    pub password: String,
}

/// What is known of a new project; its [`Display`] is the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Starter {
    /// Commented out while nobody knows.
    pub registry: Option<StarterRegistry>,
    /// The suite of Debian; `None` for the usual one.
    pub suite: Option<String>,
    /// The file's `[containers.…]`, as TOML; an example that is commented out while there are none.
    pub containers: String,
}

/// A container that can be built at once, for those who want to see something first.
const EXAMPLE: &str = r#"[containers.rg]                     # its name, and the command that runs unless `entrypoint` says otherwise
packages = ["ripgrep"]              # Debian packages; what they depend on comes along
# entrypoint = "rg"
# env = { LANG = "C.UTF-8" }
# test = ["--version"]
"#;

impl Starter {
    /// With one container in it.
    pub fn example() -> Self {
        Starter { containers: EXAMPLE.into(), ..Starter::default() }
    }
}

impl Display for Starter {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let nobody_knows = StarterRegistry {
            host: "ghcr.io".into(),
            repository: "acme/{container}".into(),
            username: "GITHUB_ACTOR".into(),
            password: "GITHUB_TOKEN".into(),
        };
        let (registry, off) = match &self.registry {
            Some(registry) => (registry, ""),
            None => (&nobody_knows, "# "),
        };
        let text = |value: &str| toml_edit::Value::from(value).to_string();
        write!(
            f,
            r#"# What is built here: `catamaran` shows it, `catamaran build` makes it.
# Every container is built for each of its targets and published as one multi-architecture image.
# Editors complete and check it after `catamaran schema > containers.schema.json`, with this as the first line:
# #:schema ./containers.schema.json

# Where releases go. Secrets never stand in this file: it names the variables that hold them.
{off}[registry]
{off}host = {}
{off}repository = {}
{off}username = {{ env = {} }}
{off}password = {{ env = {} }}

[defaults]
targets = ["x86_64", "aarch64"]
base = ["bash", "coreutils"]        # the base layer, shared by every container

# Where packages come from. The exact versions are pinned in containers.lock, which belongs into version control.
[debian]
suite = {}                    # with its -updates and -security

"#,
            text(&registry.host),
            text(&registry.repository),
            text(&registry.username),
            text(&registry.password),
            text(self.suite.as_deref().unwrap_or("trixie")),
        )?;
        match self.containers.is_empty() {
            true => {
                writeln!(f, "# `catamaran add NAME PACKAGE…` adds a container. This is what one looks like:")?;
                EXAMPLE.lines().try_for_each(|line| writeln!(f, "# {}", line.trim_start_matches("# ")))
            }
            false => f.write_str(&self.containers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Catalog, parse};

    fn read(starter: &Starter) -> Catalog {
        let text = starter.to_string();
        parse("containers.toml".as_ref(), &text).unwrap_or_else(|problems| panic!("{}\n{text}", problems.render(false)))
    }

    #[test]
    fn it_is_a_valid_file_with_whatever_is_known() {
        let example = read(&Starter::example());
        assert_eq!((example.targets().len(), example.registry.host), (2, None));
        let registry = StarterRegistry {
            host: "registry.example:5000".into(),
            repository: "a/{container}".into(),
            username: "WHO".into(),
            password: "SECRET".into(),
        };
        let known = read(&Starter { registry: Some(registry), suite: Some("bookworm".into()), ..Starter::example() });
        assert_eq!(
            (known.registry.host.as_deref(), known.registry.password.unwrap().variable.as_str()),
            (Some("registry.example:5000"), "SECRET")
        );
        assert_eq!(known.debian.suite, "bookworm");
    }

    #[test]
    fn the_example_that_is_commented_out_is_right_once_it_is_not() {
        let text = Starter::default().to_string();
        assert!(parse("containers.toml".as_ref(), &text).unwrap_err().is_only_empty());
        let (before, after) = text.split_once("# [containers.rg]").unwrap();
        let opened = after.replacen("\n# packages", "\npackages", 1);
        read(&Starter { containers: format!("[containers.rg]{opened}"), ..Starter::default() });
        assert!(before.contains("`catamaran add NAME PACKAGE…`"));
    }
}
