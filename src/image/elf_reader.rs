//! Reads what an ELF file says of its libraries (gABI, "Dynamic Section") while the file streams by, in bounded memory.
//!
//! The dynamic section lies near the end of a file and names its strings, which lie near the beginning: when one knows
//! where they are they have passed. So the beginning of the first loaded segment is held (`elf_head.rs`) until the dynamic section
//! has come.

use std::borrow::Cow;
use std::cell::RefCell;

use super::elf::{Fields, read_elf};
use super::elf_head::Head;
use super::{ELF_HEAD, Elf};

/// Most bytes of a file's beginning that are held. Of the 3,449 ELF files of web servers, databases and languages in trixie
/// (amd64 and arm64) all but libLLVM and libnode have their strings below 4 MiB, and these below 8 MiB.
const MAX_HEAD: u64 = 12 << 20;
/// Most bytes of a dynamic section; real ones have less than 2 KiB.
const MAX_DYNAMIC: u64 = 64 << 10;
/// Most bytes of strings that come after the dynamic section (`patchelf` puts them there).
const MAX_STRINGS: u64 = 4 << 20;
/// Longest name of a library or search path.
const MAX_NAME: usize = 4096;
/// Most libraries one file may need.
const MAX_NEEDED: usize = 4096;

const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
const DT_FLAGS_1: u64 = 0x6fff_fffb;

/// Reads one file after the other: [`ElfReader::begin`], [`ElfReader::push`] for each piece in order, [`ElfReader::finish`].
#[derive(Debug, Default)]
pub struct ElfReader {
    /// How much has been pushed.
    at: u64,
    /// The file's beginning, as far as it is held.
    head: Head,
    head_end: u64,
    dynamic: Part,
    /// The interpreter's path: glibc's libc.so.6 has it in the middle of the file.
    interpreter: Part,
    strings: Part,
    loads: Vec<Load>,
    state: State,
    class: Option<(bool, bool)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing is known but the first bytes.
    #[default]
    Head,
    /// The dynamic section is still to come.
    Dynamic,
    /// The strings are still to come.
    Strings,
    /// There is nothing more to see.
    Done,
}

/// A range of the file that is collected as it passes.
#[derive(Debug, Default)]
struct Part {
    start: u64,
    end: u64,
    bytes: Vec<u8>,
}

impl Part {
    fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.end - self.start
    }

    /// Takes what `piece`, which begins at `at`, has of the range.
    fn take(&mut self, at: u64, piece: &[u8]) {
        let want = self.start + self.bytes.len() as u64;
        if self.is_whole() || want < at {
            return;
        }
        let (from, to) = (want - at, (self.end - at).min(piece.len() as u64));
        if from < to {
            self.bytes.extend_from_slice(&piece[from as usize..to as usize]);
        }
    }
}

/// A loaded segment: which addresses are which bytes of the file.
#[derive(Clone, Copy, Debug)]
struct Load {
    offset: u64,
    address: u64,
    size: u64,
}

impl ElfReader {
    /// What a whole file in memory says.
    pub fn whole(file: &[u8]) -> Option<Elf> {
        let mut reader = ElfReader::default();
        reader.begin();
        reader.push(file);
        reader.finish(file.len() as u64)
    }

    /// Forgets the file before.
    pub fn begin(&mut self) {
        let (mut head, mut dynamic) = (std::mem::take(&mut self.head), std::mem::take(&mut self.dynamic.bytes));
        head.clear();
        dynamic.clear();
        *self = ElfReader { head, head_end: ELF_HEAD as u64, dynamic: Part { bytes: dynamic, ..Part::default() }, ..ElfReader::default() };
    }

    /// Whether the rest of the file matters. Once it says no it stays so.
    pub fn wants_more(&self) -> bool {
        self.state != State::Done
    }

    /// The next piece of the file.
    pub fn push(&mut self, piece: &[u8]) {
        if self.state == State::Done || piece.is_empty() {
            return;
        }
        if self.at == 0 && !piece.starts_with(&b"\x7fELF"[..piece.len().min(4)]) {
            self.state = State::Done;
            return;
        }
        let at = self.at;
        self.at += piece.len() as u64;
        let room = self.head_end.saturating_sub(self.head.len()).min(piece.len() as u64) as usize;
        if self.head.len() == at {
            self.head.push(&piece[..room]);
        }
        if self.state == State::Head {
            if self.head.len() < ELF_HEAD as u64 {
                return;
            }
            self.plan();
            // The piece may go beyond the part of the head that was known to matter.
            let held = self.head.len();
            if self.state != State::Done && held < self.head_end && held >= at {
                let more = (self.head_end - at).min(piece.len() as u64) as usize;
                self.head.push(&piece[(held - at) as usize..more]);
            }
            // What came before this piece is among the first bytes.
            self.dynamic.take(0, self.head.first());
            self.interpreter.take(0, self.head.first());
        }
        self.interpreter.take(at, piece);
        if self.state == State::Dynamic {
            self.dynamic.take(at, piece);
            if self.dynamic.is_whole() {
                self.after_dynamic();
            }
        }
        if self.state == State::Strings {
            self.strings.take(at, piece);
            if self.strings.is_whole() {
                self.state = State::Done;
            }
        }
    }

    /// What the file of `size` bytes says; `None` when it is no ELF file. A header that lies, and a file that ends too early, is
    /// [`Elf::damage`]; libraries that could not be read within the limits are `None`.
    pub fn finish(&mut self, size: u64) -> Option<Elf> {
        let mut elf = read_elf(&self.head.first()[..self.head.first().len().min(ELF_HEAD)])?;
        if elf.damage.is_some() {
            return Some(elf);
        }
        if self.state == State::Head {
            self.plan();
            self.dynamic.take(0, self.head.first());
            if self.state == State::Dynamic && self.dynamic.is_whole() {
                self.after_dynamic();
            }
        }
        elf.damage = self.missing_end(&elf, size);
        elf.dynamic = self.dynamic.start != self.dynamic.end;
        if !elf.dynamic {
            // Nothing is loaded at run time.
            elf.needed = Some(Vec::new());
        } else if self.dynamic.is_whole() {
            self.libraries(&mut elf);
        }
        if elf.interpreter.is_none() && self.interpreter.end > 0 && self.interpreter.is_whole() {
            let path = self.interpreter.bytes.split(|b| *b == 0).next().unwrap_or_default();
            elf.interpreter = Some(String::from_utf8_lossy(path).into_owned()).filter(|path| !path.is_empty());
        }
        Some(elf)
    }

    /// What is said of a file that ends before what is loaded of it: it was copied or downloaded in part.
    fn missing_end(&self, elf: &Elf, size: u64) -> Option<String> {
        let (wide, big) = self.class?;
        // What is zero at the start (`.bss`) is not in the file, and may have any place in it.
        let ends = self.loads.iter().filter(|load| load.size > 0).map(|load| load.offset.saturating_add(load.size));
        let end = ends.max().filter(|end| *end > size)?;
        // Core dumps are written as far as there is room. Detached debug information keeps the program headers without their content,
        // and has its section headers, which come last in every file that has any.
        let fields = Fields { bytes: self.head.first(), big, wide };
        let sections = fields.word(if wide { 40 } else { 32 })?;
        let detached = sections != 0 && sections < size;
        let loaded = matches!(elf.object_type, ET_EXEC | ET_DYN);
        (loaded && !detached).then(|| format!("the file ends at byte {size}, and is loaded up to byte {end}: a part of it is missing"))
    }

    /// Reads the program headers: what has to be held, and where the dynamic section is.
    fn plan(&mut self) {
        self.state = State::Done;
        let (Some(class), Some(data)) = (self.head.first().get(4), self.head.first().get(5)) else { return };
        let (wide, big) = (*class == 2, *data == 2);
        self.class = Some((wide, big));
        let fields = Fields { bytes: self.head.first(), big, wide };
        let (table, entry, count) =
            if wide { (fields.word(32), fields.u16(54), fields.u16(56)) } else { (fields.word(28), fields.u16(42), fields.u16(44)) };
        let (Some(table), Some(entry), Some(count)) = (table, entry, count) else { return };
        for index in 0..u64::from(count) {
            let at = index.checked_mul(u64::from(entry)).and_then(|o| o.checked_add(table)).and_then(|at| usize::try_from(at).ok());
            let Some((at, kind)) = at.and_then(|at| Some((at, fields.u32(at)?))) else { break };
            let places = if wide { [8, 16, 32] } else { [4, 8, 16] };
            let [Some(offset), Some(address), Some(size)] = places.map(|place| fields.word(at.checked_add(place)?)) else { break };
            match kind {
                PT_LOAD => self.loads.push(Load { offset, address, size }),
                PT_INTERP if self.interpreter.end == 0 && size <= MAX_NAME as u64 => {
                    self.interpreter.start = offset;
                    self.interpreter.end = offset.saturating_add(size);
                }
                PT_DYNAMIC if self.dynamic.end == 0 && size > 0 => {
                    self.dynamic.start = offset;
                    self.dynamic.end = offset.saturating_add(size.min(MAX_DYNAMIC));
                }
                _ => {}
            }
        }
        if self.dynamic.end > 0 {
            let first = self.loads.iter().map(|load| load.offset.saturating_add(load.size)).next().unwrap_or(0);
            self.head_end = first.min(MAX_HEAD).max(ELF_HEAD as u64);
            self.state = State::Dynamic;
        }
    }

    /// The dynamic section is there: are its strings, or do they come yet?
    fn after_dynamic(&mut self) {
        let held = self.head.len();
        self.state = match self.string_table() {
            // The held beginning is still growing.
            Some((start, _)) if start < self.head_end && held < self.head_end => State::Dynamic,
            Some((start, end)) if start >= held && start >= self.dynamic.end => {
                self.strings = Part { start, end: end.min(start.saturating_add(MAX_STRINGS)), bytes: Vec::new() };
                State::Strings
            }
            _ => State::Done,
        };
    }

    /// The tags and values of the dynamic section.
    fn tags(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let (wide, big) = self.class.unwrap_or((true, false));
        let word = if wide { 8 } else { 4 };
        let fields = Fields { bytes: &self.dynamic.bytes, big, wide };
        (0..self.dynamic.bytes.len() / (2 * word))
            .filter_map(move |index| Some((fields.word(2 * word * index)?, fields.word(2 * word * index + word)?)))
            .take_while(|(tag, _)| *tag != 0)
    }

    /// Where the strings lie in the file, to the end of their segment.
    fn string_table(&self) -> Option<(u64, u64)> {
        let (_, address) = self.tags().find(|(tag, _)| *tag == DT_STRTAB)?;
        let load = self.loads.iter().find(|l| address >= l.address && address - l.address < l.size)?;
        Some((load.offset.checked_add(address - load.address)?, load.offset.checked_add(load.size)?))
    }

    fn libraries(&self, elf: &mut Elf) {
        elf.flags_1 = self.tags().find(|(tag, _)| *tag == DT_FLAGS_1).map_or(0, |(_, value)| value as u32);
        let Some((start, _)) = self.string_table() else { return };
        let held = RefCell::new(self.head.opened());
        let text = |offset: u64| -> Option<String> {
            let bytes = match self.strings.end {
                0 => Cow::Owned(held.borrow_mut().read(start.checked_add(offset)?, MAX_NAME)),
                _ => Cow::Borrowed(self.strings.bytes.get(usize::try_from(offset).ok()?..)?),
            };
            let end = bytes.iter().take(MAX_NAME).position(|b| *b == 0)?;
            std::str::from_utf8(&bytes[..end]).ok().map(str::to_owned)
        };
        let all = |wanted: u64| self.tags().filter(move |(tag, _)| *tag == wanted).map(|(_, value)| text(value));
        elf.needed = all(DT_NEEDED).take(MAX_NEEDED).collect();
        elf.soname = all(DT_SONAME).next().flatten();
        elf.rpath = all(DT_RPATH).next().flatten();
        elf.runpath = all(DT_RUNPATH).next().flatten();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is read when the file comes in pieces of `step` bytes.
    fn read(bytes: &[u8], step: usize) -> Option<Elf> {
        let mut reader = ElfReader::default();
        reader.begin();
        bytes.chunks(step).for_each(|piece| reader.push(piece));
        reader.finish(bytes.len() as u64)
    }

    #[test]
    fn this_test_itself_is_read_in_pieces_of_any_size() {
        let bytes = std::fs::read("/proc/self/exe").unwrap();
        let elf = read(&bytes, 1 << 16).unwrap();
        assert!(elf.needed.as_ref().is_some_and(|needed| needed.iter().any(|name| name.starts_with("libc.so"))), "{elf:?}");
        assert_eq!((elf.soname.as_deref(), elf.damage.as_deref()), (None, None));
        for step in [1000, 4097, 1 << 20, bytes.len()] {
            assert_eq!(read(&bytes, step).as_ref(), Some(&elf), "{step}");
        }
        assert_eq!(read(b"#!/bin/sh\n", 3), None);
        assert_eq!(read(b"", 1), None);
    }

    #[test]
    fn a_file_that_ends_before_what_is_loaded_of_it_is_damaged_and_detached_debug_information_is_not() {
        let bytes = std::fs::read("/proc/self/exe").unwrap();
        for kept in [5000, 100_000, 1_000_000] {
            let mut part = bytes[..kept].to_vec();
            let damage = read(&part, 4096).unwrap().damage;
            assert!(damage.as_ref().is_some_and(|damage| damage.starts_with(&format!("the file ends at byte {kept}, "))), "{damage:?}");
            part[40..48].copy_from_slice(&500_u64.to_le_bytes());
            assert_eq!(read(&part, 4096).unwrap().damage, None, "with its section headers");
        }
    }

    #[test]
    fn a_reader_forgets_the_file_before() {
        let bytes = std::fs::read("/proc/self/exe").unwrap();
        let mut reader = ElfReader::default();
        for _ in 0..2 {
            reader.begin();
            reader.push(&bytes);
            assert!(reader.finish(bytes.len() as u64).is_some_and(|elf| elf.needed.is_some_and(|n| !n.is_empty())));
            reader.begin();
            reader.push(b"no ELF");
            assert!(!reader.wants_more());
            assert_eq!(reader.finish(6), None);
        }
    }

    proptest! {
        #[test]
        fn no_file_panics_and_nothing_is_held_beyond_the_limits(changes in proptest::collection::vec((0usize..4096, any::<u8>()), 0..40), step in 1usize..5000, cut in 0usize..200_000) {
            static PROGRAM: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| std::fs::read("/proc/self/exe").unwrap());
            let mut bytes = PROGRAM[..cut.min(PROGRAM.len())].to_vec();
            for (at, byte) in changes {
                if at >= 4 && at < bytes.len() {
                    bytes[at] = byte;
                }
            }
            let mut reader = ElfReader::default();
            reader.begin();
            bytes.chunks(step).for_each(|piece| reader.push(piece));
            let _ = reader.finish(bytes.len() as u64);
            prop_assert!(reader.head.len() <= MAX_HEAD && reader.dynamic.bytes.len() as u64 <= MAX_DYNAMIC);
        }
    }
}
