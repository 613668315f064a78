# Right images: what a program is and how it finds what it needs.
. "$here/common.sh"

image static-musl; put "$parts/bin/static" hello; layer; seal "$(start /hello)"
image static-pie; put "$parts/bin/static-pie" bin/hello; layer; seal "$(start hello)"
image command-only; busybox; layer; seal '.config.Cmd=["busybox","sh"]'
image no-command; busybox; layer; seal
image numeric-user; busybox; layer; seal "$(start busybox) | .config.User=\"65532:65532\""
image working-directory; put "$parts/bin/static" srv/bin/hello; layer; seal "$(start bin/hello) | .config.WorkingDir=\"/srv\""

image musl-dynamic
put "$parts/bin/musl" usr/bin/hello; merged_usr
put "$parts/amd64/musl/usr/lib/x86_64-linux-musl/libc.so" usr/lib/x86_64-linux-musl/libc.so
link x86_64-linux-musl/libc.so usr/lib/ld-musl-x86_64.so.1
layer; seal "$(start hello)"

image glibc-dynamic; libc; put "$parts/amd64/hello/usr/bin/hello" usr/bin/hello; layer; seal "$(start hello)"
image loader-copied # the file where Debian has a link, as COPY --from leaves it: it has its folders compiled in
libc; cp --remove-destination "$root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" "$root/usr/lib64/"; rm "$root"/usr/lib/x86_64-linux-gnu/ld-*
put "$parts/amd64/hello/usr/bin/hello" usr/bin/hello; layer; seal "$(start hello)"
image shell; libc; put "$parts/amd64/dash/usr/bin/dash" usr/bin/dash; link dash usr/bin/sh; layer; seal "$(start /bin/sh)"
image go; libc; put "$parts/amd64/fzf/usr/bin/fzf" usr/bin/fzf; layer; seal "$(start /usr/bin/fzf)"
for arch in arm64 riscv64 s390x; do image "busybox-$arch"; busybox $arch; layer; seal "$(start busybox) | .architecture=\"$arch\""; done
image glibc-arm64 # Debian's loader of arm64 is in /lib alone
merged_usr; put "$parts/arm64/hello/usr/bin/hello" usr/bin/hello
put "$parts/arm64/libc6/usr/lib/aarch64-linux-gnu/libc.so.6" usr/lib/aarch64-linux-gnu/libc.so.6
put "$parts/arm64/libc6/usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1" usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1
link aarch64-linux-gnu/ld-linux-aarch64.so.1 usr/lib/ld-linux-aarch64.so.1
layer; seal "$(start hello) | .architecture=\"arm64\""

image library-by-origin
libc; put "$parts/bin/greeter-origin" opt/greet/bin/greeter; put "$parts/bin/libgreet.so.1" opt/greet/lib/libgreet.so.1 644
layer; seal "$(start /opt/greet/bin/greeter)"
image library-by-environment
libc; put "$parts/bin/greeter" usr/bin/greeter; put "$parts/bin/libgreet.so.1" opt/greet/libgreet.so.1 644
layer; seal "$(start greeter) | .config.Env+=[\"LD_LIBRARY_PATH=/opt/greet\"]"
image library-by-ld-so-conf # with the cache that the real ldconfig writes
libc; put "$parts/bin/greeter" usr/bin/greeter; put "$parts/bin/libgreet.so.1" opt/greet/libgreet.so.1 644
echo /opt/greet | write etc/ld.so.conf.d/greet.conf; echo 'include /etc/ld.so.conf.d/*.conf' | write etc/ld.so.conf
/sbin/ldconfig -r "$root" -X; layer; seal "$(start greeter)"
image store-paths # as Nix and Guix lay programs out
for name in 0000-glibc 1111-greet 2222-greeter; do mkdir -p "$root/nix/store/$name"; done
put "$parts/amd64/libc6/usr/lib/x86_64-linux-gnu/libc.so.6" nix/store/0000-glibc/lib/libc.so.6
put "$parts/amd64/libc6/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" nix/store/0000-glibc/lib/ld-linux-x86-64.so.2; layer
put "$parts/bin/libgreet.so.1" nix/store/1111-greet/lib/libgreet.so.1 555; layer
put "$parts/bin/greeter-store" nix/store/2222-greeter/bin/greeter 555; layer
seal "$(start /nix/store/2222-greeter/bin/greeter)"
image plugin # its host, which is in the image, has loaded what it needs
libc; put "$parts/amd64/dash/usr/bin/dash" usr/bin/dash
put "$parts/bin/plugin.so" usr/lib/tool/plugin.so 644; put "$parts/bin/libhost.so.1" usr/lib/tool/host/libhost.so.1 644
layer; seal "$(start dash)"
image multilib # 32-bit libraries where Debian puts them
libc; put "$parts/amd64/hello/usr/bin/hello" usr/bin/hello; put "$parts/amd64/dash/usr/bin/dash" usr/bin/dash
put "$parts/amd64/libc6-i386/usr/lib32/libc.so.6" usr/lib32/libc.so.6; put "$parts/amd64/libc6-i386/usr/lib32/ld-linux.so.2" usr/lib32/ld-linux.so.2
ln -s usr/lib32 "$root/lib32"; layer; seal "$(start hello)"

image script; busybox; link busybox usr/bin/sh; printf '#!/usr/bin/sh -e\necho\n' | write app/run 755; layer; seal "$(start /app/run)"
image script-env
busybox; link busybox usr/bin/sh; link busybox usr/bin/env; printf '#!/usr/bin/env -S sh -e\necho\n' | write app/run 755
layer; seal "$(start ./run) | .config.WorkingDir=\"/app\""
image link-chain # over folders, up and down, absolute and relative
busybox; link ../tool/current usr/bin/tool; link v2 usr/tool/current; link /usr/./tool/../tool/v3 usr/tool/v2; link ../bin/busybox usr/tool/v3
link usr/bin bin; layer; seal "$(start /bin/tool)"
image links-filled-later
busybox; link /proc/self/mounts etc/mtab; link /run/x var/run; link /dev/pts/ptmx tty; link ../run/systemd/resolve/stub etc/resolv.conf
layer; seal "$(start busybox)"

image distroless # a list per package, a user, no shell
libc; put "$parts/amd64/hello/usr/bin/hello" usr/bin/hello
for package in hello libc6; do write var/lib/dpkg/status.d/$package < "$parts/amd64/$package.control"; done
printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' | write etc/passwd
printf 'root:x:0:\nnonroot:x:65532:\n' | write etc/group
printf 'ID=debian\nVERSION_ID=13\n' | write etc/os-release; mkdir -p "$root"/{root,home/nonroot}
layer; seal "$(start hello) | .config.User=\"nonroot\""
