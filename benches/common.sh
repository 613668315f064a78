# Sourced by the benches that push: a registry on loopback in a place of its own, a clock, medians.
#
# What is left behind: what place.sh leaves, in a fresh folder, and $registry (host:port).
unset PLACE # what was published before would be there already
. benches/place.sh
need docker-registry
port=$((20000 + RANDOM % 20000))
registry=127.0.0.1:$port
cat > "$place/registry.yml" <<END
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $place/registry}}
http: {addr: "$registry"}
END
docker-registry serve "$place/registry.yml" >/dev/null 2>&1 &
server=$!
trap 'kill $server; wait $server 2>/dev/null || true; rm -rf "$place"' EXIT
until (: < "/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.1; done
export DOCKER_CONFIG=$place/docker

# clock WHO CMD…: runs it; ${times[WHO]} has one more figure, in ms, and ${cpu[WHO]} the processor's time of it and its children.
declare -A times cpu
clock() {
  local who=$1 begin end used; shift
  used=$(spent); begin=$(date +%s%N)
  "$@" >/dev/null 2>"$place/err" || { cat "$place/err" >&2; exit 1; }
  end=$(date +%s%N)
  times[$who]+="$(((end - begin) / 1000000)) "
  cpu[$who]+="$(($(spent) - used)) "
}
# The processor's time of all children so far, in ms (proc_pid_stat(5): cutime and cstime, in ticks).
spent() { awk -v hz="$(getconf CLK_TCK)" '{sub(/.*\) /, ""); print int(($14 + $15) * 1000 / hz)}' "/proc/$$/stat"; }

# percentile of figures in ms: the middle one, the least.
median() { tr ' ' '\n' <<<"$1" | grep . | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
least() { tr ' ' '\n' <<<"$1" | grep . | sort -n | head -1; }
