//! Layers of every kind and every damage, scanned.

use super::LayerFacts;
use crate::image::{Digest, EntryKind, media_type};
use crate::progress::Silent;
use crate::verify::ImageFacts;
use crate::verify::samples::{Layer, Sample, elf, gzip};
use proptest::prelude::*;

fn facts(media_type: &'static str, blob: Vec<u8>) -> LayerFacts {
    let image = Sample::new("amd64").raw(media_type, blob, b"").image();
    let facts = ImageFacts::gather(&image, &Silent, &|| false).unwrap();
    (*facts.layers[0]).clone()
}

fn header(kind: u8, name: &[u8], size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_mode(0o755);
    header.set_size(size);
    header.set_cksum();
    header
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.resize(bytes.len().next_multiple_of(512), 0);
    out
}

#[test]
fn long_names_pax_records_shebangs_and_elf_are_read() {
    let long = format!("{}/x", ["d"; 150].join("/"));
    let mut layer =
        Layer::new().file(&long, 0o4755, b"#! /bin/sh -e\nexit").symlink("link", &long).file("bin/./tool", 0o755, &elf(62, "/ld"));
    layer.0.append_pax_extensions([("path", "pax/ü".as_bytes()), ("uid", b"70000")]).unwrap();
    let layer = layer.file("short", 0o644, b"x");
    let facts = facts(media_type::LAYER_TAR, layer.tar());
    assert_eq!(facts.damage, None);
    let paths: Vec<String> = facts.entries.iter().map(|e| e.path()).collect();
    assert_eq!(paths, [&long, "link", "bin/tool", "pax/ü"]);
    let entries: Vec<_> = facts.entries.iter().collect();
    assert_eq!(entries[0].kind, EntryKind::File { size: 18, elf: None, shebang: Some("/bin/sh -e"), capabilities: None });
    assert_eq!((entries[0].mode, entries[3].uid), (0o4755, 70000));
    assert!(matches!(&entries[2].kind, EntryKind::File { elf: Some(elf), .. } if elf.interpreter.as_deref() == Some("/ld")));
}

#[test]
fn what_pads_the_last_member_may_be_missing_and_nothing_else() {
    let tar = Layer::new().file("a", 0o644, b"first").file("b", 0o644, b"second").tar();
    let whole = facts(media_type::LAYER_TAR, tar.clone());
    let end_of_data = 3 * 512 + 6;
    for length in [end_of_data, end_of_data + 512 - 6] {
        let short = facts(media_type::LAYER_TAR, tar[..length].to_vec());
        assert_eq!((short.damage, short.entries), (None, whole.entries.clone()), "{length}");
    }
    for length in [end_of_data - 1, end_of_data + 1, 512 + 5 + 3] {
        assert!(facts(media_type::LAYER_TAR, tar[..length].to_vec()).damage.is_some(), "{length}");
    }
}

#[test]
fn one_empty_block_ends_a_tar_only_when_nothing_follows_it() {
    let file = |name: &[u8]| [header(b'0', name, 1).as_bytes().as_slice(), &padded(b"x")].concat();
    let empty = vec![0; 512];
    for end in [vec![], empty.clone(), [empty.clone(), empty.clone()].concat(), [empty.clone(), empty.clone(), file(b"b")].concat()] {
        let facts = facts(media_type::LAYER_TAR, [file(b"a"), end].concat());
        assert_eq!((facts.damage.as_deref(), facts.entries.len()), (None, 1));
    }
    let facts = facts(media_type::LAYER_TAR, [file(b"a"), empty, file(b"b")].concat());
    assert!(facts.damage.is_some_and(|damage| damage.contains("single empty block")));
}

#[test]
fn capabilities_are_read_of_the_file_they_stand_before() {
    let value = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let layer = Layer::new().capabilities(value).file("ping", 0o755, b"x").file("plain", 0o755, b"x");
    // A line's end in a value, and a value that nothing can be.
    let layer = layer.capabilities(b"\x01\n\0\x02").file("damaged", 0o644, b"").capabilities(b"").file("none", 0o644, b"");
    let facts = facts(media_type::LAYER_TAR, layer.capabilities(&[7; 70_000]).file("long", 0o644, b"").tar());
    assert_eq!(facts.damage, None);
    let said: Vec<_> = facts
        .entries
        .iter()
        .map(|entry| match entry.kind {
            EntryKind::File { capabilities: Some(capabilities), .. } => format!("{} {capabilities}", entry.name),
            _ => entry.name.to_owned(),
        })
        .collect();
    assert_eq!(said, ["ping cap_net_raw=ep", "plain", "damaged 0x010a0002", "none", &format!("long 0x{}", "07".repeat(25))]);
}

#[test]
fn a_pax_record_without_a_value_says_nothing() {
    let mut layer = Layer::new();
    let records: [(&str, &[u8]); 3] = [("path", b""), ("uid", b""), ("size", b"")];
    layer.0.append_pax_extensions(records).unwrap();
    let facts = facts(media_type::LAYER_TAR, layer.file("kept", 0o644, b"x").tar());
    assert_eq!(facts.damage, None);
    assert_eq!(facts.entries.iter().map(|entry| entry.path()).collect::<Vec<_>>(), ["kept"]);
}

#[test]
fn sparse_files_are_put_together_and_their_claims_cost_nothing() {
    let content = elf(183, "/ld");
    // Old GNU: the ELF header's two halves as two pieces, the end 7 GiB away.
    let mut sparse = header(b'S', b"gnu", 512 + content.len() as u64 - 64);
    let gnu = sparse.as_gnu_mut().unwrap();
    let mut piece = |at: usize, offset: u64, length: u64| {
        gnu.sparse[at].offset.copy_from_slice(format!("{offset:011o}\0").as_bytes());
        gnu.sparse[at].numbytes.copy_from_slice(format!("{length:011o}\0").as_bytes());
    };
    piece(0, 0, 64);
    piece(1, 64, content.len() as u64 - 64);
    piece(2, 7 << 30, 0);
    gnu.set_real_size(7 << 30);
    sparse.set_size(content.len() as u64);
    sparse.set_cksum();
    let mut tar = [sparse.as_bytes().as_slice(), &padded(&content)].concat();
    // PAX 1.0: a map before the data.
    let map = padded(format!("2\n0\n{}\n7516192768\n0\n", content.len()).as_bytes());
    let mut records = Vec::new();
    for (key, value) in [("major", "1"), ("minor", "0"), ("name", "pax"), ("realsize", "7516192768")] {
        let record = format!(" GNU.sparse.{key}={value}\n");
        records.extend(format!("{}{record}", record.len() + 2).into_bytes());
    }
    tar.extend([header(b'x', b"x", records.len() as u64).as_bytes().as_slice(), &padded(&records)].concat());
    tar.extend(header(b'0', b"GNUSparseFile.0/pax", (map.len() + content.len()) as u64).as_bytes());
    tar.extend([map, padded(&content), header(b'0', b"last", 0).as_bytes().to_vec()].concat());
    let facts = facts(media_type::LAYER_TAR, tar);
    assert_eq!(facts.damage, None);
    let paths: Vec<String> = facts.entries.iter().map(|e| e.path()).collect();
    assert_eq!(paths, ["gnu", "pax", "last"]);
    for entry in facts.entries.iter().take(2) {
        let EntryKind::File { size, elf: Some(elf), .. } = &entry.kind else { panic!("{entry:?}") };
        assert_eq!((*size, elf.machine, elf.interpreter.as_deref()), (7 << 30, 183, Some("/ld")));
    }
}

#[test]
fn claims_beyond_reason_are_damage() {
    for (name, tar) in [
        ("long name", header(b'L', b"l", 1 << 40).as_bytes().to_vec()),
        ("file", header(b'0', b"f", (1 << 63) + 5).as_bytes().to_vec()),
        ("cut", header(b'0', b"f", 100).as_bytes().to_vec()),
        ("nothing follows", [header(b'L', b"l", 1).as_bytes().to_vec(), padded(b"x")].concat()),
        ("no tar", vec![b'x'; 1000]),
        ("a name outside", header(b'0', b"a/../../x", 0).as_bytes().to_vec()),
    ] {
        let facts = facts(media_type::LAYER_GZIP, gzip(&tar));
        assert!(facts.damage.is_some() && facts.diff_id == Digest::of(&tar), "{name}: {facts:?}");
    }
}

#[test]
fn a_hundred_thousand_entries_are_read() {
    let mut tar = Vec::new();
    for n in 0..100_000 {
        tar.extend(header(b'0', format!("f{n}").as_bytes(), 0).as_bytes());
    }
    assert_eq!(facts(media_type::LAYER_TAR, tar).entries.len(), 100_000);
}

#[test]
fn a_scan_can_be_stopped() {
    let image = Sample::new("amd64").layer(Layer::new().file("a", 0o644, &[1; 1000])).image();
    assert!(ImageFacts::gather(&image, &Silent, &|| true).unwrap_err().is_interrupted());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_bytes_are_a_layer(blob in proptest::collection::vec(any::<u8>(), 0..3000), magic in 0..3usize) {
        let head: &[u8] = [&b""[..], b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd"][magic];
        let blob = [head, &blob].concat();
        let facts = facts(media_type::LAYER_GZIP, blob.clone());
        prop_assert_eq!(facts.digest, Some(Digest::of(&blob)));
    }

    #[test]
    fn any_change_of_a_tar_is_survived(at in 0usize..6000, byte: u8, cut in 0usize..6000) {
        let mut layer = Layer::new().file("a", 0o755, &elf(62, "/ld")).symlink("b", "a").hard_link("c", "a");
        layer.0.append_pax_extensions([("path", b"p".as_slice()), ("size", b"3")]).unwrap();
        let mut tar = layer.file(&"n".repeat(200), 0o644, b"abc").tar();
        let length = tar.len();
        tar[at % length] = byte;
        tar.truncate(cut.max(512));
        let image = Sample::new("amd64").raw(media_type::LAYER_TAR, tar, b"").entrypoint("a").image();
        crate::verify::samples::report(&image);
    }
}

#[test]
fn paths_beyond_all_reason_are_damage_and_not_memory() {
    let mut tar = Vec::new();
    for n in 0..12_000 {
        let path = format!("{n:08}{}\0", ["d".repeat(250).as_str(); 14].join("/"));
        tar.extend(header(b'L', b"././@LongLink", path.len() as u64).as_bytes());
        tar.extend(padded(path.as_bytes()));
        tar.extend(header(b'0', b"short", 0).as_bytes());
    }
    let facts = facts(media_type::LAYER_TAR, tar);
    assert!(facts.damage.is_some_and(|damage| damage.contains("more than 36 MiB")));
    assert!(facts.entries.len() > 5_000 && facts.entries.memory() < 36 << 20, "{}", facts.entries.memory());
}
