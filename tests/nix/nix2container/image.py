"""Writes an image document as nix2container does (nix/tar.go, nix/graph.go, types/types.go), from a build's environment.

Its layers are made of real store paths, and each digest is that of the tar these give: USTAR, absolute names, children in byte
order, everything root's, times of one second. python's tar writer is not Go's, but the two agree on short ASCII names.
"""
import glob, hashlib, io, json, os, re, stat, sys, tarfile


def closure(file):
    """The store paths of an exportReferencesGraph file: a path, its deriver, a count, and so many references."""
    lines, paths = open(file).read().split("\n"), []
    while lines and lines[0]:
        paths.append(lines[0])
        lines = lines[3 + int(lines[2]):]
    return sorted(paths)


class Tree:
    """Nodes by path components; None stands for a folder that no store path has."""

    def __init__(self):
        self.children, self.node = {}, None

    def add(self, name, source):
        tree = self
        for part in name.rstrip("/").split("/"):
            tree = tree.children.setdefault(part, Tree())
        tree.node = source

    def entries(self, name=None):
        if name is not None:
            yield name or "/", self.node
        for part in sorted(self.children, key=os.fsencode):
            yield from self.children[part].entries(part if name is None else f"{name}/{part}")


def tar(paths, perms):
    tree = Tree()
    for path in paths:
        rewrite = path.get("options", {}).get("rewrite")
        below = [path["path"]]
        for folder, folders, files in os.walk(path["path"]):
            below += [os.path.join(folder, name) for name in folders + files]
        for source in below:
            name = re.sub(rewrite["regex"], rewrite["repl"], source) if rewrite else source
            if name:
                tree.add(name, source)
    out = io.BytesIO()
    for name, source in tree.entries():
        entry = tarfile.TarInfo(name)
        entry.mtime, entry.uname, entry.gname, entry.type, entry.mode = 1, "root", "root", tarfile.DIRTYPE, 0o755
        data = b""
        if source is not None:
            found = os.lstat(source)
            entry.mode = stat.S_IMODE(found.st_mode)
            if stat.S_ISLNK(found.st_mode):
                entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, os.readlink(source), 0o777
            elif stat.S_ISREG(found.st_mode):
                data = open(source, "rb").read()
                entry.type, entry.size = tarfile.REGTYPE, len(data)
            for perm in perms:
                if re.search(perm["regex"], source):
                    entry.uid, entry.gid = perm.get("uid", 0), perm.get("gid", 0)
                    entry.mode = int(perm["mode"], 8) if perm.get("mode") else entry.mode
        out.write(header(entry))
        out.write(data + b"\0" * (-len(data) % 512))
    return out.getvalue() + b"\0" * 1024


def header(entry):
    """python takes the slash before a name away, adds one behind folders, and writes no device numbers where Go has zeros."""
    block = bytearray(entry.tobuf(tarfile.USTAR_FORMAT))
    name = os.fsencode(entry.name)
    assert len(name) <= 100, f"too long for this writer: {entry.name}"
    block[:100] = name.ljust(100, b"\0")
    block[329:345] = b"0000000\0" * 2
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def layer(paths, perms=()):
    data = tar(paths, perms)
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    return {
        "digest": digest, "size": len(data), "diff_ids": digest, "paths": paths,
        "mediatype": "application/vnd.oci.image.layer.v1.tar", "History": {"created_by": "nix2container"},
    }


root = os.environ["root"]
perms = json.loads(os.environ["perms"])
base = sorted({path for file in glob.glob("base-*") for path in closure(file)})
own = [{"path": path} for path in closure("application") if path not in base and path != root]
options = {"rewrite": {"regex": "^" + root, "repl": ""}}
if perms:
    options["perms"] = [{k: v for k, v in perm.items() if k != "path"} for perm in perms]
own.append({"path": root, "options": options})
# The most popular path has a layer of its own, as long as there may be another.
cut = min(int(os.environ["maxLayers"]) - 1, len(own) - 1)
layers = [layer([{"path": path} for path in base])] if base else []
layers += [layer([path], perms if path["path"] == root else ()) for path in own[:cut]] + [layer(own[cut:], perms)]
document = {
    "version": 1, "image-config": json.loads(os.environ["config"]), "layers": layers,
    "arch": os.environ["arch"], "created": "0001-01-01T00:00:00Z",
}
json.dump(document, sys.stdout, indent="\t")
