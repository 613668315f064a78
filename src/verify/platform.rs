//! What the ELF files of a platform look like.

use crate::image::{Elf, ElfClass, ElfData, Platform};

/// `EM_NONE`: of no machine at all.
pub(super) const EM_NONE: u16 = 0;
/// `EM_BPF`: programs for the kernel's own virtual machine, of no processor.
pub(super) const EM_BPF: u16 = 247;
const EM_386: u16 = 3;
const EM_X86_64: u16 = 62;
const EM_ARM: u16 = 40;
const EM_MIPS: u16 = 8;
const EM_PPC64: u16 = 21;
const EM_RISCV: u16 = 243;
const EM_AARCH64: u16 = 183;

/// Class, byte order and machine of a platform's ELF files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ElfPlatform {
    pub class: ElfClass,
    pub data: ElfData,
    pub machine: u16,
}

/// Why images for `platform` are not looked into, when they are not. What holds of their files is another world: no ELF files, no
/// modes, no users; and base layers that registries need not have.
pub fn not_looked_into(platform: &Platform) -> Option<String> {
    (platform.os == "windows").then(|| format!("{platform}: only Linux images are looked into"))
}

impl ElfPlatform {
    /// The ELF platform of a Linux platform. Knows every GOARCH that official images exist for, also those we do not
    /// build for, because any image may be verified.
    pub(super) fn of(platform: &Platform) -> Option<Self> {
        use ElfClass::{Bits32, Bits64};
        use ElfData::{Big, Little};
        if platform.os != "linux" {
            return None;
        }
        let (class, data, machine) = match platform.architecture.as_str() {
            "amd64" => (Bits64, Little, EM_X86_64),
            "arm64" => (Bits64, Little, EM_AARCH64),
            "riscv64" => (Bits64, Little, 243),
            "ppc64le" => (Bits64, Little, 21),
            "s390x" => (Bits64, Big, 22),
            "arm" => (Bits32, Little, EM_ARM),
            "386" => (Bits32, Little, EM_386),
            "loong64" => (Bits64, Little, 258),
            "mips64le" => (Bits64, Little, 8),
            "mips64" => (Bits64, Big, 8),
            "mipsle" => (Bits32, Little, 8),
            "mips" => (Bits32, Big, 8),
            "ppc64" => (Bits64, Big, 21),
            _ => return None,
        };
        Some(ElfPlatform { class, data, machine })
    }

    /// Whether class, byte order and machine are all this platform's.
    pub(super) fn is(self, elf: &Elf) -> bool {
        elf.damage.is_none() && (elf.class, elf.data, elf.machine) == (self.class, self.data, self.machine)
    }

    /// Whether a usual kernel of this platform runs such files too: i386 on x86_64, 32-bit Arm on aarch64.
    pub(super) fn also_runs(self, elf: &Elf) -> bool {
        let small = elf.damage.is_none() && elf.class == ElfClass::Bits32 && elf.data == ElfData::Little;
        small && matches!((self.machine, elf.machine), (EM_X86_64, EM_386) | (EM_AARCH64, EM_ARM))
    }
}

impl std::fmt::Display for ElfPlatform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&describe(self.class, self.data, self.machine))
    }
}

/// Whether both can be in one process: class, byte order, machine, and the ABI where a machine has several.
pub(super) fn same_abi(a: &Elf, b: &Elf) -> bool {
    if (a.class, a.data, a.machine) != (b.class, b.data, b.machine) {
        return false;
    }
    let both = |mask: u32| (a.flags & mask, b.flags & mask);
    match a.machine {
        // How numbers are passed to functions (ELF for the Arm Architecture, EF_ARM_ABI_FLOAT_*); 0 says nothing.
        EM_ARM => !matches!(both(0x600), (0x200, 0x400) | (0x400, 0x200)),
        // EF_RISCV_FLOAT_ABI and EF_RISCV_RVE.
        EM_RISCV => both(0xe).0 == both(0xe).1,
        // The version of the calling convention; 0 says nothing.
        EM_PPC64 => !matches!(both(3), (1, 2) | (2, 1)),
        // EF_MIPS_ABI2: n32.
        EM_MIPS => both(0x20).0 == both(0x20).1,
        _ => true,
    }
}

/// What [`same_abi`] goes by, besides the machine: `, hard float`.
fn abi(elf: &Elf) -> &'static str {
    match (elf.machine, elf.flags) {
        (EM_ARM, flags) if flags & 0x600 == 0x200 => ", soft float",
        (EM_ARM, flags) if flags & 0x600 == 0x400 => ", hard float",
        (EM_RISCV, flags) if flags & 6 == 0 => ", soft float",
        (EM_RISCV, flags) if flags & 6 == 4 => ", double float",
        _ => "",
    }
}

/// `64-bit little-endian AArch64`.
pub(super) fn describe_elf(elf: &Elf) -> String {
    match &elf.damage {
        Some(damage) => format!("a damaged ELF header: {damage}"),
        None => format!("{}{}", describe(elf.class, elf.data, elf.machine), abi(elf)),
    }
}

fn describe(class: ElfClass, data: ElfData, machine: u16) -> String {
    format!("{} {} {}", class_name(class), order_name(data), machine_name(machine))
}

/// `64-bit`.
pub(super) fn class_name(class: ElfClass) -> &'static str {
    match class {
        ElfClass::Bits32 => "32-bit",
        ElfClass::Bits64 => "64-bit",
    }
}

/// `little-endian`.
pub(super) fn order_name(data: ElfData) -> &'static str {
    match data {
        ElfData::Little => "little-endian",
        ElfData::Big => "big-endian",
    }
}

/// The name of an `e_machine` (gABI, "ELF Header"), for those seen in images.
pub(super) fn machine_name(machine: u16) -> String {
    let name = match machine {
        0 => "no machine",
        2 => "SPARC",
        3 => "Intel 80386",
        4 => "Motorola 68000",
        8 => "MIPS",
        15 => "PA-RISC",
        18 => "SPARC 32+",
        20 => "PowerPC",
        21 => "PowerPC64",
        22 => "IBM S/390",
        40 => "ARM",
        42 => "SuperH",
        43 => "SPARC 64",
        50 => "Intel IA-64",
        62 => "x86-64",
        83 => "AVR",
        94 => "Xtensa",
        183 => "AArch64",
        190 => "NVIDIA CUDA",
        224 => "AMD GPU",
        243 => "RISC-V",
        247 => "BPF",
        258 => "LoongArch",
        other => return format!("machine {other}"),
    };
    name.to_owned()
}
