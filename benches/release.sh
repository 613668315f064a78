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
ours=${CATAMARAN:-$PWD/target/release/catamaran}
for tool in docker-registry mmdebstrap crane "$ours"; do
  command -v "$tool" >/dev/null || { echo "this needs $tool" >&2; exit 2; }
done
mirror=${CATAMARAN_DEBIAN_MIRROR:-$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
  awk '/^URIs:/ {print $2; exit} /^deb / {for (i = 2; i <= NF; i++) if ($i ~ /^http/) {print $i; exit}}' || true)}

place=$(mktemp -d)
port=$((20000 + RANDOM % 20000))
registry=127.0.0.1:$port
cat > "$place/registry.yml" <<END
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $place/registry}}
http: {addr: "$registry"}
END
docker-registry serve "$place/registry.yml" >/dev/null 2>&1 &
server=$!
trap 'kill $server; rm -rf "$place"' EXIT
until (: < "/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.1; done

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
export CATAMARAN_CACHE_DIR=$place/cache CATAMARAN_STATE_DIR=$place/state CATAMARAN_CONFIG_DIR=$place/config

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

declare -A times
clock() {
  local kind=$1; shift
  local begin end; begin=$(date +%s%N); "$@" >/dev/null 2>"$place/err" || { cat "$place/err" >&2; exit 1; }; end=$(date +%s%N)
  times[$kind]+="$(((end - begin) / 1000000)) "
}

release warm-up >/dev/null
for round in $(seq "$rounds"); do
  clock peer peer "$round"
  for kind in cold downloads segments nothing; do
    forget $kind
    clock $kind release "$kind-$round"
  done
done

median() { tr ' ' '\n' <<<"$1" | grep . | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
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
