#!/usr/bin/env bash
# Builds the corpus: images of many kinds, right and wrong, made without Catamaran. What verify must say of each stands in
# expected.toml.
#
#   tests/corpus/build.sh FOLDER      one OCI layout per image, FOLDER/NAME, or a Docker archive, FOLDER/NAME.tar
#
# Needs an amd64 machine, root (for dockerd and buildah), Debian's archive, and what tests/run.sh installs.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
mkdir -p "$1"
corpus=$(realpath "$1")
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT
export here corpus parts
[ "$(dpkg --print-architecture)" = amd64 ] || { echo "the corpus holds programs compiled on amd64: build it there" >&2; exit 2; }
for tool in apt-get gcc musl-gcc jq zstd python3 mmdebstrap umoci buildah skopeo podman docker dockerd; do
  command -v "$tool" >/dev/null || { echo "the corpus needs $tool (tests/run.sh installs it)" >&2; exit 2; }
done
"$here/parts.sh"
# The families have nothing to do with each other. Engines take longest, so they go first.
printf '%s\n' "$here"/images/*.sh | sort -r | xargs -P 3 -n 1 bash -c 'bash "$0" || { echo "$0 failed" >&2; exit 1; }'
# The same layer is in many of them; nobody writes to a corpus.
hardlink -q -c "$corpus"
