//! The file systems of two images, path by path.

use super::comparison::{Aspect, Row, Section};
use super::pairs::{Lone, Pairs, Same};
use super::rows::Rows;
use super::{Half, Names, Pair};
use super::{elf, packages};
use crate::image::{EntryKind, EntryRef};
use crate::progress::count;
use crate::verify::platform::ElfPlatform;

/// Every aspect of the paths, in the order of [`Aspect::ALL`]. Contents are left out when they were not read, or are for different
/// architectures: there nearly every package's list of checksums would differ.
pub(super) fn compare(pair: &Pair<'_>, pairs: &Pairs<'_>, all: bool) -> Vec<Section> {
    let mut sections = Sections::new(all);
    on_both_sides(pair, pairs, |both, left, right| {
        let (Some(left), Some(right)) = (left, right) else {
            // A folder that nobody describes has a kind only.
            let kind = |entry: Option<EntryRef<'_>>| entry.map_or("folder", |entry| kind(&entry));
            sections.kinds.add(kind(left) != kind(right), || both.row(Some(kind(left).into()), Some(kind(right).into())));
            return;
        };
        sections.both(both, &left, &right);
    });
    let Sections { kinds, modes, owners, sizes, links, elf, contents } = sections;
    let mut out = vec![paths(pair, pairs, all).0];
    out.extend([kinds, modes, owners, sizes, links, elf].map(Rows::section));
    if !pair.across_architectures && pair.left.contents.is_some() && pair.right.contents.is_some() {
        out.push(contents.section());
    }
    out
}

/// Permissions and owners alone, of what both sides have.
pub(super) fn rights(pair: &Pair<'_>, pairs: &Pairs<'_>) -> [Section; 2] {
    let (mut modes, mut owners) = (Rows::new(Aspect::Modes, false), Rows::new(Aspect::Owners, false));
    on_both_sides(pair, pairs, |both, left, right| {
        if let (Some(left), Some(right)) = (left, right)
            && kind(&left) == kind(&right)
        {
            permissions(&mut modes, &mut owners, both, &left, &right);
        }
    });
    [modes.section(), owners.section()]
}

/// Hands out what both sides have, sorted by path; the entry of a folder that no layer names is `None`.
fn on_both_sides(pair: &Pair<'_>, pairs: &Pairs<'_>, mut each: impl FnMut(&Both<'_>, Option<EntryRef<'_>>, Option<EntryRef<'_>>)) {
    let mut sorted: Vec<(String, &Same<'_>)> = pairs.both.iter().map(|same| (same.left.text(), same)).collect();
    sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (left_path, same) in &sorted {
        let right_path = same.right.as_ref().unwrap_or(left_path);
        let (left, right) = (pair.left.root.get(left_path), pair.right.root.get(right_path));
        let entries = (left.and_then(|node| node.entry), right.and_then(|node| node.entry));
        each(&Both { pair, left_path, right_path }, entries.0, entries.1);
    }
}

fn permissions(modes: &mut Rows, owners: &mut Rows, both: &Both<'_>, left: &EntryRef<'_>, right: &EntryRef<'_>) {
    let words = |left: String, right: String| both.row(Some(left), Some(right));
    let rights = |entry: &EntryRef<'_>| match entry.kind.capabilities() {
        Some(capabilities) => format!("{:04o} {capabilities}", entry.mode),
        None => format!("{:04o}", entry.mode),
    };
    // A link's own mode means nothing (symlink(7)), and whoever made the tar wrote what he liked.
    if !matches!(left.kind, EntryKind::Symlink { .. }) {
        modes.add((left.mode, left.kind.capabilities()) != (right.mode, right.kind.capabilities()), || words(rights(left), rights(right)));
    }
    let owner = |entry: &EntryRef<'_>| format!("{}:{}", entry.uid, entry.gid);
    owners.add((left.uid, left.gid) != (right.uid, right.gid), || words(owner(left), owner(right)));
}

/// What only one side has; a folder and everything below it are one row. Says besides how much of it is no difference: what packages
/// have for one architecture only stands in folders and files called after it.
pub(super) fn paths(pair: &Pair<'_>, pairs: &Pairs<'_>, all: bool) -> (Section, usize) {
    let mut rows = Rows::new(Aspect::Paths, all);
    let (same_packages, mut aside) = (pair.across_architectures && packages::are_same(pair), 0);
    let mut lone: Vec<(bool, &Lone<'_>)> = pairs.left.iter().map(|lone| (true, lone)).collect();
    lone.extend(pairs.right.iter().map(|lone| (false, lone)));
    lone.sort_by_key(|(is_left, lone)| (&lone.path, *is_left));
    for (is_left, lone) in lone {
        let own = same_packages && pair.is_own_path(&lone.path);
        aside += usize::from(own);
        rows.add(!own, || {
            let half = if is_left { &pair.left } else { &pair.right };
            let said = Some(describe(lone));
            let (left, right) = if is_left { (said, None) } else { (None, said) };
            Row { name: lone.path.clone(), right_name: None, package: half.package(&lone.path), left, right, differs: true }
        });
    }
    let mut section = rows.section();
    section.compared += pairs.both.len();
    (section, aside)
}

fn describe(lone: &Lone<'_>) -> String {
    match &lone.entry.kind {
        EntryKind::Directory if lone.below > 0 => format!("folder with {}", count(lone.below, "path")),
        EntryKind::File { size, .. } => format!("file of {}", count(usize::try_from(*size).unwrap_or(usize::MAX), "byte")),
        EntryKind::Symlink { target } => format!("link to {target}"),
        _ => kind(&lone.entry).to_owned(),
    }
}

fn kind(entry: &EntryRef<'_>) -> &'static str {
    match entry.kind {
        EntryKind::File { .. } | EntryKind::HardLink { .. } => "file",
        EntryKind::Directory => "folder",
        EntryKind::Symlink { .. } => "link",
        EntryKind::Special => "device or fifo",
        EntryKind::Whiteout | EntryKind::Opaque => "whiteout",
    }
}

/// What both sides have at a path.
struct Both<'a> {
    pair: &'a Pair<'a>,
    left_path: &'a str,
    right_path: &'a str,
}

impl Both<'_> {
    fn row(&self, left: Option<String>, right: Option<String>) -> Row {
        Row {
            name: self.left_path.to_owned(),
            right_name: (self.left_path != self.right_path).then(|| self.right_path.to_owned()),
            package: self.pair.left.package(self.left_path).or_else(|| self.pair.right.package(self.right_path)),
            left,
            right,
            differs: false,
        }
    }
}

impl Both<'_> {
    /// Whether one package has it on both sides, in one version.
    fn is_packaged(&self) -> bool {
        let (left, right) = (self.pair.left.package(self.left_path), self.pair.right.package(self.right_path));
        left.is_some() && left == right && left.is_some_and(|name| packages::is_same(self.pair, &name))
    }
}

impl Half<'_> {
    fn package(&self, path: &str) -> Option<String> {
        self.contents?.package(path).map(str::to_owned)
    }
}

struct Sections {
    kinds: Rows,
    modes: Rows,
    owners: Rows,
    sizes: Rows,
    links: Rows,
    elf: Rows,
    contents: Rows,
}

impl Sections {
    fn new(all: bool) -> Self {
        let rows = |aspect| Rows::new(aspect, all);
        Sections {
            kinds: rows(Aspect::Kinds),
            modes: rows(Aspect::Modes),
            owners: rows(Aspect::Owners),
            sizes: rows(Aspect::Sizes),
            links: rows(Aspect::Links),
            elf: rows(Aspect::Elf),
            contents: rows(Aspect::Contents),
        }
    }

    fn both(&mut self, both: &Both<'_>, left: &EntryRef<'_>, right: &EntryRef<'_>) {
        let pair = both.pair;
        let words = |left: String, right: String| both.row(Some(left), Some(right));
        self.kinds.add(kind(left) != kind(right), || words(kind(left).into(), kind(right).into()));
        if kind(left) != kind(right) {
            return;
        }
        permissions(&mut self.modes, &mut self.owners, both, left, right);
        match (&left.kind, &right.kind) {
            (EntryKind::File { size: a, elf: left_elf, .. }, EntryKind::File { size: b, elf: right_elf, .. }) => {
                // A file that is called after its architecture tells of it: its length may be another. So may that of a script or a
                // header into which a package's build for each architecture has written something else.
                let own = || {
                    left_elf.is_some() && right_elf.is_some()
                        || both.left_path != both.right_path
                        || is_compiled(both.left_path)
                        || both.is_packaged()
                };
                self.sizes.add(a != b && !(pair.across_architectures && own()), || words(a.to_string(), b.to_string()));
                if left_elf.is_some() || right_elf.is_some() {
                    let (differs, left, right) = elf::compare(pair, *left_elf, *right_elf);
                    self.elf.add(differs, || words(left, right));
                }
                // Another length is another content, and said already.
                if let (Some(a), Some(b)) = (digest(&pair.left, left), digest(&pair.right, right).filter(|_| a == b)) {
                    self.contents.add(a != b, || words(a.to_string(), b.to_string()));
                }
            }
            (EntryKind::Symlink { target: a }, EntryKind::Symlink { target: b }) => {
                let leads = |path: &str, target: &str, names: &Names| names.neutral(&destination(&names.neutral(path), target));
                let differs = match pair.across_architectures {
                    true => {
                        let (left, right) = (&pair.left_names, &pair.right_names);
                        a != b && left.neutral(a) != right.neutral(b) && leads(both.left_path, a, left) != leads(both.right_path, b, right)
                    }
                    false => a != b,
                };
                self.links.add(differs, || words((*a).to_owned(), (*b).to_owned()));
            }
            _ => {}
        }
    }
}

fn digest<'a>(half: &Half<'a>, entry: &EntryRef<'_>) -> Option<&'a crate::image::Digest> {
    half.contents?.digest(half.facts, entry)
}

/// Files that hold what was compiled for an architecture, or tell of it, without being ELF themselves.
fn is_compiled(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    matches!(path, "etc/ld.so.cache") || name.ends_with(".md5sums") || name.ends_with(".a") || path.starts_with("var/lib/dpkg/status")
}

/// Where a link leads by its words alone: links on the way are not followed.
fn destination(path: &str, target: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    if !target.starts_with('/') {
        names.extend(path.split('/'));
        names.pop();
    }
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.join("/")
}

/// Whether `platform` has ELF files that are known, and `elf` is one of them.
pub(super) fn is_native(platform: &crate::image::Platform, elf: &crate::image::Elf) -> bool {
    ElfPlatform::of(platform).is_some_and(|wanted| wanted.is(elf))
}
