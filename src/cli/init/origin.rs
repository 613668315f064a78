//! Where a project is hosted, as its repository's `origin` says: releases go to the registry of the same place.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::catalog::StarterRegistry;

/// The registry beside the `origin` of the repository that `folder` is in, if it is one of GitHub or gitlab.com.
pub(super) fn registry(folder: &Path) -> Option<StarterRegistry> {
    let mut git = Command::new("git");
    // As it was written: `git remote get-url` would give a mirror that `insteadOf` fetches from.
    git.arg("-C").arg(folder).args(["config", "--get", "remote.origin.url"]);
    git.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").stdin(Stdio::null()).stderr(Stdio::null());
    let output = git.output().ok().filter(|output| output.status.success())?;
    beside(String::from_utf8_lossy(&output.stdout).trim())
}

/// The registry beside a repository: `git@github.com:acme/tools.git`, `https://gitlab.com/acme/group/tools`.
fn beside(origin: &str) -> Option<StarterRegistry> {
    let (host, path) = match origin.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?,
        // As scp(1) has it.
        None => origin.split_once(':')?,
    };
    let host = host.rsplit('@').next()?.split(':').next()?.to_ascii_lowercase();
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).to_ascii_lowercase();
    let (registry, username, password) = match host.as_str() {
        "github.com" | "ssh.github.com" => ("ghcr.io", "GITHUB_ACTOR", "GITHUB_TOKEN"),
        "gitlab.com" | "altssh.gitlab.com" => ("registry.gitlab.com", "CI_REGISTRY_USER", "CI_REGISTRY_PASSWORD"),
        _ => return None,
    };
    // What the catalog would refuse is not proposed: names are made of these, and there are at least an owner and a repository.
    let part = |part: &str| crate::catalog::ContainerName::problem(part).is_none();
    (path.split('/').count() >= 2 && path.len() <= 150 && path.split('/').all(part)).then(|| StarterRegistry {
        host: registry.into(),
        repository: format!("{path}/{{container}}"),
        username: username.into(),
        password: password.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_registry_of_the_same_place() {
        let of = |origin: &str| beside(origin).map(|registry| format!("{}/{}", registry.host, registry.repository));
        for origin in ["git@github.com:Acme/tools.git", "https://github.com/acme/tools", "ssh://git@ssh.github.com:443/acme/tools.git/"] {
            assert_eq!(of(origin).as_deref(), Some("ghcr.io/acme/tools/{container}"), "{origin}");
        }
        assert_eq!(of("https://oauth2:secret@gitlab.com/a/b/c.git").as_deref(), Some("registry.gitlab.com/a/b/c/{container}"));
        for origin in ["", "/srv/git/x.git", "https://git.example.org/a/b", "git@github.com:tools", "https://github.com/a/_b"] {
            assert_eq!(of(origin), None, "{origin}");
        }
    }

    proptest! {
        #[test]
        fn whatever_origin_is_proposed_is_right(origin in "(https://|git@)?(github|gitlab)\\.com[:/][a-zA-Z0-9._/{}-]{0,30}(\\.git)?") {
            if let Some(registry) = beside(&origin) {
                let starter = crate::catalog::Starter { registry: Some(registry), ..crate::catalog::Starter::example() };
                prop_assert!(crate::catalog::parse("containers.toml".as_ref(), &starter.to_string()).is_ok());
            }
        }
    }
}
