#!/usr/bin/env bash
# Times `catamaran build` when nothing has changed: 100 containers, each for two architectures, all built before.
#
#   cargo build --release && benches/noop.sh [ROUNDS]
#
# The first build takes some minutes and fetches some 300 MB; PLACE=DIR keeps it for the next time.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-9}
. benches/place.sh

tools=(acl attr bc bzip2 cpio curl cron dash diffutils dos2unix ed file findutils gawk gettext-base git gnupg gpgv grep gzip hostname
  htop iperf3 iproute2 iputils-ping jq kmod less libcap2-bin lsof lua5.4 lz4 lzip lzop m4 make mawk moreutils mtr-tiny nano ncdu netcat-openbsd
  nmap openssl openssh-client p7zip parted patch pax pigz plocate procps psmisc pv rclone redis-tools ripgrep rsync ruby screen sed socat
  sqlite3 strace stunnel4 sudo tar tcpdump telnet tmux traceroute tree tzdata unzip util-linux uuid-runtime vim-tiny wget whois xxd xz-utils
  zip zsh zstd fd-find bat hyperfine dnsutils bash-completion python3-minimal perl nginx-light haproxy memcached lighttpd dnsmasq-base
  fzf entr pwgen figlet)
containers=("${tools[@]:0:100}")
[ "${#containers[@]}" -eq 100 ] || { echo "the list has ${#containers[@]} names, not 100" >&2; exit 2; }
{
  printf '[defaults]\ntargets = ["x86_64", "aarch64"]\nbase = ["bash", "coreutils"]\n'
  for name in "${containers[@]}"; do printf '[containers."%s"]\npackages = ["%s"]\nentrypoint = "bash"\n' "${name//./-}" "$name"; done
} > "$place/containers.toml"

cd "$place"
"$ours" build --output quiet >/dev/null || { echo "the first build failed" >&2; "$ours" build --output plain 2>&1 | grep -i -m5 fail >&2; exit 1; }
all=
for _ in $(seq "$rounds"); do
  begin=$(date +%s%N); "$ours" build --output quiet >/dev/null; end=$(date +%s%N)
  all+="$(((end - begin) / 1000)) "
done
tr ' ' '\n' <<<"$all" | grep . | sort -n | awk '{v[NR] = $1} END {printf "nothing changed, 100 containers x 2: min %.1f ms, median %.1f ms\n", v[1] / 1000, v[int((NR + 1) / 2)] / 1000}'
printf 'lock %d bytes, all, us: %s\n' "$(stat -c %s containers.lock)" "$all"
