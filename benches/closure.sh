#!/usr/bin/env bash
# Times one image of some 200 packages for this machine's architecture: ours, from downloads that are there already, and what
# the usual tools take for the same packages: mmdebstrap and crane, and umoci or buildah on a tree that is unpacked already.
#
#   cargo build --release && benches/closure.sh [ROUNDS]
#
# Needs mmdebstrap, crane, umoci, buildah, GNU time, and root for mmdebstrap; a tool that is missing is said to be.
# PLACE=DIR keeps downloads for the next time (200 MB).
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
. benches/place.sh
need /usr/bin/time
case $(dpkg --print-architecture) in amd64) target=x86_64 ;; arm64) target=aarch64 ;; *) echo "amd64 or arm64 only" >&2; exit 2 ;; esac
arch=$(dpkg --print-architecture)
. benches/closure_packages.sh
closure_toml > "$place/containers.toml"

ours() { (cd "$place" && "$ours" "$@" >/dev/null); }
forget() {
  case $1 in
    downloads) rm -rf "$place"/cache/debian/{segments,layers} "$place"/cache/{images,content} ;;
    segments) rm -rf "$place/cache/debian/layers" "$place"/cache/{images,content} ;;
  esac
}
declare -A times memory
run() { local kind=$1; shift; /usr/bin/time -o "$place/clock" -f '%e %M' "$@" >/dev/null 2>"$place/err" || { cat "$place/err" >&2; exit 1; }
  read -r seconds kib < "$place/clock"; times[$kind]+="$seconds "; memory[$kind]+="$kib "; }

ours build --output quiet
peers=()
for tool in mmdebstrap crane umoci buildah; do command -v $tool >/dev/null && peers+=("$tool") || echo "$tool is not installed: not measured"; done
has() { [[ " ${peers[*]} " == *" $1 "* ]]; }
include=$(IFS=,; echo "${packages[*]},bash,coreutils")
if has mmdebstrap; then mmdebstrap --quiet --variant=extract --include="$include" --architectures="$arch" trixie "$place/tree" "deb $mirror trixie main" 2>/dev/null; fi
for _ in $(seq "$rounds"); do
  forget downloads; run downloads env -C "$place" "$ours" build --output quiet
  forget segments; run segments env -C "$place" "$ours" build --output quiet
  run verify env -C "$place" "$ours" verify closure --output quiet
  if has mmdebstrap && has crane; then
    rm -rf "$place/peer.tar" "$place/crane"
    run peer bash -c "mmdebstrap --quiet --variant=extract --include=$include --architectures=$arch trixie $place/peer.tar 'deb $mirror trixie main' &&
      crane append -f $place/peer.tar -t peer/closure:1 --oci-empty-base -o $place/crane.tar"
  fi
  if has mmdebstrap && has umoci; then
    rm -rf "$place/umoci"; umoci init --layout "$place/umoci"; umoci new --image "$place/umoci:x"
    run umoci umoci insert --image "$place/umoci:x" "$place/tree" /
  fi
  if has mmdebstrap && has buildah; then
    container=$(buildah from scratch)
    run buildah bash -c "buildah add --quiet $container $place/tree / && buildah commit --quiet $container oci:$place/buildah:x"
    buildah rm "$container" >/dev/null; rm -rf "$place/buildah"
  fi
done
rm -rf "$place"/{peer.tar,crane.tar,umoci,tree}

show() {
  [ -n "${times[$1]:-}" ] || return 0
  printf '%-46s %8s s %8s s %8s MiB   all, s: %s\n' "$2" "$(tr ' ' '\n' <<<"${times[$1]}" | grep . | sort -n | head -1)" \
    "$(tr ' ' '\n' <<<"${times[$1]}" | grep . | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}')" \
    "$(tr ' ' '\n' <<<"${memory[$1]}" | grep . | sort -n | tail -1 | awk '{print int($1 / 1024)}')" "${times[$1]}"
}
count=$(grep -c '=' <(awk '/^\[\[target\]\]/ {on = 1} on' "$place/containers.lock" | grep -E '^ *"[^"]+=[^"]+",?$'))
printf '%-46s %10s %10s %12s\n' "$count packages, $target" min median "peak memory"
show downloads "catamaran, downloads cached, gzip"
show segments "catamaran, segments cached"
show verify "catamaran verify, hashed, content recorded"
show peer "mmdebstrap + crane append (to a file)"
show umoci "umoci insert of the unpacked tree"
show buildah "buildah add + commit of the unpacked tree"
