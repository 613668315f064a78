#!/usr/bin/env bash
# Times the way from one changed package of some 2 MB to new digests for both architectures; all other segments are cached.
#
#   cargo build --release && benches/one_changed.sh [ROUNDS]
#
# What changes is `git`'s dependency of some 2 MB, perl-base (1.6 MB): before each round its segment is forgotten for both
# architectures, and with it the layers and images. Its .deb is there, as after a fetch. Making a segment takes the same time
# whether its bytes are new or not, and so do the layer's two hashes; only a mirror and a solver are left out, which
# `catamaran update` asks before. The second figure is the same with no segment forgotten: what writing the layers takes alone.
# Needs jq. PLACE=DIR keeps downloads for the next time (40 MB).
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-9}
. benches/place.sh jq
changed=perl-base
cat > "$place/containers.toml" <<END
[defaults]
targets = ["x86_64", "aarch64"]
base = ["bash", "coreutils"]
[containers.git]
packages = ["git"]
END
cd "$place"
"$ours" build --output quiet >/dev/null
# Hashes of the changed package's .deb files, out of the lock.
hashes=$(awk -v name="name = \"$changed\"" '$0 == name {on = 1} on && /^sha256/ {gsub(/[" ]/, "", $0); sub(/.*=/, ""); print; on = 0}' containers.lock)
[ "$(wc -w <<<"$hashes")" -eq 2 ] || { echo "the lock does not have $changed twice" >&2; exit 1; }
digests() { "$ours" list --json | jq -r '.targets[].image.digest'; }
before=$(digests)
forget() { rm -rf "$place/cache/debian/layers" "$place"/cache/{images,content}; }
build() { local begin end; begin=$(date +%s%N); "$ours" build --output quiet >/dev/null; end=$(date +%s%N); echo -n "$(((end - begin) / 1000000)) "; }
one='' none=''
for _ in $(seq "$rounds"); do
  forget; for hash in $hashes; do rm "$place/cache/debian/segments/$hash"-*; done
  one+=$(build)' '
  forget; none+=$(build)' '
done
[ "$(digests)" = "$before" ] || { echo "the digests are not what they were" >&2; exit 1; }
show() { tr ' ' '\n' <<<"$2" | grep . | sort -n | awk -v what="$1" -v all="$2" '{v[NR] = $1} END {printf "%-46s min %5d ms, median %5d ms   all: %s\n", what, v[1], v[int((NR + 1) / 2)], all}'; }
bytes=$("$ours" list --json | jq '[.targets[].image.size] | add')
printf 'git for two architectures, %d MB of layers in all\n' "$((bytes / 1000000))"
show "$changed changed, every other segment cached" "$one"
show "every segment cached" "$none"
