# Sourced by every bench: the program, a place to work in, the folders of the program in it.
#
# What is left behind: $ours, $place (PLACE, or a fresh folder that is removed at the end), CATAMARAN_* folders in $place,
# $mirror (that of the variable or of the host's apt, for peers), and `need`.

# need TOOL…: ends the bench when one is missing.
need() { local tool; for tool; do command -v "$tool" >/dev/null || { echo "this needs $tool" >&2; exit 2; }; done; }
ours=${CATAMARAN:-$PWD/target/release/catamaran}
need "$ours"
ours=$(realpath "$(command -v "$ours")") # benches work in other folders
if [ -n "${PLACE:-}" ]; then mkdir -p "$PLACE"; place=$(realpath "$PLACE"); else place=$(mktemp -d); trap 'rm -rf "$place"' EXIT; fi
export CATAMARAN_CACHE_DIR=$place/cache CATAMARAN_STATE_DIR=$place/state CATAMARAN_CONFIG_DIR=$place/config
mirror=${CATAMARAN_DEBIAN_MIRROR:-$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
  awk '/^URIs:/ {print $2; exit} /^deb / {for (i = 2; i <= NF; i++) if ($i ~ /^http/) {print $i; exit}}' || true)}
