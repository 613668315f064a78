//! The files of an image as its merged file system has them, for people and programs to look through.

use serde::{Deserialize, Serialize};

use super::facts::ImageFacts;
use super::known::Known;
use super::platform::{class_name, machine_name, order_name};
use super::rootfs::MergedRoot;
use crate::Result;
use crate::image::{Elf, Entry, EntryKind, FileCapabilities, Image};
use crate::progress::Progress;

/// One path of the merged file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedFile {
    /// The layer that put it there, counted from 0 at the base.
    pub layer: usize,
    /// What is there, at its real path; a hard link is shown as the file it leads to.
    #[serde(flatten)]
    pub entry: Entry,
}

/// Every path that some layer put into the image and no later one took away, sorted by path.
///
/// Same pass and same conditions as [`verify`](super::verify()); a layer that cannot be read is an error.
pub fn list_files(image: &Image, known: &Known, progress: &dyn Progress, cancelled: &(dyn Fn() -> bool + Sync)) -> Result<Vec<ListedFile>> {
    let facts = ImageFacts::gather_knowing(image, known, progress, cancelled)?;
    facts.require_whole()?;
    let root = MergedRoot::merge(&facts.layers);
    let files = root.iter().filter(|(path, ..)| !path.is_root());
    let mut files: Vec<_> = files.map(|(path, node, entry)| ListedFile { layer: node.layer, entry: entry.at(path.text()) }).collect();
    // As texts: `a-b` comes before what is in `a`.
    files.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
    Ok(files)
}

impl ListedFile {
    /// Its ELF header, when it is an ELF file.
    pub fn elf(&self) -> Option<&Elf> {
        match &self.entry.kind {
            EntryKind::File { elf, .. } => elf.as_ref(),
            _ => None,
        }
    }

    /// Its capabilities, when it has some.
    pub fn capabilities(&self) -> Option<&FileCapabilities> {
        self.entry.kind.capabilities().map(Box::as_ref)
    }

    /// What else there is to know of a file in a few words: its capabilities, the machine it is for.
    pub fn about(&self) -> String {
        let capabilities = self.capabilities().map(FileCapabilities::to_string);
        let machine = self.elf().map(|elf| format!("{} ({})", machine_name(elf.machine), elf.machine));
        capabilities.into_iter().chain(machine).collect::<Vec<_>>().join("  ")
    }

    /// The same as a person reads it, line by line: labels and values, only what there is. Of an ELF header like `readelf -hd`.
    pub fn details(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        lines.extend(self.capabilities().map(|capabilities| ("capabilities", capabilities.to_string())));
        lines.extend(self.elf_header());
        lines
    }

    fn elf_header(&self) -> Vec<(&'static str, String)> {
        let Some(elf) = self.elf() else { return Vec::new() };
        let kind = match elf.object_type {
            1 => "relocatable object",
            2 => "executable",
            3 if elf.interpreter.is_some() => "position-independent executable",
            3 => "shared object",
            4 => "core dump",
            _ => "of unknown type",
        };
        let mut lines = vec![
            ("machine", format!("{} ({})", machine_name(elf.machine), elf.machine)),
            ("class", format!("{}, {}", class_name(elf.class), order_name(elf.data))),
            ("type", format!("{kind} ({})", elf.object_type)),
        ];
        let texts = [("interpreter", &elf.interpreter), ("soname", &elf.soname), ("rpath", &elf.rpath), ("runpath", &elf.runpath)];
        lines.extend(texts.into_iter().filter_map(|(label, text)| Some((label, text.clone()?))));
        match elf.needed.as_deref() {
            None => {}
            Some([]) => lines.push(("needs", "no library".into())),
            Some(needed) => lines.push(("needs", needed.join(" "))),
        }
        lines.extend(elf.damage.clone().map(|damage| ("damage", damage)));
        lines
    }

    /// Mode as `ls -l` shows it: `-rwsr-xr-x`.
    pub fn mode_string(&self) -> String {
        let mode = self.entry.mode;
        let kind = match self.entry.kind {
            EntryKind::Directory => 'd',
            EntryKind::Symlink { .. } => 'l',
            EntryKind::Special => '?',
            _ => '-',
        };
        let mut out = String::from(kind);
        for (shift, special, set, unset) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
            let bits = mode >> shift;
            out.push(if bits & 4 != 0 { 'r' } else { '-' });
            out.push(if bits & 2 != 0 { 'w' } else { '-' });
            out.push(match (mode & special != 0, bits & 1 != 0) {
                (true, true) => set,
                (true, false) => unset,
                (false, true) => 'x',
                (false, false) => '-',
            });
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;
    use crate::verify::samples::{Layer, Sample, elf};

    #[test]
    fn what_a_later_layer_removes_is_not_listed_and_links_show_what_they_lead_to() {
        let lower = Layer::new().file("a", 0o644, b"1").file("gone", 0o644, b"").folder("d");
        let upper = Layer::new().file(".wh.gone", 0, b"").file("tool", 0o4755, &elf(62, "/ld")).hard_link("twin", "tool").symlink("l", "a");
        let image = Sample::new("amd64").layer(lower).layer(upper).image();
        let files = list_files(&image, &Known::default(), &Silent, &|| false).unwrap();
        let shown: Vec<String> = files.iter().map(|f| format!("{} {} {}", f.layer, f.mode_string(), f.entry.path)).collect();
        assert_eq!(shown, ["0 -rw-r--r-- a", "0 drwxr-xr-x d", "1 lrwxrwxrwx l", "1 -rwsr-xr-x tool", "1 -rwsr-xr-x twin"]);
        let header = files[4].details();
        assert!(header.contains(&("machine", "x86-64 (62)".into())) && header.contains(&("interpreter", "/ld".into())), "{header:?}");
    }

    #[test]
    fn files_are_sorted_as_texts_for_those_who_look_one_up() {
        let layer = Layer::new().folder("a").file("a/b", 0o644, b"").file("a-b", 0o644, b"").file("a0", 0o644, b"");
        let files = list_files(&Sample::new("amd64").layer(layer).image(), &Known::default(), &Silent, &|| false).unwrap();
        assert_eq!(files.iter().map(|file| file.entry.path.as_str()).collect::<Vec<_>>(), ["a", "a-b", "a/b", "a0"]);
    }

    #[test]
    fn capabilities_are_told_of_every_name_of_a_file() {
        let value = [&[1, 0, 0, 2, 0, 0x20][..], &[0; 14]].concat();
        let layer = Layer::new().capabilities(&value).file("ping", 0o755, &elf(62, "/ld")).hard_link("ping4", "ping");
        let files = list_files(&Sample::new("amd64").layer(layer).image(), &Known::default(), &Silent, &|| false).unwrap();
        assert_eq!(files.iter().map(ListedFile::about).collect::<Vec<_>>(), ["cap_net_raw=ep  x86-64 (62)"; 2]);
        assert_eq!(files[0].details()[..2], [("capabilities", "cap_net_raw=ep".into()), ("machine", "x86-64 (62)".into())]);
    }

    #[test]
    fn special_bits_without_execution_are_capitals() {
        let entry = Entry { path: "x".into(), kind: EntryKind::Directory, mode: 0o7000, uid: 0, gid: 0 };
        assert_eq!(ListedFile { layer: 0, entry }.mode_string(), "d--S--S--T");
    }

    #[test]
    fn a_listing_survives_json() {
        let image = Sample::new("amd64").layer(Layer::new().file("tool", 0o755, &elf(62, "/ld")).symlink("l", "tool")).image();
        let files = list_files(&image, &Known::default(), &Silent, &|| false).unwrap();
        let json = serde_json::to_string(&files).unwrap();
        assert_eq!(serde_json::from_str::<Vec<ListedFile>>(&json).unwrap(), files);
    }
}
