//! GVDB, GLib's database of one file (gvdb-format.h): tables of hashes, in which a name leads to a value or to another table.

use super::super::glib_table::{Table, hash};
use super::variant::Value;

/// "GVariant", version 0, no options; the place of the first table follows.
const HEADER: &[u8] = b"GVariant\0\0\0\0\0\0\0\0";
/// What GVDB says of its Bloom filter, which it does not have.
const NO_BLOOM: u32 = 5 << 27;
/// Length of what a table says of one name.
const ITEM: usize = 24;

/// What a name leads to.
pub(super) enum Entry {
    /// A value.
    Value(Value),
    /// Another table.
    Table(Database),
}

/// A table.
pub(super) struct Database {
    names: Table<Item>,
}

struct Item {
    /// It is a child of the empty name, which leads to all its children.
    is_listed: bool,
    entry: Option<Entry>,
}

impl Database {
    /// A table with the empty name.
    pub(super) fn new() -> Self {
        let mut names = Table::default();
        names.insert("", Item { is_listed: false, entry: None });
        Database { names }
    }

    /// Has `entry` as `name`.
    pub(super) fn insert(&mut self, name: &str, is_listed: bool, entry: Entry) {
        self.names.insert(name, Item { is_listed, entry: Some(entry) });
    }

    /// The whole file.
    pub(super) fn file(&self) -> Vec<u8> {
        let mut out = [HEADER, &[0; 8]].concat();
        let place = self.write(&mut out);
        write_place(&mut out, HEADER.len(), place);
        out
    }

    /// Adds the table and all below it; where it begins and ends.
    fn write(&self, out: &mut Vec<u8>) -> (usize, usize) {
        let count = self.names.len();
        let mut buckets: Vec<Vec<(&str, &Item)>> = vec![Vec::new(); count];
        for (name, item) in self.names.iter() {
            buckets[hash(name) as usize % count].push((name, item));
        }
        // Each bucket is a list whose newest is its first.
        buckets.iter_mut().for_each(|bucket| bucket.reverse());
        let firsts: Vec<usize> = buckets
            .iter()
            .scan(0, |next, bucket| {
                let first = *next;
                *next += bucket.len();
                Some(first)
            })
            .collect();
        let items: Vec<(&str, &Item)> = buckets.concat();
        let root = items.iter().position(|(name, _)| name.is_empty()).unwrap_or(0);

        let place = room(out, 4, 8 + 4 * count + ITEM * count);
        put(out, place.0, &NO_BLOOM.to_le_bytes());
        put(out, place.0 + 4, &(count as u32).to_le_bytes());
        for (at, first) in firsts.iter().enumerate() {
            put(out, place.0 + 8 + 4 * at, &(*first as u32).to_le_bytes());
        }
        for (at, (name, found)) in items.iter().enumerate() {
            let item = place.0 + 8 + 4 * count + ITEM * at;
            let parent = if found.is_listed { root as u32 } else { u32::MAX };
            put(out, item, &hash(name).to_le_bytes());
            put(out, item + 4, &parent.to_le_bytes());
            let key = out.len() as u32;
            put(out, item + 8, &key.to_le_bytes());
            put(out, item + 12, &(name.len() as u16).to_le_bytes());
            out.extend_from_slice(name.as_bytes());
            let (kind, value) = match &found.entry {
                Some(Entry::Value(value)) => {
                    let bytes = Value::variant(value.clone()).bytes;
                    let place = room(out, 8, bytes.len());
                    put(out, place.0, &bytes);
                    (b'v', place)
                }
                Some(Entry::Table(table)) => (b'H', table.write(out)),
                None => {
                    let mut children: Vec<(&str, usize)> = Vec::new();
                    children.extend(items.iter().enumerate().filter(|(_, (_, item))| item.is_listed).map(|(at, (name, _))| (*name, at)));
                    children.sort_unstable();
                    if children.is_empty() {
                        continue;
                    }
                    let place = room(out, 4, 4 * children.len());
                    for (number, (_, at)) in children.into_iter().enumerate() {
                        put(out, place.0 + 4 * number, &(at as u32).to_le_bytes());
                    }
                    (b'L', place)
                }
            };
            put(out, item + 14, &[kind]);
            write_place(out, item + 16, value);
        }
        place
    }
}

/// Makes room for `length` zeros; where they are.
fn room(out: &mut Vec<u8>, alignment: usize, length: usize) -> (usize, usize) {
    let start = out.len().next_multiple_of(alignment);
    out.resize(start + length, 0);
    (start, start + length)
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    out[at..at + bytes.len()].copy_from_slice(bytes);
}

fn write_place(out: &mut [u8], at: usize, (start, end): (usize, usize)) {
    put(out, at, &(start as u32).to_le_bytes());
    put(out, at + 4, &(end as u32).to_le_bytes());
}
