#!/usr/bin/env bash
# Releases fd for two architectures to two registries, and asks crane, oras, skopeo and podman whether what is there is what the
# receipt says, digest by digest; then holds the index against what `crane index append` makes of the same members.
#
#   cargo build --release && tests/judges.sh          (CATAMARAN=FILE judges another program)
#
# Not a part of the suite: crane and oras are in Debian testing only (apt-get install crane oras skopeo podman docker-registry jq).
# Needs root for podman, and a Debian mirror. Ends with 1 when a judge disagrees.
set -euo pipefail
cd "$(dirname "$0")/.."
. benches/common.sh
need crane oras skopeo podman jq sha256sum
export XDG_RUNTIME_DIR=$place/run
mkdir -p "$XDG_RUNTIME_DIR"
another=127.0.0.1:$((port + 1))
crane registry serve --address "$another" --disk "$(mkdir -p "$place/other" && echo "$place/other")" >/dev/null 2>&1 &
other=$!
trap 'kill $server $other; wait $server $other 2>/dev/null || true; rm -rf "$place"' EXIT
until (: < "/dev/tcp/${another%:*}/${another#*:}") 2>/dev/null; do sleep 0.1; done

failed=0
# same WHO WHAT EXPECTED FOUND
same() {
  if [ "$3" = "$4" ]; then printf 'agrees     %-28s %s\n' "$1" "$2"; else
    printf 'DISAGREES  %-28s %s: %s, not %s\n' "$1" "$2" "$4" "$3"; failed=1
  fi
}
sum() { printf 'sha256:%s' "$(sha256sum | cut -d' ' -f1)"; }
# The judges of one reference that should be the digest $2.
judged() {
  local at=$1 digest=$2
  same 'crane digest' "$at" "$digest" "$(crane digest --insecure "$at")"
  same 'crane manifest' "$at" "$digest" "$(crane manifest --insecure "$at" | sum)"
  same 'oras manifest fetch' "$at" "$digest" "$(oras manifest fetch --plain-http "$at" | sum)"
  same 'skopeo inspect --raw' "$at" "$digest" "$(skopeo inspect --tls-verify=false --raw "docker://$at" | sum)"
  same 'crane validate --remote' "$at" PASS "$(crane validate --insecure --remote "$at" 2>&1 | grep -o PASS || echo refused)"
}

cd "$place"
for registry in "$registry" "$another"; do
  printf '[registry]\nhost = "%s"\nrepository = "tools/{container}"\n[defaults]\ntargets = ["x86_64", "aarch64"]\nbase = ["bash", "coreutils"]\n[containers.fd]\npackages = ["fd-find"]\nentrypoint = "fdfind"\n' "$registry" > containers.toml
  "$ours" release 1.0 --tags stable --yes --receipt receipt.json --output quiet >/dev/null
  repository=$(jq -r '.containers[0].repository' receipt.json)
  index=$(jq -r '.containers[0].digest' receipt.json)
  while read -r tag digest; do judged "$repository:$tag" "$digest"; done < <(jq -r '.containers[0].tags[] | "\(.tag) \(.digest)"' receipt.json)
  while read -r digest; do judged "$repository@$digest" "$digest"; done < <(jq -r '.containers[0].images[].digest' receipt.json)

  for arch in amd64 arm64; do
    member=$(jq -r --arg a $arch '.containers[0].images[] | select(.platform.architecture == $a) | .digest' receipt.json)
    config=$(crane manifest --insecure "$repository@$member" | jq -r .config.digest)
    pods=(podman --root "$place/pods-$arch" --runroot "$place/run-$arch" --storage-driver vfs)
    "${pods[@]}" pull -q --tls-verify=false --arch $arch "$repository:1.0" >/dev/null
    same "podman pull --arch $arch" 'the config' "$config" "sha256:$("${pods[@]}" image inspect --format '{{.Id}}' "$repository:1.0")"
    same "podman pull --arch $arch" 'the manifest' "$member" "$("${pods[@]}" image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$repository:1.0" | grep -o "$member" | head -1)"
  done

  mapfile -t members < <(jq -r --arg r "$repository" '.containers[0].images[] | "-m", "\($r)@\(.digest)"' receipt.json)
  crane index append --insecure "${members[@]}" -t "$repository:crane" >/dev/null 2>&1
  # Order of members, order of keys: the differences that docs/architecture.md names. Annotations: none are configured here.
  plain() { jq -S '.manifests |= sort_by(.platform.architecture)'; }
  same 'crane index append' 'the index, members in order' "$(crane manifest --insecure "$repository:crane" | plain | sum)" \
    "$(crane manifest --insecure "$repository@$index" | plain | sum)"
  diff <(crane manifest --insecure "$repository:crane" | jq -S .) <(crane manifest --insecure "$repository@$index" | jq -S .) || true
done
exit $failed
