//! `mime.cache`: everything that is said of types, for programs that map the file (shared-mime-info specification, "The cache
//! files"). Numbers are big-endian, texts are where all are, filled up to multiples of four.

use std::collections::HashMap;

use super::super::glib_table::Table;
use super::database::{Database, Glob};
use super::magic::Match;

/// Version 1.2.
const VERSION: u32 = 1 << 16 | 2;
/// The version, and where ten lists are.
const HEADER: usize = 4 + 10 * 4;
/// Besides the weight of a pattern: that case matters.
const CASE_SENSITIVE: u32 = 0x100;

/// The file.
pub(super) fn cache(database: &Database) -> Vec<u8> {
    let mut cache = Cache { out: vec![0; HEADER], places: HashMap::new() };
    cache.add_texts(database);
    let by_kind = |wanted: Kind| database.globs.sorted().filter(move |(pattern, _)| kind(pattern) == wanted);
    let lists = [
        cache.add_pairs(database.aliases.sorted().map(|(alias, of)| vec![alias, of.as_str()])),
        cache.add_parents(&database.parents),
        cache.add_globs(by_kind(Kind::Literal)),
        cache.add_suffixes(&database.globs),
        cache.add_globs(by_kind(Kind::Pattern)),
        cache.add_magic(database),
        cache.add_pairs(database.roots.sorted().map(|(root, of)| root.split(' ').chain([of.as_str()]).collect())),
        cache.add_pairs(database.icons.sorted().map(|(of, icon)| vec![of, icon.as_str()])),
        cache.add_pairs(database.generic_icons.sorted().map(|(of, icon)| vec![of, icon.as_str()])),
        cache.add_types(database),
    ];
    let header: Vec<u8> = std::iter::once(VERSION).chain(lists).flat_map(u32::to_be_bytes).collect();
    cache.out[..HEADER].copy_from_slice(&header);
    cache.out
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A name.
    Literal,
    /// A star and what a name ends in.
    Suffix,
    /// Anything else.
    Pattern,
}

fn kind(pattern: &str) -> Kind {
    let (star, rest) = pattern.strip_prefix('*').map_or((false, pattern), |rest| (true, rest));
    match (rest.contains(['\\', '[', '?', '*']), star) {
        (true, _) => Kind::Pattern,
        (false, true) => Kind::Suffix,
        (false, false) => Kind::Literal,
    }
}

struct Cache {
    out: Vec<u8>,
    places: HashMap<String, u32>,
}

impl Cache {
    fn here(&self) -> u32 {
        self.out.len() as u32
    }

    fn number(&mut self, number: u32) {
        self.out.extend(number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        let place = self.places.get(text).copied().unwrap_or(0);
        self.number(place);
    }

    fn data(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.out.resize(self.out.len().next_multiple_of(4), 0);
    }

    /// Every text, in the order of GLib's table of them.
    fn add_texts(&mut self, database: &Database) {
        let mut texts: Table<()> = Table::default();
        let mut add = |text: &str| texts.set(text, ());
        for (alias, of) in database.aliases.iter() {
            add(alias);
            add(of);
        }
        for (of, parents) in database.parents.iter() {
            add(of);
            parents.iter().for_each(|parent| add(parent));
        }
        for (pattern, globs) in database.globs.iter() {
            if kind(pattern) != Kind::Suffix {
                add(pattern);
            }
            globs.iter().for_each(|glob| add(&glob.of));
        }
        database.magic.iter().for_each(|magic| add(&magic.of));
        for (root, of) in database.roots.iter() {
            add(of);
            root.split(' ').for_each(&mut add);
        }
        for (of, icon) in database.generic_icons.iter().chain(database.icons.iter()) {
            add(of);
            add(icon);
        }
        for (text, ()) in texts.iter() {
            self.places.insert(text.to_owned(), self.here());
            self.data(&[text.as_bytes(), b"\0"].concat());
        }
    }

    /// A list of texts that belong together.
    fn add_pairs<'a>(&mut self, rows: impl Iterator<Item = Vec<&'a str>>) -> u32 {
        let (start, rows) = (self.here(), rows.collect::<Vec<_>>());
        self.number(rows.len() as u32);
        rows.iter().flatten().for_each(|text| self.text(text));
        start
    }

    fn add_parents(&mut self, parents: &Table<Vec<String>>) -> u32 {
        let start = self.here();
        let count = parents.len() as u32;
        self.number(count);
        let mut place = start + 4 + 8 * count;
        for (of, parents) in parents.sorted() {
            self.text(of);
            self.number(place);
            place += 4 + 4 * parents.len() as u32;
        }
        for (_, parents) in parents.sorted() {
            self.number(parents.len() as u32);
            parents.iter().for_each(|parent| self.text(parent));
        }
        start
    }

    fn add_globs<'a>(&mut self, globs: impl Iterator<Item = (&'a str, &'a Vec<Glob>)>) -> u32 {
        let (start, globs) = (self.here(), globs.flat_map(|(_, globs)| globs).collect::<Vec<_>>());
        self.number(globs.len() as u32);
        for glob in globs {
            self.text(&glob.pattern);
            self.text(&glob.of);
            self.number(flags(glob));
        }
        start
    }

    /// What names end in, as a tree from the last character on, its levels one behind the other.
    fn add_suffixes(&mut self, globs: &Table<Vec<Glob>>) -> u32 {
        let start = self.here();
        let mut root = Suffixes::default();
        for (pattern, globs) in globs.iter().filter(|(pattern, _)| kind(pattern) == Kind::Suffix) {
            globs.iter().for_each(|glob| root.insert(&pattern[1..], glob));
        }
        self.number(root.next.len() as u32);
        self.number(start + 8);
        let mut place = start + 8 + 12 * root.next.len() as u32;
        let mut level: Vec<&Suffixes> = vec![&root];
        while !level.is_empty() {
            for suffixes in &level {
                for (of, number) in &suffixes.ended {
                    self.number(0);
                    self.text(of);
                    self.number(*number);
                }
                for (character, next) in &suffixes.next {
                    let count = (next.ended.len() + next.next.len()) as u32;
                    self.number(u32::from(*character));
                    self.number(count);
                    self.number(place);
                    place += 12 * count;
                }
            }
            level = level.iter().flat_map(|suffixes| suffixes.next.values()).collect();
        }
        start
    }

    fn add_magic(&mut self, database: &Database) -> u32 {
        let start = self.here();
        let (mut matches, mut firsts) = (Vec::new(), Vec::new());
        for magic in &database.magic {
            firsts.push(matches.len());
            collect(&magic.matches, &mut matches);
        }
        let extent = matches.iter().map(|(one, _)| one.start.saturating_add(one.length).saturating_add(one.data.len() as u32)).max();
        self.number(database.magic.len() as u32);
        self.number(extent.unwrap_or(0));
        self.number(start + 12);
        let first = start + 12 + 16 * database.magic.len() as u32;
        for (magic, at) in database.magic.iter().zip(firsts) {
            self.number(magic.priority);
            self.text(&magic.of);
            self.number(magic.matches.len() as u32);
            self.number(first + 32 * at as u32);
        }
        let mut place = first + 32 * matches.len() as u32;
        for (one, at) in &matches {
            let size = one.data.len().next_multiple_of(4) as u32;
            for number in [one.start, one.length, one.word, one.data.len() as u32, place] {
                self.number(number);
            }
            self.number(if one.mask.is_some() { place + size } else { 0 });
            place += if one.mask.is_some() { 2 * size } else { size };
            self.number(one.matches.len() as u32);
            self.number(if one.matches.is_empty() { 0 } else { first + 32 * *at as u32 });
        }
        for (one, _) in matches {
            self.data(&one.data);
            self.data(one.mask.as_deref().unwrap_or_default());
        }
        start
    }

    /// As many zeros as there are types: the program looks their texts up with a line's end, and finds none.
    fn add_types(&mut self, database: &Database) -> u32 {
        let start = self.here();
        self.number(database.types.len() as u32);
        (0..database.types.len()).for_each(|_| self.number(0));
        start
    }
}

fn flags(glob: &Glob) -> u32 {
    glob.weight | if glob.is_case_sensitive { CASE_SENSITIVE } else { 0 }
}

/// Adds `matches`, and below them those in each; with each, where the first of those in it is.
fn collect<'a>(matches: &'a [Match], all: &mut Vec<(&'a Match, usize)>) {
    let start = all.len();
    all.extend(matches.iter().map(|one| (one, 0)));
    for (at, one) in matches.iter().enumerate() {
        all[start + at].1 = all.len();
        collect(&one.matches, all);
    }
}

/// What comes before a suffix.
#[derive(Default)]
struct Suffixes {
    /// Types of the suffix so far, with their weights and flags.
    ended: Vec<(String, u32)>,
    next: std::collections::BTreeMap<char, Suffixes>,
}

impl Suffixes {
    fn insert(&mut self, suffix: &str, glob: &Glob) {
        let mut at = self;
        for character in suffix.chars().rev() {
            at = at.next.entry(character).or_default();
        }
        match at.ended.iter_mut().find(|(of, _)| *of == glob.of) {
            Some((_, number)) => *number = (*number & !0xff) | (*number & 0xff).max(glob.weight),
            None => at.ended.push((glob.of.clone(), flags(glob))),
        }
    }
}
