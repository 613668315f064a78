#!/usr/bin/env bash
# What the images are put together from: real packages of several architectures, unpacked, and programs compiled here.
#
#   $parts/ARCH/PACKAGE/…     a package's files
#   $parts/bin/…              programs and libraries for amd64
set -euo pipefail
mkdir -p "$parts"/apt/{lists,cache/archives}/partial "$parts"/apt/etc/{apt.conf,preferences,sources.list}.d "$parts"/{debs,bin}

# An apt of our own: no package of the host's and no architecture of the host's is touched.
mirror=${CATAMARAN_DEBIAN_MIRROR:-$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
  awk '/^URIs:/ {print $2; exit} /^deb / {for (i = 2; i <= NF; i++) if ($i ~ /^http/) {print $i; exit}}' || true)}
suite=trixie # fixed, because paths of packages change with it
: > "$parts/apt/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" > "$parts/apt/etc/sources.list"
cat > "$parts/apt/conf" <<END
Dir "$parts/apt"; Dir::State "$parts/apt"; Dir::State::status "$parts/apt/status"; Dir::Cache "cache"; Dir::Etc "etc";
APT::Architecture "amd64"; APT::Architectures {"amd64"; "arm64"; "armhf"; "riscv64"; "s390x";};
Acquire::Languages "none"; Acquire::Retries "3"; APT::Sandbox::User "root"; pkgCacheFile "";
END
fetch() {
  export APT_CONFIG=$parts/apt/conf
  apt-get update -qq
  (cd "$parts/debs" && apt-get download -qq libc6:{amd64,arm64} busybox-static:{amd64,arm64,armhf,riscv64,s390x} hello:{amd64,arm64} \
    dash:amd64 musl:amd64 fzf:amd64 libc6-i386:amd64 libc6-mips-cross)
  local deb name
  for deb in "$parts"/debs/*.deb; do
    name=$(dpkg-deb -f "$deb" Package); name=$(dpkg-deb -f "$deb" Architecture)/$name
    mkdir -p "$parts/$name"
    dpkg-deb -x "$deb" "$parts/$name"
    dpkg-deb -f "$deb" > "$parts/$name.control"
  done
}
bootstrap() {
  mmdebstrap --quiet --mode=root --variant=extract --architectures=amd64 --include=bash,coreutils,grep,sed,gzip,libc-bin,base-files \
    "$suite" "$parts/debian.tar" "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
}
fetch & fetching=$!
bootstrap & bootstrapping=$!

cd "$parts/bin"
echo 'int puts(const char *); int main(void) { return puts("hello") < 0; }' > hello.c
echo 'int greet(void) { return 0; }' > greet.c
echo 'int greet(void); int main(void) { return greet(); }' > greeter.c
echo 'int host(void); int plugin(void) { return host(); }' > plugin.c
musl-gcc -Os -s -static -o static hello.c
musl-gcc -Os -s -o musl hello.c
gcc -Os -s -static-pie -o static-pie hello.c
gcc -Os -s -o dynamic hello.c
gcc -Os -c -o object.o hello.c
gcc -Os -s -shared -fPIC -Wl,-soname,libgreet.so.1 -o libgreet.so.1 greet.c
greeter() { gcc -Os -s -o "$1" greeter.c "${@:2}" ./libgreet.so.1; }
greeter greeter
greeter greeter-origin '-Wl,-rpath,$ORIGIN/../lib'
greeter greeter-store -Wl,-rpath,/nix/store/1111-greet/lib:/nix/store/0000-glibc/lib -Wl,--dynamic-linker=/nix/store/0000-glibc/lib/ld-linux-x86-64.so.2
gcc -Os -s -shared -fPIC -Wl,-soname,libhost.so.1 -o libhost.so.1 greet.c
gcc -Os -s -shared -fPIC -Wl,--no-as-needed -o plugin.so plugin.c ./libhost.so.1
wait $fetching
wait $bootstrapping
