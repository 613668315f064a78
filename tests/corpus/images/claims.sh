# Wrong images: manifest, config and blobs that contradict each other.
. "$here/common.sh"
# begun NAME: an image with one layer
begun() { image "$1"; put "$parts/bin/static" hello; layer "${2:-gzip}"; }
wrong=0000000000000000000000000000000000000000000000000000000000000001
# bytes FILE DIFF-ID: any bytes as a gzip layer
gzip_bytes() { raw_layer "$1" $oci.layer.v1.tar+gzip "$2"; }

begun config-without-architecture; seal "$(start /hello) | del(.architecture)"
begun config-without-os; seal "$(start /hello) | del(.os)"
begun config-without-rootfs; seal "$(start /hello) | del(.rootfs)"
begun architecture-of-elf; seal "$(start /hello) | .architecture=\"x86_64\""
begun architecture-unknown; seal "$(start /hello) | .architecture=\"z80\""
begun diff-id-wrong; seal "$(start /hello) | .rootfs.diff_ids=[\"sha256:$wrong\"]"
begun diff-id-of-compressed; seal "$(start /hello) | .rootfs.diff_ids=[$(jq .digest <<< "${layers[0]}")]"
begun diff-ids-too-many; seal "$(start /hello) | .rootfs.diff_ids+=[\"sha256:$wrong\"]"
begun layer-size-too-small; seal "$(start /hello)" '.layers[0].size-=1'
begun layer-size-too-large; seal "$(start /hello)" '.layers[0].size+=1'
begun layer-absent; seal "$(start /hello)" ".layers[0].digest=\"sha256:$wrong\""
begun layer-twice; layers+=("${layers[0]}"); diff_ids+=("${diff_ids[0]}"); seal "$(start /hello)"
begun layer-replaced # other bytes under its digest
file=$layout/blobs/$(jq -r '.digest | sub(":"; "/")' <<< "${layers[0]}"); seal "$(start /hello)"
echo | write x; pack; gzip -n1 < "$scratch/layer.tar" > "$file"
begun config-replaced; seal "$(start /hello)"
file=$layout/blobs/$(jq -r '.config.digest | sub(":"; "/")' "$scratch/manifest"); jq -c '.author="x"' "$file" > "$scratch/other"; cp "$scratch/other" "$file"
begun says-gzip-is-zstd zstd; seal "$(start /hello)" ".layers[0].mediaType=\"$oci.layer.v1.tar+gzip\""
begun says-tar-is-gzip gzip; seal "$(start /hello)" ".layers[0].mediaType=\"$oci.layer.v1.tar\""
begun says-gzip-is-tar tar; seal "$(start /hello)" ".layers[0].mediaType=\"$oci.layer.v1.tar+gzip\""
begun media-type-unknown; seal "$(start /hello)" '.layers[0].mediaType="application/octet-stream"'
begun media-types-mixed; seal "$(start /hello)" '.layers[0].mediaType="application/vnd.docker.image.rootfs.diff.tar.gzip"'
begun docker-zstd zstd; seal "$(start /hello)" '.mediaType="application/vnd.docker.distribution.manifest.v2+json"
  | .config.mediaType="application/vnd.docker.container.image.v1+json" | .layers[0].mediaType="application/vnd.docker.image.rootfs.diff.tar.zstd"'

begun nulls-of-go; seal "$(start /hello)" '.annotations=null' # what Go's tools write for an empty map
jq -c '.annotations=null | .manifests[].annotations=null | .manifests[].platform=null' "$layout/index.json" > "$scratch/index"; cp "$scratch/index" "$layout/index.json"
begun values-without-end; seal "$(start /hello) | .history=[range(200000) | {}]"
begun index-of-ten-gigabytes; seal "$(start /hello)"; truncate -s 10G "$layout/index.json"
begun pipe-for-a-layer; seal "$(start /hello)"
file=$layout/blobs/$(jq -r '.digest | sub(":"; "/")' <<< "${layers[0]}"); rm "$file"; mkfifo "$file"
begun entry-absent; seal "$(start /hello)" # one of two images of the layout is not there
jq -c ".manifests += [.manifests[0] | .digest=\"sha256:$wrong\" | .platform={os:\"linux\",architecture:\"arm64\"}]" "$layout/index.json" > "$scratch/index"
cp "$scratch/index" "$layout/index.json"
image single-empty-block # Go's reader, which engines unpack with, takes it neither for an end nor for a member
busybox; pack; { head -c 512 /dev/zero; cat "$scratch/layer.tar"; } > "$scratch/more.tar"; tar_layer "$scratch/more.tar" gzip; seal "$(start busybox)"

image gzip-truncated; busybox; pack; gzip -n1 < "$scratch/layer.tar" > "$scratch/cut"; truncate -s 500000 "$scratch/cut"
gzip_bytes "$scratch/cut" "$(digest "$scratch/layer.tar")"; seal "$(start busybox)"
image gzip-corrupt; busybox; pack; gzip -n1 < "$scratch/layer.tar" > "$scratch/bad"; printf 'xxxxxxxx' | dd of="$scratch/bad" bs=1 seek=300000 conv=notrunc status=none
gzip_bytes "$scratch/bad" "$(digest "$scratch/layer.tar")"; seal "$(start busybox)"
image zstd-truncated; busybox; pack; zstd -q1 < "$scratch/layer.tar" > "$scratch/cut"; truncate -s 500000 "$scratch/cut"
raw_layer "$scratch/cut" $oci.layer.v1.tar+zstd "$(digest "$scratch/layer.tar")"; seal "$(start busybox)"
image garbage-behind-gzip; busybox; pack; { gzip -n1 < "$scratch/layer.tar"; echo garbage; } > "$scratch/more"
gzip_bytes "$scratch/more" "$(digest "$scratch/layer.tar")"; seal "$(start busybox)"
image tar-truncated; busybox; pack; head -c 1000000 "$scratch/layer.tar" > "$scratch/cut.tar"; tar_layer "$scratch/cut.tar" gzip; seal "$(start busybox)"
image no-tar; echo 'no tar at all, but long enough to be looked at' > "$scratch/text"; tar_layer "$scratch/text" gzip; seal
image duplicate-paths
busybox; pack; put "$parts/bin/static" usr/bin/busybox; tar -C "$root" --mtime=@0 -rf "$scratch/layer.tar" ./usr/bin/busybox
tar_layer "$scratch/layer.tar" gzip; seal "$(start busybox)"
