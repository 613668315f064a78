#!/usr/bin/env bash
# Times `verify` of an image of some 200 packages against what must be done at least: decompressing its layers to nowhere, with pigz
# for gzip and zstd for zstd. Cold is an image layout of somebody else's that was never seen; warm is one of our own images, again.
#
#   cargo build --release && benches/verify.sh [ROUNDS]
#
# Needs pigz, zstd and GNU time. PLACE=DIR keeps downloads and images for the next time (1 GB).
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
. benches/place.sh
need /usr/bin/time
need pigz zstd
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
