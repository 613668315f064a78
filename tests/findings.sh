#!/usr/bin/env bash
# Holds what `verify` finds in an image of some 200 packages against what readelf and a file system say: the image is unpacked by umoci,
# every ELF file is read by readelf, and an independent script looks for its machine, its interpreter and its libraries.
#
#   cargo build --release && tests/findings.sh
#
# Needs umoci, readelf and python3. PLACE=DIR keeps downloads for the next time (200 MB).
set -euo pipefail
cd "$(dirname "$0")/.."
. benches/place.sh
need umoci readelf python3
case $(dpkg --print-architecture) in amd64) target=x86_64 ;; arm64) target=aarch64 ;; *) echo "amd64 or arm64 only" >&2; exit 2 ;; esac
. benches/closure_packages.sh
closure_toml > "$place/containers.toml"
cd "$place"
rm -rf oci bundle
"$ours" build --output quiet --out oci >/dev/null
umoci unpack --rootless --image "oci:closure/$target" bundle
"$ours" verify closure --json > report.json || true
python3 - bundle/rootfs report.json <<'PYTHON'
import json, os, re, subprocess, sys

root, report = sys.argv[1], json.load(open(sys.argv[2]))
report = report["reports"][0]


def real(path):
    """Where `path` leads inside the root."""
    parts, done, links = path.strip("/").split("/")[::-1], [], 0
    while parts:
        part = parts.pop()
        if part in ("", "."):
            continue
        if part == "..":
            done = done[:-1]
            continue
        here = os.path.join(root, *done, part)
        if os.path.islink(here):
            links += 1
            if links > 40:
                return None
            target = os.readlink(here)
            if target.startswith("/"):
                done = []
            parts.extend(target.split("/")[::-1])
            continue
        if not os.path.lexists(here):
            return None
        done.append(part)
    return "/".join(done)


files = []
for folder, _, names in os.walk(root):
    for name in names:
        path = os.path.join(folder, name)
        if not os.path.islink(path) and os.path.isfile(path) and open(path, "rb").read(4) == b"\x7fELF":
            files.append(os.path.relpath(path, root))
files.sort()
shown = subprocess.run(["readelf", "-hdlW", *files], cwd=root, capture_output=True, text=True).stdout
elf = {}
for part in re.split(r"^File: ", shown, flags=re.M)[1:]:
    path, _, text = part.partition("\n")
    one = lambda pattern: (re.findall(pattern, text) or [None])[0]
    search = one(r"\(RUNPATH\).*\[(.*)\]") or one(r"\(RPATH\).*\[(.*)\]") or ""
    elf[path] = {
        "machine": (one(r"Class: +(\S+)"), one(r"Data: +(.+)"), one(r"Machine: +(.+)")),
        "interpreter": one(r"program interpreter: (.*)\]"),
        "needed": re.findall(r"\(NEEDED\).*\[(.*)\]", text),
        "search": [place for place in search.split(":") if place],
        "library": one(r"\(SONAME\)") is not None and "PIE" not in (one(r"\(FLAGS_1\) +(.*)") or ""),
    }

# Other machines than that of most.
machines = [facts["machine"] for facts in elf.values()]
common = max(set(machines), key=machines.count)
wrong_machine = {path for path, facts in elf.items() if facts["machine"] != common}
wrong_interpreter = {
    path
    for path, facts in elf.items()
    if facts["interpreter"] and not facts["library"] and real(facts["interpreter"]) not in elf
}

# The loader's own folders and those of ld.so.conf, as ldconfig reads them.
default = ["/lib", "/usr/lib"]
for name in sorted(os.listdir(os.path.join(root, "etc/ld.so.conf.d"))):
    lines = open(os.path.join(root, "etc/ld.so.conf.d", name)).read().splitlines()
    default += [line.strip() for line in lines if line.strip().startswith("/")]


def find(path, name, above):
    """The file that `name` is for the file at `path`, which those `above` it have loaded."""
    places = []
    for who in [path, *above]:
        for place in elf[who]["search"]:
            places.append(re.sub(r"\$\{?ORIGIN\}?", "/" + os.path.dirname(who), place))
    for place in places + default:
        found = real(f"{place}/{name}")
        if found in elf and elf[found]["machine"] == elf[path]["machine"]:
            return found
    return None


loaded, missing, everywhere = set(), {}, {name.rsplit("/", 1)[-1] for name in elf}
for folder, _, names in os.walk(root):
    everywhere |= {name for name in names if os.path.islink(os.path.join(folder, name)) and ".so" in name}


def load(path, above, names):
    for name in elf[path]["needed"]:
        if name in names:
            continue
        names.add(name)
        found = find(path, name, above)
        if found is None:
            missing.setdefault(path, set()).add(name)
        else:
            loaded.add(found)
            load(found, [path, *above], names)


for path, facts in elf.items():
    if facts["interpreter"] and not facts["library"]:
        load(path, [], set())
# What no program loads when it starts is loaded by somebody who has his libraries at hand: it lacks what is nowhere.
for path, facts in elf.items():
    if path not in loaded and (not facts["interpreter"] or facts["library"]):
        lacks = {name for name in facts["needed"] if find(path, name, []) is None and name not in everywhere}
        if lacks:
            missing.setdefault(path, set()).update(lacks)

ours = {check["check"]: check for check in report["checks"]}
found = lambda check: {finding.get("path") for finding in ours[check].get("findings", [])}
libraries = {finding["path"]: set(finding["expected"].split(", ")) for finding in ours["elf-libraries"].get("findings", [])}
wrong = [
    (name, theirs, mine)
    for name, theirs, mine in [
        ("elf-machine", wrong_machine, found("elf-machine")),
        ("elf-interpreter", wrong_interpreter, found("elf-interpreter")),
        ("elf-libraries", missing, libraries),
    ]
    if theirs != mine
]
for name, theirs, mine in wrong:
    print(f"{name}: readelf says {theirs}, verify {mine}")
count = re.search(r"\d+ ELF files", ours["elf-machine"]["summary"]).group()
distinct = len({os.stat(os.path.join(root, path)).st_ino for path in elf})  # hard links are one file
if count != f"{distinct} ELF files":
    wrong.append(count)
    print(f"readelf reads {distinct} ELF files, verify {count}")
if not wrong:
    names = sum(map(len, missing.values()))
    print(f"the same: {distinct} ELF files, {len(wrong_machine)} of another machine, {len(wrong_interpreter)} without interpreter, "
          f"{len(missing)} that lack {names} libraries")
sys.exit(bool(wrong))
PYTHON
