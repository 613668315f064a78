#!/usr/bin/env bash
# Times `verify` of an image of some 200 packages against what must be done at least: decompressing its layers to nowhere, with pigz
# for gzip and zstd for zstd. Cold is an image layout of somebody else's that was never seen; warm is one of our own images, again.
#
#   cargo build --release && benches/verify.sh [ROUNDS]
#
# Then images that are made to fill memory are verified, and what that took at most is told.
#
# Needs pigz, zstd, python3 and GNU time. PLACE=DIR keeps downloads and images for the next time (1 GB).
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
. benches/place.sh
need /usr/bin/time
need pigz zstd python3
case $(dpkg --print-architecture) in amd64) target=x86_64 ;; arm64) target=aarch64 ;; *) echo "amd64 or arm64 only" >&2; exit 2 ;; esac
. benches/closure_packages.sh
mkdir -p "$place/gzip" "$place/zstd"
closure_toml gzip > "$place/gzip/containers.toml"
closure_toml zstd > "$place/zstd/containers.toml"
for kind in gzip zstd; do (cd "$place/$kind" && "$ours" build --output quiet --out "$place/$kind/oci" >/dev/null); done

declare -A times memory
# run KIND CMD…: its seconds and peak memory.
run() { local kind=$1; shift; /usr/bin/time -o "$place/clock" -f '%e %M' "$@" >/dev/null 2>"$place/err" || { cat "$place/err" >&2; exit 1; }
  read -r seconds kib < <(tail -1 "$place/clock"); times[$kind]+="$seconds "; memory[$kind]+="$kib "; }
median() { tr ' ' '\n' <<<"$1" | grep . | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
largest() { tr ' ' '\n' <<<"$1" | grep . | sort -n | tail -1; }
layers() { find "$place/$1/oci/blobs" -type f -size +1M; }

sleep 3 # what was written just now is not taken for unchanged
for round in $(seq 0 "$rounds"); do
  run gzip-least sh -c "cat $(layers gzip | tr '\n' ' ') | pigz -dc"
  run gzip env CATAMARAN_CACHE_DIR="$place/never-$round" "$ours" verify "oci:$place/gzip/oci" --output quiet
  run zstd-least sh -c "cat $(layers zstd | tr '\n' ' ') | zstd -dc"
  run zstd env CATAMARAN_CACHE_DIR="$place/never-$round" "$ours" verify "oci:$place/zstd/oci" --output quiet
  run warm env -C "$place/gzip" "$ours" verify closure --output quiet
  run hashed env -C "$place/gzip" "$ours" verify closure --rehash --output quiet
  rm -rf "$place/never-$round"
  # The first round fills the file cache.
  [ "$round" -gt 0 ] || { times=(); memory=(); }
done

show() { printf '%-44s %6s s %5s MiB   all, s: %s\n' "$2" "$(median "${times[$1]}")" "$(($(largest "${memory[$1]}") / 1024))" "${times[$1]}"; }
ratio() { awk -v a="$(median "${times[$1]}")" -v b="$(median "${times[$1-least]}")" 'BEGIN {printf "%.2f\n", a / b}'; }
printf '%-44s %8s %9s\n' "an image of some 200 packages, $target" median memory
show gzip-least "pigz -dc to nowhere"
show gzip "verify, gzip, never seen"
show zstd-least "zstd -dc to nowhere"
show zstd "verify, zstd, never seen"
show hashed "verify, ours, content recorded, --rehash"
show warm "verify, ours, content recorded, untouched"
echo "times of decompressing: gzip $(ratio gzip), zstd $(ratio zstd)"

# Images of one layer that are all paths, as layouts in absurd/NAME.
python3 - "$place/absurd" <<'PYTHON'
import gzip, hashlib, io, json, os, sys, tarfile


def layout(name, paths):
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(folder + "/blobs/sha256", exist_ok=True)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.GNU_FORMAT) as out:
        for path in paths:
            out.addfile(tarfile.TarInfo(path))

    def put(media_type, content):
        digest = hashlib.sha256(content).hexdigest()
        with open(f"{folder}/blobs/sha256/{digest}", "wb") as out:
            out.write(content)
        return {"mediaType": "application/vnd.oci.image." + media_type, "digest": "sha256:" + digest, "size": len(content)}

    layer = put("layer.v1.tar+gzip", gzip.compress(tar.getvalue(), 1))
    diff_id = "sha256:" + hashlib.sha256(tar.getvalue()).hexdigest()
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [diff_id]}}
    manifest = {"schemaVersion": 2, "config": put("config.v1+json", json.dumps(config).encode()), "layers": [layer]}
    index = {"schemaVersion": 2, "manifests": [put("manifest.v1+json", json.dumps(manifest).encode())]}
    for name, content in [("oci-layout", {"imageLayoutVersion": "1.0.0"}), ("index.json", index)]:
        with open(f"{folder}/{name}", "w") as out:
            json.dump(content, out)


long = "/".join(["d" * 250] * 15)
layout("100,000 files of one folder", (f"f{n}" for n in range(100_000)))
layout("50,000 paths of 3.8 kB, one folder", (f"{long}/f{n}" for n in range(50_000)))
layout("50,000 paths of 3.8 kB, all apart", (f"{n:08}/{long}/f" for n in range(50_000)))
module = lambda n: f"usr/lib/node_modules/package-{n // 60}/dist/lib/module-{n % 60}.js"
layout("300,000 files of node modules", (module(n) for n in range(300_000)))
layout("600,000 files of node modules", (module(n) for n in range(600_000)))
PYTHON
for image in "$place"/absurd/*; do
  CATAMARAN_CACHE_DIR=$place/never /usr/bin/time -o "$place/clock" -f '%e %M' "$ours" verify "oci:$image" --output quiet >"$place/report" 2>/dev/null || true
  read -r seconds kib < <(tail -1 "$place/clock")
  end="all of it"
  grep -q "more paths, or longer ones" "$place/report" && end="refused: more paths, or longer ones, than are looked at"
  printf '%-44s %6s s %5s MiB   %s\n' "${image##*/}" "$seconds" "$((kib / 1024))" "$end"
done
rm -rf "$place/absurd" "$place/never"
