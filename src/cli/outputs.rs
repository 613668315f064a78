//! The files a push writes when everything is public: looked at before anything is sent, written at the end.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use super::github;
use super::push::SendArgs;
use crate::image::replace_file;
use crate::release::{PushedDigests, Receipt};
use crate::{Error, Result};

/// Refuses files that could not be written, before anything is sent. Leaves every file as it is.
///
/// # Errors
/// One of `--receipt`, `--out-digests`, `GITHUB_OUTPUT` and `GITHUB_STEP_SUMMARY` cannot be written (kind usage).
pub(super) fn can_be_written(args: &SendArgs, out_digests: Option<&Path>, environment: impl Fn(&str) -> Option<OsString>) -> Result<()> {
    let refused = |what: String, error: io::Error| {
        Error::usage(format!("{what} cannot be written: {error}; nothing was sent"))
            .hint("name a file in a folder that is there and writable")
    };
    for file in args.receipt.as_deref().into_iter().chain(out_digests) {
        // These are replaced: a new file beside them takes their place.
        let possible = if file.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { can_be_created(file) };
        possible.map_err(|error| refused(file.display().to_string(), error))?;
    }
    for variable in github::VARIABLES {
        let Some(path) = environment(variable).filter(|path| !path.is_empty()) else { continue };
        let file = Path::new(&path);
        // These are appended to.
        let possible = if file.exists() { OpenOptions::new().append(true).open(file).map(drop) } else { can_be_created(file) };
        possible.map_err(|error| refused(format!("{variable} ({})", file.display()), error))?;
    }
    Ok(())
}

/// Whether a file can be made in the folder of `file`.
fn can_be_created(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    tempfile::Builder::new().prefix(".catamaran-").tempfile_in(folder).and_then(tempfile::NamedTempFile::close)
}

/// Writes the files that were asked for, and what GitHub Actions hands to later steps. `kept` is where the receipt lies already.
pub(super) fn hand_on(args: &SendArgs, out_digests: Option<&Path>, receipt: &Receipt, kept: Option<&Path>) -> Result<()> {
    let json = |text: serde_json::Result<String>| {
        text.map(|text| format!("{text}\n").into_bytes()).map_err(|error| Error::failed("writing JSON").source(error))
    };
    if let Some(file) = &args.receipt {
        replace_file(file, &json(serde_json::to_string_pretty(receipt))?)?;
    }
    if let Some(file) = out_digests {
        replace_file(file, &json(serde_json::to_string_pretty(&PushedDigests::of(receipt)))?)?;
    }
    github::hand_on(receipt, args.receipt.as_deref().or(kept), |name| std::env::var_os(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_written_are_named_and_the_others_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("output"), "before=1\n").unwrap();
        let asked = |receipt: &str, output: &str, summary: &str| {
            let args = SendArgs { receipt: Some(at(receipt)), ..SendArgs::default() };
            can_be_written(&args, None, |name| Some(at(if name == "GITHUB_OUTPUT" { output } else { summary }).into_os_string()))
        };
        asked("r.json", "output", "summary.md").unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made");
        assert_eq!(std::fs::read_to_string(at("output")).unwrap(), "before=1\n");
        for (receipt, output, summary, named) in [
            ("no/r.json", "output", "summary.md", "no/r.json"),
            ("", "output", "summary.md", "directory"),
            ("r.json", "no/output", "summary.md", "GITHUB_OUTPUT ("),
            ("r.json", "", "summary.md", "GITHUB_OUTPUT ("),
            ("r.json", "output", "output/x", "GITHUB_STEP_SUMMARY ("),
        ] {
            let error = asked(receipt, output, summary).unwrap_err();
            assert!(error.message().contains(named) && error.message().contains("nothing was sent"), "{named}: {error}");
            assert_eq!(error.kind(), crate::Kind::Usage);
        }
    }
}
