//! Podman's API where nobody serves it: its own program serves it, for as long as it is needed.
//!
//! Podman needs no daemon, and on servers its socket is often not set up. `podman system service` is what that socket would start; so
//! one way of speaking to engines is enough, and images land in the storage that `podman`, `buildah` and `skopeo
//! containers-storage:` share.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::error::IoContext;
use crate::{Error, Result};

/// How long it may take until its socket is there.
const START_LIMIT: Duration = Duration::from_secs(20);
/// When nobody speaks to it for so many seconds it ends by itself: also when we were killed.
const IDLE: &str = "60";

/// `podman system service` at work. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Service {
    child: Child,
    folder: tempfile::TempDir,
}

impl Service {
    /// Starts it; `None` where there is no Podman.
    ///
    /// # Errors
    /// Podman is there, and does not serve.
    pub async fn start() -> Result<Option<Self>> {
        let Some(program) = program() else { return Ok(None) };
        let folder = tempfile::Builder::new().prefix("catamaran-podman-").tempdir();
        let folder = folder.at("creating a folder in", &std::env::temp_dir())?;
        let log = folder.path().join("log");
        let said = std::fs::File::create(&log).at("writing", &log)?;
        // A group of its own: Ctrl-C is for us, who have containers to take away through it.
        let child = Command::new(&program)
            .args(["system", "service", "--time", IDLE])
            .arg(address(folder.path()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .at("starting", &program)?;
        let mut service = Service { child, folder };
        let waiting = tokio::time::timeout(START_LIMIT, service.is_serving()).await;
        match waiting {
            Ok(Ok(())) => Ok(Some(service)),
            ended => {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                let last = super::engine::printable(said.lines().last().unwrap_or("it says nothing"));
                let what = if ended.is_err() { "does not serve" } else { "has ended" };
                Err(Error::network(format!("`podman system service` {what}: {last}")).hint("does `podman info` work?"))
            }
        }
    }

    /// Where it answers.
    pub fn address(&self) -> String {
        address(self.folder.path())
    }

    async fn is_serving(&mut self) -> Result<(), ()> {
        let socket = socket(self.folder.path());
        loop {
            if tokio::net::UnixStream::connect(&socket).await.is_ok() {
                return Ok(());
            }
            if !matches!(self.child.try_wait(), Ok(None)) {
                return Err(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Asked to end, it puts its storage in order; `kill_on_drop` is for those that do not listen.
        let pid = self.child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        for _ in 0..50 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("podman.sock")
}

fn address(folder: &Path) -> String {
    format!("unix://{}", socket(folder).display())
}

/// Where the program is.
fn program() -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join("podman")).find(|path| path.is_file())
}
