#!/usr/bin/env bash
# What images of one project have in common, for several numbers of layers: bytes to store or to pull, and bytes that somebody
# who has all of them pulls again after one source package was updated. The updates are real: versions of the suite against those
# of its security archive.
#
#   cargo build --release && benches/sharing.sh [LAYERS…]
#
# Needs jq. PLACE=DIR keeps downloads for the next time (600 MB).
set -euo pipefail
cd "$(dirname "$0")/.."
numbers=("$@")
[ $# -gt 0 ] || numbers=(2 3 5 10 20)
. benches/place.sh
need jq

# Servers, languages and tools as people run them.
containers="nginx nginx
apache apache2
redis redis-server
postgres postgresql
mariadb mariadb-server
memcached memcached
haproxy haproxy
python python3 python3-requests
django python3-django python3-psycopg2
node nodejs
ruby ruby
php php-cli php-curl
php-fpm php-fpm php-mysql
perl perl libwww-perl
java default-jre-headless
git git openssh-client
curl curl ca-certificates
ffmpeg ffmpeg
imagemagick imagemagick
fd fd-find
tools ripgrep jq"
# Sources of which the security archive has had a newer version than the suite, and their binary packages here.
updates="krb5 libgssapi-krb5-2 libk5crypto3 libkrb5-3 libkrb5support0
nginx nginx nginx-common
haproxy haproxy
php8.4 php8.4-cli php8.4-common php8.4-curl php8.4-fpm php8.4-mysql php8.4-opcache php8.4-readline
ruby3.3 ruby3.3 libruby3.3
openjdk-21 openjdk-21-jre-headless
python-django python3-django"

# project LAYERS [SOURCE]: everything as in the suite, but SOURCE as it is today.
project() {
  echo "[defaults]"; echo 'targets = ["x86_64"]'; echo 'base = ["bash", "coreutils", "dash"]'; echo "layers = $1"
  echo "[debian.pins]"
  while read -r source binaries; do
    [ "$source" = "${2:-}" ] || for binary in $binaries; do echo "\"$binary\" = \"trixie\""; done
  done <<<"$updates"
  while read -r name packages; do
    echo "[containers.$name]"; echo "entrypoint = \"/usr/bin/bash\""; echo "packages = [$(printf '"%s", ' $packages)]"
  done <<<"$containers"
}
# blobs LAYERS [SOURCE]: the layers of every image, one `container digest bytes` a line.
blobs() {
  local folder=$place/project-${2:-suite}
  mkdir -p "$folder"; project "$@" > "$folder/containers.toml"
  (cd "$folder" && "$ours" build --output quiet >/dev/null &&
    while read -r name _; do
      "$ours" inspect "$name" --json --output quiet </dev/null | jq -r --arg name "$name" '.images[].layers[] | "\($name) \(.digest) \(.size)"'
    done <<<"$containers")
}
unique() { sort -u -k2,2 "$1" | awk '{sum += $3} END {printf "%.1f", sum / 1e6}'; }
# again BEFORE AFTER: bytes of blobs that are in AFTER only.
again() { awk 'NR == FNR {had[$2] = 1; next} !($2 in had) {had[$2] = 1; sum += $3} END {printf "%.1f", sum / 1e6}' "$1" "$2"; }

count=$(wc -l <<<"$containers")
printf '%s images, x86_64, MB. Pulled again after an update of:\n' "$count"
printf '%6s %11s %9s %9s' layers 'most, mean' 'separate' 'stored'
while read -r source _; do printf ' %13s' "$source"; done <<<"$updates"; printf ' %13s\n' mean
for layers in "${numbers[@]}"; do
  before=$place/before; blobs "$layers" > "$before"
  awk '{n[$1]++; sum += $3} END {for (c in n) {all += n[c]; if (n[c] > most) most = n[c]}; printf "%4d, %4.1f %9.1f", most, all / length(n), sum / 1e6}' "$before" > "$place/line"
  printf '%6s %s %9s' "$layers" "$(cat "$place/line")" "$(unique "$before")"
  sum=0; updated=0
  while read -r source _; do
    blobs "$layers" "$source" > "$place/after"
    bytes=$(again "$before" "$place/after"); printf ' %13s' "$bytes"
    sum=$(awk "BEGIN {print $sum + $bytes}"); updated=$((updated + 1))
  done <<<"$updates"
  awk "BEGIN {printf \" %13.1f\n\", $sum / $updated}"
done
