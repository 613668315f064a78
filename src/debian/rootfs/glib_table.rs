//! Values by name, which can be gone through as GLib goes through its `GHashTable`: what programs write depends on that order.

use std::collections::BTreeMap;

/// Sizes of a table modulo which hashes are taken, by the binary logarithm of how many places it has (GLib's `prime_mod`).
const PRIMES: [u32; 32] = [
    1,
    2,
    3,
    7,
    13,
    31,
    61,
    127,
    251,
    509,
    1021,
    2039,
    4093,
    8191,
    16381,
    32749,
    65521,
    131_071,
    262_139,
    524_287,
    1_048_573,
    2_097_143,
    4_194_301,
    8_388_593,
    16_777_213,
    33_554_393,
    67_108_859,
    134_217_689,
    268_435_399,
    536_870_909,
    1_073_741_789,
    2_147_483_647,
];

/// `g_str_hash`, which GVDB takes too.
pub(super) fn hash(text: &str) -> u32 {
    text.bytes().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add_signed(i32::from(byte as i8)))
}

/// Values by name.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    items: Vec<(String, T)>,
    by_name: BTreeMap<String, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { items: Vec::new(), by_name: BTreeMap::new() }
    }
}

impl<T> Table<T> {
    /// Has `value` as `name`, unless there is one.
    pub(super) fn insert(&mut self, name: &str, value: T) -> bool {
        let is_new = !self.by_name.contains_key(name);
        if is_new {
            self.by_name.insert(name.to_owned(), self.items.len());
            self.items.push((name.to_owned(), value));
        }
        is_new
    }

    /// Has `value` as `name`, instead of what there may be.
    pub(super) fn set(&mut self, name: &str, value: T) {
        match self.get_mut(name) {
            Some(there) => *there = value,
            None => {
                self.insert(name, value);
            }
        }
    }

    /// What is called `name`; `T`'s default, when there is nothing yet.
    pub(super) fn entry(&mut self, name: &str) -> &mut T
    where
        T: Default,
    {
        let at = *self.by_name.entry(name.to_owned()).or_insert(self.items.len());
        if at == self.items.len() {
            self.items.push((name.to_owned(), T::default()));
        }
        &mut self.items[at].1
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.by_name.get(name).map(|at| &self.items[*at].1)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.by_name.get(name).map(|at| &mut self.items[*at].1)
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Forgets what came after the first `count`.
    pub(super) fn truncate(&mut self, count: usize) {
        self.items.truncate(count);
        self.by_name.retain(|_, at| *at < count);
    }

    /// All of them, by name.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (&str, &T)> {
        self.by_name.iter().map(|(name, at)| (name.as_str(), &self.items[*at].1))
    }

    /// All of them, as `g_hash_table_foreach` would come to them after they were inserted in this order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        let mut places = Places { shift: 3, places: vec![None; 8] };
        for (at, (name, _)) in self.items.iter().enumerate() {
            // 0 and 1 say that a place is free.
            places.insert((hash(name).max(2), at));
            let size = places.places.len();
            if size <= at + 1 + (at + 1) / 16 {
                places.grow(at + 1);
            }
        }
        places.places.into_iter().flatten().map(|(_, at)| (self.items[at].0.as_str(), &self.items[at].1))
    }
}

/// Hashes and numbers of items in open addressing.
struct Places {
    shift: usize,
    places: Vec<Option<(u32, usize)>>,
}

impl Places {
    fn first(&self, hash: u32) -> usize {
        (hash.wrapping_mul(11) % PRIMES[self.shift]) as usize
    }

    fn insert(&mut self, item: (u32, usize)) {
        let free = self.probe(item.0, |places, at| places[at].is_none());
        self.places[free] = Some(item);
    }

    fn probe(&self, hash: u32, is_free: impl Fn(&[Option<(u32, usize)>], usize) -> bool) -> usize {
        let (mut at, mut step) = (self.first(hash), 0);
        while !is_free(&self.places, at) {
            step += 1;
            at = (at + step) & (self.places.len() - 1);
        }
        at
    }

    /// Moves everything within the array, as GLib does: who is in the way is moved next.
    fn grow(&mut self, count: usize) {
        let wanted = (count as f64 * 1.333) as usize;
        let old = self.places.len();
        self.shift = ((usize::BITS - wanted.leading_zeros()) as usize).clamp(3, PRIMES.len() - 1);
        self.places.resize(old.max(1 << self.shift), None);
        let mut moved = vec![false; self.places.len()];
        for at in 0..old {
            if moved[at] {
                continue;
            }
            let mut item = self.places[at].take();
            while let Some(moving) = item {
                let to = self.probe(moving.0, |_, at| !moved[at]);
                moved[to] = true;
                item = self.places[to].replace(moving);
            }
        }
    }
}
