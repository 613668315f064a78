//! What git says about a folder; silence when there is no git or no repository.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// A hanging git (a network file system, a credential prompt) must not hang a release.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The standard output of `git ARGUMENTS…` in `folder`, without its final newline; `None` when it fails.
pub(super) async fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(TIME_LIMIT, output).await.ok()?.ok()?;
    let text = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())?;
    Some(text.trim_end_matches('\n').to_owned())
}
