# What the scripts run, and what comes of it (sourced by check.sh). The program that they find writes down its words before it
# does what they say.

export CATAMARAN_CALLS=$work/calls
# No engine: what would be loaded into somebody's Docker stops there.
export DOCKER_HOST=unix://$work/no-docker.sock

# Runs a script with arguments and holds the words that the program heard against EXPECTED.
calls() { # WHAT EXPECTED SCRIPT [ARGUMENT…]
  local what=$1 expected=$2 script=$3
  shift 3
  rm -f "$CATAMARAN_CALLS"
  "$script" "$@" > "$work/stdout" 2> "$work/stderr" || true
  [ -e "$CATAMARAN_CALLS" ] || fail "$what: the program was not run: $(cat "$work/stderr")"
  equal "$what" "$expected" "$(tr '\n' ' ' < "$CATAMARAN_CALLS")"
}
heard() { sed -n "s/^$1=//p" "$CATAMARAN_CALLS.env"; }
script() { # OUTPUT NAME: where it is
  local built
  built=$(image "$1") || fail "$1 is not built"
  echo "$built/bin/$2"
}

# The containers.toml that scripts name: the flake's own source.
manifest=$(script fdManifest fdManifest)
file=$(sed -n 's/.*--file \([^ ]*\) .*/\1/p' "$manifest")
equal "scripts name the project's file" "$(cat "$work/project/containers.toml")" "$(cat "$file")"

# The ways out of the store. Two are followed to their end: a layout, and a registry.
calls "copyToDockerDaemon" "copy nix:$fd_aarch64 docker-daemon:fd:latest " \
  "$(script fdContainer-aarch64.copyToDockerDaemon copy-to-docker-daemon)"
run run "$(at project)#fdContainer-aarch64.copyTo" -- "oci:$work/layout:fd" > "$work/stdout" || fail "copyTo failed"
equal "copyTo hands on what it is given" "copy nix:$fd_aarch64 oci:$work/layout:fd " "$(tr '\n' ' ' < "$CATAMARAN_CALLS")"
equal "and copies" arm64 "$("$catamaran" inspect "oci:$work/layout:fd" --json 2> "$work/stderr" | jq -r ".images[0].platform.architecture")"
"$(script fdContainer-x86_64.copyToRegistry copy-to-registry)" > "$work/stdout" 2> "$work/stderr" \
  || fail "copyToRegistry: $(cat "$work/stderr")"
equal "copyToRegistry goes where containers.toml says" "copy nix:$fd_x86_64 docker://$registry/acme/fd:latest --file $file " \
  "$(tr '\n' ' ' < "$CATAMARAN_CALLS")"
equal "as skopeo sees it" "amd64 3" \
  "$(skopeo inspect --tls-verify=false "docker://$registry/acme/fd:latest" | jq -r '"\(.Architecture) \(.Layers | length)"')"

# Podman's store in the work folder, and the driver that needs nothing of the kernel.
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$work/podman" "$work/podman-run" > "$work/storage.conf"
export CONTAINERS_STORAGE_CONF=$work/storage.conf
"$(script fdContainer-x86_64.copyToPodman copy-to-podman)" > "$work/stdout" 2> "$work/stderr" || fail "copyToPodman: $(cat "$work/stderr")"
equal "copyToPodman loads" "amd64 [/bin/fd]" "$(podman image inspect fd:latest --format '{{.Architecture}} {{.Config.Entrypoint}}')"

# Push scripts. `--image` takes what Nix has built.
images="--image aarch64=nix:$fd_aarch64 --image x86_64=nix:$fd_x86_64"
calls "a push without any word" "push 1.0.0 fd --file $file $images " "$manifest"
equal "counts as one from main" "main  " "$(heard GITHUB_REF_NAME) $(heard TAGS) $(heard GITHUB_ACTOR)"
export GITHUB_TOKEN=secret
VERSION=1.2.0 TAGS=latest,stable GITHUB_REF_NAME=next GITHUB_ACTOR=me \
  calls "a push with words in the environment" "push 1.2.0 fd --file $file $images --dry-run " "$manifest" --dry-run
equal "which the program gets" "latest,stable next me" "$(heard TAGS) $(heard GITHUB_REF_NAME) $(heard GITHUB_ACTOR)"
VERSION='' TAGS='' calls "empty ones are absent" "push 1.0.0 fd --file $file $images " "$manifest"
unset GITHUB_TOKEN
calls "one architecture" "push 1.0.0 fd --file $file --image aarch64=nix:$fd_aarch64 " "$(script fdManifest-aarch64 fdManifest-aarch64)"

# `nix run --impure`: read at evaluation too, quoted for the shell, and never the token.
rm "$CATAMARAN_CALLS"
VERSION=2.0.0 TAGS="it's,two" GITHUB_TOKEN=secret run build --impure -o "$work/impure" "$(at project)#packages.$system.fdManifest"
calls "what was set at evaluation holds later" "push 2.0.0 fd --file $file $images " "$work/impure/bin/fdManifest"
equal "with its tags" "it's,two" "$(heard TAGS)"
VERSION=3.0.0 calls "and what is set now goes before it" "push 3.0.0 fd --file $file $images " "$work/impure/bin/fdManifest"
! grep -q secret "$work/impure/bin/fdManifest" || fail "the token is in the store"

# One to its end: an index of what Nix has built, under its version and its tag.
VERSION=4.0.0 TAGS=stable "$manifest" > "$work/stdout" 2> "$work/stderr" || fail "a push: $(cat "$work/stderr")"
raw() { skopeo inspect --tls-verify=false --raw "docker://$registry/acme/fd:$1"; }
equal "what was pushed is an index of both" "amd64 arm64" "$(raw 4.0.0 | jq -r '[.manifests[].platform.architecture] | sort | join(" ")')"
equal "its tag is the same index" "$(raw 4.0.0 | sha256sum)" "$(raw stable | sha256sum)"
equal "with the image that Nix has built" "[\"/bin/fd\"]" \
  "$(skopeo inspect --tls-verify=false --config "docker://$registry/acme/fd:4.0.0-arm64" | jq -c .config.Entrypoint)"
