//! What is packed comes out as it went in.

use super::*;
use proptest::prelude::*;

fn kind() -> impl Strategy<Value = EntryKind> {
    let text = || "[a-z/.ü]{0,12}";
    let size = prop_oneof![0u64..10, Just(u64::from(u32::MAX)), any::<u64>()];
    let value = proptest::collection::vec(0u8..3, 0..25);
    let capabilities = proptest::option::weighted(0.2, value.prop_map(|value| Box::new(FileCapabilities::read(&value))));
    let file = (size, proptest::option::of(text()), capabilities);
    prop_oneof![
        file.prop_map(|(size, shebang, capabilities)| EntryKind::File { size, elf: None, shebang, capabilities }),
        Just(EntryKind::Directory),
        text().prop_map(|target| EntryKind::Symlink { target }),
        text().prop_map(|target| EntryKind::HardLink { target }),
        Just(EntryKind::Special),
        Just(EntryKind::Whiteout),
        Just(EntryKind::Opaque),
    ]
}

prop_compose! {
    fn entry()(path in "([ab]{1,2}/){0,4}[a-zü]{1,3}|", kind in kind(), mode in 0u32..0o10000, uid in 0u64..3, gid: u64) -> Entry {
        Entry { path, kind, mode, uid, gid }
    }
}

proptest! {
    #[test]
    fn what_goes_in_comes_out_and_survives_json(entries in proptest::collection::vec(entry(), 0..40)) {
        let packed: Entries = entries.iter().cloned().collect();
        let out: Vec<Entry> = packed.iter().map(|entry| entry.at(entry.path())).collect();
        prop_assert_eq!(&out, &entries);
        let json = serde_json::to_vec(&packed).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Entries>(&json).unwrap(), packed);
    }

    #[test]
    fn any_json_is_entries_or_an_error(folders in proptest::collection::vec((0u32..4, "[a-c]"), 0..4), folder in 0u32..6) {
        let json = serde_json::json!({ "folders": folders, "rows": [[folder, "x", "directory", 0o755, 0, 0]] });
        // Whoever asks for a path comes to an end.
        if let Ok(entries) = serde_json::from_value::<Entries>(json) {
            prop_assert!(entries.iter().all(|entry| entry.path().ends_with('x')));
        }
    }
}

#[test]
fn a_hundred_thousand_files_take_four_megabytes() {
    let mut entries = Entries::default();
    let kind = || EntryKind::File { size: 5, elf: None, shebang: None, capabilities: None };
    let file = |n: usize| Entry { path: format!("usr/share/doc/package-{}/file-{n}", n / 100), kind: kind(), mode: 0o644, uid: 0, gid: 0 };
    let cost: usize = (0..100_000).map(|n| entries.push(file(n)).unwrap()).sum();
    assert!(cost < 4_000_000, "{cost}");
}
