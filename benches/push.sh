#!/usr/bin/env bash
# Times a cold push of one image with a layer of 200 MB, ours and others' in turn, to a registry on loopback.
#
#   cargo build --release && benches/push.sh [ROUNDS]
#
# The floor is curl: POST and PUT of the same blobs. Needs docker-registry, curl, python3, GNU time; skopeo and crane where there are.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
. benches/common.sh
need curl python3 /usr/bin/time
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

# Every round in the opposite order: whoever comes second pays for what the first has left to be written.
for round in $(seq "$rounds"); do
  order=(curl catamaran skopeo crane)
  ((round % 2)) || order=(crane skopeo catamaran curl)
  for who in "${order[@]}"; do
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
base=$(median "${times[curl]}")
best=$(least "${times[curl]}")
for who in curl catamaran skopeo crane; do
  [ -n "${times[$who]:-}" ] || continue
  m=$(median "${times[$who]}") l=$(least "${times[$who]}")
  printf '%-10s median %5d ms %5.2f x curl   least %5d ms %5.2f x   cpu %5d ms   all, ms: %s\n' "$who" \
    "$m" "$(awk -v b="$base" -v m="$m" 'BEGIN {print m / b}')" "$l" "$(awk -v b="$best" -v m="$l" 'BEGIN {print m / b}')" \
    "$(median "${cpu[$who]}")" "${times[$who]}"
done
rm -rf l && layout l 2000
/usr/bin/time -f 'memory of a push of a 2 GB layer: %M KiB' "$ours" copy oci:l "$registry/catamaran/large:1" --output quiet >/dev/null
