//! See `catamaran::debian::fuzz::version`; and the order of two versions must be the one Debian Policy describes.

#![no_main]

use std::cmp::Ordering;

use catamaran::debian::fuzz;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::version(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some((a, b)) = text.split_once('\n') else { return };
    if is_well_formed(a) && is_well_formed(b) {
        assert_eq!(fuzz::compare(a, b), by_policy(a, b), "{a:?} and {b:?}");
    }
});

fn is_well_formed(version: &str) -> bool {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let is_number = epoch.bytes().all(|c| c.is_ascii_digit()) && epoch.parse::<u32>().is_ok();
    fuzz::is_version(version) && is_number && !rest.is_empty() && !rest.contains(':')
}

/// Policy 5.6.12 put down as it reads, with no eye to speed: each part becomes a list of stretches that are compared in turn.
/// (The crate `debversion` was tried as the second opinion; it takes `1.` for earlier than `1.0`, which dpkg does not.)
fn by_policy(a: &str, b: &str) -> Ordering {
    let split = |version: &str| {
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        (epoch.parse::<u32>().unwrap_or(0), stretches(upstream), stretches(revision))
    };
    let (a, b) = (split(a), split(b));
    a.0.cmp(&b.0).then_with(|| lists(&a.1, &b.1)).then_with(|| lists(&a.2, &b.2))
}

/// Text and number in turn, beginning with text; the digits without leading zeros.
fn stretches(mut part: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    while !part.is_empty() {
        let text: String = part.chars().take_while(|c| !c.is_ascii_digit()).collect();
        let digits: String = part[text.len()..].chars().take_while(char::is_ascii_digit).collect();
        part = &part[text.len() + digits.len()..];
        out.push((text, digits.trim_start_matches('0').to_owned()));
    }
    out
}

fn lists(a: &[(String, String)], b: &[(String, String)]) -> Ordering {
    let none = (String::new(), String::new());
    for at in 0..a.len().max(b.len()) {
        let (a, b) = (a.get(at).unwrap_or(&none), b.get(at).unwrap_or(&none));
        let order = letters(&a.0).cmp(&letters(&b.0)).then(a.1.len().cmp(&b.1.len())).then_with(|| a.1.cmp(&b.1));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Numbers that sort as the letters of a version do: `~` before the end, the end before letters, letters before the rest.
fn letters(text: &str) -> Vec<u32> {
    let weight = |c: char| match c {
        '~' => 0,
        c if c.is_ascii_alphabetic() => 1000 + u32::from(c),
        c => 2000 + u32::from(c),
    };
    text.chars().map(weight).chain([1]).collect()
}
