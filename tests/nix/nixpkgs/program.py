"""Writes the smallest program of a system: `program.py SYSTEM FILE`. It says which machine it is for, and would do nothing there."""

import os
import struct
import sys

# e_machine, bits, byte order, e_flags (elf.h)
MACHINES = {
    "x86_64": (62, 64, "<", 0),
    "aarch64": (183, 64, "<", 0),
    "riscv64": (243, 64, "<", 5),
    "powerpc64le": (21, 64, "<", 2),
    "s390x": (22, 64, ">", 0),
    "armv7l": (40, 32, "<", 0x05000400),
}
START = 0x400000

system, path = sys.argv[1:]
machine, bits, order, flags = MACHINES[system.split("-")[0]]
word, header, segment = ("Q", 64, 56) if bits == 64 else ("I", 52, 32)
size = header + segment
magic = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
fields = (2, machine, 1, START + size, header, 0, flags, header, segment, 1, 0, 0, 0)
elf = magic + struct.pack(f"{order}HHI{word}{word}{word}IHHHHHH", *fields)
if bits == 64:
    elf += struct.pack(f"{order}IIQQQQQQ", 1, 5, 0, START, START, size, size, 0x1000)
else:
    elf += struct.pack(f"{order}IIIIIIII", 1, 0, START, START, size, size, 5, 0x1000)
with open(path, "wb") as file:
    file.write(elf)
os.chmod(path, 0o755)
