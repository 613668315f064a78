//! Who builds: this machine, and those that Nix may build on besides it (nix.conf(5), `builders`).

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::command::Nix;
use super::complaint;
use crate::catalog::NixSettings;
use crate::{Error, Result, read_at_most};

/// A list of machines is not longer than that.
const MAX_FILE: u64 = 1 << 20;
/// How long a machine may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// A remote builder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Where: `ssh-ng://builder`.
    pub address: String,
    /// For which systems: `aarch64-linux`.
    pub systems: Vec<String>,
}

/// All who may build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builders {
    /// The other machines.
    pub machines: Vec<Machine>,
    /// Where they are named.
    pub named_by: &'static str,
    /// The systems that this machine builds for: its own first.
    pub here: Vec<String>,
}

#[derive(Deserialize)]
struct Setting<T> {
    value: T,
}

#[derive(Deserialize)]
struct Config {
    builders: Option<Setting<String>>,
    system: Setting<String>,
    #[serde(rename = "extra-platforms")]
    extra_platforms: Option<Setting<Vec<String>>>,
}

/// Who builds: this machine, and those that `settings` name, else those of Nix's own configuration.
///
/// # Errors
/// Nix does not tell its configuration, or a list cannot be read.
pub async fn builders(nix: &Nix, settings: &NixSettings, cancel: &CancellationToken) -> Result<Builders> {
    // Called `nix config show` since 2.20.
    let words: &[&str] = if nix.number().is_some_and(|number| number < (2, 20)) { &["show-config"] } else { &["config", "show"] };
    let answer = nix.answer("asking nix for its configuration", &[words, &["--json"]].concat(), cancel).await?;
    let config: Config =
        serde_json::from_slice(&answer).map_err(|error| Error::failed("nix tells its configuration in another way").source(error))?;
    let mut here = vec![config.system.value];
    here.extend(config.extra_platforms.into_iter().flat_map(|platforms| platforms.value));
    let (list, named_by) = match settings.builders.is_empty() {
        false => (settings.builders.join("\n"), "`[nix] builders`"),
        true => (config.builders.map(|setting| setting.value).unwrap_or_default(), "nix's configuration (`builders`)"),
    };
    Ok(Builders { machines: parse(&list)?, named_by, here })
}

/// Asks `machine` whether it is there.
///
/// # Errors
/// It does not answer.
pub async fn ping(nix: &Nix, machine: &Machine, cancel: &CancellationToken) -> Result<()> {
    let stop = cancel.child_token();
    let arguments = ["store", "ping", "--store", &machine.address, "--log-format", "internal-json"].map(str::to_owned);
    let mut nobody = |_: &_, _| {};
    let answer = nix.run(&arguments, &mut nobody, &stop);
    tokio::pin!(answer);
    let ended = tokio::select! {
        ended = &mut answer => ended?,
        () = tokio::time::sleep(ANSWER) => {
            stop.cancel();
            let _ = answer.await;
            return Err(Error::network(format!("{} has not answered for {} s", machine.address, ANSWER.as_secs())));
        }
    };
    match ended.status.success() {
        true => Ok(()),
        false => Err(complaint::error(&format!("asking {}", machine.address), &ended).of_kind(crate::Kind::Network)),
    }
}

/// A list of machines: one on each line or between semicolons, `@FILE` for those of a file that need not be there.
fn parse(list: &str) -> Result<Vec<Machine>> {
    let mut machines = Vec::new();
    for entry in list.split(['\n', ';']) {
        let entry = entry.split('#').next().unwrap_or_default().trim();
        if let Some(file) = entry.strip_prefix('@') {
            let file = Path::new(file);
            if !file.exists() {
                continue;
            }
            let too_large = || Error::failed(format!("{} is larger than {MAX_FILE} bytes", file.display()));
            let text = read_at_most(file, MAX_FILE)?.ok_or_else(too_large)?;
            machines.extend(String::from_utf8_lossy(&text).lines().filter_map(machine));
        } else {
            machines.extend(machine(entry));
        }
    }
    Ok(machines)
}

fn machine(line: &str) -> Option<Machine> {
    let line = line.split('#').next().unwrap_or_default();
    let mut words = line.split_whitespace();
    let address = words.next()?;
    // A host alone is reached over ssh.
    let address = if address.contains("://") { address.to_owned() } else { format!("ssh://{address}") };
    let systems = words.next().filter(|systems| *systems != "-").unwrap_or_default();
    Some(Machine { address, systems: systems.split(',').filter(|system| !system.is_empty()).map(str::to_owned).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_machines_are_read_as_nix_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("machines");
        std::fs::write(&file, "# ours\nssh-ng://mac aarch64-linux,x86_64-linux /key 8 # fast\n\nbig\n").unwrap();
        let machines = parse(&format!("ssh://one i686-linux ; @{} ; @/no/such", file.display())).unwrap();
        let shown: Vec<String> = machines.iter().map(|machine| format!("{} {}", machine.address, machine.systems.join("+"))).collect();
        assert_eq!(shown, ["ssh://one i686-linux", "ssh-ng://mac aarch64-linux+x86_64-linux", "ssh://big "]);
        assert!(parse("").unwrap().is_empty());
    }
}
