#!/usr/bin/env bash
# Times the way from one changed package to new digests for both architectures, as after a security fix.
#
#   cargo build --release && benches/one_changed.sh [ROUNDS]
#
# The package is libssl3t64 (a .deb of 2.5 MB, 8 MB unpacked): first git is built with its version from trixie-security, then the
# lock has the one of trixie's last point release. Before each round the cache is put back to what it was with the old version; only the new .deb is
# in it, as after a fetch. So every round unpacks and compresses the new .deb, writes the layers it is in, and makes the images,
# twice; all else is reused. With `layers = 10` the layers of other packages are not touched.
# Needs jq and rsync. PLACE=DIR keeps downloads for the next time (80 MB).
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-9}
. benches/place.sh
need jq rsync
cd "$place"
# define LAYERS [SUITE]: the container, with libssl3t64 of SUITE where one is named.
define() {
  cat <<END
[defaults]
targets = ["x86_64", "aarch64"]
base = ["bash", "coreutils"]
[containers.git]
packages = ["git"]
layers = $1
END
  if [ -n "${2:-}" ]; then printf '[debian.pins]\nlibssl3t64 = "%s"\n' "$2"; fi
}
digests() { "$ours" list --json | jq -r '.targets[].image.digest'; }
build() { "$ours" build --output quiet "$@" >/dev/null; }
declare -A suites=([old]=trixie-security [new]=trixie)
for layers in 2 10; do
  rm -rf cache/debian/{segments,layers,scripts} cache/images cache/content cache/proofs # what the last kind has made of the new version
  for version in old new; do
    rm -f containers.lock
    define "$layers" "${suites[$version]}" > containers.toml
    build
    mv containers.lock "$version.lock"
    digests > "$version.digests"
    # What is known with the old version, before the new one is built.
    # The images have been there for a while and verified, as they are between one fix and the next.
    if [ $version = old ]; then sleep 3; "$ours" verify git --output quiet >/dev/null; rm -rf before; cp -a cache before; fi
  done
  cp -an cache/debian/packages before/debian/
  changed=$(comm -13 <(sort old.lock) <(sort new.lock) | grep -c '^sha256') || { echo "both suites have the same version now: take another package" >&2; exit 1; }
  define "$layers" trixie > containers.toml
  times=''
  for _ in $(seq "$rounds"); do
    rsync -a --delete before/ cache/ # what has not changed stays the very file it was
    cp new.lock containers.lock
    begin=$(date +%s%N); build --locked; end=$(date +%s%N)
    times+="$(((end - begin) / 1000000)) "
    digests | cmp - new.digests
  done
  tr ' ' '\n' <<<"$times" | grep . | sort -n | awk -v what="layers = $layers, $changed .debs changed" -v all="$times" \
    '{v[NR] = $1} END {printf "%-40s min %5d ms, median %5d ms   all: %s\n", what, v[1], v[int((NR + 1) / 2)], all}'
done
