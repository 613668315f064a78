# Images: built, and what is in them (sourced by check.sh).

build() { # PROJECT OUTPUT: the store path of it
  run build --no-link --json "$(at "$1")#$2" | jq -r '.[0].outputs.out'
}
image() { build project "packages.$system.$1"; }

fd_x86_64=$(image fdContainer-x86_64)
fd_aarch64=$(image fdContainer-aarch64)
rg_x86_64=$(image rgContainer-x86_64)
equal "an image says its architecture" "amd64 arm64" "$(jq -r .arch "$fd_x86_64") $(jq -r .arch "$fd_aarch64")"
everything=$(image everythingContainer-armv7)
equal "armv7 is arm" arm "$(jq -r .arch "$everything")"
equal "the config is the same on all architectures" "$(jq -cS '."image-config"' "$fd_x86_64")" "$(jq -cS '."image-config"' "$fd_aarch64")"
equal "and says what containers.toml says" "$(jq -cS . << 'JSON'
{
  "Cmd": ["--version"],
  "Entrypoint": ["/bin/curl", "--silent"],
  "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=en_US.UTF-8", "TZ=UTC"],
  "ExposedPorts": { "53/udp": {}, "80/tcp": {} },
  "Labels": {
    "org.opencontainers.image.description": "Container with python3Packages.requests, curl",
    "org.opencontainers.image.source": "https://example.org/tools",
    "org.opencontainers.image.title": "everything"
  },
  "User": "nobody",
  "Volumes": { "/data": {} },
  "WorkingDir": "/data"
}
JSON
)" "$(jq -cS '."image-config"' "$everything")"

contains "PATH is that of the other builder" \
  "$(sed -n 's/.*DEFAULT_PATH: &str = "\(.*\)";/\1/p' "$source/src/debian/entrypoint.rs")" "$(jq -r '."image-config".Env[0]' "$fd_x86_64")"

base() { jq -r '.layers[0].digest' "$1"; }
equal "containers share the base layer" "$(base "$fd_x86_64")" "$(base "$rg_x86_64")"
[ "$(base "$fd_x86_64")" != "$(base "$fd_aarch64")" ] || fail "two architectures have one base layer"
equal "three layers, or as many as are asked for" "3 4" "$(jq '.layers | length' "$fd_x86_64") $(jq '.layers | length' "$everything")"
contains "the base is bash for people" -bash- "$(jq -r '.layers[0].paths[].path' "$fd_x86_64")"
jq -r '.layers[].paths[].path' "$everything" > "$work/paths"
contains "of a package its programs" -curl-bin-armv7l "$(cat "$work/paths")"
! grep -q curl-lib "$work/paths" || fail "a package's library outputs are in the image too"

# The program makes every layer anew from store paths, and refuses one that has another digest than its document says.
"$catamaran" inspect "nix:$everything" --files 2> "$work/stderr" | tr -s ' ' > "$work/files" || fail "inspect: $(cat "$work/stderr")"
while read -r expected; do
  grep -q -e "$expected" "$work/files" || { cat "$work/files" >&2; fail "the image has no $expected"; }
done << 'FILES'
lrwxrwxrwx 0:0 .* /bin/curl -> /nix/store/.*-curl-bin-armv7l-hf-multiplatform/bin/curl
lrwxrwxrwx 0:0 .* /bin/bash -> /nix/store/.*-bash-armv7l-hf-multiplatform/bin/bash
-rw-r----- 1000:1000 15 .* /etc/app.conf
-r--r--r-- 65534:65534 7 .* /etc/motd
-r--r--r-- 1000:0 1 .* /etc/mine
-r--r--r-- 0:0 91 .* /etc/passwd
-r--r--r-- 0:0 .* /srv/site/index.html
-r--r--r-- 0:0 .* /srv/site/deep/page.html
-r--r--r-- 0:0 10 .* /srv/site/deep/er/x
-r--r--r-- 0:0 .* /etc/curl-bin/index.html
lrwxrwxrwx 0:0 .* /etc/curl-bin/about -> /nix/store/.*-curl-bin-armv7l-hf-multiplatform/etc/curl-bin/about
lrwxrwxrwx 0:0 .* /etc/bash -> /nix/store/.*-bash-armv7l-hf-multiplatform/etc/bash
lrwxrwxrwx 0:0 .* /usr/bin/fetch -> /bin/curl
FILES
echo "ok: links, programs, files and accounts are where they belong"
