#!/usr/bin/env bash
# Times a release of fd for two architectures, ours and the usual tools' in turn, against one registry on loopback.
#
#   cargo build --release && benches/release.sh [ROUNDS]
#
# The peer does the same job with mmdebstrap and crane: .deb closure of fd-find, bash and coreutils -> images -> index.
# Needs docker-registry, mmdebstrap and crane (all in Debian testing), GNU time, and root for mmdebstrap.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
. benches/common.sh
need mmdebstrap crane

cat > "$place/containers.toml" <<END
[registry]
host = "$registry"
repository = "ours/{container}"
[defaults]
targets = ["x86_64", "aarch64"]
base = ["bash", "coreutils"]
[containers.fd]
packages = ["fd-find"]
entrypoint = "fdfind"
END

peer() {
  local w members=() arch; w=$(mktemp -d -p "$place")
  for arch in amd64 arm64; do
    mmdebstrap --quiet --variant=extract --include=fd-find,bash,coreutils --architectures=$arch trixie "$w/$arch.tar" "deb $mirror trixie main"
    crane append -f "$w/$arch.tar" -t "$registry/peer/fd:$1-$arch" --insecure --oci-empty-base --platform "linux/$arch"
    members+=(-m "$(crane mutate --insecure --set-platform "linux/$arch" --entrypoint /usr/bin/fdfind -t "$registry/peer/fd:$1-$arch" "$registry/peer/fd:$1-$arch")")
  done
  crane index append --insecure "${members[@]}" -t "$registry/peer/fd:$1"
  rm -rf "$w"
}

release() { (cd "$place" && "$ours" release "$1" --yes --output quiet); }

# What is forgotten before each kind of run; the registry is emptied of nothing: like a new version of an old tool.
forget() {
  case $1 in
    cold) rm -rf "$place/cache" "$place/containers.lock" ;;
    downloads) rm -rf "$place"/cache/debian/{segments,layers} "$place"/cache/{images,content} ;;
    segments) rm -rf "$place/cache/debian/layers" "$place"/cache/{images,content} ;;
    nothing) ;;
  esac
}

release warm-up >/dev/null
for round in $(seq "$rounds"); do
  clock peer peer "$round"
  for kind in cold downloads segments nothing; do
    forget $kind
    clock $kind release "$kind-$round"
  done
done

base=$(median "${times[peer]}")
printf '%-34s %9s %9s   all, ms\n' "release of fd, 2 architectures" "median" "ratio"
for kind in peer cold downloads segments nothing; do
  case $kind in
    peer) name="mmdebstrap + crane" ;; cold) name="catamaran, cold" ;; downloads) name="catamaran, downloads cached" ;;
    segments) name="catamaran, segments cached" ;; nothing) name="catamaran, nothing changed" ;;
  esac
  m=$(median "${times[$kind]}")
  printf '%-34s %6d ms %8.1fx   %s\n' "$name" "$m" "$(awk -v b="$base" -v m="$m" 'BEGIN {print b / m}')" "${times[$kind]}"
done
