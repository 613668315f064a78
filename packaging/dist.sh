#!/usr/bin/env bash
# Makes what a release hands out for one target, in target/dist:
#   catamaran-TARGET.tar.gz   the program, its man pages and completions
#   catamaran_VERSION_ARCH.deb   the same as a Debian package (Linux; needs cargo-deb)
# and a .sha256 beside each. On Linux the program is static: TARGET is x86_64-unknown-linux-musl or aarch64-unknown-linux-musl, and
# musl-gcc (musl-tools) compiles the parts that are C. A target is built on a machine of its own kind, for the program writes its man pages.
#
#   packaging/dist.sh x86_64-unknown-linux-musl
#   packaging/dist.sh x86_64-unknown-linux-musl --no-build     of what is in target/TARGET/release already
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:?usage: packaging/dist.sh TARGET [--no-build]}
name=catamaran-$target
dist=target/dist
stage=target/packaging/$name
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

if [ "${2:-}" != --no-build ]; then
  case $target in *-musl) export "CC_${target//-/_}=musl-gcc" ;; esac
  cargo build --release --locked --bin catamaran --target "$target"
fi
program=target/$target/release/catamaran
case $target in
  *-musl)
    # One file for any Linux: it asks for no library and no loader.
    if readelf --wide --dynamic --program-headers "$program" | grep -E 'NEEDED|INTERP'; then
      echo "$program is not static" >&2
      exit 1
    fi ;;
esac

rm -rf "$stage" && mkdir -p "$stage/man" "$stage/completions" "$dist"
cp "$program" LICENSE README.md "$stage/"
"$program" man --out "$stage/man"
for shell in bash zsh fish; do "$program" completions "$shell" > "$stage/completions/catamaran.$shell"; done
tar=$(command -v gtar || command -v tar) # GNU's
"$tar" --create --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mode='u+rwX,go=rX' --mtime="@$SOURCE_DATE_EPOCH" \
  --directory target/packaging "$name" | gzip --no-name --best > "$dist/$name.tar.gz"
made=("$name.tar.gz")

case $target in
  *-linux-*)
    # `[package.metadata.deb]` of Cargo.toml says what is where in it.
    rm -rf target/packaging/current && cp -r "$stage" target/packaging/current
    made+=("$(basename "$(cargo deb --no-build --no-strip --quiet --target "$target" --output "$dist/")")")
    # The image of this program (packaging/image/containers.toml) takes it from here.
    mkdir -p "packaging/image/${target%%-*}" && cp "$program" "packaging/image/${target%%-*}/catamaran" ;;
esac
cd "$dist"
for file in "${made[@]}"; do sha256sum "$file" | tee "$file.sha256"; done
