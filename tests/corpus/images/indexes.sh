# Indexes, right and wrong.
. "$here/common.sh"
platform() { echo "{\"os\":\"linux\",\"architecture\":\"$1\"${2:+,\"variant\":\"$2\"}}"; }
# an ARCH DEBIAN-ARCH PLATFORM [CONFIG]: a member with busybox
an() { busybox "$2"; layer; member "$3" "$(start busybox) | .architecture=\"$1\"${4:+ | $4}"; }
amd64() { an amd64 amd64 "$(platform amd64)"; }
arm64() { an arm64 arm64 "$(platform arm64)"; }

image index-three; amd64; an arm64 arm64 "$(platform arm64 v8)" '.variant="v8"'; an arm armhf "$(platform arm v7)" '.variant="v7"'; index
image index-v8-in-index-only; amd64; an arm64 arm64 "$(platform arm64 v8)"; index
image index-v8-in-config-only; amd64; an arm64 arm64 "$(platform arm64)" '.variant="v8"'; index
image index-docker; amd64; arm64; index '.mediaType="application/vnd.docker.distribution.manifest.list.v2+json"'
image index-attestations # as BuildKit writes them: what they say something about is no image
amd64; arm64
about=$(jq -r .digest <<< "${members[0]}")
echo '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","subject":[]}' > "$scratch/statement"
layers=("$(blob "$scratch/statement" application/vnd.in-toto+json)") diff_ids=("\"sha256:$(digest "$scratch/statement")\"")
member "{\"architecture\":\"unknown\",\"os\":\"unknown\"},\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\",\"vnd.docker.reference.digest\":\"$about\"}" '.architecture="unknown" | .os="unknown"'
index

image index-swapped; an amd64 amd64 "$(platform arm64)"; an arm64 arm64 "$(platform amd64)"; index
image index-variant; amd64; an arm armhf "$(platform arm v7)" '.variant="v6"'; index
image index-same-platform-twice; amd64; put "$parts/bin/static" hello; layer; member "$(platform amd64)" "$(start /hello)"; index
image index-member-twice; amd64; arm64; members+=("${members[0]}"); index
image index-windows # a member for another world, whose base layers no registry need have
amd64; layers=('{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"sha256:'"$(printf '%064d' 7)"'","size":7}')
diff_ids=("\"sha256:$(printf '%064d' 8)\"")
member '{"os":"windows","architecture":"amd64","os.version":"10.0.20348.1"}' '.os="windows" | .config.Entrypoint=["cmd.exe"]'; index
image index-files-of-one; amd64; an arm64 amd64 "$(platform arm64)"; index
image index-member-missing; amd64; arm64
rm "$layout/blobs/$(jq -r '.digest | sub(":"; "/")' <<< "${members[1]}")"; index
image index-member-unreadable; amd64; arm64
echo '{"schemaVersion":2,' > "$layout/blobs/$(jq -r '.digest | sub(":"; "/")' <<< "${members[1]}")"; index
