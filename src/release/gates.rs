//! The gates: what must be right before anything is sent. All are evaluated, all are shown.

use std::path::Path;

use super::candidate::{Candidate, LockState};
use super::git::git;
use super::index::platform_of;
use super::plan::{ContainerPlan, Gate, Plan, PlannedTag, Presence, Purpose, TagChange};
use crate::catalog::Architecture;
use crate::progress::count;
use crate::verify::Verdict;
use crate::{Error, Kind};

/// The gate that `--force` opens.
const VERSION_FREE: &str = "version-free";
/// Gates about the registry rather than about what is released; alone they are a matter of network and credentials.
const OUTSIDE: [&str; 2] = ["registry", "credentials"];
/// A gate hands over at most so many files.
const MOST_FILES: usize = 100;
/// How many things a gate names.
const NAMED: usize = 4;

impl Plan {
    /// The warnings of the gates; with `force`, also what it overrode.
    pub(super) fn warnings(&self, force: bool) -> Vec<String> {
        let counts = |g: &&Gate| g.verdict == Verdict::Warn || (force && g.verdict == Verdict::Fail && g.id == VERSION_FREE);
        self.gates.iter().filter(counts).map(|g| format!("{}: {}", g.id, g.message)).collect()
    }

    /// Why this plan may not be carried out, if it may not: a failed gate, or a warning that was not accepted.
    pub fn refusal(&self, accept_warnings: bool, force: bool) -> Option<Error> {
        let opened = |gate: &&Gate| !(force && gate.id == VERSION_FREE);
        let of = |verdict| self.gates.iter().filter(opened).filter(move |g| g.verdict == verdict).collect::<Vec<_>>();
        let say = |gates: &[&Gate]| gates.iter().map(|g| format!("{} ({})", g.message, g.id)).collect::<Vec<_>>().join("; ");
        let (failed, warned) = (of(Verdict::Fail), of(Verdict::Warn));
        if !failed.is_empty() {
            let outside = failed.iter().all(|g| OUTSIDE.contains(&g.id.as_str()));
            let error = Error::new(if outside { Kind::Network } else { Kind::Failed }, format!("nothing was sent: {}", say(&failed)));
            return Some(match failed.iter().find_map(|g| g.hint.as_ref()) {
                Some(hint) => error.hint(hint),
                None => error,
            });
        }
        (!accept_warnings && !warned.is_empty()).then(|| {
            Error::failed(format!("nothing was sent: {}", say(&warned)))
                .hint("accept the warnings with --yes or --reason WHY, or mend what they name")
        })
    }
}

pub(super) fn gate(id: &str, verdict: Verdict, message: impl Into<String>, hint: Option<&str>) -> Gate {
    Gate { id: id.into(), verdict, message: message.into(), hint: hint.map(str::to_owned), files: Vec::new() }
}

/// A gate that failed with `error`.
pub(super) fn failed(id: &str, error: &Error) -> Gate {
    gate(id, Verdict::Fail, error.message(), error.advice())
}

/// `verified`: every image has passed its checks. Images that other machines pushed were checked there.
pub(super) fn verified(candidates: &[Candidate], purpose: Purpose) -> Gate {
    let of = |wanted: fn(Option<Verdict>) -> bool| -> Vec<String> {
        candidates.iter().flat_map(|c| &c.images).filter(|i| wanted(i.verdict)).map(|i| i.target.to_string()).collect()
    };
    let (failed, unchecked) = (of(|v| v == Some(Verdict::Fail)), of(|v| v.is_none()));
    let warned = of(|v| v == Some(Verdict::Warn));
    let all: usize = candidates.iter().map(|c| c.images.len()).sum();
    if !failed.is_empty() {
        gate("verified", Verdict::Fail, format!("checks failed: {}", some(&failed)), Some("see `catamaran verify` for what is wrong"))
    } else if !unchecked.is_empty() && purpose == Purpose::Index {
        gate("verified", Verdict::Skip, format!("left to those who pushed them: {}; --verify checks them here", some(&unchecked)), None)
    } else if !unchecked.is_empty() {
        gate(
            "verified",
            Verdict::Fail,
            format!("not verified: {}", some(&unchecked)),
            Some("run `catamaran verify`, or `catamaran release`"),
        )
    } else if !warned.is_empty() {
        gate("verified", Verdict::Warn, format!("checks warned: {}", some(&warned)), Some("see `catamaran verify` for the warnings"))
    } else {
        let waived = waived(candidates);
        let message = match waived.is_empty() {
            true => format!("{} passed every check", count(all, "image")),
            false => format!("{} passed every check; waived: {}", count(all, "image"), some(&waived)),
        };
        gate("verified", Verdict::Pass, message, None)
    }
}

/// Everything that a waiver accepts in what is released, each once: `links in fd (the docs are left out)`.
fn waived(candidates: &[Candidate]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for candidate in candidates {
        for waiver in candidate.images.iter().flat_map(|image| &image.waived) {
            let line = format!("{} in {} ({})", waiver.check, candidate.container, waiver.reason);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}

/// `current`: every image is what its definition and the lock say now.
pub(super) fn current(candidates: &[Candidate], purpose: Purpose) -> Gate {
    if purpose == Purpose::Index {
        return gate("current", Verdict::Skip, "the images were built elsewhere", None);
    }
    let images = || candidates.iter().flat_map(|c| &c.images);
    if images().all(|image| image.current.is_none()) {
        return gate("current", Verdict::Skip, "the images were given, not built here", None);
    }
    let stale: Vec<String> = images().filter(|i| i.current == Some(false)).map(|i| i.target.to_string()).collect();
    match stale.is_empty() {
        true => gate("current", Verdict::Pass, "every image is what containers.toml and the lock say", None),
        false => gate(
            "current",
            Verdict::Fail,
            format!("built from an earlier definition or lock: {}", some(&stale)),
            Some("build it again: `catamaran build`, or b in the dashboard"),
        ),
    }
}

/// `architectures`: every target of each container is there.
pub(super) fn architectures(candidates: &[Candidate], purpose: Purpose) -> Gate {
    if purpose == Purpose::Digests {
        return gate("architectures", Verdict::Skip, "other machines may push the rest; `catamaran index` joins them", None);
    }
    let mut partial = Vec::new();
    let mut empty = Vec::new();
    for candidate in candidates {
        let missing: Vec<&str> = candidate
            .targets
            .iter()
            .filter(|a| !candidate.images.iter().any(|i| i.target.architecture == **a))
            .map(|a: &Architecture| a.name())
            .collect();
        if candidate.images.is_empty() {
            empty.push(candidate.container.to_string());
        } else if !missing.is_empty() {
            partial.push(format!("{} lacks {}", candidate.container, missing.join(", ")));
        }
    }
    if !empty.is_empty() {
        gate("architectures", Verdict::Fail, format!("no image of {}", some(&empty)), Some("build it first"))
    } else if !partial.is_empty() {
        let hint = match purpose {
            Purpose::Index => "the tags will name only what is given; give the others too, with --image or --from",
            _ => "the tags will name only what is there; leave out --target to push every architecture",
        };
        gate("architectures", Verdict::Warn, some(&partial), Some(hint))
    } else {
        gate("architectures", Verdict::Pass, "every target of every container is there", None)
    }
}

/// `architectures`, failed: images that are to be joined, and that the registry has no longer whole. Nobody here can send what
/// another machine built.
pub(super) fn incomplete_members(containers: &[ContainerPlan], purpose: Purpose) -> Option<Gate> {
    if purpose != Purpose::Index {
        return None;
    }
    let mut lost = Vec::new();
    for image in containers.iter().flat_map(|container| &container.images) {
        let gone = image.blobs.iter().filter(|blob| !matches!(blob.presence, Presence::Present | Presence::Unknown) && blob.from.is_none());
        lost.extend(gone.map(|blob| format!("the registry no longer has blob {} of {}", blob.digest, image.target)));
    }
    let hint = "push it again where it was built: `catamaran push VERSION NAME --digests-only --force`";
    (!lost.is_empty()).then(|| gate("architectures", Verdict::Fail, some(&lost), Some(hint)))
}

/// `platforms`: every config names the platform of its target.
pub(super) fn platforms(candidates: &[Candidate]) -> Gate {
    let wrong: Vec<Error> = candidates.iter().flat_map(|c| &c.images).filter_map(|i| platform_of(i).err()).collect();
    match wrong.first() {
        Some(first) => {
            let messages: Vec<String> = wrong.iter().map(Error::message).collect();
            gate("platforms", Verdict::Fail, some(&messages), first.advice())
        }
        None => gate("platforms", Verdict::Pass, "every config names the platform of its target", None),
    }
}

/// `version-free`: no version (and no architecture's tag of it) moves.
pub(super) fn version_free(plan: &Plan, force: bool) -> Gate {
    if plan.purpose == Purpose::Digests {
        return gate(VERSION_FREE, Verdict::Skip, "no tag is set", None);
    }
    let mut moved = Vec::new();
    let mut same = 0;
    for container in &plan.containers {
        let named = |tag: &PlannedTag| match tag.change {
            TagChange::Moves { from } => Some(format!("{}:{} is {} now", container.repository, tag.tag, from.short())),
            _ => None,
        };
        let versions = || container.tags.first().into_iter().chain(container.images.iter().filter_map(|i| i.tag.as_ref()));
        // The version speaks for the tags of its architectures.
        moved.extend(versions().find_map(named));
        same += versions().filter(|t| t.change == TagChange::Unchanged).count();
    }
    if moved.is_empty() {
        let message = match same {
            0 => format!("{} does not exist yet", plan.version),
            _ => format!("{} is either new or exactly what is released", plan.version),
        };
        gate(VERSION_FREE, Verdict::Pass, message, None)
    } else if force {
        let hint = "whoever pulled that version before gets something else from now on";
        gate(VERSION_FREE, Verdict::Warn, format!("{} will be overwritten", some(&moved)), Some(hint))
    } else {
        let message = format!("{} exists and differs: {}", plan.version, some(&moved));
        gate(VERSION_FREE, Verdict::Fail, message, Some("release another version, or overwrite it with --force"))
    }
}

/// `git-clean`: what is released is what is committed.
pub(super) async fn git_clean(folder: &Path) -> Gate {
    // Paths are told from the repository's root; people, and editors, are in the folder.
    let (status, prefix) =
        tokio::join!(git(folder, &["status", "--porcelain", "-z", "--", "."]), git(folder, &["rev-parse", "--show-prefix"]));
    match status {
        None => gate("git-clean", Verdict::Skip, "not a git repository", None),
        Some(text) if text.is_empty() => gate("git-clean", Verdict::Pass, "everything is committed", None),
        Some(text) => {
            let mut files = uncommitted(&text, &prefix.unwrap_or_default());
            let message = format!("{} uncommitted: {}", files.len(), some(&files));
            files.truncate(MOST_FILES);
            let hint = "commit, so that the release can be made again from the repository";
            Gate { files, ..gate("git-clean", Verdict::Warn, message, Some(hint)) }
        }
    }
}

/// The paths of `git status --porcelain -z`, seen from the folder that is `prefix` below the root (git-status(1), "Porcelain Format
/// Version 1"): two letters, a blank, a path; what was renamed or copied is followed by its old path.
fn uncommitted(status: &str, prefix: &str) -> Vec<String> {
    let mut entries = status.split('\0').filter(|entry| !entry.is_empty());
    let mut files = Vec::new();
    while let Some(entry) = entries.next() {
        let Some((letters, path)) = entry.split_at_checked(3) else { continue };
        files.push(path.strip_prefix(prefix).unwrap_or(path).to_owned());
        if letters.contains(['R', 'C']) {
            entries.next();
        }
    }
    files
}

/// `git-tag`: what is committed is what the version's tag names. A commit that has no tag can still be released, but nobody
/// finds it again by the version.
pub(super) async fn git_tag(folder: &Path, version: &str) -> Gate {
    let id = "git-tag";
    let Some(head) = git(folder, &["rev-parse", "--short", "HEAD"]).await else {
        return gate(id, Verdict::Skip, "not a git repository, or nothing is committed", None);
    };
    let here = git(folder, &["tag", "--points-at", "HEAD"]).await.unwrap_or_default();
    let names = [format!("v{version}"), version.to_owned()];
    if let Some(name) = names.iter().find(|name| here.lines().any(|tag| tag == *name)) {
        return gate(id, Verdict::Pass, format!("HEAD is {name}"), None);
    }
    for name in &names {
        let commit = format!("refs/tags/{name}^{{commit}}");
        if let Some(elsewhere) = git(folder, &["rev-parse", "--short", "--verify", "--quiet", &commit]).await {
            let message = format!("the tag {name} is at {elsewhere}, and HEAD is {head}");
            return gate(id, Verdict::Warn, message, Some(&format!("`git checkout {name}`, or release another version")));
        }
    }
    let message = format!("no tag {} names HEAD ({head})", names.join(" or "));
    let hint = format!("`git tag v{version}` tags the commit, so that the version can be found in the repository");
    gate(id, Verdict::Warn, message, Some(&hint))
}

/// `lock`: the lock pins what containers.toml asks for.
pub(super) fn lock(state: &LockState) -> Gate {
    match state {
        LockState::Fresh => gate("lock", Verdict::Pass, "containers.lock pins what containers.toml asks for", None),
        LockState::Unused => gate("lock", Verdict::Skip, "nothing here is built from containers.lock", None),
        LockState::Stale(why) => gate("lock", Verdict::Fail, why, Some("build again: `catamaran build`, and commit containers.lock")),
    }
}

/// The first few, and how many more.
fn some(items: &[String]) -> String {
    let mut text = items.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if items.len() > NAMED {
        text.push_str(&format!(" and {} more", items.len() - NAMED));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_seen_from_the_folder() {
        let status = "?? deploy/new file\0R  deploy/to.toml\0deploy/from.toml\0 M deploy/a -> b\0";
        assert_eq!(uncommitted(status, "deploy/"), ["new file", "to.toml", "a -> b"]);
        assert_eq!(uncommitted("", "x/"), [""; 0]);
    }

    proptest::proptest! {
        #[test]
        fn any_status_is_files_or_nothing(status in "[RC ?M\\x00a-zä/]{0,40}", prefix in "[a/]{0,4}") {
            proptest::prop_assert!(uncommitted(&status, &prefix).len() <= status.len());
        }
    }
}
