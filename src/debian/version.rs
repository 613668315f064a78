//! Debian version numbers: how they compare (Debian Policy, 5.6.12).

use std::cmp::Ordering;

/// How version `a` compares with `b`, as `dpkg --compare-versions` does.
///
/// Never fails: whatever is not a well-formed version still has one place in a total order.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Parts::of(a), Parts::of(b));
    number(a.epoch, b.epoch).then_with(|| part(a.upstream, b.upstream)).then_with(|| part(a.revision, b.revision))
}

/// `version` without the suffix of a binary rebuild: `5.2.37-2+b5` is `5.2.37-2` built again.
///
/// Rebuilds are made for one architecture at a time, so this is what can be the same on all of them.
pub fn without_rebuild(version: &str) -> &str {
    match version.rfind("+b") {
        Some(at) if at > 0 && version.len() > at + 2 && version[at + 2..].bytes().all(|c| c.is_ascii_digit()) => &version[..at],
        _ => version,
    }
}

struct Parts<'a> {
    epoch: &'a str,
    upstream: &'a str,
    revision: &'a str,
}

impl<'a> Parts<'a> {
    fn of(version: &'a str) -> Self {
        let (epoch, rest) = version.split_once(':').unwrap_or(("", version));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Parts { epoch, upstream, revision }
    }
}

/// Compares digits as numbers of any length.
fn number(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Compares upstream versions or revisions: stretches of non-digits and of digits in turn.
fn part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        while starts_with_non_digit(a) || starts_with_non_digit(b) {
            match weight(a.first()).cmp(&weight(b.first())) {
                Ordering::Equal => (a, b) = (a.get(1..).unwrap_or_default(), b.get(1..).unwrap_or_default()),
                decided => return decided,
            }
        }
        let (digits_a, digits_b) = (digits(a), digits(b));
        let (number_a, number_b) = (without_zeros(&a[..digits_a]), without_zeros(&b[..digits_b]));
        match number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b)) {
            Ordering::Equal => (a, b) = (&a[digits_a..], &b[digits_b..]),
            decided => return decided,
        }
    }
    Ordering::Equal
}

fn starts_with_non_digit(text: &[u8]) -> bool {
    text.first().is_some_and(|c| !c.is_ascii_digit())
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|c| c.is_ascii_digit()).count()
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    &digits[digits.iter().take_while(|c| **c == b'0').count()..]
}

/// Tilde sorts before everything, even the end; letters before all other characters.
fn weight(c: Option<&u8>) -> i32 {
    match c {
        None => 0,
        Some(b'~') => -1,
        Some(c) if c.is_ascii_digit() => 0,
        Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
        Some(c) => i32::from(*c) + 256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pairs from Policy, dpkg's own tests and the archive; every row was checked with `dpkg --compare-versions`.
    const TABLE: &[(&str, Ordering, &str)] = &[
        ("1.0", Ordering::Equal, "1.0-0"),
        ("1.0", Ordering::Equal, "0:1.0"),
        ("1.00", Ordering::Equal, "1.0"),
        ("1.0~rc1", Ordering::Less, "1.0"),
        ("1.0~~", Ordering::Less, "1.0~"),
        ("1.0~~a", Ordering::Less, "1.0~"),
        ("1.0a", Ordering::Greater, "1.0"),
        ("1.0+b1", Ordering::Greater, "1.0"),
        ("1.0+a", Ordering::Greater, "1.0a"),
        ("1:0.1", Ordering::Greater, "9.9"),
        ("1.10", Ordering::Greater, "1.9"),
        ("1.0-1", Ordering::Less, "1.0-1.1"),
        ("1.0-10", Ordering::Greater, "1.0-9"),
        ("2.41-12+deb13u3", Ordering::Greater, "2.41-12"),
        ("2.41-12+deb13u10", Ordering::Greater, "2.41-12+deb13u9"),
        ("1.2.3-1~bpo13+1", Ordering::Less, "1.2.3-1"),
        ("20250419", Ordering::Greater, "20230311+deb12u1"),
        ("0.0.0", Ordering::Less, "0.0.0.1"),
        ("1-2-3", Ordering::Greater, "1-2"),
        ("99999999999999999999999", Ordering::Greater, "99999999999999999999998"),
        ("a", Ordering::Less, "."),
    ];

    #[test]
    fn the_table_holds_both_ways() {
        for (a, expected, b) in TABLE {
            assert_eq!(compare(a, b), *expected, "{a} and {b}");
            assert_eq!(compare(b, a), expected.reverse(), "{b} and {a}");
        }
    }

    #[test]
    fn a_rebuild_is_the_same_version() {
        assert_eq!(without_rebuild("5.2.37-2+b5"), "5.2.37-2");
        assert_eq!(without_rebuild("1.0+b"), "1.0+b");
        assert_eq!(without_rebuild("1.0+beta1"), "1.0+beta1");
        assert_eq!(without_rebuild("2.41-12+deb13u3"), "2.41-12+deb13u3");
    }

    proptest! {
        #[test]
        fn it_is_a_total_order(a in "[0-9a-c.+~:-]{0,12}", b in "[0-9a-c.+~:-]{0,12}", c in "[0-9a-c.+~:-]{0,12}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(compare(&a, &a), Ordering::Equal);
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le());
            }
        }

        #[test]
        fn anything_can_be_compared(a in ".{0,24}", b in ".{0,24}") {
            let _ = compare(&a, &b);
            let _ = without_rebuild(&a);
        }
    }
}
