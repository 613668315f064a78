//! Credential helpers: `docker-credential-NAME get`, the server on stdin, JSON on stdout
//! (docker-credential-helpers, "Development").

use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::docker_config::Proof;
use super::endpoint::is_docker_hub;
use crate::{Error, Result};

/// A helper may have to wake a keychain; one that asks a question would wait for ever.
const TIME_LIMIT: Duration = Duration::from_secs(10);
const MAX_ANSWER: u64 = 64 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    secret: SecretString,
}

/// Asks the helper `name` about `host`; `None` when it knows nothing.
pub(super) async fn ask(name: &str, host: &str) -> Result<Option<Proof>> {
    ask_within(name, host, TIME_LIMIT).await
}

async fn ask_within(name: &str, host: &str, limit: Duration) -> Result<Option<Proof>> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Err(Error::usage(format!("`{name}` cannot be the name of a credential helper"))
            .hint("see credHelpers and credsStore in Docker's config.json"));
    }
    let program = format!("docker-credential-{name}");
    let server = if is_docker_hub(host) { "https://index.docker.io/v1/" } else { host };
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            Error::network(format!("the credential helper {program} cannot be started"))
                .source(error)
                .hint(format!("install it, or take `{name}` out of Docker's config.json (credHelpers, credsStore)"))
        })?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let talk = async {
        if let Some(mut stdin) = stdin {
            // A helper that does not read its input is judged by its answer.
            let _ = stdin.write_all(format!("{server}\n").as_bytes()).await;
        }
        let mut bytes = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(MAX_ANSWER).read_to_end(&mut bytes).await?;
        }
        Ok::<_, std::io::Error>((bytes, child.wait().await?))
    };
    let (bytes, status) = match tokio::time::timeout(limit, talk).await {
        Ok(talked) => talked.map_err(|error| Error::network(format!("the credential helper {program} failed")).source(error))?,
        Err(_) => {
            return Err(Error::network(format!("the credential helper {program} did not answer within {} seconds", limit.as_secs()))
                .hint("run it by hand to see what it waits for"));
        }
    };
    if !status.success() {
        // Helpers say why on stdout; "not found" is an answer, and nothing else of it may be shown.
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if text.contains("not found") || text.contains("no credentials") {
            return Ok(None);
        }
        return Err(Error::network(format!("the credential helper {program} failed for {server} ({status})"))
            .hint(format!("try it by hand: echo {server} | {program} get")));
    }
    let answer: Answer = serde_json::from_slice(&bytes).map_err(|_| {
        Error::network(format!("the credential helper {program} did not answer with its JSON"))
            .hint(format!("try it by hand: echo {server} | {program} get"))
    })?;
    Ok(match (answer.username.as_str(), answer.secret.expose_secret().is_empty()) {
        (_, true) => None,
        ("<token>", false) => Some(Proof::IdentityToken(answer.secret)),
        (_, false) => Some(Proof::Password { username: answer.username, password: answer.secret }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_helper_that_is_missing_or_has_a_strange_name_is_explained() {
        let missing = ask("surely-not-installed", "ghcr.io").await.unwrap_err();
        assert!(missing.message().contains("docker-credential-surely-not-installed"), "{missing}");
        assert!(ask("../evil", "ghcr.io").await.is_err());
    }
}
