# Images as other programs write them, from the same trees.
. "$here/common.sh"
storage=(--root "$scratch/storage" --runroot "$scratch/run" --storage-driver vfs)
export BUILDAH_ISOLATION=chroot REGISTRY_AUTH_FILE=$scratch/auth.json
echo '{}' > "$REGISTRY_AUTH_FILE"
tree() { empty; busybox; link busybox usr/bin/sh; }

# mmdebstrap, one layer of a Debian without its scripts run; umoci makes the image
new() { umoci init --layout "$corpus/$1"; umoci new --image "$corpus/$1:x"; umoci config --image "$corpus/$1:x" --architecture amd64 "${@:2}"; }
new debian-mmdebstrap --config.entrypoint /usr/bin/bash
umoci raw add-layer --image "$corpus/debian-mmdebstrap:x" "$parts/debian.tar"
tree; new umoci --config.entrypoint /usr/bin/sh --config.user 1000
umoci insert --image "$corpus/umoci:x" "$root/usr" /usr
umoci insert --image "$corpus/umoci:x" "$parts/bin/static" /opt/hello
umoci gc --layout "$corpus/umoci"; umoci gc --layout "$corpus/debian-mmdebstrap"

# buildah, in both formats
for format in oci docker; do
  tree; container=$(buildah "${storage[@]}" from scratch)
  buildah "${storage[@]}" add --quiet "$container" "$root" / > "$scratch/out"
  buildah "${storage[@]}" config --entrypoint '["/usr/bin/sh"]' --env PATH=/usr/bin "$container"
  buildah "${storage[@]}" commit --quiet --format $format "$container" "oci:$corpus/buildah-$format:x" > "$scratch/out"
  buildah "${storage[@]}" commit --quiet --format $format "$container" "localhost/$format:x" > "$scratch/out"
done
# the classic: another architecture's name on the same files
tree; container=$(buildah "${storage[@]}" from --arch arm64 scratch)
buildah "${storage[@]}" add --quiet "$container" "$root" / > "$scratch/out"
buildah "${storage[@]}" config --arch arm64 --entrypoint '["/usr/bin/sh"]' "$container"
buildah "${storage[@]}" commit --quiet "$container" "oci:$corpus/buildah-arm64-of-amd64:x" > "$scratch/out"
podman "${storage[@]}" save --quiet --format docker-archive -o "$corpus/podman-save.tar" localhost/docker:x

# skopeo changes compression and format
skopeo copy --quiet --dest-compress-format zstd --dest-compress "oci:$corpus/buildah-oci:x" "oci:$corpus/skopeo-zstd:x"
skopeo copy --quiet "oci:$corpus/buildah-oci:x" "docker-archive:$corpus/skopeo-docker-archive.tar:local/it:x"
skopeo copy --quiet --dest-decompress "oci:$corpus/buildah-oci:x" "dir:$scratch/plain"
skopeo copy --quiet "dir:$scratch/plain" "oci:$corpus/skopeo-from-dir:x"
