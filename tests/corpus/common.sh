# Sourced by every family of images: writes OCI layouts by hand, one small step at a time.
#
#   image NAME                begins a layout; $root is an empty folder
#   put FILE PATH [MODE]      copies a file into $root (default 755)
#   layer [gzip|zstd|tar]     $root becomes a layer, and is empty again
#   seal [CONFIG] [MANIFEST]  ends the layout with one image; the arguments are jq filters over config and manifest
#   member PLATFORM [CONFIG] [MANIFEST]   ends one member of an index; PLATFORM is JSON, or "" for none
#   index [FILTER]            ends the layout with an index of the members
set -euo pipefail
root=$(mktemp -d) scratch=$(mktemp -d)
trap 'rm -rf "$root" "$scratch"' EXIT
oci=application/vnd.oci.image

image() {
  layout=$corpus/$1 layers=() diff_ids=() members=()
  mkdir -p "$layout/blobs/sha256"
  echo '{"imageLayoutVersion":"1.0.0"}' > "$layout/oci-layout"
  empty
}
empty() { rm -rf "$root"; mkdir -p "$root"; }
put() { install -D -m "${3:-755}" "$1" "$root/$2"; }
# write PATH [MODE]: a file from standard input
write() { mkdir -p "$(dirname "$root/$1")"; cat > "$root/$1"; chmod "${2:-644}" "$root/$1"; }
link() { mkdir -p "$(dirname "$root/$2")"; ln -s "$1" "$root/$2"; }

digest() { sha256sum "$1" | cut -c1-64; }
# blob FILE MEDIA-TYPE: keeps the file; its descriptor goes to standard output
blob() {
  local digest; digest=$(digest "$1")
  cp "$1" "$layout/blobs/sha256/$digest"
  printf '{"mediaType":"%s","digest":"sha256:%s","size":%d}' "$2" "$digest" "$(stat -c %s "$1")"
}
# The whole of $root, in the same order and with the same times everywhere; options of tar come before.
pack() { tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner "$@" -C "$root" -cf "$scratch/layer.tar" .; }
layer() { pack; tar_layer "$scratch/layer.tar" "${1:-gzip}"; empty; }
# tar_layer TAR HOW: a tar as it is becomes a layer
tar_layer() {
  case $2 in
    gzip) gzip -n1 < "$1" > "$scratch/blob" ;;
    zstd) zstd -q1 < "$1" > "$scratch/blob" ;;
    tar) cp "$1" "$scratch/blob" ;;
  esac
  local suffix=+$2
  raw_layer "$scratch/blob" "$oci.layer.v1.tar${suffix#+tar}" "$(digest "$1")"
}
# raw_layer BLOB MEDIA-TYPE DIFF-ID: any bytes become a layer
raw_layer() { layers+=("$(blob "$1" "$2")"); diff_ids+=("\"sha256:$3\""); }

list() { local IFS=,; echo "[$*]"; }
# manifest [CONFIG] [MANIFEST]: writes both; the manifest's descriptor goes to standard output
manifest() {
  jq -c "${1:-.}" > "$scratch/config" <<< '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
    "rootfs":{"type":"layers","diff_ids":'"$(list "${diff_ids[@]}")"'}}'
  jq -c "${2:-.}" > "$scratch/manifest" <<< '{"schemaVersion":2,"mediaType":"'$oci'.manifest.v1+json","config":'"$(blob "$scratch/config" $oci.config.v1+json)"',
    "layers":'"$(list "${layers[@]}")"'}'
  blob "$scratch/manifest" "$(jq -r .mediaType "$scratch/manifest")"
}
entries() { echo '{"schemaVersion":2,"mediaType":"'$oci'.index.v1+json","manifests":'"$(list "$@")}"; }
seal() { local made; made=$(manifest "$@"); entries "$made" > "$layout/index.json"; }
member() {
  local made; made=$(manifest "${@:2}")
  [ -z "$1" ] || made=${made%\}},\"platform\":$1\}
  members+=("$made") layers=() diff_ids=()
}
index() {
  entries "${members[@]}" | jq -c "${1:-.}" > "$scratch/index"
  entries "$(blob "$scratch/index" "$(jq -r .mediaType "$scratch/index")")" > "$layout/index.json"
}
# start PATH: the config filter that most images need
start() { echo ".config.Entrypoint=[\"$1\"]"; }

# The folders of a merged /usr, and Debian's C library and loader with nothing else of their package.
merged_usr() { mkdir -p "$root"/usr/{bin,sbin,lib,lib64}; ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root"; }
libc() { merged_usr; put "$parts/amd64/libc6/usr/lib/x86_64-linux-gnu/libc.so.6" usr/lib/x86_64-linux-gnu/libc.so.6; loader; }
loader() {
  put "$parts/amd64/libc6/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
  link ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 usr/lib64/ld-linux-x86-64.so.2
}
busybox() { put "$parts/${1:-amd64}/busybox-static/usr/bin/busybox" usr/bin/busybox; }
