#!/usr/bin/env bash
# Times a cold push of one image with a layer of 200 MB, ours and others' in turn, to a registry on loopback.
#
#   cargo build --release && benches/push.sh [ROUNDS]
#
# The floor is curl: POST and PUT of the same blobs. Needs docker-registry, curl, python3, GNU time; skopeo and crane where there are.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
ours=${CATAMARAN:-$PWD/target/release/catamaran}
for tool in docker-registry curl python3 /usr/bin/time "$ours"; do
  command -v "$tool" >/dev/null || { echo "this needs $tool" >&2; exit 2; }
done
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
export CATAMARAN_CACHE_DIR=$place/cache CATAMARAN_STATE_DIR=$place/state CATAMARAN_CONFIG_DIR=$place/config DOCKER_CONFIG=$place/docker
cd "$place"

# A layout with one image of one layer that does not compress, new for each round and tool: nothing is there already.
layout() {
  python3 - "$1" "${2:-200}" <<'END'
import hashlib, json, os, sys
folder, megabytes = sys.argv[1], int(sys.argv[2])
os.makedirs(folder + "/blobs/sha256")
def put(data):
    name = hashlib.sha256(data).hexdigest()
    open(f"{folder}/blobs/sha256/{name}", "wb").write(data)
    return {"digest": "sha256:" + name, "size": len(data)}
layer = put(os.urandom(megabytes * 1000000))
config = put(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode())
kind = "application/vnd.oci.image."
manifest = put(json.dumps({"schemaVersion": 2, "mediaType": kind + "manifest.v1+json", "config": {"mediaType": kind + "config.v1+json", **config},
                           "layers": [{"mediaType": kind + "layer.v1.tar", **layer}]}).encode())
open(folder + "/index.json", "w").write(json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": kind + "manifest.v1+json", **manifest}]}))
open(folder + "/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
END
}

floor() {
  local blob location
  for blob in "$1"/blobs/sha256/*; do
    location=$(curl -sf -X POST -D - -o /dev/null "http://$registry/v2/$2/blobs/uploads/" | tr -d '\r' | awk 'tolower($1) == "location:" {print $2}')
    curl -sf -o /dev/null -T "$blob" -H 'Content-Type: application/octet-stream' "$location&digest=sha256:$(basename "$blob")"
  done
}

declare -A times
clock() {
  local who=$1; shift
  local begin end; begin=$(date +%s%N); "$@" >/dev/null 2>err || { cat err >&2; exit 1; }; end=$(date +%s%N)
  times[$who]+="$(((end - begin) / 1000000)) "
}

for round in $(seq "$rounds"); do
  for who in curl catamaran skopeo crane; do
    [ "$who" = catamaran ] || command -v "$who" >/dev/null || continue
    rm -rf l && layout l && sync
    case $who in
      curl) clock curl floor l "$who/i$round" ;;
      catamaran) clock catamaran "$ours" copy oci:l "$registry/$who/i$round:1" --output quiet ;;
      skopeo) clock skopeo skopeo copy --quiet --dest-tls-verify=false oci:l "docker://$registry/$who/i$round:1" ;;
      crane) clock crane crane push --insecure l "$registry/$who/i$round:1" ;;
    esac
  done
done
median() { tr ' ' '\n' <<<"$1" | grep . | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
base=$(median "${times[curl]}")
for who in curl catamaran skopeo crane; do
  [ -n "${times[$who]:-}" ] || continue
  m=$(median "${times[$who]}")
  printf '%-10s %6d ms %5.2f x curl   all, ms: %s\n' "$who" "$m" "$(awk -v b="$base" -v m="$m" 'BEGIN {print m / b}')" "${times[$who]}"
done
rm -rf l && layout l 2000
/usr/bin/time -f 'memory of a push of a 2 GB layer: %M KiB' "$ours" copy oci:l "$registry/catamaran/large:1" --output quiet >/dev/null
