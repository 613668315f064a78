//! Reads what an ELF header says from the first bytes of a file (gABI, "ELF Header" and "Program Header").
//!
//! Own reading rather than a library's: the input is the head of an untrusted file, cut anywhere, and a header that
//! lies must become a finding (`Elf::damage`) and not an error that hides the other facts.

use super::{Elf, ElfClass, ElfData};

/// How many bytes of a file's beginning are enough for [`read_elf`].
pub const ELF_HEAD: usize = 64 << 10;

/// `PT_INTERP`.
const PT_INTERP: u32 = 3;
/// `e_phnum` when the real number is elsewhere (`PN_XNUM`).
const PN_XNUM: u16 = 0xffff;
/// Longer interpreter paths than the kernel accepts (`PATH_MAX`) are damage.
const MAX_INTERPRETER: u64 = 4096;

/// What the ELF header at the beginning of a file says; `None` when the file is no ELF file.
///
/// `head` is the file's first [`ELF_HEAD`] bytes, or all of it when it is shorter: bytes missing from a shorter head
/// are missing from the file, and that is reported as [`Elf::damage`]. Libraries are what [`super::ElfReader`] reads.
pub fn read_elf(head: &[u8]) -> Option<Elf> {
    if !head.starts_with(b"\x7fELF") {
        return None;
    }
    let class = head.get(4).copied();
    let data = head.get(5).copied();
    let mut elf = Elf {
        class: if class == Some(1) { ElfClass::Bits32 } else { ElfClass::Bits64 },
        data: if data == Some(2) { ElfData::Big } else { ElfData::Little },
        machine: 0,
        object_type: 0,
        flags: 0,
        interpreter: None,
        dynamic: false,
        flags_1: 0,
        needed: None,
        soname: None,
        rpath: None,
        runpath: None,
        damage: None,
    };
    elf.damage = match (class, data) {
        (Some(1 | 2), Some(1 | 2)) => read_header(head, &mut elf).err(),
        (Some(1 | 2), Some(data)) => Some(format!("byte order {data} is neither little (1) nor big (2)")),
        (Some(class), Some(_)) => Some(format!("class {class} is neither 32-bit (1) nor 64-bit (2)")),
        _ => Some(format!("the header ends after {} bytes", head.len())),
    };
    Some(elf)
}

/// Fills in machine, type, flags and interpreter; the error says what is wrong with the header.
fn read_header(head: &[u8], elf: &mut Elf) -> Result<(), String> {
    let wide = elf.class == ElfClass::Bits64;
    let fields = Fields { bytes: head, big: elf.data == ElfData::Big, wide };
    let cut = || format!("the header ends after {} bytes", head.len());
    elf.object_type = fields.u16(16).ok_or_else(cut)?;
    elf.machine = fields.u16(18).ok_or_else(cut)?;
    let version = fields.u32(20).ok_or_else(cut)?;
    if version != 1 {
        return Err(format!("version {version} is unknown"));
    }
    elf.flags = fields.u32(if wide { 48 } else { 36 }).ok_or_else(cut)?;
    let (table, entry_size, count, least) =
        if wide { (fields.word(32), fields.u16(54), fields.u16(56), 56) } else { (fields.word(28), fields.u16(42), fields.u16(44), 32) };
    let (table, entry_size, count) = (table.ok_or_else(cut)?, u64::from(entry_size.ok_or_else(cut)?), count.ok_or_else(cut)?);
    if table == 0 || count == 0 || count == PN_XNUM {
        return Ok(());
    }
    if entry_size < least {
        return Err(format!("program headers of {entry_size} bytes are too short"));
    }
    // A head of the full length says nothing about what comes after it.
    let whole = head.len() < ELF_HEAD;
    for index in 0..u64::from(count) {
        let Some(at) = index.checked_mul(entry_size).and_then(|o| o.checked_add(table)) else {
            return Err("the program header table lies outside the file".into());
        };
        let kind = usize::try_from(at).ok().and_then(|at| fields.u32(at));
        let (offset, size) = if wide { (at.checked_add(8), at.checked_add(32)) } else { (at.checked_add(4), at.checked_add(16)) };
        let word = |at: Option<u64>| at.and_then(|at| usize::try_from(at).ok()).and_then(|at| fields.word(at));
        let (Some(kind), Some(offset), Some(size)) = (kind, word(offset), word(size)) else {
            return if whole { Err("the program header table lies outside the file".into()) } else { Ok(()) };
        };
        // Detached debug information keeps the program headers without their content.
        if kind == PT_INTERP && size > 0 {
            return read_interpreter(head, offset, size, whole, elf);
        }
    }
    Ok(())
}

fn read_interpreter(head: &[u8], offset: u64, size: u64, whole: bool, elf: &mut Elf) -> Result<(), String> {
    if size > MAX_INTERPRETER {
        return Err(format!("the interpreter's path has {size} bytes"));
    }
    let range = usize::try_from(offset).ok().and_then(|start| Some(start..start.checked_add(size as usize)?));
    let Some(bytes) = range.and_then(|range| head.get(range)) else {
        return if whole { Err("the interpreter's path lies outside the file".into()) } else { Ok(()) };
    };
    let path = bytes.split(|b| *b == 0).next().unwrap_or_default();
    if path.is_empty() {
        return Err("the interpreter's path is empty".into());
    }
    elf.interpreter = Some(String::from_utf8_lossy(path).into_owned());
    Ok(())
}

/// Numbers at offsets, in the file's byte order and word size.
pub(super) struct Fields<'a> {
    pub bytes: &'a [u8],
    pub big: bool,
    pub wide: bool,
}

impl Fields<'_> {
    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    pub fn u16(&self, at: usize) -> Option<u16> {
        self.array(at).map(|b| if self.big { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) })
    }

    pub fn u32(&self, at: usize) -> Option<u32> {
        self.array(at).map(|b| if self.big { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) })
    }

    /// An address or offset: as wide as the class says.
    pub fn word(&self, at: usize) -> Option<u64> {
        match self.wide {
            true => self.array(at).map(|b| if self.big { u64::from_be_bytes(b) } else { u64::from_le_bytes(b) }),
            false => self.u32(at).map(u64::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header with one `PT_INTERP` behind it.
    fn file(wide: bool, big: bool, machine: u16, interpreter: &str) -> Vec<u8> {
        let n16 = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let n32 = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let word = |n: u64| match (wide, big) {
            (true, true) => n.to_be_bytes().to_vec(),
            (true, false) => n.to_le_bytes().to_vec(),
            (false, _) => n32(n as u32).to_vec(),
        };
        let (header, entry) = if wide { (64u64, 56u64) } else { (52, 32) };
        let mut out = b"\x7fELF".to_vec();
        out.extend([if wide { 2 } else { 1 }, if big { 2 } else { 1 }, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.extend([n16(3), n16(machine)].concat());
        out.extend(n32(1));
        out.extend([word(0), word(header), word(0)].concat());
        out.extend(n32(0));
        out.extend([n16(header as u16), n16(entry as u16), n16(1), n16(0), n16(0), n16(0)].concat());
        let (offset, size) = (word(header + entry), word(interpreter.len() as u64 + 1));
        out.extend(n32(PT_INTERP));
        if wide {
            out.extend(n32(4));
            out.extend([offset, word(0), word(0), size.clone(), size, word(1)].concat());
        } else {
            out.extend([offset, word(0), word(0), size.clone(), size, word(4), word(1)].concat());
        }
        out.extend(interpreter.as_bytes());
        out.push(0);
        out
    }

    #[test]
    fn every_class_and_byte_order_is_read() {
        for (wide, big, machine, path) in [
            (true, false, 62, "/lib64/ld-linux-x86-64.so.2"),
            (true, true, 22, "/lib/ld64.so.1"),
            (false, false, 40, "/lib/ld-linux-armhf.so.3"),
        ] {
            let elf = read_elf(&file(wide, big, machine, path)).unwrap();
            assert_eq!((elf.machine, elf.object_type, elf.interpreter.as_deref(), elf.damage), (machine, 3, Some(path), None));
            assert_eq!((elf.class == ElfClass::Bits64, elf.data == ElfData::Big), (wide, big));
        }
        assert_eq!(read_elf(b"#!/bin/sh\n"), None);
    }

    #[test]
    fn this_test_itself_is_read() {
        let head = std::fs::read("/proc/self/exe").unwrap();
        let elf = read_elf(&head[..ELF_HEAD]).unwrap();
        assert_eq!(Some(elf.machine), crate::catalog::Architecture::host().map(|a| a.elf_machine()));
        assert!(elf.interpreter.is_some_and(|i| i.contains("ld")) && elf.damage.is_none());
    }

    #[test]
    fn a_header_cut_anywhere_is_damage_and_keeps_what_was_read() {
        let whole = file(true, false, 183, "/lib/ld-linux-aarch64.so.1");
        for end in 4..whole.len() - 1 {
            let elf = read_elf(&whole[..end]).unwrap();
            assert!(elf.damage.is_some(), "{end}");
            assert!(end < 20 || elf.machine == 183, "{end}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..256), wide: bool, big: bool, cut in 0usize..256) {
            let _ = read_elf(&bytes);
            let mut lying = file(wide, big, 62, "/lib64/ld.so");
            for (at, byte) in bytes.drain(..).enumerate() {
                if byte & 3 == 0 && at >= 6 && at < lying.len() {
                    lying[at] = byte.wrapping_mul(73);
                }
            }
            lying.truncate(cut);
            let _ = read_elf(&lying);
        }
    }
}
