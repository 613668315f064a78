"""The digest and the length of the layer that nix2container makes of the folders given as arguments, by another writer: Python's tarfile,
in USTAR's format. For absolute paths of fewer than a hundred bytes in ASCII, which need no more."""

import hashlib
import os
import sys
import tarfile

digest = hashlib.sha256()
length = 0


def write(content):
    global length
    digest.update(content)
    length += len(content)


def add(path, brought):
    status = os.lstat(path)
    info = tarfile.TarInfo(path)
    info.uname = info.gname = "root"
    info.mtime = 1
    info.mode = status.st_mode & 0o7777 if brought else 0o755
    content = b""
    if os.path.islink(path):
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, os.readlink(path), 0o777
    elif os.path.isdir(path):
        info.type = tarfile.DIRTYPE
    else:
        with open(path, "rb") as file:
            content = file.read()
        info.size = len(content)
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    # tarfile takes the slash from the front of names and puts one behind those of folders; Go writes numbers of devices everywhere.
    header[:100] = path.encode().ljust(100, b"\0")
    header[329:345] = b"0000000\0" * 2
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    write(header + content + b"\0" * (-len(content) % 512))
    if brought and info.type == tarfile.DIRTYPE:
        for name in sorted(os.listdir(path)):
            add(os.path.join(path, name), True)


above = set()
for path in sorted(sys.argv[1:]):
    assert path.startswith("/") and len(path) < 100
    parts = path.split("/")
    for folder in ["/".join(parts[:n]) or "/" for n in range(1, len(parts))]:
        if folder not in above:
            above.add(folder)
            add(folder, False)
    add(path, True)
write(b"\0" * 1024)
print("sha256:" + digest.hexdigest(), length)
