//! See `catamaran::debian::fuzz::version`; and the order of two versions must be the one `debversion` finds.

#![no_main]

use catamaran::debian::fuzz;
use debversion::Version;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::version(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some((a, b)) = text.split_once('\n') else { return };
    if let (Some(ours), Ok(one), Ok(two)) = (well_formed(a, b), a.parse::<Version>(), b.parse::<Version>()) {
        assert_eq!(ours, one.cmp(&two), "{a:?} and {b:?}");
    }
});

/// How two versions compare, if Policy 5.6.12 lets them be versions: an epoch is a small number, the rest begins with a digit.
fn well_formed(a: &str, b: &str) -> Option<std::cmp::Ordering> {
    let fine = |version: &str| {
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        fuzz::is_version(version)
            && (1..10).contains(&epoch.len())
            && epoch.bytes().all(|c| c.is_ascii_digit())
            && rest.starts_with(|c: char| c.is_ascii_digit())
            && !rest.contains([':', '_'])
            && !rest.ends_with('-')
    };
    (fine(a) && fine(b)).then(|| fuzz::compare(a, b))
}
