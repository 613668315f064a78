//! Which number a system user or group gets (R6).

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Ids by name, from `ids.toml` beside this file. A test reads it, so that a mistake in it is no panic here.
static KNOWN: LazyLock<BTreeMap<String, u32>> = LazyLock::new(|| toml::from_str(include_str!("ids.toml")).unwrap_or_default());

/// Ids by hash: above those of the table, below those of people (Debian Policy 9.2.2).
const HASHED: std::ops::Range<u32> = 350..1000;

/// The id for `name`, and for the group of that name: what the table says, else by hash; the next free one when it is taken.
/// `None` when none is free.
pub(super) fn system_id(name: &str, is_free: impl Fn(u32) -> bool) -> Option<u32> {
    if let Some(id) = KNOWN.get(name).copied().filter(|id| is_free(*id)) {
        return Some(id);
    }
    // FNV-1a: the same everywhere and for ever.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let count = HASHED.end - HASHED.start;
    (0..count).map(|step| HASHED.start + (hash % count + step) % count).find(|id| is_free(*id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_read_whole_and_gives_no_number_twice() {
        let lines = include_str!("ids.toml").lines().filter(|line| line.contains(" = ")).count();
        let numbers: BTreeSet<u32> = KNOWN.values().copied().collect();
        assert!(lines > 100 && KNOWN.len() == lines && numbers.len() == lines);
        assert!(numbers.iter().all(|id| *id == 42 || (100..HASHED.start).contains(id)));
    }

    /// Files in volumes carry these: they may never change.
    #[test]
    fn ids_are_for_ever() {
        let free = |_| true;
        let ids = ["redis", "postgres", "_apt", "some-daemon", "other"].map(|name| system_id(name, free));
        assert_eq!(ids, [Some(122), Some(124), Some(42), Some(350), Some(541)]);
        assert_eq!(system_id("some-daemon", |id| id != 350), Some(351));
        assert_eq!(system_id("x", |_| false), None);
    }
}
