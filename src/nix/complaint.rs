//! What Nix complains about, as errors that say what to do.

use std::io;
use std::path::Path;

use super::command::Ended;
use super::log::Complaint;
use crate::{Error, Kind};

/// Lines of an error's text that are shown; traces can be endless.
const SHOWN_LINES: usize = 40;

/// `program` could not be started in `folder`.
pub(super) fn not_started(error: io::Error, program: &str, folder: &Path) -> Error {
    if error.kind() == io::ErrorKind::NotFound && folder.is_dir() {
        return Error::usage(format!("there is no `{program}` on the PATH")).hint(match program {
            "cachix" => "caches of Cachix take copies from it alone: `nix profile install nixpkgs#cachix`",
            _ => "the nix builder needs it: https://nixos.org/download, or `apt-get install nix-bin` on Debian; `builder = \"debian\"` needs none",
        });
    }
    Error::failed(format!("{program} cannot be started in {}", folder.display())).source(error)
}

/// The error of a run that failed while `doing` something.
pub(super) fn error(doing: &str, ended: &Ended) -> Error {
    let whole = Complaint { message: ended.notes.iter().cloned().collect::<Vec<_>>().join("\n"), ..Complaint::default() };
    let complaint = ended.complaints.first().unwrap_or(&whole);
    let text = text(complaint);
    let error = match (text.is_empty(), ended.status.code()) {
        (false, _) => Error::failed(format!("{doing}: {text}")),
        (true, Some(code)) => Error::failed(format!("{doing}: nix ended with exit code {code} and said nothing")),
        (true, None) => Error::failed(format!("{doing}: nix was killed ({})", ended.status)),
    };
    advised(error, &complaint.message)
}

/// `error` with what to do about what Nix has said, where that is known.
pub(super) fn advised(error: Error, message: &str) -> Error {
    match advice(message) {
        Some((kind, advice)) => error.of_kind(kind).hint(advice),
        None => error,
    }
}

/// Message, place and trace of a complaint, in a bounded number of lines.
pub(super) fn text(complaint: &Complaint) -> String {
    let mut lines: Vec<String> = complaint.message.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect();
    // Later versions say how they got there first.
    if let Some(at) = lines.iter().rposition(|line| line.trim_start().starts_with("error:")) {
        let cause = lines.remove(at);
        lines.insert(0, cause.trim_start().trim_start_matches("error:").trim_start().to_owned());
    }
    if let Some(place) = complaint.place.as_ref().filter(|place| !complaint.message.contains(place.as_str())) {
        lines.push(format!("at {place}"));
    }
    // Newer versions write the trace into the message.
    lines.extend(complaint.trace.iter().filter(|step| !step.is_empty() && !complaint.message.contains(first_line(step))).cloned());
    if lines.len() > SHOWN_LINES {
        let more = lines.len() - SHOWN_LINES;
        lines.truncate(SHOWN_LINES);
        lines.push(format!("… and {more} more lines (`nix eval --show-trace` shows them)"));
    }
    lines.join("\n")
}

fn first_line(step: &str) -> &str {
    let line = step.lines().next().unwrap_or_default();
    line.rsplit_once(" (").map_or(line, |(said, _)| said)
}

/// What to do about it, and whose mistake it is, where the message tells.
fn advice(message: &str) -> Option<(Kind, String)> {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["experimental Nix feature", "experimental feature 'nix-command'", "experimental feature 'flakes'"]) {
        let line = "experimental-features = nix-command flakes";
        return Some((Kind::Usage, format!("add the line `{line}` to ~/.config/nix/nix.conf, or set NIX_CONFIG='{line}'")));
    }
    if says(&["is not tracked by Git", "not tracked by git"])
        || says(&["getting status of '/nix/store/", "getting status of \"/nix/store/"]) && says(&["-source/"])
    {
        return Some((Kind::Usage, "a flake in a Git repository sees tracked files only: `git add` the file".into()));
    }
    if says(&[
        "could not find a flake.nix",
        "does not contain a 'flake.nix'",
        "path does not exist",
        "getting status of '",
        "getting status of \"",
    ]) {
        return Some((Kind::Usage, "`[nix] flake` in containers.toml names the flake, seen from the file's folder".into()));
    }
    if says(&["unrecognised flag", "unrecognized flag"]) {
        return Some((Kind::Usage, "`[nix] extra-args` are given to `nix eval` and `nix build`".into()));
    }
    if says(&["unable to download", "Could not resolve host", "Couldn't resolve host", "cannot connect to", "failed to start SSH"]) {
        return Some((Kind::Network, "check the network and what it names; what has arrived is kept".into()));
    }
    if says(&["No space left on device"]) {
        return Some((Kind::Failed, "`nix-collect-garbage` makes room in the store".into()));
    }
    if says(&[
        "required system or feature not available",
        "platform mismatch", // since 2.3x
        "is required to build",
        "a 'x86_64-linux' with features",
        "a 'aarch64-linux' with features",
    ]) {
        return Some((
            Kind::Failed,
            "this machine cannot build for that system: let the flake cross-compile, or name a remote builder in `[nix] builders`; `catamaran doctor` shows what there is"
                .into(),
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_can_mend_is_said() {
        for (message, kind, advice_has) in [
            (
                "experimental Nix feature 'nix-command' is disabled; use '--extra-experimental-features nix-command' to override",
                Kind::Usage,
                "NIX_CONFIG",
            ),
            ("getting status of '/nix/store/0abc-source/flake.nix': No such file or directory", Kind::Usage, "git add"),
            ("Path 'flake.nix' in the repository \"/x\" is not tracked by Git.", Kind::Usage, "git add"),
            ("could not find a flake.nix file", Kind::Usage, "[nix] flake"),
            ("unrecognised flag '--fast'", Kind::Usage, "extra-args"),
            ("unable to download 'https://x': Couldn't resolve host name (6)", Kind::Network, "network"),
        ] {
            let (found, advice) = advice(message).unwrap_or_else(|| panic!("{message}"));
            assert!(found == kind && advice.contains(advice_has), "{message}: {advice}");
        }
        assert_eq!(advice("undefined variable 'x'"), None);
        let error = not_started(io::ErrorKind::NotFound.into(), "nix", Path::new("/"));
        assert!(error.kind() == Kind::Usage && error.advice().is_some_and(|hint| hint.contains("nixos.org/download")));
        assert!(!not_started(io::ErrorKind::NotFound.into(), "nix", Path::new("/no/such")).message().contains("PATH"));
    }

    #[test]
    fn traces_are_shown_once_and_not_for_ever() {
        let trace = vec!["while evaluating 'a' (/f.nix:1:2)".to_owned(), "while calling".to_owned()];
        let complaint = Complaint { message: "undefined variable\n\n  … while calling".into(), place: Some("/f.nix:1:2".into()), trace };
        assert_eq!(text(&complaint), "undefined variable\n  … while calling\nat /f.nix:1:2\nwhile evaluating 'a' (/f.nix:1:2)");
        let later = Complaint {
            message: "… while evaluating 'c'\n   at /f.nix\n   error: cannot add\n   at /f.nix:6".into(),
            ..Complaint::default()
        };
        assert_eq!(text(&later), "cannot add\n… while evaluating 'c'\n   at /f.nix\n   at /f.nix:6");
        let endless = Complaint { message: "x\n".repeat(1000), ..Complaint::default() };
        assert_eq!(text(&endless).lines().count(), SHOWN_LINES + 1);
    }
}
