# What people do with containers.toml. Nothing here names a container: add one there, and every recipe knows it.
# `catamaran init --just` writes this file.

set positional-arguments

# The program; `just catamaran=/path/to/one RECIPE` or $CATAMARAN name another.
catamaran := env("CATAMARAN", "cargo run --release --locked --")

# Further options of what publishes: `just options=--yes container-release 1.2.0` asks nothing, `options=--dry-run` shows the plan.
options := ""

# Shows the recipes.
default:
    @just --list --unsorted

# Builds a container for one architecture.
container-build container target="aarch64":
    {{ catamaran }} build "$1" --target "$2"

# The results are OCI image layouts, which skopeo, crane, umoci and `catamaran inspect` read: oci:result-aarch64:NAME.

# Builds a container for all of its architectures, and leaves each in result-ARCHITECTURE.
container-build-all container:
    #!/usr/bin/env bash
    set -euo pipefail
    {{ catamaran }} build "$1"
    # `matrix` prints one line in which every target looks like this.
    for target in $({{ catamaran }} matrix build | grep -o "\"container\":\"$1\",\"target\":\"[^\"]*\"" | cut -d'"' -f8); do
      {{ catamaran }} --output quiet build "$1" --target "$target" --out "result-$target"
    done

# Loads a container into Docker or Podman.
container-load container target="aarch64":
    {{ catamaran }} load "$1" --target "$2"

# Runs what is loaded: `--help`, or what `test` in containers.toml says.
container-test container:
    {{ catamaran }} test "$1"

# Builds, loads and tests a container; `image` is what to test, where that is called otherwise.
container-all container image="" target="aarch64":
    {{ catamaran }} build "$1" --target "$3"
    {{ catamaran }} load "$1" --target "$3"
    {{ catamaran }} test "${2:-$1}" --target "$3"

# Checks that a container is what its metadata says, and shows platform and layers.
container-verify container target="aarch64":
    {{ catamaran }} build "$1" --target "$2"
    {{ catamaran }} verify "$1/$2"
    {{ catamaran }} inspect "$1/$2"

# Prints what there is to build and to publish, as CI takes it.
container-matrix:
    @{{ catamaran }} matrix

# Builds every container for all of its architectures.
container-build-all-defs:
    {{ catamaran }} build

# Publishes a container: builds what is missing, checks it, pushes its images and their index.
container-push container version="1.0.0" tags="":
    TAGS="$3" {{ catamaran }} release "$2" "$1" {{ options }}

# Publishes only its image for x86_64.
container-push-x86 container version="1.0.0" tags="":
    TAGS="$3" {{ catamaran }} release "$2" "$1" --target x86_64 {{ options }}

# Publishes only its image for aarch64.
container-push-arm container version="1.0.0" tags="":
    TAGS="$3" {{ catamaran }} release "$2" "$1" --target aarch64 {{ options }}

# Publishes every container.
container-push-all version="1.0.0" tags="":
    TAGS="$2" {{ catamaran }} release "$1" {{ options }}

# Builds every container, then publishes all of them.
container-release version="1.0.0" tags="": container-build-all-defs (container-push-all version tags)
