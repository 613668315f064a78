#!/usr/bin/env bash
# Times layers that are made of store paths against `tar | sha256sum` of the same tree in the same run: 1 GB in large files, and 1 GB in
# small ones, both in the page cache.
#
#   cargo build --release && benches/nix_layers.sh [ROUNDS]
#
# Needs python3, GNU tar and GNU time, and 3 GB where temporary files go (TMPDIR=/dev/shm keeps the disk out of `copy`).
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
. benches/place.sh
need /usr/bin/time
need python3 tar sha256sum
here=$PWD

# A store path of FILES files of BYTES bytes each, and its document.
tree() {
  local name=$1 files=$2 bytes=$3
  python3 - "$place/nix/store/0000-$name" "$files" "$bytes" <<'PYTHON'
import os, sys
folder, files, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
block = os.urandom(size)
for n in range(files):
    at = f"{folder}/share/{n // 100:03}"
    os.makedirs(at, exist_ok=True)
    with open(f"{at}/{n % 100:02}", "wb") as out:
        out.write(b"%08d" % n + block[8:])
PYTHON
  read -r digest size < <(python3 "$here/tests/data/nix/ustar.py" "$place/nix/store/0000-$name")
  python3 - "$place/nix/store/0000-$name" "$digest" "$size" > "$place/$name.json" <<'PYTHON'
import json, sys
path, digest, size = sys.argv[1:]
layer = {"digest": digest, "size": int(size), "diff_ids": digest, "paths": [{"path": path}],
         "mediatype": "application/vnd.oci.image.layer.v1.tar", "History": {"created_by": "nix2container"}}
print(json.dumps({"version": 1, "image-config": {}, "layers": [layer], "arch": "amd64", "created": None}))
PYTHON
}
tree large 250 4194304
tree small 50000 20000

declare -A times memory
# run KIND CMD…: its seconds and peak memory. `verify` may end with 1: the image has nothing to run.
run() { local kind=$1; shift
  /usr/bin/time -o "$place/clock" -f '%e %M' "$@" >/dev/null 2>"$place/err" || [ $? -eq 1 ] || { cat "$place/err" >&2; exit 1; }
  read -r seconds kib < <(tail -1 "$place/clock"); times[$kind]+="$seconds "; memory[$kind]+="$kib "; }
median() { tr ' ' '\n' <<<"$1" | grep . | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
largest() { tr ' ' '\n' <<<"$1" | grep . | sort -n | tail -1; }

for name in large small; do
  store=$place/nix/store/0000-$name
  "$ours" copy "nix:$place/$name.json" "oci:$place/once" --output quiet >/dev/null # ends well: the digest is the declared one
  rm -rf "$place/once"
  for round in $(seq 0 "$rounds"); do
    run "$name-tar" sh -c "tar -cf - '$store' | sha256sum"
    # The first verification looks into the layer and leaves a record; those after it only hash.
    run "$name-verify" env CATAMARAN_CACHE_DIR="$place/never-$round" "$ours" verify "nix:$place/$name.json" --output quiet
    run "$name-hash" env CATAMARAN_CACHE_DIR="$place/never-$round" "$ours" verify "nix:$place/$name.json" --output quiet
    run "$name-copy" "$ours" copy "nix:$place/$name.json" "oci:$place/copied" --output quiet
    rm -rf "$place/copied" "$place/never-$round"
    # The first round fills the page cache.
    [ "$round" -gt 0 ] || { times=(); memory=(); }
  done
  show() { printf '%-40s %6s s %5s MiB   of tar | sha256sum: %s   all, s: %s\n' "$2" "$(median "${times[$name-$1]}")" "$(($(largest "${memory[$name-$1]}") / 1024))" \
    "$(awk -v a="$(median "${times[$name-$1]}")" -v b="$(median "${times[$name-tar]}")" 'BEGIN {printf "%.2f", a / b}')" "${times[$name-$1]}"; }
  echo "$(du -sh --apparent-size "$store" | cut -f1) in $(find "$store" -type f | wc -l) files"
  show tar "tar | sha256sum"
  show hash "verify, layer recorded: made and hashed"
  show verify "verify, never seen: and looked into"
  show copy "copy to a layout: hashed, written, synced"
  times=() memory=()
done
