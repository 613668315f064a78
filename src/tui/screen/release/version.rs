//! What a version says to people: whether it is a semantic one (semver.org 2.0.0), and whether it goes on from the last.

/// A semantic version's three numbers and whether it is a pre-release. A leading `v` is taken as people mean it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Semantic {
    numbers: [u64; 3],
    pre_release: bool,
}

/// The parts of a version; `None` when it is not semantic. Build metadata (`+…`) cannot stand in a tag.
fn semantic(version: &str) -> Option<Semantic> {
    let version = version.strip_prefix('v').unwrap_or(version);
    let (core, pre) = version.split_once('-').map_or((version, None), |(core, pre)| (core, Some(pre)));
    let mut numbers = [0; 3];
    let mut parts = core.split('.');
    for number in &mut numbers {
        let part = parts.next()?;
        let plain = part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
        *number = part.parse().ok().filter(|_| plain)?;
    }
    let fine = |pre: &str| pre.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    (parts.next().is_none() && pre.is_none_or(fine)).then_some(Semantic { numbers, pre_release: pre.is_some() })
}

/// What is worth a remark about `version` after `last`, and what the gates will make of it; nothing when it is an ordinary next version.
/// With `force` a version may be overwritten.
pub fn remark(version: &str, last: Option<&str>, force: bool) -> Option<String> {
    let Some(new) = semantic(version) else {
        // Dates and names are versions, too, for those who have always used them.
        let used_to = last.is_some_and(|last| semantic(last).is_none());
        return (!used_to).then(|| "not a semantic version, like 1.2.0; no gate asks for one: it is published as it is".to_owned());
    };
    let last = last?;
    let old = semantic(last)?;
    let order = new.numbers.cmp(&old.numbers).then(old.pre_release.cmp(&new.pre_release));
    match order {
        std::cmp::Ordering::Less => {
            Some(format!("older than {last}, which was published last; no gate asks for a newer one, and latest may go back"))
        }
        std::cmp::Ordering::Equal if version == last && force => {
            Some(format!("{last} was published last; with force, the gate version-free only warns if the images are others"))
        }
        std::cmp::Ordering::Equal if version == last => {
            Some(format!("{last} was published last; the gate version-free lets it pass only if the images are the same"))
        }
        _ => None,
    }
}

/// The version that usually follows `last`: the next patch.
pub fn next(last: Option<&str>) -> String {
    let Some((last, Semantic { numbers: [major, minor, patch], pre_release })) = last.and_then(|last| Some((last, semantic(last)?))) else {
        return "1.2.0".into();
    };
    let v = if last.starts_with('v') { "v" } else { "" };
    // A pre-release is followed by what it is a pre-release of.
    let patch = if pre_release { patch } else { patch.saturating_add(1) };
    format!("{v}{major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_what_semver_says() {
        for good in ["1.2.3", "v1.2.3", "0.0.0", "1.2.3-rc.1", "10.20.30-a-b.7"] {
            assert!(semantic(good).is_some(), "{good}");
        }
        for bad in ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "1.2.3-", "1.2.3-a..b", "20261122", "latest", "1.2.-3"] {
            assert!(semantic(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_is_unusual_is_remarked_on_and_nothing_else() {
        assert_eq!(remark("1.4.3", Some("1.4.2"), false), None);
        assert_eq!(remark("1.4.2", Some("1.4.2-rc.1"), false), None);
        assert_eq!(remark("20261123", Some("20261122"), false), None);
        assert!(remark("20261123", Some("1.4.2"), false).unwrap().contains("semantic"));
        assert!(remark("1.4.1", Some("1.4.2"), false).unwrap().contains("older than 1.4.2"));
        assert!(remark("1.4.2-rc.1", Some("1.4.2"), false).unwrap().contains("older"));
        assert!(remark("1.4.2", Some("1.4.2"), false).unwrap().contains("only if the images are the same"));
        assert!(remark("1.4.2", Some("1.4.2"), true).unwrap().contains("only warns"));
        assert_eq!(
            [next(Some("1.4.2")), next(Some("v2.0.0-rc.1")), next(Some("today")), next(None)],
            ["1.4.3", "v2.0.0", "1.2.0", "1.2.0"]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_version_or_not(text in "\\PC{0,20}", last in "[v0-9.a-]{0,12}") {
            let _ = (remark(&text, Some(&last), false), next(Some(&text)));
        }
    }
}
