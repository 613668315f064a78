//! The tag rule: the version first, then the tags asked for, else `latest` on the branch `main`.

use std::path::Path;

use super::git::git;
use crate::registry::Variables;
use crate::{Error, Result};

/// The branch whose releases become `latest`.
const MAIN: &str = "main";
/// The longest tag (distribution-spec, "Pulling manifests": `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`).
const MAX_TAG: usize = 128;

/// The tags of a release, and why these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags {
    /// The version first; no tag twice.
    pub tags: Vec<String>,
    /// One sentence for people.
    pub rule: String,
}

/// Applies the tag rule. `given` are the tags asked for; `None` lets the branch decide: `GITHUB_REF_NAME`, or what git
/// has checked out in `folder`.
///
/// # Errors
/// The version or a tag does not follow the specification's grammar.
pub async fn choose_tags(version: &str, given: Option<&[String]>, folder: &Path, variables: &Variables) -> Result<Tags> {
    let branch = match given {
        Some(_) => None,
        None => branch(folder, variables).await,
    };
    tags_of(version, given, branch.as_ref().map(|(name, source)| (name.as_str(), *source)))
}

/// Whether a release that asks for no further tags would move `latest`, and why, in a few words.
pub async fn moves_latest(folder: &Path, variables: &Variables) -> (bool, String) {
    match branch(folder, variables).await.as_ref().map(|(name, source)| (name.as_str(), *source)) {
        Some((MAIN, source)) => (true, format!("the branch is {MAIN} ({source})")),
        Some(("HEAD", "git")) => (false, "no branch is checked out".into()),
        Some((branch, source)) => (false, format!("the branch is {branch} ({source}), not {MAIN}")),
        None => (false, "no branch is known".into()),
    }
}

/// The branch, and who says so.
async fn branch(folder: &Path, variables: &Variables) -> Option<(String, &'static str)> {
    match variables.get("GITHUB_REF_NAME") {
        Some(name) => Some((name, "GITHUB_REF_NAME")),
        None => git(folder, &["rev-parse", "--abbrev-ref", "HEAD"]).await.map(|name| (name, "git")),
    }
}

/// The rule itself.
fn tags_of(version: &str, given: Option<&[String]>, branch: Option<(&str, &str)>) -> Result<Tags> {
    check_tag(version, "the version")?;
    let mut tags = vec![version.to_owned()];
    let rule = match (given, branch) {
        (Some([]), _) => format!("{version} only: no further tags were asked for"),
        (Some(given), _) => {
            for tag in given {
                check_tag(tag, "the tag")?;
                if !tags.contains(tag) {
                    tags.push(tag.clone());
                }
            }
            match tags.len() {
                1 => format!("{version} only: the tags asked for name it already"),
                _ => format!("{version}, and the tags asked for: {}", tags[1..].join(", ")),
            }
        }
        (_, Some((MAIN, source))) => {
            if version != "latest" {
                tags.push("latest".into());
            }
            format!("{version}, and latest because the branch is {MAIN} ({source})")
        }
        (_, Some(("HEAD", "git"))) => format!("{version} only: no branch is checked out, so latest stays where it is"),
        (_, Some((branch, source))) => {
            format!("{version} only: the branch is {branch} ({source}), not {MAIN}, so latest stays where it is")
        }
        (_, None) => format!("{version} only: no branch is known, so latest stays where it is"),
    };
    Ok(Tags { tags, rule })
}

/// Refuses what registries would refuse, and says what would do.
///
/// # Errors
/// `tag`, which is called `what` in the message, does not follow the specification's grammar.
pub fn check_tag(tag: &str, what: &str) -> Result<()> {
    let error = |why: &str| Error::usage(format!("{what} `{}` cannot be a tag: {why}", tag.escape_debug()));
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if tag.is_empty() {
        return Err(error("it is empty").hint("give a version, such as 1.2.0"));
    }
    if let Some(wrong) = tag.chars().find(|c| !fits(*c)) {
        let meant: String = tag.chars().map(|c| if fits(c) { c } else { '-' }).collect();
        let meant = meant.trim_start_matches(['-', '.']).to_owned();
        let error = error(&format!("`{}` is not a letter, a digit, `_`, `.` or `-`", wrong.escape_debug()));
        return Err(if meant.is_empty() { error } else { error.hint(format!("write {meant}")) });
    }
    if tag.starts_with(['.', '-']) {
        return Err(error("it begins with `.` or `-`").hint("begin with a letter, a digit or `_`"));
    }
    if tag.len() > MAX_TAG {
        return Err(error(&format!("it has {} characters, and a tag at most {MAX_TAG}", tag.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(version: &str, given: Option<&[&str]>, branch: Option<(&str, &str)>) -> String {
        let given: Option<Vec<String>> = given.map(|g| g.iter().map(|t| (*t).to_owned()).collect());
        tags_of(version, given.as_deref(), branch).unwrap().tags.join(" ")
    }

    #[test]
    fn the_rule_is_the_documented_one() {
        let main = Some((MAIN, "git"));
        assert_eq!(names("1.2.0", None, main), "1.2.0 latest");
        assert_eq!(names("1.2.0", Some(&[]), main), "1.2.0", "asking for none is asking");
        assert_eq!(names("1.2.0", Some(&["stable", "1", "stable", "1.2.0"]), main), "1.2.0 stable 1");
        assert_eq!(names("1.2.0", None, Some(("feature/x", "git"))), "1.2.0");
        assert_eq!(names("1.2.0", None, None), "1.2.0");
        assert_eq!(names("latest", None, main), "latest");
    }

    #[tokio::test]
    async fn the_branch_of_github_goes_before_gits() {
        let variables = Variables::from_fn(|name| (name == "GITHUB_REF_NAME").then(|| "main".to_owned()));
        let tags = choose_tags("1", None, Path::new("/nonexistent"), &variables).await.unwrap();
        assert_eq!(tags.tags, ["1", "latest"]);
        assert!(tags.rule.contains("GITHUB_REF_NAME"));
        let none = choose_tags("1", None, Path::new("/nonexistent"), &Variables::from_fn(|_| None)).await.unwrap();
        assert_eq!(none.tags, ["1"]);
        assert!(moves_latest(Path::new("/nonexistent"), &variables).await.0);
        assert_eq!(moves_latest(Path::new("/nonexistent"), &Variables::from_fn(|_| None)).await, (false, "no branch is known".to_owned()));
    }

    #[test]
    fn what_cannot_be_a_tag_is_explained() {
        for bad in ["", "1.0+git", "-x", ".x", "ü", "a b", "a/b", "a:b", &"x".repeat(129)] {
            assert!(check_tag(bad, "the tag").is_err(), "{bad}");
        }
        assert_eq!(check_tag("1.0+git", "the version").unwrap_err().advice(), Some("write 1.0-git"));
        for good in ["1.2.0", "_x", "v1", "a.b-c_d", &"x".repeat(128)] {
            assert!(check_tag(good, "the tag").is_ok(), "{good}");
        }
    }
}
