//! The Linux machine that a Mac builds on (nix-rosetta-builder): its disk image is itself built on Linux, so a Mac that has no such machine
//! yet needs the image from a binary cache. Is it there, and if not, put it there.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::command::Nix;
use super::complaint;
use super::log::Said;
use crate::progress::{Progress, Unit};
use crate::{Error, Kind, Result, read_at_most};

/// How nix-rosetta-builder calls the machine's settings, in the closure of the system.
const SETTINGS: &str = "rosetta-builder.yaml";
/// Settings are not longer than that.
const MAX_SETTINGS: u64 = 1 << 20;
/// Caches of this service take no copies from Nix, only from a program of its own.
const CACHIX: &str = ".cachix.org";

/// The store path of the machine's disk image that the system at `system` starts; `None` when it has no such machine.
///
/// # Errors
/// There is no such system, or its settings name no image.
pub async fn vm_image(nix: &Nix, system: &Path, cancel: &CancellationToken) -> Result<Option<String>> {
    let shown = system.display().to_string();
    if !system.exists() {
        return Err(Error::usage(format!("{shown} is not there")).hint("`--system` names what `darwin-rebuild build` has left: ./result"));
    }
    let arguments = ["path-info", "--recursive", &shown, "--log-format", "internal-json"];
    let closure = nix.answer(&format!("asking nix what {shown} consists of"), &arguments, cancel).await?;
    let closure = String::from_utf8_lossy(&closure);
    let Some(settings) = closure.lines().map(Path::new).find(|path| path.to_string_lossy().ends_with(SETTINGS)) else { return Ok(None) };
    let too_large = || Error::failed(format!("{} is larger than {MAX_SETTINGS} bytes", settings.display()));
    let text = read_at_most(settings, MAX_SETTINGS)?.ok_or_else(too_large)?;
    match image_of(&String::from_utf8_lossy(&text), settings.parent().unwrap_or(Path::new("/"))) {
        Some(image) => Ok(Some(image)),
        None => Err(Error::failed(format!("{} names no image of the store", settings.display()))),
    }
}

/// The store path that the settings of a Lima machine start from: the first `location` that is in `store`. Its other locations are mounts.
fn image_of(settings: &str, store: &Path) -> Option<String> {
    let locations = settings.lines().filter_map(|line| line.trim_start().trim_start_matches("- ").trim().strip_prefix("location:"));
    let mut below = locations.filter_map(|path| Path::new(path.trim().trim_matches(['"', '\''])).strip_prefix(store).ok());
    let name = below.next()?.components().next()?;
    Some(store.join(name).display().to_string())
}

/// Whether the binary cache at `url` has `path`.
///
/// # Errors
/// The cache does not answer.
pub async fn is_in_cache(nix: &Nix, url: &str, path: &str, cancel: &CancellationToken) -> Result<bool> {
    let arguments = ["path-info", "--store", url, path, "--log-format", "internal-json"].map(str::to_owned);
    let ended = nix.run(&arguments, &mut |_, _| {}, cancel).await?;
    let absent = ended.complaints.iter().any(|complaint| complaint.message.contains("is not valid"));
    match ended.status.success() {
        true => Ok(true),
        false if absent => Ok(false),
        false => Err(complaint::error(&format!("asking the binary cache {url}"), &ended).of_kind(Kind::Network)),
    }
}

/// Copies `path`, with all that it needs, to the binary cache at `url`.
///
/// # Errors
/// The cache does not take it.
pub async fn copy_to_cache(nix: &Nix, url: &str, path: &str, progress: &dyn Progress, cancel: &CancellationToken) -> Result<()> {
    let mut hear = |_: &_, said| match said {
        Said::Copying { path, .. } => progress.line(&path),
        Said::Copied { done, expected } => progress.amount(done, expected, Unit::Bytes),
        Said::Note(note) => progress.line(&note),
        _ => {}
    };
    let (program, arguments) = match cachix_name(url) {
        Some(name) => ("cachix", vec!["push", name, path]),
        None => ("nix", vec!["copy", "--to", url, path, "--log-format", "internal-json"]),
    };
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    let ended = nix.run_program(program, &arguments, &mut hear, cancel).await?;
    match ended.status.success() {
        true => Ok(()),
        false => Err(complaint::error(&format!("copying {path} to {url}"), &ended).of_kind(Kind::Network)),
    }
}

/// What the cache at `url` is called at Cachix, if it is there.
fn cachix_name(url: &str) -> Option<&str> {
    let host = url.strip_prefix("https://")?.trim_end_matches('/');
    host.strip_suffix(CACHIX).filter(|name| !name.is_empty() && !name.contains(['/', '?', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_the_location_in_the_store() {
        let settings =
            "cpus: 8\nimages:\n- location: /nix/store/abc-nixos-image/nixos.qcow2\nmounts:\n- location: /var/lib/rosetta-builder/keys\n";
        let store = Path::new("/nix/store");
        assert_eq!(image_of(settings, store).as_deref(), Some("/nix/store/abc-nixos-image"));
        let quoted = "mounts:\n  - location: \"/var/lib/x\"\nimages:\n  -\n    location: \"/nix/store/abc-nixos-image/nixos.qcow2\"\n";
        assert_eq!(image_of(quoted, store).as_deref(), Some("/nix/store/abc-nixos-image"));
        for nothing in ["", "location:", "location: /nix/store", "images:\n- location: relative/nixos.qcow2"] {
            assert_eq!(image_of(nothing, store), None, "{nothing}");
        }
    }

    #[test]
    fn caches_of_cachix_are_told_by_their_host() {
        assert_eq!(cachix_name("https://acme.cachix.org/"), Some("acme"));
        for other in ["https://cachix.org", "https://.cachix.org", "file:///x.cachix.org", "https://cache.acme.com/a.cachix.org", "s3://a"]
        {
            assert_eq!(cachix_name(other), None, "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_settings_end_in_an_answer(text in "(?s).{0,300}") {
            let _ = image_of(&text, Path::new("/nix/store"));
            let _ = cachix_name(&text);
        }
    }
}
