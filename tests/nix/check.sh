#!/usr/bin/env bash
# Tries nix/ and flake.nix: evaluates every output, builds images, runs their scripts, and gives it what is wrong (README.md says
# against what). Ends with 1 and the reason where something is not as it should be.
#   NIX         the nix to use [nix]; 2.8 or newer
#   CATAMARAN   the program [target/debug/catamaran]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
nix=${NIX:-nix}
catamaran=$(realpath "${CATAMARAN:-$source/target/debug/catamaran}")

fail() { printf 'FAILED: %s\n' "$@" >&2; exit 1; }
for tool in "$nix" python3 jq podman skopeo docker-registry shellcheck; do
  command -v "$tool" > /dev/null || fail "$tool is missing; tests/install.sh installs it on Debian"
done
[ -x "$catamaran" ] || fail "there is no $catamaran: cargo build, or name the program with CATAMARAN"

work=$(mktemp -d)
registry_process=""
clean_up() {
  [ -z "$registry_process" ] || kill "$registry_process"
  chmod -R u+w "$work"
  rm -rf "$work"
}
trap clean_up EXIT
# No caches, no registry of flakes, and nothing that a build would have to be waited for while evaluating. What stands for
# nixpkgs builds with this machine's programs, so nothing may be hidden from it.
export NIX_CONFIG='experimental-features = nix-command flakes
substituters =
flake-registry =
allow-import-from-derivation = false
build-users-group =
sandbox = false'
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state CATAMARAN_CACHE_DIR=$work/images CATAMARAN_STATE_DIR=$work/runs
unset VERSION TAGS GITHUB_REF_NAME GITHUB_ACTOR GITHUB_TOKEN

mkdir "$work/catamaran"
(cd "$source" && cp -r flake.nix nix Cargo.toml Cargo.lock containers.toml src themes benches "$work/catamaran")
cp -r "$here"/{nixpkgs,nix2container,flake-parts,project,parts} "$work"
# A registry at a port that is free, for the project to publish to.
registry=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'version: 0.1\nstorage: { filesystem: { rootdirectory: %s } }\nhttp: { addr: "%s" }\n' "$work/registry" "$registry" \
  > "$work/registry.yml"
docker-registry serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
registry_process=$!
sed -i "s/127.0.0.1:5000/$registry/" "$work/project/containers.toml"
cp -r "$work"/project/{containers.toml,site,motd.*} "$work/parts"
printf %s "$catamaran" > "$work/nixpkgs/program"

at() { echo "path:$work/$1"; }
overrides=(--no-write-lock-file)
for input in nixpkgs nix2container flake-parts catamaran; do overrides+=(--override-input "$input" "$(at $input)"); done
for input in nix2container/nixpkgs flake-parts/nixpkgs catamaran/nixpkgs; do overrides+=(--override-input $input "$(at nixpkgs)"); done
overrides+=(--override-input catamaran/nix2container "$(at nix2container)")

# nix FLAKE#… with what stands for its inputs; its words about lock files are kept out of the way.
run() {
  if ! "$nix" "$1" "${overrides[@]}" "${@:2}" 2> "$work/stderr"; then
    grep -v -e "^warning: not writing" -e "^• " -e "^    '" -e "^    follows" "$work/stderr" >&2
    return 1
  fi
}
value() { run eval --json "$@"; }
equal() { # WHAT EXPECTED FOUND
  [ "$2" = "$3" ] || { diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") >&2 || true; fail "$1"; }
  echo "ok: $1"
}
contains() { # WHAT PART TEXT
  case $3 in *"$2"*) echo "ok: $1" ;; *) printf '%s\n' "$3" >&2; fail "$1: there is no \`$2\`" ;; esac
}
# As `nix-store` is called, whatever the name of the one binary.
nix_store() { bash -c 'exec -a nix-store "$0" "$@"' "$(realpath "$(command -v "$nix")")" "$@"; }
system=$("$nix" eval --impure --raw --expr builtins.currentSystem)
. "$here/outputs.sh"
. "$here/images.sh"
. "$here/scripts.sh"
. "$here/mistakes.sh"
echo "all of it holds ($("$nix" --version))"
