//! What GitHub Actions hands to later steps and shows on a run's page: `$GITHUB_OUTPUT` and `$GITHUB_STEP_SUMMARY`.
//!
//! Outputs (names are stable): `version`; `digest` when there is one container; for each container NAME `digest-NAME` and
//! `reference-NAME` (`host/path@digest`), and `digest-NAME-TARGET` for each of its images; `digests`, all of them as one JSON
//! object; `receipt`, the receipt's file. A dot in a name becomes `_`, because outputs have none.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use super::quantity::{bytes, count};
use super::show::tag_was;
use crate::release::{Purpose, Receipt};
use crate::{Error, Result};

/// The variables that name the files.
pub(super) const VARIABLES: [&str; 2] = ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"];

/// Appends to the files that the environment names, if it names any.
pub(super) fn hand_on(receipt: &Receipt, file: Option<&Path>, environment: impl Fn(&str) -> Option<OsString>) -> Result<()> {
    for (variable, text) in VARIABLES.into_iter().zip([outputs(receipt, file), summary(receipt)]) {
        let Some(path) = environment(variable).filter(|path| !path.is_empty()) else { continue };
        let appended = OpenOptions::new().append(true).create(true).open(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        appended.map_err(|error| Error::failed(format!("{variable} ({}) cannot be written", path.display())).source(error))?;
    }
    Ok(())
}

/// `name=value` lines.
fn outputs(receipt: &Receipt, file: Option<&Path>) -> String {
    let mut lines = vec![format!("version={}", receipt.version)];
    let mut all = serde_json::Map::new();
    for container in &receipt.containers {
        let name = container.container.as_str().replace('.', "_");
        let mut own = serde_json::Map::new();
        if let Some(digest) = &container.digest {
            if receipt.containers.len() == 1 {
                lines.push(format!("digest={digest}"));
            }
            lines.push(format!("digest-{name}={digest}"));
            lines.push(format!("reference-{name}={}@{digest}", container.repository));
            own.insert("digest".into(), digest.to_string().into());
        }
        for image in &container.images {
            lines.push(format!("digest-{name}-{}={}", image.target.architecture, image.digest));
            own.insert(image.target.architecture.name().into(), image.digest.to_string().into());
        }
        all.insert(container.container.to_string(), own.into());
    }
    lines.push(format!("digests={}", serde_json::Value::from(all)));
    // A path with a line end in it would become another output.
    let path = file.map(|path| path.display().to_string()).filter(|path| !path.contains(['\n', '\r']));
    lines.extend(path.map(|path| format!("receipt={path}")));
    lines.join("\n") + "\n"
}

/// A heading and a table.
fn summary(receipt: &Receipt) -> String {
    let title = match receipt.purpose {
        Purpose::Digests => format!("Pushed {} by digest", cell(&receipt.version)),
        Purpose::Release | Purpose::Index => format!("Published {}", cell(&receipt.version)),
    };
    let mut lines = vec![format!("### {title}"), String::new(), "| reference | digest | |".into(), "|---|---|---|".into()];
    for container in &receipt.containers {
        for tag in &container.tags {
            let change = tag_was(&tag.change, |from| format!("`{}`", from.short()));
            lines.push(format!("| `{}:{}` | `{}` | {change} |", cell(&container.repository), cell(&tag.tag), tag.digest));
        }
        for image in container.images.iter().filter(|_| container.tags.is_empty()) {
            lines.push(format!("| `{}` {} | `{}` | by digest |", cell(&container.repository), image.platform, image.digest));
        }
    }
    let (sent, there) = (count(receipt.uploaded_blobs, "blob"), count(receipt.present_blobs, "blob"));
    let transfer = match receipt.sent_nothing() {
        true => format!("Nothing to send: {there} there already."),
        false => format!("Sent {} in {sent}; {there} there already.", bytes(receipt.uploaded_bytes)),
    };
    lines.extend([String::new(), transfer]);
    for image in receipt.containers.iter().flat_map(|container| &container.images) {
        lines.extend(image.waived.iter().map(|w| format!("\n~ waived in {}: {}: {}", image.target, cell(&w.scope()), cell(&w.reason))));
    }
    lines.extend(receipt.accepted_warnings.iter().map(|warning| format!("\n⚠ accepted: {}", cell(warning))));
    lines.extend(receipt.reason.iter().map(|reason| format!("\nBecause: {}", cell(reason))));
    lines.join("\n") + "\n"
}

/// Text that stays within its cell, and plain text.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '|' => out.push_str("\\|"),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::show::a_receipt;

    #[test]
    fn later_steps_get_every_digest() {
        let receipt = a_receipt();
        let digest = "sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d";
        let expected = format!(
            "version=1.2.0\ndigest={digest}\ndigest-fd={digest}\nreference-fd=ghcr.io/acme/tools/fd@{digest}\ndigest-fd-aarch64={digest}\n\
             digests={{\"fd\":{{\"aarch64\":\"{digest}\",\"digest\":\"{digest}\"}}}}\nreceipt=/tmp/r.json\n"
        );
        assert_eq!(outputs(&receipt, Some(Path::new("/tmp/r.json"))), expected);
        assert!(!outputs(&receipt, Some(Path::new("/tmp/r\nevil=1"))).contains("evil"));
    }

    #[test]
    fn the_files_of_the_environment_are_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let (output, page) = (folder.path().join("output"), folder.path().join("summary"));
        std::fs::write(&output, "before=1\n").unwrap();
        let mut receipt = a_receipt();
        receipt.accepted_warnings = vec!["dirty: <b>a|b</b>\n### x".into()];
        let environment = |name: &str| match name {
            "GITHUB_OUTPUT" => Some(output.clone().into_os_string()),
            "GITHUB_STEP_SUMMARY" => Some(page.clone().into_os_string()),
            _ => None,
        };
        hand_on(&receipt, None, environment).unwrap();
        assert!(std::fs::read_to_string(&output).unwrap().starts_with("before=1\nversion=1.2.0\n"));
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(text.contains("| `ghcr.io/acme/tools/fd:1.2.0` | `sha256:6105"), "{text}");
        assert!(text.contains("accepted: dirty: &lt;b>a\\|b&lt;/b> ### x"), "{text}");
        assert!(hand_on(&receipt, None, |_| Some("/nonexistent/file".into())).unwrap_err().message().contains("GITHUB_OUTPUT"));
        hand_on(&receipt, None, |_| None).unwrap();
    }
}
