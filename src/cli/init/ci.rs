//! Workflows for CI systems and a justfile: this project's own, but for how `catamaran` gets there.

use std::path::PathBuf;

use super::InitArgs;
use super::written::NewFile;
use crate::catalog::GITLAB_JOBS;

const WORKFLOW: &str = include_str!("../../../.github/workflows/containers.yaml");
const JUSTFILE: &str = include_str!("../../../justfile");
const GITLAB: &str = include_str!("templates/gitlab-ci.yml");
const GITLAB_JOBS_TEXT: &str = include_str!("templates/gitlab-jobs.yml");

/// How this project's own workflow gets the program: from the folder it is in.
const OWN_ACTION: &str = "- uses: ./ # zizmor: ignore[self-repository]";
/// How this project's own justfile does.
const OWN_PROGRAM: &str = "\"cargo run --release --locked --\"";

/// The files that `args` ask for.
pub(super) fn files(args: &InitArgs) -> Vec<NewFile> {
    let version = env!("CARGO_PKG_VERSION");
    let mut files = Vec::new();
    if args.github {
        let text = workflow(action(env!("CARGO_PKG_REPOSITORY")), version);
        files.push(NewFile { path: ".github/workflows/containers.yaml".into(), text });
    }
    if args.gitlab {
        files.push(NewFile { path: ".gitlab-ci.yml".into(), text: GITLAB.into() });
        let text = GITLAB_JOBS_TEXT.replace("@CATAMARAN_VERSION", &format!("@{version}"));
        files.push(NewFile { path: PathBuf::from(GITLAB_JOBS), text });
    }
    if args.just {
        files.push(NewFile { path: "justfile".into(), text: JUSTFILE.replace(OWN_PROGRAM, "\"catamaran\"") });
    }
    files
}

/// `owner/repository` of an address at GitHub, whose action can be named.
fn action(repository: &str) -> Option<&str> {
    repository.strip_prefix("https://github.com/").map(|path| path.trim_end_matches('/')).filter(|path| !path.is_empty())
}

/// The workflow, with `catamaran` from a release, by the action of its repository; or as cargo installs it, where nobody knows that.
fn workflow(action: Option<&str>, version: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut of_own_action = false;
    for line in WORKFLOW.lines() {
        if line.trim() == OWN_ACTION {
            of_own_action = true;
            match action {
                Some(action) => lines.extend([
                    format!("      - uses: {action}@v{version}"),
                    "        with:".into(),
                    format!("          version: {version}"),
                ]),
                None => lines
                    .extend(["      - name: Install Catamaran".into(), format!("        run: cargo install --locked catamaran@{version}")]),
            }
        } else if of_own_action && line.starts_with("        ") {
            // `with:` is there already; what it has goes to an action only.
            if action.is_some() && line.trim() != "with:" {
                lines.push(line.into());
            }
        } else {
            of_own_action = false;
            lines.push(line.into());
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_get_is_what_this_project_uses_but_for_the_program() {
        let steps = |text: &str| text.matches("      - ").count();
        let by_cargo = workflow(None, "1.2.3");
        let by_action = workflow(action("https://github.com/acme/catamaran/"), "1.2.3");
        assert_eq!((steps(&by_cargo), steps(&by_action)), (steps(WORKFLOW), steps(WORKFLOW)));
        assert_eq!(by_cargo.matches("run: cargo install --locked catamaran@1.2.3\n").count(), 3);
        assert_eq!(
            by_action.matches("- uses: acme/catamaran@v1.2.3\n        with:\n          version: 1.2.3\n          cache-key: ").count(),
            3
        );
        // Every other line is the same, in the same order.
        let rest = |text: &str| -> Vec<String> {
            let own = ["uses: ./", "cache-key:", "uses: acme/", "version: 1.2.3", "Install Catamaran", "cargo install"];
            text.lines().filter(|line| !own.iter().any(|own| line.contains(own)) && line.trim() != "with:").map(str::to_owned).collect()
        };
        assert_eq!(rest(&by_cargo), rest(WORKFLOW));
        assert_eq!(rest(&by_action), rest(WORKFLOW));
        assert_eq!(action(""), None);
    }

    #[test]
    fn no_file_has_a_gap_that_was_not_filled() {
        assert!(JUSTFILE.contains(OWN_PROGRAM) && GITLAB_JOBS_TEXT.contains("@CATAMARAN_VERSION"));
        let folder = PathBuf::from(".");
        let args = InitArgs { folder, dockerfile: None, github: true, gitlab: true, just: true, force: false, dry_run: false };
        let files = files(&args);
        assert_eq!(files.len(), 4);
        for file in files {
            assert!(
                !file.text.contains("uses: ./") && !file.text.contains("cargo run") && !file.text.contains("@CATAMARAN"),
                "{}",
                file.text
            );
        }
    }
}
